"""Runs of experiments are those of the product's cross-validation, at once and not repeated."""

import json
from pathlib import Path

import pytest

from asea_mm.errors import InputError
from asea_mm.evaluation.scores import run_folder

from .. import training
from ..training import plan, run_all, run_plans
from .runs import run


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    steps = "[dict(type='Align'), dict(type='Pack')]"
    Path('config.py').write_text(f'a = 1\ntrain_dataloader = dict(dataset=dict(fold=1, pipeline={steps}))\n')
    return 'config.py'


def test_with_overrides_it_is_a_copy(config):
    wanted = plan(config, Path('runs'), [2], [0], ['a=2'], [{}, {'train': {'Align': None}}])
    assert (wanted.config, wanted.cfg_options) == ('runs/config.py', ())
    cfg = wanted.load_config(2, 0)
    assert cfg.a == 2
    assert [step.type for step in cfg.train_dataloader.dataset.pipeline] == ['Pack']
    assert cfg.train_dataloader.dataset.fold == 2


def test_finished_runs_are_not_repeated_and_progress_is_shown(config, monkeypatch, capsys):
    plans = [plan(config, Path(name), [1, 2], [0]) for name in ('first', 'second')]
    finished = {**run(2, 0, 0.7), 'settings': plans[0].settings(2, 0)}
    folder = Path('first') / run_folder(2, 0)
    folder.mkdir(parents=True)
    (folder / 'result.json').write_text(json.dumps(finished))

    def run_jobs(function, tasks, folder, jobs, seconds):  # the last comes first
        assert jobs == 3
        for task in reversed(tasks):
            _, (_, (fold, seed)) = task
            yield task, run(fold, seed, 0.5)

    monkeypatch.setattr(training, 'run_jobs', run_jobs)
    results = run_plans(plans, Path('jobs'), 3)
    assert [result['last_top1'] for result in results] == [0.5, 0.7, 0.5, 0.5]
    assert [(result['fold'], result['seed']) for result in results] == [(1, 0), (2, 0), (1, 0), (2, 0)]
    assert capsys.readouterr().out.splitlines()[0].startswith('1 of 3: second, fold 2 seed 0: last 50.00%, best 50.00%')


def test_one_that_fails_leaves_the_others(config, monkeypatch, capsys):
    def run_once(plan, numbers):
        if numbers == (1, 0):
            raise InputError('no data')
        return run(*numbers, 0.5)

    monkeypatch.setattr(training, 'run_once', run_once)
    monkeypatch.setattr(
        training, 'run_jobs', lambda function, tasks, *_, **__: ((task, function(task)) for task in tasks)
    )
    wanted = plan(config, Path('first'), [1, 2], [0])
    results = dict(run_all([(wanted, numbers) for numbers in wanted.runs], Path('jobs'), 1))
    assert str(results[0]) == 'no data'
    assert results[1]['fold'] == 2
    assert '1 of 2: first, fold 1 seed 0: failed, the others go on' in capsys.readouterr().out
    with pytest.raises(InputError, match='no data'):
        run_plans([wanted], Path('jobs'), 1)
