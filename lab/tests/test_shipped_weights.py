"""The command behind the models that come along, with trainings that are not run; and the cards that it wrote."""

import hashlib
import json

import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS
from mmengine.registry import init_default_scope

from asea_mm.apis import InteractionInferencer
from asea_mm.datasets import load_annotations, save_annotations
from asea_mm.engine.checkpoints import read_checkpoint, shipped_checkpoints
from asea_mm.evaluation.scores import read_scores, run_folder, write_runs
from asea_mm.keypoints import NO_INTERACTION
from lab import shipped_weights
from lab.leave_one_out import Recipe, transfer_plan, whole_plan, write_clips
from lab.model_card import card

SHARED = ['approaching', 'departing', 'kicking', 'pushing', 'shaking hands', 'exchanging objects', 'punching']
CLASSES = {'sbu': [*SHARED, 'hugging'], 'k3hi': ['pointing', *SHARED]}
FRAMES = 13


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Files in the form of both sets: three clips of each class, of which one is of the fold's test part."""
    folder, rng = tmp_path_factory.mktemp('sets'), np.random.default_rng(0)
    paths = {}
    for name, classes in CLASSES.items():
        clips = []
        for number in range(24):
            body = rng.uniform(0.1, 1.6, size=(2, 1, 15, 3)) + 0.01 * rng.normal(size=(2, FRAMES, 15, 3))
            clip = dict(frame_dir=f'{number}', label=number % 8, total_frames=FRAMES, keypoint=body.astype(np.float32))
            clips.append(clip)
        split = {'fold1_train': [str(number) for number in range(16)], 'fold1_val': [str(k) for k in range(16, 24)]}
        meta = dict(layout='sbu15', classes=classes, source='test', units='metre')
        paths[name] = str(folder / f'{name}.pkl')
        save_annotations(paths[name], clips, split, meta)
    return paths


def test_what_is_trained_and_tested_on_what(files, tmp_path):
    init_default_scope('mmaction')
    recipe = Recipe('pair3d', files, 2, tmp_path)
    assert len(recipe.shared) == 7
    plans = {name: transfer_plan(recipe, name, (0, 1)) for name in shipped_weights.DIRECTIONS}
    plans['both'] = whole_plan(recipe, 1, 0)
    sizes = {'sbu_to_k3hi': (24, 21), 'k3hi_to_sbu': (24, 21), 'both': (32, 16)}
    for name, plan in plans.items():
        cfg = plan.load_config(*plan.runs[0])
        assert cfg.train_cfg.max_epochs == 2
        train, test = (DATASETS.build(cfg[f'{part}_dataloader'].dataset) for part in ('train', 'test'))
        made = [round(0.3 * size) for size in sizes[name]]
        assert len(train) == sizes[name][0] + made[0]
        assert len(test) == sizes[name][1] + (made[1] if name == 'both' else 0)
        assert tuple(train.metainfo['classes']) == tuple(test.metainfo['classes'])
        assert len(train.metainfo['classes']) == cfg.model.cls_head.num_classes
        assert train.metainfo['classes'][-1] == NO_INTERACTION
        labels = {label for index in range(len(test)) for label in test.get_cat_ids(index)}
        assert len(labels) == (10 if name == 'both' else 7)
    with pytest.raises(KeyError):  # the transfers have no folds
        plans['sbu_to_k3hi'].load_config(0, 0).test_dataloader.dataset.datasets.k3hi['fold']


def test_clips_for_events_are_of_one_frame_rate_and_of_classes_of_both(files, tmp_path):
    recipe = Recipe('pair2d', files, None, tmp_path)
    sources = recipe.config().test_dataloader.dataset.dataset.datasets
    for name, frames in (('sbu', FRAMES), ('k3hi', 1 + (FRAMES - 1) // 2)):
        clips, classes = write_clips(sources[name], recipe.shared, tmp_path / f'{name}.pkl')
        assert {clip['total_frames'] for clip in clips} == {frames}
        assert {classes[clip['label']] for clip in clips} == set(recipe.shared)
        assert len(load_annotations(tmp_path / f'{name}.pkl')['annotations']) == 21


def run_nothing(plans, folder, jobs):
    """Leaves what a training would, with the weights that come along, and scores that are right."""
    results = []
    for plan in plans:
        for fold, seed in plan.runs:
            path = plan.work_dir / run_folder(fold, seed)
            (path / 'test').mkdir(parents=True, exist_ok=True)
            (path / 'last_checkpoint').write_text('epoch_2.pth')
            content = read_checkpoint('pair3d')
            content['meta'] |= {'epoch': 2, 'iter': 4}
            torch.save({**content, 'optimizer': {'state': {}}}, path / 'epoch_2.pth')
            labels = np.array([content['meta']['dataset_meta']['classes'].index(one) for one in SHARED])
            scores = 0.5 * np.eye(10)[labels] + 0.05
            np.savez(path / 'test' / 'scores.npz', scores=scores, labels=labels, ids=labels.astype(str))
            report = dict(num_samples=7, top1=1.0, mean_class=1.0, per_class=[1.0] * 10, cross_entropy=0.6)
            (path / 'late').mkdir(exist_ok=True)
            write_runs(path / 'late' / 'epoch_2.npz', {(0, 0): read_scores(path / 'test' / 'scores.npz')}, ['a'] * 10)
            (path / 'test' / 'report.json').write_text(json.dumps(report))
            results.append(
                dict(fold=fold, seed=seed, num_samples=7, last_top1=1.0, curve=[0.2, 0.4, 0.9], commit='abc', seconds=1)
                | dict(epochs=2, classes=content['meta']['dataset_meta']['classes'])
            )
            (path / 'result.json').write_text(json.dumps(results[-1]))
    return results


def test_the_command_writes_weights_figures_and_card(files, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shipped_weights, 'run_plans', run_nothing)
    monkeypatch.setattr('asea_mm.engine.resuming._steps', lambda path: 4)
    words = ['lab', 'pair3d', '--sbu', files['sbu'], '--k3hi', files['k3hi'], '--epochs', '2', '--seeds', '0', '1']
    words += ['--recordings', '1', '--work-dir', str(tmp_path / 'runs'), '--weights', str(tmp_path / 'weights')]
    monkeypatch.setattr('sys.argv', words)
    shipped_weights.main()
    path = tmp_path / 'weights' / 'pair3d.pth'
    content = read_checkpoint(path)
    assert set(content) == {'state_dict', 'meta'}
    assert str(tmp_path) not in content['meta']['cfg']
    assert content['meta']['dataset_meta']['layout'] == 'common13'
    assert content['meta']['calibration']['temperature'] < 1  # scores of 0.55 that are always right
    assert InteractionInferencer(path).skeleton.name == 'common13'
    facts = json.loads(path.with_suffix('.json').read_text(encoding='utf-8'))
    for one in facts['transfer'].values():
        assert one['late_top1']['values'] == [0.9, 0.9]
        assert one['late_top1_among_shared']['mean'] == 1
    assert set(facts['events']) == set(shipped_weights.DIRECTIONS)
    assert facts['events']['sbu_to_k3hi']['recordings'] == 1
    text = path.with_suffix('.md').read_text(encoding='utf-8')
    assert 'stand-in' in text  # two epochs are fewer than the recipe's
    assert '90.00 ± 0.00' in text
    capsys.readouterr()
    monkeypatch.setattr('sys.argv', [*words, '--steps', 'events'])
    shipped_weights.main()
    assert capsys.readouterr().out.count('measured before') == 2


@pytest.mark.parametrize('name', ['pair2d', 'pair3d'])
def test_cards_are_of_the_files_that_come_along(name):
    path = shipped_checkpoints()[name]
    facts = json.loads(path.with_suffix('.json').read_text(encoding='utf-8'))
    assert facts['bytes'] == path.stat().st_size
    assert facts['sha256'] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.with_suffix('.md').read_text(encoding='utf-8') == card(facts)
    meta = read_checkpoint(path)['meta']
    assert facts['classes'] == list(meta['dataset_meta']['classes'])
    assert facts['weights']['held_out']['calibration']['temperature'] == meta['calibration']['temperature']
    whole = {**facts, 'epochs': facts['epochs_of_recipe']}
    assert ('stand-in' in card(facts)) == (facts['epochs'] < facts['epochs_of_recipe'])
    assert 'stand-in' not in card(whole)
