"""The tool that makes tables of the list; nothing is trained, a stand-in gives the results of runs."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from mmengine.config import Config

from asea_mm.errors import InputError
from asea_mm.evaluation.scores import run_folder

from .. import ledger, reproduce
from ..experiments import read_list
from ..files import RESULTS, Result, read_results, write_results
from ..scores import kept_scores
from .runs import run
from .test_experiments import GRID, ROOT, SMALL


@pytest.fixture
def tool(monkeypatch, tmp_path, capsys):
    """Runs the tool on SMALL in an empty folder; returns output, errors and the runs, each with its plan."""
    monkeypatch.chdir(tmp_path)
    Path('a.py').write_text("train_dataloader = dict(dataset=dict(pipeline=[dict(type='Align')]))")
    Path('list.yml').write_text(SMALL)
    runs, failing = [], set()

    def run_all(tasks, folder, jobs, seconds):
        # as the product does, with the keys that stand with the experiment in a table's file
        more = {'classes': ['push', 'hug'], 'settings': {}, 'confusion': [[40, 0], [10, 0]]}
        more |= {'late_top1': 0.8, 'late_mean_class': 0.5, 'late_cross_entropy': 0.7}
        runs.extend(tasks)
        end = len(tasks) if seconds is None else int(seconds / 60)  # a run takes a minute
        for number, (plan, (fold, seed)) in enumerate(tasks[:end]):
            if plan.work_dir.name in failing:
                yield number, InputError('no data')
                continue
            folder = plan.work_dir / run_folder(fold, seed) / 'test'
            folder.mkdir(parents=True, exist_ok=True)
            right = 0.8 if 'k' in plan.work_dir.name else 0.6
            np.savez(folder / 'scores.npz', ids=['x'], scores=[[1 - right, right]], labels=[1])
            yield number, run(fold, seed, 0.8, **more)

    monkeypatch.setattr(ledger, 'run_all', run_all)

    def call(*arguments, fails=()):
        failing.update(f'{name}_cv' for name in fails)
        runs.clear()
        places = ['--list', 'list.yml', *([] if '--results' in arguments else ['--results', 'results'])]
        reproduce.main([*map(str, arguments), *places])
        return *capsys.readouterr(), list(runs)

    return call


def keep(name='a', table='main', folds=(1, 2), seeds=(0,), settings=None, **changed):
    settings = settings or {'config': 'a.py'}
    path = Path('results') / f'{table}.json'
    changed = {'seconds': 3600, 'confusion': [[40, 0], [10, 0]], **changed}
    runs = [run(fold, seed, **changed) for fold in folds for seed in seeds]
    kept = read_results(path) | {name: Result('made with --jobs 2', settings, [], runs)}
    write_results(path, kept)
    return runs


def numbers(runs):
    """Fold and seed of runs by their work folders, in the order in which they are begun."""
    by_folder = {}
    for plan, of_run in runs:
        by_folder.setdefault(plan.work_dir.name, []).append(of_run)
    return by_folder


B = {'config': 'a.py', 'stream': 'bone', 'cfg_options': ['x.gate=True', 'x.blocks=[7,8]']}


def test_runs_what_is_missing_once_and_writes_tables(tool):
    wanted = ['--folds', 1, 2, '--seeds', 0, '--jobs', 2]
    out, err, runs = tool(*wanted)
    assert err == ''
    assert numbers(runs) == {f'{name}_cv': [(1, 0), (2, 0)] for name in 'abe'}
    b, e = runs[2][0], runs[4][0]
    assert (b.config, b.stream, b.cfg_options) == ('a.py', 'bone', tuple(B['cfg_options']))
    assert 'Align' not in Path(e.config).read_text(), 'a copy of the config with the override'
    assert out.splitlines()[-2:] == ['results/main.md', 'results/more.md']
    page = Path('results/main.md').read_text()
    row = '| Gated | 2 × 1 | 80 | 80.00 | 80.00 | 0.00 ± 0.00 (2 pairs) | too few pairs (p = 1.000) | - | aaaa | 1.0 |'
    assert row in page
    assert '| Far | not run: data not available here | - | - | - | - | - | 90.50 (NTU-26; Table 1) | - | - |' in page
    assert '- Far, not run: data not available here: `do it`' in page
    assert '- Gated: `python -m lab.reproduce main --rows b --folds 1 2 --seeds 0 --jobs 2`' in page
    assert '| Former | of former code: a recipe that is gone |' in page
    assert '| Gated | 100.00 of 80 | 0.00 of 20 | hug as push 20 |' in page
    assert '| Plain again | 2 × 1 |' in Path('results/more.md').read_text()
    assert imread('results/main.png').std() > 0.05
    assert read_results(Path('results/main.json'))['b'].settings == B
    assert list(kept_scores(Path('results/scores.zip'), 'b')) == [(1, 0), (2, 0)]

    assert tool(*wanted)[2] == []  # all there
    again = tool('more', '--folds', 1, '--seeds', 1)[2]
    assert numbers(again) == {f'{name}_cv': [(1, 1), (2, 1)] for name in 'ae'}, 'every fold has every seed'


def test_rows_without_folds_have_seeds_only(tool):
    Path('list.yml').write_text(SMALL.replace('id: b, label: Gated', 'id: b, folds: false, label: Gated'))
    runs = tool('main', '--folds', 1, 2, '--seeds', 0, 5)[2]
    assert numbers(runs) == {'a_cv': [(1, 0), (2, 0), (1, 5), (2, 5)], 'b_cv': [(0, 0), (0, 5)]}
    assert [seed for _, (_, seed) in runs] == [0, 0, 0, 5, 5, 5], 'seed by seed'
    assert '| Gated | 1 × 2 | 80 | 80.00 ± 0.00 | 80.00 ± 0.00 | no pairs |' in Path('results/main.md').read_text()
    assert tool('main', '--folds', 1, 2, '--seeds', 0, 5)[2] == [], 'nothing is missing'
    assert 'b: have 2 of 3 runs' in tool('main', '--dry-run', '--seeds', 0, 5, 6)[0]


def test_a_failing_row_is_reported_and_the_others_go_on(tool, capsys):
    with pytest.raises(InputError, match='1 experiments failed: a'):
        tool('main', '--folds', 1, '--seeds', 0, fails=['a'])
    assert set(capsys.readouterr().err.splitlines()) == {'a failed, the others go on: no data'}
    page = Path('results/main.md').read_text()
    assert '| Plain | not run |' in page
    assert '| Gated | 1 × 1 | 80 | 80.00 | 80.00 | no pairs | - |' in page
    assert '![' not in page, 'one row makes no picture'
    assert not Path('results/more.md').exists()


def test_results_at_hand_are_kept(tool):
    kept = keep(folds=(1, 2), seeds=(0,), last=0.9)
    runs = tool('main', '--rows', 'a', '--folds', 1, 3, '--seeds', 0, 1)[2]
    assert numbers(runs) == {'a_cv': [(3, 0), (1, 1), (2, 1), (3, 1)]}
    runs = read_results(Path('results/main.json'))['a'].runs
    assert [(run['fold'], run['seed']) for run in runs] == [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1)]
    assert [runs[0], runs[2]] == kept


def test_what_is_stopped_keeps_whole_seeds_and_goes_on(tool):
    wanted = ['main', '--folds', 1, 2, '--seeds', 0, 1, '--minutes', 5.5]
    tool(*wanted)  # a and b with seed 0, and fold 1 of a with seed 1
    kept = {name: [(run['fold'], run['seed']) for run in result.runs] for name, result in of('main').items()}
    assert kept == {'a': [(1, 0), (2, 0)], 'b': [(1, 0), (2, 0)]}
    assert numbers(tool(*wanted)[2]) == {'a_cv': [(1, 1), (2, 1)], 'b_cv': [(1, 1), (2, 1)]}
    assert tool(*wanted)[2] == []


def of(table):
    return read_results(Path(f'results/{table}.json'))


def test_models_over_tasks(tool):
    Path('list.yml').write_text(GRID)
    out, _, runs = tool('--folds', 1, 2, '--seeds', 0, 1)
    assert {name: len(of_row) for name, of_row in numbers(runs).items()} == {
        f'grid_{model}_{task}_cv': count for model in ('base', 'more', 'k') for task, count in (('near', 4), ('far', 2))
    }
    near, far = (
        next(plan for plan, _ in runs if plan.work_dir.name == f'grid_more_{task}_cv') for task in ('near', 'far')
    )
    assert near.cfg_options == ('epochs=3', 'gate=True')
    copied = Config.fromfile(far.config)
    assert (copied.train_dataloader.dataset.split, copied.epochs, copied.gate) == (None, 3, True)
    assert next(plan for plan, _ in runs if plan.work_dir.name == 'grid_k_near_cv').cfg_options == ()
    fused = of('grid')['grid_both_near']
    assert [(run['fold'], run['seed']) for run in fused.runs] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    odds = 0.6 / 0.4 * 0.8 / 0.2  # of the product, before its square root
    expected = -np.log(odds**0.5 / (1 + odds**0.5))
    assert fused.runs[0]['late_cross_entropy'] == pytest.approx(expected)
    page = Path('results/grid.md').read_text()
    assert '| More | not decided, 6 of 60 pairs (p = 1.000) |' in page
    assert '| Later | not run: its config is not chosen yet |' in page
    assert '- Both, have 6 of 6 runs' in page
    assert imread('results/grid.png').std() > 0.01
    assert out.endswith('results/grid.md\n')
    assert tool('--folds', 1, 2, '--seeds', 0, 1)[2] == []
    chosen = tool('--models', 'more', '--tasks', 'far', '--folds', 1, 2, '--seeds', 2)[2]
    assert numbers(chosen) == {'grid_more_far_cv': [(0, 2)]}
    with pytest.raises(InputError, match='--tasks: list.yml has no fra; it has near, far'):
        tool('--tasks', 'fra')
    tried = tool('--seeds', 0, '--folds', 1, '--cfg-options', 'epochs=1', '--results', 'trial')[2]
    assert tried[0][0].cfg_options == ('epochs=3', 'epochs=1')


def test_trials_have_results_of_their_own():
    with pytest.raises(InputError, match='--cfg-options is for trials'):
        reproduce.parse_args(['--cfg-options', 'a=1'])


def test_dry_run(tool):
    keep(folds=(1, 2))  # half an hour of the machine each
    out, _, runs = tool('--dry-run', '--folds', 1, 2, 3, '--seeds', 0)
    assert runs == []
    assert out.splitlines() == [
        'main: Main',
        '  a: have 2 of 3 runs, about 0.5 hours',
        '  b: not run, about 1.5 hours, from other rows',
        '  c: not run: data not available here',
        '  f: of former code: a recipe that is gone',
        'more: More',
        '  d: as a',
        '  e: not run, about 1.5 hours, from other rows',
        'all: about 3.5 hours',
    ]


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['mian'], 'list.yml has no mian; it has main, more'),
        (['--rows', 'z'], 'list.yml has no z; it has a, b'),
        (['--jobs', '0'], '--jobs must be at least 1, got 0'),
        (['--seeds', '1', '1'], '--seeds: one is given twice, got 1 1'),
    ],
)
def test_wrong_options(tool, arguments, message):
    with pytest.raises(InputError, match=message):
        tool(*arguments)


def test_results_of_other_settings_are_refused(tool):
    keep('b')  # without the options of row b
    with pytest.raises(InputError, match=r'results/main.json: b is of .*, the list has .*gate=True'):
        tool()


def test_pages_are_those_of_the_results(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(reproduce, 'save_figure', lambda *_: None)
    tables = read_list(ROOT / 'lab' / 'experiments.yml')
    arguments = reproduce.parse_args(['--results', str(RESULTS)])
    results = ledger.Ledger(tables, arguments)
    arguments.results = tmp_path
    for table in tables:
        page = reproduce.write_page(table, results)
        assert page.read_text() == (RESULTS / page.name).read_text(), f'{page.name}: run lab.reproduce --tables-only'
