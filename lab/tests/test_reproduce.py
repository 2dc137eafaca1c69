"""The list of experiments and the tool that makes tables of it; nothing is trained, cross_validate.py is a stand-in."""

import argparse
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from matplotlib.image import imread

from asea_mm.engine import load_config, parse_options

from ..statistics.comparison import read_result

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools' / 'reproduce.py'
LIST = ROOT / 'results' / 'experiments.yml'
TABLES = yaml.safe_load(LIST.read_text(encoding='utf-8'))['tables']
ROWS = [row for table in TABLES for row in table['rows']]
SMALL = """
tables:
  - name: main
    title: Main
    note: A note.
    reference: a
    rows:
      - {id: a, label: Plain, config: a.py, result: old.json}
      - {id: b, label: Gated, config: a.py, stream: bone, cfg_options: ['x.gate=True', 'x.blocks=[7,8]']}
      - {id: c, label: Far, config: a.py, command: do it, paper: {figure: '90.50', dataset: NTU-26, source: Table 1}}
  - name: more
    title: More
    note: Another note.
    reference: d
    rows:
      - {id: d, label: Plain again, config: a.py}
      - {id: e, label: Option, config: a.py, cfg_options: [y=1]}
"""
B = ['--stream', 'bone', '--cfg-options', 'x.gate=True', 'x.blocks=[7,8]']


def write_result(path, options=(), accuracy=0.9, folds=(1, 2), seeds=(0,), jobs=2):
    runs = [
        {
            'settings': {
                'config': 'a.py',
                'options': [*(['--fold', str(fold)] if fold else []), '--seed', str(seed), *options],
            },
            'fold': fold,
            'seed': seed,
            'commit': 'aaaa',
            'num_samples': 50,
            'last_top1': accuracy,
            'best_top1': accuracy,
            'epochs': 80,
            'seconds': 3600,
        }
        for fold in folds
        for seed in seeds
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({'command': f'made with --jobs {jobs}', 'runs': runs}))
    return runs


@pytest.fixture
def tool(monkeypatch, tmp_path, capsys):
    """Runs the tool on SMALL in an empty folder; returns exit code, output, errors and calls of cross_validate.py."""
    monkeypatch.chdir(tmp_path)
    Path('a.py').touch()
    Path('results').mkdir()
    Path('results/experiments.yml').write_text(SMALL)
    calls, failing = [], set()

    def cross_validate(command, check):
        assert command[:2] == [sys.executable, str(ROOT / 'tools' / 'cross_validate.py')]
        parser = argparse.ArgumentParser()
        parser.add_argument('config')
        for name in ('--folds', '--seeds'):
            parser.add_argument(name, type=int, nargs='+')
        for name in ('--jobs', '--work-dir', '--out', '--stream'):
            parser.add_argument(name)
        parser.add_argument('--cfg-options', nargs='+')
        args = parser.parse_args(command[2:])
        calls.append(args)
        if Path(args.out).name not in failing:
            options = ['--stream', args.stream] if args.stream else []
            options += ['--cfg-options', *args.cfg_options] if args.cfg_options else []
            write_result(Path(f'{args.out}.json'), options, 0.8, args.folds or (0,), args.seeds)
        return subprocess.CompletedProcess(command, int(Path(args.out).name in failing))

    monkeypatch.setattr(subprocess, 'run', cross_validate)

    def run(*arguments, fails=()):
        failing.update(fails)
        calls.clear()
        monkeypatch.setattr(sys, 'argv', ['reproduce.py', *arguments])
        code = 0
        try:
            runpy.run_path(str(TOOL), run_name='__main__')
        except SystemExit as exit_:
            code = exit_.code
        return code, *capsys.readouterr(), list(calls)

    return run


def test_runs_what_is_missing_once_and_writes_tables(tool):
    wanted = ['--folds', '1', '2', '--seeds', '0', '--jobs', '2']
    code, out, err, calls = tool(*wanted)
    assert (code, err) == (0, '')
    assert [call.out for call in calls] == ['results/runs/a', 'results/runs/b', 'results/runs/e']  # d is a
    assert (calls[1].work_dir, calls[1].stream, calls[1].jobs) == ('work_dirs/b_cv', 'bone', '2')
    assert (calls[1].folds, calls[1].seeds, calls[1].cfg_options) == ([1, 2], [0], ['x.gate=True', 'x.blocks=[7,8]'])
    assert out.splitlines()[-2:] == ['results/main.md', 'results/more.md']
    page = Path('results/main.md').read_text()
    assert (
        '| Gated | 2 × 1 | 80 | 80.00 | 80.00 | 0.00 ± 0.00 (2 pairs) | too few pairs (p = 1.000) | - | aaaa | 2.0 |'
        in page
    )
    assert '| Far | not run: data not available here | - | - | - | - | - | 90.50 (NTU-26; Table 1) | - | - |' in page
    assert '- Far, not run: data not available here: `do it`' in page
    assert '| Plain again | 2 × 1 |' in Path('results/more.md').read_text()
    assert '![Main](main.png)' in page
    assert imread('results/main.png').std() > 0.05

    assert tool(*wanted)[3] == []  # all there
    assert [call.out for call in tool('more', '--folds', '1', '--seeds', '1')[3]] == [
        'results/runs/a',
        'results/runs/e',
    ]


def test_rows_without_folds_have_seeds_only(tool):
    Path('results/experiments.yml').write_text(
        SMALL.replace('id: b, label: Gated', 'id: b, folds: false, label: Gated')
    )
    wanted = ['--folds', '1', '2', '--seeds', '0', '5', '--jobs', '2']
    code, out, err, calls = tool('main', *wanted)
    assert (code, err) == (0, '')
    assert [(call.folds, call.seeds) for call in calls] == [([1, 2], [0, 5]), (None, [0, 5])]
    assert '| Gated | 1 × 2 | 80 | 80.00 ± 0.00 | 80.00 ± 0.00 | no pairs |' in Path('results/main.md').read_text()
    assert tool('main', *wanted)[3] == [], 'nothing is missing'
    code, out, err, calls = tool('main', '--dry-run')
    assert 'b: have 2 of 4 runs' in out


def test_a_failing_row_is_reported_and_the_others_go_on(tool):
    code, _, err, calls = tool('main', '--folds', '1', '--seeds', '0', fails=['a'])
    assert [call.out for call in calls] == ['results/runs/a', 'results/runs/b']
    assert code == 1
    assert err == 'a failed; the others go on\nerror: 1 experiments failed: a\n'
    page = Path('results/main.md').read_text()
    assert '| Plain | not run |' in page
    assert '| Gated | 1 × 1 | 80 | 80.00 | 80.00 | no pairs | - |' in page
    assert '![' not in page, 'one row makes no picture'
    assert not Path('results/main.png').exists()
    assert not Path('results/more.md').exists()


def test_results_at_hand_are_kept_and_not_run_again(tool):
    runs = write_result(Path('results/old.json'), folds=(1, 2), seeds=(0,))
    _, _, _, calls = tool('main', '--folds', '1', '--seeds', '0', '1')
    assert (calls[0].folds, calls[0].seeds) == ([1, 2], [0, 1])  # what there is would get lost otherwise
    kept = Path('work_dirs/a_cv/fold2_seed0/result.json')
    assert json.loads(kept.read_text()) == runs[1]  # so cross_validate.py takes it as finished
    assert not Path('work_dirs/a_cv/fold1_seed1').exists()
    kept.write_text('of a later run')
    Path('results/runs/a.json').unlink()
    tool('main', '--folds', '1', '--seeds', '0', '1')
    assert kept.read_text() == 'of a later run'


def test_seeds_at_hand_stay(tool):
    write_result(Path('results/old.json'), seeds=(0, 1))
    _, _, _, calls = tool('main', '--folds', '1', '2', '--seeds', '2')
    assert calls[0].seeds == [0, 1, 2]


def test_rows_with_a_reference_of_their_own_are_told_together(tool):
    text = SMALL.replace('{id: b, label: Gated,', '{id: b, reference: a, label: Gated,')
    text = text.replace(
        '      - {id: c,',
        '      - {id: f, reference: a, label: Third, config: a.py, cfg_options: [z=1]}\n      - {id: c,',
    )
    Path('results/experiments.yml').write_text(text)
    write_result(Path('results/old.json'))
    write_result(Path('results/runs/b.json'), B, accuracy=0.8)
    write_result(Path('results/runs/f.json'), ['--cfg-options', 'z=1'], accuracy=0.7)
    assert tool('--tables-only', 'main')[0] == 0
    page = Path('results/main.md').read_text()
    assert 'Together, each with its own reference (Gated; Third): -15.00 ± 5.77 (4 pairs)' in page


def test_results_of_runs_come_before_older_ones(tool):
    write_result(Path('results/old.json'), accuracy=0.5)
    write_result(Path('results/runs/a.json'), accuracy=0.7)
    tool('--tables-only')
    assert '| Plain | 2 × 1 | 80 | 70.00 |' in Path('results/main.md').read_text()


def test_tables_only(tool):
    write_result(Path('results/old.json'))
    write_result(Path('results/runs/b.json'), B, accuracy=0.8)
    code, out, err, calls = tool('--tables-only', 'main')
    assert (code, out, err, calls) == (0, 'results/main.md\n', '', [])
    page = Path('results/main.md').read_text()
    assert '| Gated | 2 × 1 | 80 | 80.00 | 80.00 | -10.00 ± 0.00 (2 pairs) | too few pairs (p = 0.500) |' in page
    assert '- Plain: `made with --jobs 2`' in page


def test_dry_run(tool):
    write_result(Path('results/old.json'), folds=(1, 2), jobs=2)  # half an hour of the machine each
    code, out, err, calls = tool('--dry-run', '--folds', '1', '2', '3', '--seeds', '0', '--results', 'results')
    assert (code, err, calls) == (0, '', [])
    assert out.splitlines() == [
        'main: Main',
        '  a: have 2 of 3 runs, about 0.5 hours',
        '    python tools/cross_validate.py a.py --folds 1 2 3 --seeds 0 --jobs 1 --work-dir work_dirs/a_cv'
        ' --out results/runs/a',
        '  b: not run, about 1.5 hours, from other rows',
        '    python tools/cross_validate.py a.py --folds 1 2 3 --seeds 0 --jobs 1 --work-dir work_dirs/b_cv'
        " --out results/runs/b --stream bone --cfg-options x.gate=True 'x.blocks=[7,8]'",
        '  c: not run: data not available here, hours unknown',
        '    do it',
        'more: More',
        '  d: as a',
        '  e: not run, about 1.5 hours, from other rows',
        '    python tools/cross_validate.py a.py --folds 1 2 3 --seeds 0 --jobs 1 --work-dir work_dirs/e_cv'
        ' --out results/runs/e --cfg-options y=1',
        'all: about 3.5 hours',
    ]
    assert sorted(path.name for path in Path().rglob('*')) == ['a.py', 'experiments.yml', 'old.json', 'results']


def test_dry_run_without_results(tool):
    out = tool('--dry-run')[1]
    assert '  a: not run, hours unknown\n' in out
    assert out.endswith('all: about 0.0 hours and 3 experiments of unknown hours\n')


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        (SMALL, 'a: [', 'results/experiments.yml: expected YAML'),
        (SMALL, '', "results/experiments.yml: expected a list of 'tables'"),
        ('tables:', 'tables: [3]\nx:', 'experiments.yml, table 1: expected a mapping, got 3'),
        ('reference: a', 'reference: c', "experiments.yml, table 1 (main): reference 'c' is no row of it"),
        ('id: b', 'id: a', "experiments.yml: expected a name of letters, digits, _ and - that is there once, got 'a'"),
        ('id: b', 'id: ../b', "that is there once, got '../b'"),
        ('name: more', 'name: main', "got 'main', there 2 times"),
        ('label: Gated, ', '', "table 1 (main), row 2: has no ['label']"),
        ('label: Gated', 'labl: Gated', "table 1 (main), row 2: unknown ['labl']"),
        ('label: Gated', 'label: 3', 'row 2: label must be of type str in quotes, got 3'),
        ("'90.50'", '90.50', 'paper: figure must be of type str in quotes, got 90.5'),
        ('[y=1]', 'y=1', "row 2: cfg_options must be of type list, got 'y=1'"),
        ('[y=1]', '[y: 1]', "row 2 (e): expected options 'key=value', got [{'y': 1}]"),
        ('label: Gated, config: a.py', 'label: Gated, config: b.py', 'row 2 (b): config b.py does not exist'),
    ],
)
def test_a_wrong_list_gives_one_error(tool, old, new, message):
    assert old in SMALL
    Path('results/experiments.yml').write_text(SMALL.replace(old, new))
    code, _, err, calls = tool()
    assert (code, calls) == (1, [])
    assert err.startswith('error: ')
    assert err.count('\n') == 1
    assert message in err


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--list', 'none.yml'], 'list of experiments none.yml does not exist'),
        (['mian'], 'results/experiments.yml has no table mian; it has main, more'),
        (['--jobs', '0'], '--jobs must be at least 1, got 0'),
    ],
)
def test_wrong_options(tool, arguments, message):
    assert tool(*arguments) == (1, '', f'error: {message}\n', [])


def test_wrong_results_are_refused_by_name(tool):
    path = Path('results/runs/b.json')
    path.parent.mkdir()
    path.write_text('{}')
    assert "error: results/runs/b.json: expected 'command' and 'runs'" in tool('--tables-only')[2]
    write_result(path)  # without the options of row b
    code, _, err, calls = tool()
    assert (code, calls) == (1, [])
    assert 'error: results/runs/b.json: is of' in err
    assert 'row b of the list is' in err


def test_ids_and_names_of_the_list_are_unique():
    for names in ([row['id'] for row in ROWS], [table['name'] for table in TABLES]):
        assert len(set(names)) == len(names)


@pytest.mark.parametrize('row', ROWS, ids=lambda row: row['id'])
def test_every_row_of_the_list_loads_and_its_options_fit(row, monkeypatch):
    options = ['--cfg-options', *row['cfg_options']] if 'cfg_options' in row else []
    options += ['--stream', row['stream']] if 'stream' in row else []
    options += ['--fold', '2'] if 'sbu' in row['config'] else []
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, 'argv', ['train.py', row['config'], *options])
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    args = parse_options(parser)
    plain, cfg = (load_config(argparse.Namespace(**{**vars(args), **other})) for other in ({'cfg_options': None}, {}))
    options = args.cfg_options or {}
    replaced = tuple(key.removesuffix('_delete_') for key in options if key.endswith('._delete_'))
    for key, value in options.items():
        *path, last = key.split('.')
        node, before = cfg, plain
        for part in path:
            node = node[int(part)] if part.isdigit() else node[part]
            before = before[int(part)] if isinstance(before, list) else (before or {}).get(part)
        if last != '_delete_':
            assert node[last] == value
            changed = (before or {}).get(last, 'default') != value
            assert changed or key.startswith(replaced), f'{key} is {value} already'
    if 'command' not in row:
        assert ('fold' in cfg.test_dataloader.dataset) == row.get('folds', True)
    if 'result' in row:
        assert {run['settings']['config'] for run in read_result(ROOT / 'results' / row['result'])['runs']} == {
            row['config']
        }


def test_rows_of_other_datasets_are_commands_and_figures_name_their_dataset():
    for row in ROWS:
        assert ('command' in row) != any(name in row['config'] for name in ('_sbu', '_demo')), row['id']
        if 'command' in row:
            assert row['config'] in row['command']
            assert all(option in row['command'] for option in row.get('cfg_options', ()))
        if 'paper' in row:
            assert row['paper']['dataset'].startswith(('SBU', 'NTU-26', 'NTU-60', 'Kinetics-10'))
