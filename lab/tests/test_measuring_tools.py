"""The tools that measure: summaries of cross-validation by hand-computed numbers, the benchmark on tiny input."""

import argparse
import json
import runpy
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from asea_mm.engine.jobs import gpus_of
from asea_mm.evaluation.scores import StreamScores, read_runs

TOOLS = Path(__file__).parents[2] / 'tools'
SCORES = [[[0.9, 0.1], [0.6, 0.4]], [[0.9, 0.1], [0.4, 0.6]]]  # both of class 0; both right, one right


@pytest.fixture(scope='module')
def cross_validate():
    return runpy.run_path(str(TOOLS / 'cross_validate.py'))


def result(fold, seed, last, best, samples, **more):
    hits = round(last * samples)
    return {
        'fold': fold,
        'seed': seed,
        'last_top1': last,
        'best_top1': best,
        'num_samples': samples,
        'classes': ['a', 'b'],
        'confusion': [[hits, samples - hits], [0, 0]],
        'seconds': 10,
        **more,
    }


def test_summary_of_folds_and_seeds(cross_validate):
    runs = [
        result(1, 0, 0.5, 0.75, 4),
        result(2, 0, 1.0, 1.0, 12),
        result(1, 1, 0.75, 0.75, 4),
        result(2, 1, 1.0, 1.0, 12),
    ]
    summary = cross_validate['summarise'](runs)
    assert summary['num_runs'] == 4
    assert summary['last_top1']['per_fold']['1'] == {
        'mean': 0.625,
        'std': pytest.approx(0.1767767),
        'values': [0.5, 0.75],
    }
    assert summary['last_top1']['mean_of_folds']['values'] == [0.75, 0.875]
    assert summary['last_top1']['pooled']['values'] == [0.875, 0.9375]  # 14 and 15 of 16
    assert summary['best_top1']['pooled']['mean'] == 0.9375
    assert summary['confusion_last'] == [[29, 3], [0, 0]]
    assert summary['per_class_last']['a'] == pytest.approx(29 / 32, abs=1e-4)
    assert summary['seconds'] == 40


def test_one_seed_has_no_spread(cross_validate):
    summary = cross_validate['summarise']([result(1, 0, 0.5, 0.75, 4)])
    assert summary['last_top1']['pooled']['std'] is None
    assert cross_validate['as_percent'](summary['last_top1']['pooled']) == '50.00'


def test_cross_entropy_is_summarised_where_all_runs_have_it(cross_validate):
    with_it = [result(1, 0, 1, 1, 4, last_cross_entropy=0.1), result(2, 0, 1, 1, 12, last_cross_entropy=0.3)]
    summary = cross_validate['summarise'](with_it)
    assert summary['last_cross_entropy']['mean_of_folds']['mean'] == pytest.approx(0.2)
    assert summary['last_cross_entropy']['pooled']['mean'] == pytest.approx(0.25)
    assert cross_validate['rows_of'](summary) == [
        ('fold 1', '100.00', '100.00', '0.100'),
        ('fold 2', '100.00', '100.00', '0.300'),
        ('mean of folds', '100.00', '100.00', '0.200'),
        ('pooled over samples', '100.00', '100.00', '0.250'),
    ]
    for without in ({}, {'last_cross_entropy': None}):  # a result of before, a head whose scores are logits
        summary = cross_validate['summarise']([*with_it[:1], result(2, 0, 1, 1, 12, **without)])
        assert 'last_cross_entropy' not in summary
        assert [row[3] for row in cross_validate['rows_of'](summary)] == ['-'] * 4


def test_curve_joins_the_sittings_of_a_run(cross_validate, tmp_path):
    for first, (sitting, epochs) in enumerate((('20260101_000000', (1, 2)), ('20260102_000000', (2, 3)))):
        folder = tmp_path / sitting / 'vis_data'
        folder.mkdir(parents=True)
        lines = [json.dumps({'acc/top1': epoch / 10 + first, 'step': epoch}) for epoch in epochs]
        cut = '{"acc/top1": 0.9, "st'  # the sitting was interrupted
        (folder / 'scalars.json').write_text('\n'.join([*lines, json.dumps({'loss': 1.0, 'step': 7}), cut]))
    assert cross_validate['validation_curve'](tmp_path) == {1: 0.1, 2: 1.2, 3: 1.3}, 'the later one'
    with pytest.raises(ValueError, match='no validation accuracy'):
        cross_validate['validation_curve'](tmp_path / 'nowhere')


def test_cross_validation_runs_and_does_not_repeat(cross_validate, tmp_path, monkeypatch, capsys):
    annotations = tmp_path / 'data.pkl'
    write_two_folds(annotations)
    config = tmp_path / 'tiny.py'
    config.write_text(
        f"_base_ = ['{TOOLS.parent / 'configs' / 'asea_sbu.py'}']\n"
        f"data = dict(dataset=dict(ann_file='{annotations}'))\n"
        'train_dataloader = dict(batch_size=2, **data)\n'
        'val_dataloader = test_dataloader = dict(**data)\n'
        'model = dict(backbone=dict(channels=(8,), strides=None), cls_head=dict(in_channels=8))\n'
        'train_cfg = dict(max_epochs=1)\n'
    )
    command = ['cross_validate.py', str(config), '--work-dir', str(tmp_path / 'runs')]
    monkeypatch.setattr(sys, 'argv', [*command, '--out', str(tmp_path / 'out' / 'summary')])
    cross_validate['main']()
    summary = json.loads((tmp_path / 'out' / 'summary.json').read_text())
    assert [run['fold'] for run in summary['runs']] == [1, 2]
    assert summary['summary']['folds'] == [1, 2]
    for run in summary['runs']:
        scores = np.load(tmp_path / 'runs' / f'fold{run["fold"]}_seed0' / 'test' / 'scores.npz')
        tested = range(4, 8) if run['fold'] == 1 else range(4)
        assert run['device'] == 'CPU'
        assert sorted(scores['ids'].tolist()) == [f's{number}' for number in tested], 'the samples of this fold'
        of_true_class = np.take_along_axis(scores['scores'], scores['labels'][:, None], 1)
        assert run['last_cross_entropy'] == pytest.approx(-np.log(of_true_class).mean(), rel=1e-5)
        kept = read_runs(tmp_path / 'out' / 'summary.npz')[run['fold'], 0]
        assert kept.ids == tuple(scores['ids'])
        np.testing.assert_array_equal(kept.scores, scores['scores'])
    page = (tmp_path / 'out' / 'summary.md').read_text()
    assert '| pooled over samples |' in page
    assert 'hours of runs on CPU. Top-1' in page
    counts = [line.split(' | ')[1:] for line in page.splitlines() if line.startswith('| class ')][-8:]
    assert sum(int(cell.strip('| ')) for row in counts for cell in row) == 8  # every sample is in one test fold
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / 'runs').rglob('*.pth')}
    assert len(stamps) >= 2
    cross_validate['main']()
    assert stamps == {path: path.stat().st_mtime_ns for path in (tmp_path / 'runs').rglob('*.pth')}
    # finished or not, runs of a config that has changed since are not taken for those of the new one
    config.write_text(config.read_text().replace('max_epochs=1', 'max_epochs=2').replace('(8,)', '(16,)'))
    (tmp_path / 'runs' / 'fold1_seed0' / 'result.json').unlink()
    for folds in ('1', '2'):
        monkeypatch.setattr(sys, 'argv', [*command, '--folds', folds])
        message = rf'fold{folds}_seed0/tiny.py is of a run with another model, train_cfg; choose another --work-dir'
        with pytest.raises(ValueError, match=message):
            cross_validate['main']()
    assert stamps == {path: path.stat().st_mtime_ns for path in (tmp_path / 'runs').rglob('*.pth')}


def test_scores_are_kept_as_long_as_they_are_of_the_result(cross_validate, tmp_path):
    right, wrong = (StreamScores(('x', 'y'), np.array(scores, dtype=float), np.zeros(2, int)) for scores in SCORES)
    args = argparse.Namespace(work_dir=tmp_path / 'runs', out=str(tmp_path / 'out'))
    results = [result(1, 0, 1.0, 1.0, 2), result(2, 0, 0.5, 1.0, 2)]

    def keep():
        cross_validate['keep_scores'](args, results)
        return {run: kept.top1 for run, kept in read_runs(tmp_path / 'out.npz').items()}

    for fold, of in ((1, right), (2, wrong)):
        folder = tmp_path / 'runs' / f'fold{fold}_seed0' / 'test'
        folder.mkdir(parents=True)
        np.savez(folder / 'scores.npz', ids=of.ids, scores=of.scores, labels=of.labels)
    assert keep() == {(1, 0): 1.0, (2, 0): 0.5}
    shutil.rmtree(tmp_path / 'runs' / 'fold1_seed0')
    assert keep() == {(1, 0): 1.0, (2, 0): 0.5}, 'a work folder may go'
    results[0] = result(1, 0, 0.5, 1.0, 2)
    assert keep() == {(2, 0): 0.5}, 'that fold has another result now'
    shutil.rmtree(tmp_path / 'runs')
    results[1] = result(2, 0, 0.5, 1.0, 3)
    cross_validate['keep_scores'](args, results)
    assert not (tmp_path / 'out.npz').exists(), 'of no run'


@pytest.mark.parametrize(
    ('config', 'options', 'message'),
    [
        ('asea_sbu', ['--folds', 'every'], "expected numbers from 1 on or 'all', got every"),
        ('asea_sbu', ['--folds', '0', '1'], "expected numbers from 1 on or 'all', got 0 1"),
        ('asea_demo', ['--folds', '1'], '--fold: no dataset of this config has an option .fold.'),
        ('asea_demo', ['--cfg-options', 'test_dataloader.dataset.fold=1'], 'has no annotation file; name the folds'),
        ('asea_sbu', ['--cfg-options', 'test_dataloader.dataset.ann_file={file}'], "fold2_train, .*'xsub_train'"),
    ],
)
def test_folds_must_be_there(cross_validate, tmp_path, monkeypatch, config, options, message):
    write_two_folds(tmp_path / 'data.pkl', ('xsub_train', 'xsub_val'))
    options = [option.format(file=tmp_path / 'data.pkl') for option in options]
    path = str(TOOLS.parent / 'configs' / f'{config}.py')
    monkeypatch.setattr(sys, 'argv', ['cross_validate.py', path, '--work-dir', str(tmp_path / 'runs'), *options])
    with pytest.raises(ValueError, match=message):
        cross_validate['main']()
    assert not (tmp_path / 'runs').exists()


def write_two_folds(path, names_of_splits=('fold1_train', 'fold1_val', 'fold2_train', 'fold2_val')):
    from asea_mm.datasets import save_annotations
    from asea_mm.skeletons import get_skeleton

    rng = np.random.default_rng(0)
    joints = get_skeleton('sbu15').num_joints
    annotations = [
        dict(frame_dir=f's{k}', label=k % 8, total_frames=12, keypoint=rng.normal(size=(2, 12, joints, 3)).astype('f4'))
        for k in range(8)
    ]
    names = [annotation['frame_dir'] for annotation in annotations]
    halves = (names[:4], names[4:], names[4:], names[:4])
    split = dict(zip(names_of_splits, halves, strict=False))
    meta = dict(layout='sbu15', classes=[f'class {k}' for k in range(8)], source='test', units='metre')
    save_annotations(path, annotations, split, meta)


def test_benchmark_sets_fast_layers_beside_the_textbook(tmp_path, monkeypatch, capsys):
    out = tmp_path / 'benchmark.json'
    options = ['--textbook', '--batch', '1', '--frames', '8', '--repeats', '1', '--device', 'cpu', '--out', str(out)]
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', *options])
    runpy.run_path(str(TOOLS / 'benchmark.py'))['main']()
    figures = json.loads(out.read_text())
    textbook, asea, apart = figures['models'].values()
    assert textbook['parameters'] == pytest.approx(1.44e6, rel=0.01)
    assert asea['parameters'] == pytest.approx(2.04e6, rel=0.05)
    assert apart['gflops'] < asea['gflops'] <= 1.1 * textbook['gflops']
    assert all(row['active_share'] == pytest.approx(0.36) for row in figures['aea'].values())


def test_a_table_of_several_results(tmp_path, monkeypatch, capsys):
    def accuracy(mean, std=None):
        return {'mean_of_folds': {'mean': mean, 'std': std}}

    for name, last in (('first', accuracy(0.5)), ('second', accuracy(0.9375, 0.0125))):
        summary = dict(folds=[1, 2], seeds=[0], last_top1=last, best_top1=accuracy(0.95))
        runs = [dict(epochs=10), dict(epochs=10)]
        result = dict(config=f'configs/{name}.py', commit='abc', command=f'run {name}', summary=summary, runs=runs)
        (tmp_path / f'{name}.json').write_text(json.dumps(result))
    figures = dict(parameters=1234567, train_samples_per_s=12.34, infer_samples_per_s=56.78)
    speed = dict(configs=dict(second=figures), input=dict(batch=8), threads=2, commit='def', command='measure')
    (tmp_path / 'speed.json').write_text(json.dumps(speed))
    paths = [str(tmp_path / f'{name}.json') for name in ('second', 'first', 'speed')]

    def lines(*arguments):
        monkeypatch.setattr(sys, 'argv', ['result_table.py', *arguments])
        runpy.run_path(str(TOOLS / 'result_table.py'))['main']()
        return capsys.readouterr().out.splitlines()

    page = lines(*paths[:2], '--speed', paths[2])
    assert '| second | 1, 2 | 0 | 10 | 93.75 ± 1.25 | 95.00 | 1,234,567 | 12.3 | 56.8 | abc |' in page
    assert '| first | 1, 2 | 0 | 10 | 50.00 | 95.00 | - | - | - | abc |' in page
    assert {'- `run first`', '- `run second`', 'Speed: batch 8, 2 threads, commit def, `measure`.'} <= set(page)
    assert '| first | 1, 2 | 0 | 10 | 50.00 | 95.00 | abc |' in lines(paths[1])
    assert lines(paths[1], '--out', str(tmp_path / 'new' / 'table.md')) == []
    assert '| first |' in (tmp_path / 'new' / 'table.md').read_text()
    (tmp_path / 'fast').mkdir()
    shutil.copy(paths[1], tmp_path / 'fast' / 'first.json')
    page = lines(*paths[:2], str(tmp_path / 'fast' / 'first.json'))
    rows = [line.split(' | ')[:2] for line in page if line.startswith(('| first', '| second'))]
    assert rows == [['| first', tmp_path.name], ['| first', 'fast'], ['| second', tmp_path.name]]
    with pytest.raises(ValueError, match="speed.json: expected a result with 'summary'"):
        lines(paths[2])


@pytest.mark.parametrize(
    ('count', 'visible', 'given'),
    [
        (0, None, [None, None, None]),
        (1, None, ['0', '0', '0']),
        (2, None, ['0', '1', '0']),
        (2, '4,6', ['4', '6', '4']),
        (0, '', [None, None, None]),
    ],
)
def test_runs_at_once_share_the_gpus(monkeypatch, count, visible, given):
    monkeypatch.setattr('torch.cuda.device_count', lambda: count)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    if visible is not None:
        monkeypatch.setenv('CUDA_VISIBLE_DEVICES', visible)
    gpus = gpus_of(3)
    assert [gpus.get_nowait() for _ in range(3)] == given
    assert gpus.empty()


def test_every_run_gets_a_gpu_that_no_other_has(cross_validate, tmp_path, monkeypatch):
    monkeypatch.setattr('torch.cuda.device_count', lambda: 2)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    busy, seen, both = set(), [], threading.Barrier(2, timeout=60)

    def started(command, env, **options):
        gpu = env['CUDA_VISIBLE_DEVICES']
        assert gpu not in busy
        busy.add(gpu)
        both.wait()  # so two run at once
        seen.append(gpu)
        busy.remove(gpu)
        return subprocess.CompletedProcess(command, 1)

    arguments = ['configs/asea_sbu.py', '--folds', '1', '2', '--jobs', '2', '--work-dir', str(tmp_path)]
    monkeypatch.setattr(sys, 'argv', ['cross_validate.py', *arguments])
    monkeypatch.setattr(subprocess, 'run', started)
    with pytest.raises(ValueError, match='train.py failed for fold 1 seed 0'):
        cross_validate['main']()
    assert sorted(seen) == ['0', '1']


def finished_run(command, **options):
    """In place of training and testing: writes what they would leave."""
    if '--work-dir' in command:
        folder = Path(command[command.index('--work-dir') + 1])
        logs = folder / '20260101_000000' / 'vis_data'
        logs.mkdir(parents=True, exist_ok=True)
        (logs / 'scalars.json').write_text(json.dumps({'acc/top1': 0.25, 'step': 3}))
        (folder / 'last_checkpoint').write_text('epoch_3.pth')
        report = {
            'num_samples': 4,
            'top1': 0.5,
            'cross_entropy': 0.7,
            'classes': ['a', 'b'],
            'confusion': [[1, 1], [1, 1]],
        }
        (folder / 'report.json').write_text(json.dumps(report))
    return subprocess.CompletedProcess(command, 0, stdout='a commit')


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """The commands that are called in an empty folder, where :func:`finished_run` stands in for them."""
    called = []

    def run(command, **options):
        called.append(command)
        return finished_run(command, **options)

    monkeypatch.setattr(subprocess, 'run', run)
    monkeypatch.chdir(tmp_path)
    return called


def test_streams_are_cross_validated_one_after_the_other(cross_validate, commands, monkeypatch, capsys):
    config = str(TOOLS.parent / 'configs' / 'asea_sbu.py')
    arguments = ['cross_validate.py', config, '--folds', '1', '2', '--streams', 'bone', 'joint,bone_motion']

    def streams_of(name):
        asked = [command for command in commands if 'train.py' in command[1] and '--stream' in command]
        return [command[command.index('--stream') + 1] for command in asked if name in str(command)]

    monkeypatch.setattr(sys, 'argv', [*arguments, '--out', 'results/sbu'])
    cross_validate['main']()
    for stream, name in (('bone', 'bone'), ('joint,bone_motion', 'joint+bone_motion')):
        assert streams_of(f'work_dirs/asea_sbu_{name}_cv/fold') == [stream] * 2
        summary = json.loads(Path(f'results/sbu_{name}.json').read_text())
        assert (summary['stream'], summary['summary']['folds']) == (stream, [1, 2])
        assert Path(f'results/sbu_{name}.md').read_text().startswith(f'# {config}, {stream}: cross-validation')

    # one stream goes where it is told to, several beside it
    for streams, folders in ((['bone'], ['own']), (['bone', 'joint'], ['own_bone', 'own_joint'])):
        monkeypatch.setattr(sys, 'argv', [*arguments[:5], '--streams', *streams, '--work-dir', f'w{len(streams)}/own'])
        cross_validate['main']()
        assert sorted(path.name for path in Path(f'w{len(streams)}').iterdir()) == folders

    done = len(commands)
    for streams, message in (
        (['bone', 'bones'], "unknown .'bones'."),
        (['bone', 'bone'], 'given twice, got bone bone'),
    ):
        monkeypatch.setattr(sys, 'argv', [*arguments[:5], '--streams', *streams])
        with pytest.raises(ValueError, match=message):
            cross_validate['main']()
    assert len(commands) == done, 'nothing runs before all streams are looked at'


def test_without_folds_seeds_differ_only(cross_validate, commands, monkeypatch, capsys):
    config = str(TOOLS.parent / 'configs' / 'asea_ntu26.py')  # its file is not there: nothing asks it for folds
    monkeypatch.setattr(sys, 'argv', ['cross_validate.py', config, '--seeds', '3', '4', '--out', 'result'])
    cross_validate['main']()
    assert not any('--fold' in command for command in commands)
    trained = [command for command in commands if 'train.py' in command[1]]
    assert [command[command.index('--seed') + 1] for command in trained] == ['3', '4']
    assert sorted(path.name for path in Path('work_dirs/asea_ntu26_cv').iterdir()) == ['fold0_seed3', 'fold0_seed4']
    assert [run['settings']['options'] for run in json.loads(Path('result.json').read_text())['runs']] == [
        ['--seed', '3'],
        ['--seed', '4'],
    ]
    page = Path('result.md').read_text()
    assert '2 runs (seeds 3, 4)' in page
    assert '| all samples | 50.00 ± 0.00 | 50.00 ± 0.00 | 0.700 ± 0.000 |' in page
    assert '| fold' not in page


def test_seconds_of_an_interrupted_run_count(cross_validate, tmp_path, monkeypatch):
    folder = tmp_path / 'runs' / 'fold1_seed0'

    def interrupted(command, **options):
        raise KeyboardInterrupt

    args = argparse.Namespace(
        config='configs/asea_sbu.py', work_dir=tmp_path / 'runs', stream=None, cfg_options=None, jobs=1
    )
    monkeypatch.setattr(subprocess, 'run', interrupted)
    with pytest.raises(KeyboardInterrupt):
        cross_validate['run'](args, 1, 0, {})
    (folder / 'seconds').write_text('1000')
    monkeypatch.setattr(subprocess, 'run', finished_run)
    result = cross_validate['run'](args, 1, 0, {})
    assert 1000 <= result['seconds'] < 1100
    assert (result['last_top1'], result['best_top1'], result['best_epoch']) == (0.5, 0.5, 3), 'the test counts'


def test_a_run_without_its_last_validation_ends_with_the_test(cross_validate, tmp_path, monkeypatch):
    def run(command, **options):
        done = finished_run(command, **options)
        for path in tmp_path.rglob('last_checkpoint'):
            path.write_text('somewhere/epoch_4.pth')  # interrupted after it was saved, before it was validated
        return done

    monkeypatch.setattr(subprocess, 'run', run)
    args = argparse.Namespace(config='configs/asea_sbu.py', work_dir=tmp_path, stream=None, cfg_options=None, jobs=1)
    result = cross_validate['run'](args, 1, 0, {})
    assert (result['epochs'], result['curve'], result['best_epoch'], result['last_top1']) == (4, [0.25, 0.5], 4, 0.5)


def test_the_best_epoch_is_of_the_curve_and_the_last_of_the_test(cross_validate, tmp_path, monkeypatch):
    called = []

    def run(command, **options):
        called.append(command)
        done = finished_run(command, **options)
        for path in tmp_path.glob('*/2026*/vis_data/scalars.json'):
            lines = [{'acc/top1': top1, 'step': step} for step, top1 in ((1, 0.75), (2, 0.25), (3, 0.3))]
            path.write_text('\n'.join(map(json.dumps, lines)))
        return done

    monkeypatch.setattr(subprocess, 'run', run)
    args = argparse.Namespace(
        config='configs/asea_sbu.py', work_dir=tmp_path, stream='bone', cfg_options=['a=1'], jobs=1
    )
    result = cross_validate['run'](args, 2, 7, {})
    assert (result['last_top1'], result['best_top1'], result['best_epoch']) == (0.5, 0.75, 1)
    assert result['curve'] == [0.75, 0.25, 0.5]
    options = ['--fold', '2', '--seed', '7', '--stream', 'bone', '--cfg-options', 'a=1']
    folder = str(tmp_path / 'fold2_seed7')
    train, test = (command[1:] for command in called if 'configs/asea_sbu.py' in command)
    assert train == [str(TOOLS / 'train.py'), args.config, '--work-dir', folder, '--resume', *options]
    assert test == [str(TOOLS / 'test.py'), args.config, 'epoch_3.pth', '--work-dir', f'{folder}/test', *options]
    # finished runs of other settings are not taken for these
    args.cfg_options = ['a=2']
    with pytest.raises(ValueError, match='is of other settings'):
        cross_validate['run'](args, 2, 7, {})


@pytest.mark.parametrize(
    ('change', 'key'),
    [
        ('optim_wrapper = dict(optimizer=dict(lr=1.0))', 'optim_wrapper'),
        ("param_scheduler = [dict(type='ConstantLR')]", 'param_scheduler'),
        ("custom_hooks = [dict(type='EMAHook')]", 'custom_hooks'),
        ('test_dataloader = dict(dataset=dict(split="train"))', 'test_dataloader'),
    ],
)
def test_runs_of_another_recipe_are_refused(cross_validate, tmp_path, change, key):
    config = tmp_path / 'tiny.py'
    base = f"_base_ = ['{TOOLS.parent / 'configs' / 'asea_sbu.py'}']\n"
    config.write_text(base)
    args = argparse.Namespace(config=str(config), stream=None, cfg_options=None)
    dumped = tmp_path / 'dumped.py'
    cross_validate['config_of'](args, 1, 0).dump(dumped)
    cross_validate['refuse_other_recipe'](dumped, args, 1, 0)
    config.write_text(base + change)
    with pytest.raises(ValueError, match=f'of a run with another {key}; choose another'):
        cross_validate['refuse_other_recipe'](dumped, args, 1, 0)
