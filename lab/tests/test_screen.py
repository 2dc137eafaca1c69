"""The screening tool: what it runs, what it makes of the results, and lists that are refused."""

from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

from .. import screen
from ..files import Result, read_json, write_results
from ..overrides import changed_config
from .runs import run

ROOT = Path(__file__).parents[2]
CONFIG = "train_dataloader = dict(dataset=dict(pipeline=[dict(type='Align'), dict(type='Pack')]))\n"
LIST = {
    'title': 'Parts',
    'note': 'Some parts.',
    'config': 'config.py',
    'folds': [1, 2],
    'runs': 4,
    'reference': {'table': 'main', 'id': 'plain'},
    'parts': [
        {'label': 'A', 'overrides': {'train': {'Align': None}}},
        {'label': 'B', 'cfg_options': ['b=0']},
    ],
}


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Calls the tool with runs that cost 0.1 of accuracy without A, add 0.02 without B, and notes their plans."""
    monkeypatch.chdir(tmp_path)
    Path('config.py').write_text(CONFIG + 'b = 1\n')
    plans = []

    def run_all(wanted, folder, jobs):
        plans.extend(wanted)
        results = []
        for plan in wanted:
            ((fold, seed),) = plan.runs
            without = Config.fromfile(plan.config).to_dict() if plan.config != 'config.py' else {}
            lacks_a = bool(without) and without['train_dataloader']['dataset']['pipeline'][0]['type'] != 'Align'
            lacks_b = without.get('b', 1) == 0 or 'b=0' in plan.cfg_options
            top1 = (0.9 if fold == 1 else 0.7) - 0.1 * lacks_a + 0.02 * lacks_b
            results.append(run(fold, seed, top1, last_cross_entropy=loss_of(top1)))
        return results

    def loss_of(top1):
        return None if call_tool.without_loss else 1 - top1

    monkeypatch.setattr(screen, 'run_plans', run_all)

    def call_tool(content=LIST, *options):
        Path('list.yml').write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        reference = [run(1, 0, 0.9, last_cross_entropy=0.1), run(2, 0, 0.7, last_cross_entropy=0.3)]
        write_results(Path('main.json'), {'plain': Result('do', {}, [], reference)})
        screen.main(['--list', 'list.yml', '--results', '.', '--out', 'out', *options])
        return read_json(Path('out.json'))

    call_tool.plans, call_tool.without_loss = plans, False
    return call_tool


def test_effects_are_those_of_the_parts(call, capsys):
    result = call()
    assert result['parts'] == ['A', 'B']
    accuracy, loss = (result['effects'][key] for key in ('last_top1', 'last_cross_entropy'))
    assert [effect['mean'] for effect in accuracy] == pytest.approx([0.1, -0.02])
    assert [effect['mean'] for effect in loss] == pytest.approx([-0.1, 0.02])
    assert [entry['fold'] for entry in result['runs']] == [1, 2, 1, 2]
    assert '+10.00' in capsys.readouterr().out
    page = Path('out.md').read_text()
    assert '| A | +10.00 ± 0.00 |' in page
    assert '![Parts](out.png)' in page
    assert Path('out.png').read_bytes()[:4] == b'\x89PNG'


def test_a_second_seed_has_what_the_first_lacks(call):
    result = call(LIST, '--seeds', '0', '1')
    for first, second in zip(result['runs'][:4], result['runs'][4:], strict=True):
        assert [not has for has in first['parts']] == second['parts']
        assert first['fold'] != second['fold']
    assert [effect['mean'] for effect in result['effects']['last_top1']] == pytest.approx([0.1, -0.02])
    assert len({plan.work_dir for plan in call.plans}) == 8


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ('{', 'expected YAML'),
        ('[]', r'expected \[.config., .* got \[\]'),
        ({'runs': 3}, 'expected a power of two of more runs, got 3'),
        ({'runs': '4'}, "expected runs of type int, got '4'"),
        ({'folds': [3]}, 'main, plain has no fold 3'),
        ({'parts': []}, r'expected parts of type list, got \[\]'),
        ({'parts': [{'label': 'A'}]}, "expected parts with a label and 'cfg_options' or 'overrides'"),
        ({'reference': {'table': 'main', 'id': 'z'}}, r"table main has no result z; it has \['plain'\]"),
    ],
)
def test_wrong_lists_are_refused(call, change, message):
    with pytest.raises(ValueError, match=message):
        call(change if isinstance(change, str) else {**LIST, **change})
    assert not call.plans


SCREENING = yaml.safe_load((ROOT / 'lab' / 'screening.yml').read_text())


@pytest.mark.parametrize('part', SCREENING['parts'], ids=lambda part: part['label'])
def test_every_part_of_the_sbu_recipe_can_be_taken_away(part):
    path = ROOT / SCREENING['config']
    whole = changed_config(path, ()).to_dict()
    assert changed_config(path, part.get('cfg_options', ()), part.get('overrides', {})).to_dict() != whole
