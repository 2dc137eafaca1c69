"""The tool that makes tables of the list; nothing is trained, a stand-in gives the results of runs."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from asea_mm.errors import InputError
from asea_mm.evaluation.scores import run_folder

from .. import reproduce
from ..experiments import read_list
from ..files import RESULTS, Result, read_results, write_results
from ..scores import kept_scores
from .runs import run
from .test_experiments import ROOT, SMALL


@pytest.fixture
def tool(monkeypatch, tmp_path, capsys):
    """Runs the tool on SMALL in an empty folder; returns output, errors and the plans that were run."""
    monkeypatch.chdir(tmp_path)
    Path('a.py').write_text("train_dataloader = dict(dataset=dict(pipeline=[dict(type='Align')]))")
    Path('list.yml').write_text(SMALL)
    plans, failing = [], set()

    def run_all(wanted, folder, jobs):
        plans.extend(wanted)
        if wanted[0].work_dir.name in failing:
            raise InputError('no data')
        # as the product does, with the keys that stand with the experiment in a table's file
        more = {'classes': ['push', 'hug'], 'settings': {}, 'confusion': [[40, 0], [10, 0]]}
        numbers = [numbers for plan in wanted for numbers in plan.runs]
        for fold, seed in numbers[:1]:
            folder = wanted[0].work_dir / run_folder(fold, seed) / 'test'
            folder.mkdir(parents=True, exist_ok=True)
            np.savez(folder / 'scores.npz', ids=['x'], scores=[[0.2, 0.8]], labels=[1])
        return [run(fold, seed, 0.8, **more) for fold, seed in numbers]

    monkeypatch.setattr(reproduce, 'run_all', run_all)

    def call(*arguments, fails=()):
        failing.update(f'{name}_cv' for name in fails)
        plans.clear()
        places = ['--list', 'list.yml', '--results', 'results']
        reproduce.main([*map(str, arguments), *places])
        return *capsys.readouterr(), list(plans)

    return call


def keep(name='a', table='main', folds=(1, 2), seeds=(0,), settings=None, **changed):
    settings = settings or {'config': 'a.py'}
    path = Path('results') / f'{table}.json'
    changed = {'seconds': 3600, 'confusion': [[40, 0], [10, 0]], **changed}
    runs = [run(fold, seed, **changed) for fold in folds for seed in seeds]
    kept = read_results(path) | {name: Result('made with --jobs 2', settings, [], runs)}
    write_results(path, kept)
    return runs


B = {'config': 'a.py', 'stream': 'bone', 'cfg_options': ['x.gate=True', 'x.blocks=[7,8]']}


def test_runs_what_is_missing_once_and_writes_tables(tool):
    wanted = ['--folds', 1, 2, '--seeds', 0, '--jobs', 2]
    out, err, plans = tool(*wanted)
    assert err == ''
    assert [plan.work_dir for plan in plans] == [Path('work_dirs/a_cv'), Path('work_dirs/b_cv'), Path('work_dirs/e_cv')]
    assert (plans[1].config, plans[1].stream, plans[1].cfg_options) == ('a.py', 'bone', tuple(B['cfg_options']))
    assert (plans[1].folds, plans[1].seeds) == ((1, 2), (0,))
    assert 'Align' not in Path(plans[2].config).read_text(), 'a copy of the config with the override'
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
    assert list(kept_scores(Path('results/scores.zip'), 'b')) == [(1, 0)], 'of the runs that have any'

    assert tool(*wanted)[2] == []  # all there
    again = tool('more', '--folds', 1, '--seeds', 1)[2]
    assert [(plan.work_dir.name, plan.folds, plan.seeds) for plan in again] == [
        ('a_cv', (1, 2), (1,)),  # every fold has every seed
        ('e_cv', (1, 2), (1,)),
    ]


def test_rows_without_folds_have_seeds_only(tool):
    Path('list.yml').write_text(SMALL.replace('id: b, label: Gated', 'id: b, folds: false, label: Gated'))
    _, err, plans = tool('main', '--folds', 1, 2, '--seeds', 0, 5)
    assert [(plan.folds, plan.seeds) for plan in plans] == [((1, 2), (0, 5)), ((0,), (0, 5))]
    assert '| Gated | 1 × 2 | 80 | 80.00 ± 0.00 | 80.00 ± 0.00 | no pairs |' in Path('results/main.md').read_text()
    assert tool('main', '--folds', 1, 2, '--seeds', 0, 5)[2] == [], 'nothing is missing'
    assert 'b: have 2 of 3 runs' in tool('main', '--dry-run', '--seeds', 0, 5, 6)[0]


def test_a_failing_row_is_reported_and_the_others_go_on(tool, capsys):
    with pytest.raises(InputError, match='1 experiments failed: a'):
        tool('main', '--folds', 1, '--seeds', 0, fails=['a'])
    assert capsys.readouterr().err == 'a failed, the others go on: no data\n'
    page = Path('results/main.md').read_text()
    assert '| Plain | not run |' in page
    assert '| Gated | 1 × 1 | 80 | 80.00 | 80.00 | no pairs | - |' in page
    assert '![' not in page, 'one row makes no picture'
    assert not Path('results/more.md').exists()


def test_results_at_hand_are_kept(tool):
    kept = keep(folds=(1, 2), seeds=(0,), last=0.9)
    _, _, plans = tool('main', '--rows', 'a', '--folds', 1, 3, '--seeds', 0, 1)
    assert [(plan.folds, plan.seeds) for plan in plans] == [((1, 2, 3), (1,)), ((3,), (0,))]
    runs = read_results(Path('results/main.json'))['a'].runs
    assert [(run['fold'], run['seed']) for run in runs] == [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1)]
    assert [runs[0], runs[2]] == kept


def test_dry_run(tool):
    keep(folds=(1, 2))  # half an hour of the machine each
    out, _, plans = tool('--dry-run', '--folds', 1, 2, 3, '--seeds', 0)
    assert plans == []
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
    results = reproduce.Results(tables, arguments)
    arguments.results = tmp_path
    for table in tables:
        page = reproduce.write_page(table, results)
        assert page.read_text() == (RESULTS / page.name).read_text(), f'{page.name}: run lab.reproduce --tables-only'
