"""The list of experiments: wrong lists give one error, and every row of ours loads with its options."""

from pathlib import Path

import pytest
import yaml

from asea_mm.engine import load_config
from asea_mm.errors import InputError

from ..experiments import read_list
from ..files import RESULTS, read_results
from ..overrides import changed_config, override

ROOT = Path(__file__).parents[2]
SMALL = """
tables:
  - name: main
    title: Main
    note: A note.
    reference: a
    rows:
      - {id: a, label: Plain, config: a.py}
      - {id: b, label: Gated, config: a.py, stream: bone, cfg_options: ['x.gate=True', 'x.blocks=[7,8]']}
      - {id: c, label: Far, config: a.py, command: do it, paper: {figure: '90.50', dataset: NTU-26, source: Table 1}}
      - {id: f, label: Former, config: gone.py, former: a recipe that is gone}
  - name: more
    title: More
    note: Another note.
    reference: d
    rows:
      - {id: d, label: Plain again, config: a.py}
      - {id: e, label: Option, config: a.py, overrides: {train: {Align: null}}}
"""


GRID = """
tasks:
  - {name: near, label: Near, base: a}
  - name: far
    label: Far
    base: a
    folds: false
    overrides: {train: {dataset: {split: null}}}
schedule: [epochs=3]
tables:
  - name: grid
    title: Grid
    note: A note.
    reference: base
    models:
      - {id: base, label: Base, config: '{base}.py'}
      - {id: more, label: More, config: '{base}.py', cfg_options: [gate=True]}
      - {id: k, label: Kernel, config: '{base}.py', own_schedule: true}
      - {id: both, label: Both, fused: [more, k]}
      - {id: later, label: Later}
      - {id: never, label: Never, fused: [later, k]}
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path('a.py').touch()

    def written(text):
        Path('list.yml').write_text(text)
        return Path('list.yml')

    return written


def test_rows_of_the_same_settings_are_the_same_experiment(write):
    main, more = read_list(write(SMALL))
    a, b, c, f = main.rows
    d, e = more.rows
    assert a.key == d.key
    assert len({row.key for row in (a, b, f, e)}) == 4
    assert [row.runs_here for row in main.rows] == [True, True, False, False]
    assert e.settings == {'config': 'a.py', 'overrides': {'train': {'Align': None}}}
    assert str(c.paper) == '90.50 (NTU-26; Table 1)'


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        (SMALL, 'a: [', 'list.yml: expected YAML'),
        (SMALL, '', "list.yml: expected a list of 'tables'"),
        ('tables:', 'tables: [3]\nx:', 'list.yml, table 1: expected a mapping, got 3'),
        ('reference: a', 'reference: c', r"table 1 \(main\): reference 'c' is no row of it"),
        ('id: b', 'id: a', "list.yml: expected a name of letters, digits, _ and - that is there once, got 'a'"),
        ('id: b', 'id: ../b', "that is there once, got '../b'"),
        ('name: more', 'name: main', "got 'main', there 2 times"),
        ('label: Gated, ', '', r"table 1 \(main\), row 2: has no \['label'\]"),
        ('label: Gated', 'labl: Gated', r"row 2: unknown \['labl'\]"),
        ('label: Gated', 'label: 3', 'row 2: label must be of type str in quotes, got 3'),
        ("'90.50'", '90.50', 'paper: figure must be of type str in quotes, got 90.5'),
        ("['x.gate=True', 'x.blocks=[7,8]']", 'y=1', "row 2: cfg_options must be of type list, got 'y=1'"),
        ("['x.gate=True', 'x.blocks=[7,8]']", '[y: 1]', "row 2: expected options 'key=value', got"),
        ('label: Gated, config: a.py', 'label: Gated, config: b.py', r'row 2 \(b\): config b.py does not exist'),
    ],
)
def test_a_wrong_list_is_refused_by_name(write, old, new, message):
    assert old in SMALL
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read_list(write(SMALL.replace(old, new)))


TABLES = yaml.safe_load((ROOT / 'lab' / 'experiments.yml').read_text(encoding='utf-8'))['tables']
ROWS = {row['id']: row for table in TABLES for row in table.get('rows', ()) if 'former' not in row}


@pytest.mark.parametrize('row', ROWS.values(), ids=ROWS)
def test_every_row_of_the_list_loads_and_its_options_fit(row, monkeypatch):
    monkeypatch.chdir(ROOT)
    fold = 2 if 'sbu' in row['config'] else None
    plain = load_config(row['config'], fold=fold, stream=row.get('stream'))
    changed = changed_config(row['config'], row.get('cfg_options', ()), row.get('overrides', {})).to_dict()
    options = [option.partition('=')[0].split('.') for option in row.get('cfg_options', ())]
    replaced = [keys[:-1] for keys in options if keys[-1] == '_delete_']
    for keys in options:
        before, after = plain.to_dict(), changed
        for key in keys:
            before = before.get(key, 'default') if isinstance(before, dict) else 'default'
            after = after.get(key, 'default') if isinstance(after, dict) else 'default'
        assert before != after or any(keys[: len(part)] == part for part in replaced), f'{keys} is {after} already'
    for names in row.get('overrides', {}):
        for name in names.split():
            assert changed[f'{name}_dataloader'] != plain.to_dict()[f'{name}_dataloader']
    if 'command' not in row:
        assert ('fold' in plain.test_dataloader.dataset) == row.get('folds', True)


CROP = {'train': {'SampleClip': {'crop': [0.7, 1.0]}}}  # of all networks of the table


def test_data_of_the_tasks_is_that_of_the_configs(monkeypatch):
    monkeypatch.chdir(ROOT)
    table = next(table for table in read_list(ROOT / 'lab' / 'experiments.yml') if table.name == 'tasks')
    for row in (row for row in table.rows if not row.fused):
        changed = changed_config(row.config, row.cfg_options, row.overrides)
        network = row.model != 'kernel'
        leaf = override(load_config(f'asea_{row.task}'), CROP if network else {})
        for loader in ('train', 'val', 'test'):
            of_row, expected = (cfg[f'{loader}_dataloader'].dataset.to_dict() for cfg in (changed, leaf))
            if not network:
                assert [part.pop('pipeline')[0]['type'] for part in (of_row, expected)][0] != 'PackActionInputs'
            assert of_row == expected, f'{row.id}, {loader}'
        assert changed.model.cls_head.num_classes == leaf.model.cls_head.num_classes
        if network:
            assert changed.train_cfg.max_epochs == 30
            assert changed.optim_wrapper == leaf.optim_wrapper
            assert changed.param_scheduler == leaf.param_scheduler


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('reference: base', 'reference: bas', 'one of the models as reference'),
        ('fused: [more, k]', 'fused: [more, moer]', r"grid\), .*fused to be two others of .*, got \['more', 'moer'\]"),
        ('note: A note.', 'note: A note.\n    at_most: 2', 'at most 2 models beside the first, got 5'),
        ('folds: false', 'folds: 5', 'task 2: folds must be of type bool, got 5'),
        ('base: a}', '}', r"task 1: has no \['base'\]"),
    ],
)
def test_a_wrong_grid_is_refused_by_name(write, old, new, message):
    assert old in GRID
    with pytest.raises(InputError, match=message):
        read_list(write(GRID.replace(old, new)))


def test_every_kept_result_is_of_a_row(monkeypatch):
    monkeypatch.chdir(ROOT)
    for table in read_list(ROOT / 'lab' / 'experiments.yml'):
        settings = {row.id: row.settings for row in table.rows}
        for name, result in read_results(RESULTS / f'{table.name}.json').items():
            assert result.settings == settings[name]
