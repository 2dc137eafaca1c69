"""The screening tool: what it runs, what it makes of the results, and lists that are refused."""

import argparse
import json
import runpy
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from asea_mm.engine import load_config, parse_options

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools' / 'screen.py'
LIST = {
    'title': 'Parts',
    'note': 'Some parts.',
    'config': 'configs/asea_sbu.py',
    'folds': [1, 2],
    'runs': 4,
    'reference': 'reference.json',
    'parts': [{'label': 'A', 'without': ['a=0', 'b=0']}, {'label': 'B', 'without': ['c=0']}],
}


def result(fold, seed, top1, loss):
    return {
        'settings': {},
        'fold': fold,
        'seed': seed,
        'commit': 'abc',
        'num_samples': 50,
        'last_top1': top1,
        'best_top1': top1,
        'last_cross_entropy': loss,
        'epochs': 60,
        'seconds': 10,
    }


@pytest.fixture
def screen(tmp_path, monkeypatch):
    """Calls the tool with runs that cost 0.1 of accuracy without A, add 0.02 without B, and notes their commands."""
    commands = []

    def train(command, **_):
        words = [str(word) for word in command]
        commands.append(words)
        fold, seed = (int(words[words.index(option) + 1]) for option in ('--folds', '--seeds'))
        top1 = (0.9 if fold == 1 else 0.7) - 0.1 * ('a=0' in words) + 0.02 * ('c=0' in words)
        folder = Path(words[words.index('--work-dir') + 1]) / f'fold{fold}_seed{seed}'
        folder.mkdir(parents=True)
        (folder / 'result.json').write_text(json.dumps(result(fold, seed, top1, 1 - top1)))
        return subprocess.CompletedProcess(command, 0)

    def call(content=LIST, *options, train=train):
        path = tmp_path / 'list.yml'
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        reference = [result(1, 0, 0.9, 0.1), result(2, 0, 0.7, 0.3)]
        (tmp_path / 'reference.json').write_text(json.dumps({'command': 'do', 'runs': reference}))
        words = ['screen.py', str(path), '--work-dir', str(tmp_path / 'runs'), '--out', str(tmp_path / 'out')]
        monkeypatch.setattr(sys, 'argv', [*words, *options])
        monkeypatch.setattr(subprocess, 'run', train)
        runpy.run_path(str(TOOL))['main']()
        return json.loads((tmp_path / 'out.json').read_text())

    call.commands, call.folder = commands, tmp_path
    return call


def test_effects_are_those_of_the_parts(screen, capsys):
    found = screen()
    assert found['parts'] == ['A', 'B']
    accuracy, loss = (found['effects'][key] for key in ('last_top1', 'last_cross_entropy'))
    assert [effect['mean'] for effect in accuracy] == pytest.approx([0.1, -0.02])
    assert [effect['mean'] for effect in loss] == pytest.approx([-0.1, 0.02])
    assert [run['fold'] for run in found['runs']] == [1, 2, 1, 2]
    without = [
        words[words.index('--cfg-options') + 1 :] if '--cfg-options' in words else [] for words in screen.commands
    ]
    assert sorted(without) == [[], ['a=0', 'b=0'], ['a=0', 'b=0', 'c=0'], ['c=0']]
    assert '+10.00' in capsys.readouterr().out
    page = (screen.folder / 'out.md').read_text()
    assert '| A | +10.00 ± 0.00 |' in page
    assert '![Parts](out.png)' in page
    assert (screen.folder / 'out.png').read_bytes()[:4] == b'\x89PNG'


def test_a_second_seed_has_what_the_first_lacks(screen):
    found = screen(LIST, '--seeds', '0', '1')
    first, second = found['runs'][:4], found['runs'][4:]
    for one, other in zip(first, second, strict=True):
        assert [not has for has in one['parts']] == other['parts']
        assert one['fold'] != other['fold']
    assert [effect['mean'] for effect in found['effects']['last_top1']] == pytest.approx([0.1, -0.02])
    assert len({run['name'] for run in found['runs']}) == 8


def test_runs_at_once_have_a_gpu_each(screen, monkeypatch):
    monkeypatch.setattr('torch.cuda.device_count', lambda: 2)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    gpus, both = [], threading.Barrier(2, timeout=60)

    def train(command, env, **_):
        gpus.append(env['CUDA_VISIBLE_DEVICES'])
        both.wait()  # two run at once
        return subprocess.CompletedProcess(command, 1, stderr='error: enough')

    with pytest.raises(ValueError, match='seed0_run00 failed: error: enough'):
        screen(LIST, '--jobs', '2', train=train)
    assert sorted(gpus[:2]) == ['0', '1']


def test_scores_that_are_no_probabilities_have_no_cross_entropy(screen):
    def train(command, **_):
        fold = int(command[command.index('--folds') + 1])
        folder = Path(command[command.index('--work-dir') + 1]) / f'fold{fold}_seed0'
        folder.mkdir(parents=True)
        (folder / 'result.json').write_text(json.dumps(result(fold, 0, 0.5, None)))
        return subprocess.CompletedProcess(command, 0)

    assert list(screen(train=train)['effects']) == ['last_top1']


def test_a_run_that_fails_is_named(screen):
    def train(command, **_):
        return subprocess.CompletedProcess(command, 1, stderr='progress\nerror: no data\n')

    with pytest.raises(ValueError, match='seed0_run00 failed: error: no data'):
        screen(train=train)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ('{', 'expected YAML'),
        ('[]', r'expected \[.config., .* got \[\]'),
        ({'runs': 3}, 'expected a power of two of more runs, got 3'),
        ({'runs': '4'}, "expected runs of type int, got '4'"),
        ({'folds': [3]}, 'reference.json has no fold 3'),
        ({'parts': []}, r'expected parts of type list, got \[\]'),
        ({'parts': [{'label': 'A', 'without': ['a']}]}, "options 'key=value' without it"),
        ({'parts': [{'label': 'A'}]}, "options 'key=value' without it"),
        ({'reference': 'none.json'}, 'none.json does not exist'),
    ],
)
def test_wrong_lists_are_refused(screen, change, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        screen(change if isinstance(change, str) else {**LIST, **change})
    assert not screen.commands


def test_seeds_must_differ(screen):
    with pytest.raises(ValueError, match='one is given twice, got 1 1'):
        screen(LIST, '--seeds', '1', '1')


SCREENING = yaml.safe_load((ROOT / 'results' / 'sbu_screening.yml').read_text())


@pytest.mark.parametrize('part', SCREENING['parts'], ids=lambda part: part['label'])
def test_every_part_of_the_sbu_recipe_can_be_taken_away(part, monkeypatch):
    def config(*options):
        monkeypatch.setattr(sys, 'argv', ['train.py', *(['--cfg-options', *options] if options else [])])
        args = parse_options(argparse.ArgumentParser())
        args.config = str(ROOT / SCREENING['config'])
        return load_config(args).to_dict()

    whole, without = config(), config(*part['without'])
    for option in part['without']:
        assert config(option) != whole, f'{option} changes nothing'
    assert without != whole
