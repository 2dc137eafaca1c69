"""Folds and seeds: what is run, resumed and refused, what they say together, and what is kept of them."""

import json
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from asea_mm.engine import cross_validation
from asea_mm.engine.cross_validation import (
    CrossValidation,
    all_folds,
    cross_validate,
    finished_result,
    run_once,
    summarise,
    write_summary,
)
from asea_mm.errors import InputError
from asea_mm.evaluation.scores import read_runs
from tests.cli.tiny import IN_PROCESS, SMALL_MODEL, annotations, save


@pytest.fixture
def plan(monkeypatch, tmp_path):
    """Two folds of small data, run in this process."""
    monkeypatch.chdir(tmp_path)
    save(tmp_path / 'data' / 'sbu' / 'sbu.pkl', annotations(), splits=('fold1', 'fold2'))
    monkeypatch.setattr(
        cross_validation, 'run_jobs', lambda function, tasks, *_, **__: ((task, function(task)) for task in tasks)
    )
    options = (*SMALL_MODEL, *IN_PROCESS, 'train_cfg.max_epochs=1')
    return CrossValidation('asea_sbu', all_folds('asea_sbu'), (0,), tmp_path / 'cv', 'bone', options)


def test_folds_are_run_resumed_and_summarised(plan, tmp_path):
    assert plan.runs == [(1, 0), (2, 0)]
    run_once(plan, (1, 0))
    kept = finished_result(plan, 1, 0)
    (tmp_path / 'cv' / 'fold1_seed0' / 'result.json').unlink()  # as if it was interrupted before the end
    (log,) = (tmp_path / 'cv' / 'fold1_seed0').glob('*/vis_data/scalars.json')
    log.write_text(log.read_text() + '{"acc/top1": 1.0, "st')  # in the middle of a line
    results = list(cross_validate(plan))
    assert [(result['fold'], result['seed']) for result in results] == plan.runs
    assert results[0]['last_top1'] == kept['last_top1'], 'the checkpoint is tested, nothing is trained again'
    assert results[0]['seconds'] >= kept['seconds']
    assert list(cross_validate(plan)) == results
    write_summary(tmp_path / 'out', plan, results, 'asea cross-validate')
    content = json.loads((tmp_path / 'out.json').read_text())
    assert content['runs'] == results
    assert content['summary']['last_top1']['pooled']['mean'] == np.mean([result['last_top1'] for result in results])
    scores = read_runs(tmp_path / 'out.npz')
    assert {run: stream.top1 for run, stream in scores.items()} == {
        (result['fold'], result['seed']): pytest.approx(result['last_top1']) for result in results
    }
    for option, word in (('optim_wrapper.optimizer.lr=1.0', 'another optim_wrapper'), ('load_from=a', 'settings')):
        with pytest.raises(InputError, match=f'{word}.*choose another --work-dir'):
            finished_result(replace(plan, cfg_options=(*plan.cfg_options, option)), 2, 0)


@pytest.mark.parametrize(('folds', 'seeds', 'word'), [((1, 1), (0,), '--folds'), ((1,), (0, 0), '--seeds')])
def test_nothing_is_run_twice_in_one_folder(tmp_path, folds, seeds, word):
    with pytest.raises(InputError, match=word):
        CrossValidation('asea_sbu', folds, seeds, tmp_path)


def test_summary_of_two_seeds():
    """Accuracies by hand: folds of 10 and 30 samples."""
    table = [(1, 0, 10, 0.5, 1.0), (2, 0, 30, 1.0, 1.0), (1, 1, 10, 0.7, 1.0), (2, 1, 30, 0.8, None)]
    results = [dict(zip(('fold', 'seed', 'num_samples', 'top1', 'loss'), row, strict=True)) for row in table]
    summary = summarise(results, ('top1', 'loss'))
    assert list(summary) == ['top1'], 'the other is not known of every run'
    assert summary['top1']['mean_of_folds']['values'] == pytest.approx([0.75, 0.75])
    assert summary['top1']['pooled']['values'] == pytest.approx([0.875, 0.775])


def test_data_without_folds_is_one_run(monkeypatch, tmp_path):
    assert all_folds('asea_demo') == (0,)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r'sbu\.pkl'):
        all_folds('asea_sbu')
    save(tmp_path / 'mine.pkl', annotations(), splits=('fold3', 'fold4'))
    assert all_folds('asea_sbu', ['test_dataloader.dataset.ann_file=mine.pkl']) == (3, 4)


def test_all_samples_of_a_dataset_that_could_have_folds_are_one_run(tmp_path):
    config = tmp_path / 'whole.py'
    config.write_text("test_dataloader = dict(dataset=dict(ann_file='a.pkl', split=None, fold=None))")
    plan = CrossValidation(str(config), all_folds(str(config)), (0,), tmp_path)
    assert plan.runs == [(0, 0)]
    assert plan.load_config(0).test_dataloader.dataset.fold is None


@pytest.mark.parametrize('tracked', [True, False])
def test_the_commit_is_that_of_the_code(monkeypatch, tmp_path, tracked):
    """Not that of another project in whose folder the package is installed; without git it is unknown."""
    from asea_mm.engine import running

    package = tmp_path / 'env' / 'asea_mm'
    (package / 'engine').mkdir(parents=True)
    (package / '__init__.py').touch()
    (tmp_path / 'other.py').touch()
    for words in (['init', '-q'], ['add', 'env' if tracked else 'other.py'], ['commit', '-qm', 'First']):
        who = ['-c', 'user.name=a', '-c', 'user.email=a@b.c']
        subprocess.run(['git', *who, *words], cwd=tmp_path, check=True)
    monkeypatch.setattr(running, '__file__', str(package / 'engine' / 'running.py'))
    commit = running.working_tree_commit()
    assert (len(commit) == 12) == tracked
    assert (commit == 'unknown') != tracked
    monkeypatch.setenv('PATH', str(tmp_path))
    assert running.working_tree_commit() == 'unknown'
