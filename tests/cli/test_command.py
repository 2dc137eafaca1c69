"""What all subcommands share: help, names, errors; and the doors to them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

import asea
from asea_mm.cli import run as cli_run
from asea_mm.cli.run import build_parser
from asea_mm.errors import InputError
from tests.cli.tiny import ROOT, check_one_line

# Words with which a subcommand reads something that is not there.
WRONG = {
    'prepare': ['sbu', 'nothing'],
    'check': ['nothing.pkl'],
    'train': ['nothing.py'],
    'test': ['asea_demo', 'nothing.pth'],
    'calibrate': ['nothing.pth', 'nothing.npz'],
    'watch': ['nothing.mp4', '--model', 'nothing.pth'],
    'infer': ['nothing.npy', '--model', 'nothing.pth'],
    'cross-validate': ['nothing.py'],
    'fuse': ['nothing', 'nobody'],
    'visualize': ['asea_demo', 'nothing.pth'],
    'export': ['asea_demo', 'nothing.pth'],
    'benchmark': ['nothing.py'],
}


@pytest.mark.parametrize('name', asea.COMMANDS)
def test_every_subcommand_has_help_with_examples_that_parse(command, name):
    code, text, _ = command(name, '--help')
    assert code == 0
    examples = [line.split('#')[0].split() for line in text.splitlines() if line.startswith(f'  asea {name} ')]
    assert examples
    for words in examples:
        build_parser(name).parse_args(cli_run.joined(words[2:]))


@pytest.mark.parametrize('name', asea.COMMANDS)
def test_what_users_can_mend_is_one_line_and_our_faults_keep_their_traceback(command, monkeypatch, name):
    check_one_line(command(name, *WRONG[name]), ['nothing'])
    with pytest.raises((InputError, OSError)):
        command(name, *WRONG[name], '--debug')
    broken = Mock(side_effect=ValueError('operands could not be broadcast together'))
    module = sys.modules[f'asea_mm.cli.{name.replace("-", "_")}']
    monkeypatch.setattr(module, 'run', broken)
    with pytest.raises(ValueError, match='broadcast'):
        command(name, *WRONG[name])


def test_errors_of_several_lines_become_one_in_which_they_stay_apart(command, monkeypatch):
    problems = InputError('a.json: expected 15 joints,\n got 14; so b.json\n\nnothing is written')
    monkeypatch.setattr('asea_mm.cli.check.run', Mock(side_effect=problems))
    check_one_line(command('check', 'x.pkl'), ['so b.json; nothing is written'])


def test_the_list_of_subcommands_and_a_mistyped_one(command):
    code, text, _ = command('--help')
    assert code == 0
    assert all(f'\n  {name} ' in text for name in asea.COMMANDS)
    assert command()[0] == 2
    check_one_line(command('trian'), ["'trian'", 'did you mean train?'])


def test_an_axis_that_points_down_is_no_option():
    words = ['--model', 'm.pth', '--up', '-y', 'a.npy']
    assert build_parser('infer').parse_args(cli_run.joined(words)).up == '-y'


def test_interrupting_is_no_traceback(command, monkeypatch):
    build_parser('check')
    interrupted = Mock(side_effect=KeyboardInterrupt)
    monkeypatch.setattr(sys.modules['asea_mm.cli.check'], 'run', interrupted)
    assert command('check', 'a.pkl') == (130, '', 'stopped\n'), 'nothing to go on with'


def python(folder: Path, *words: object, path: Path = ROOT) -> subprocess.CompletedProcess:
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(path)}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_help_and_import_wait_for_nothing_big(tmp_path):
    code = 'import sys, asea; asea.main(["--help"]); assert "torch" not in sys.modules'
    assert python(tmp_path, '-c', code).returncode == 0
    big = ['matplotlib', 'scipy', 'pandas', 'mmaction.models', 'mmengine.model']
    done = python(tmp_path, '-c', f'import sys, asea_mm; print([name for name in {big} if name in sys.modules])')
    assert (done.stdout, done.stderr) == ('[]\n', '')


def test_tools_run_this_clone_from_anywhere_with_another_one_installed(tmp_path):
    (tmp_path / 'asea_mm').mkdir()
    (tmp_path / 'asea_mm' / '__init__.py').write_text('raise ImportError("the other one")')
    done = python(tmp_path, ROOT / 'tools' / 'train.py', 'nothing.py', path=tmp_path)
    check_one_line((done.returncode, done.stdout, done.stderr), ['config nothing.py does not exist'])


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh'])
def test_scripts_say_how_to_use_them(tmp_path, script):
    done = subprocess.run([ROOT / 'tools' / script, 'config.py'], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith('usage: ')


def test_slurm_starts_a_process_a_gpu(tmp_path):
    (tmp_path / 'srun').write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / 'srun').chmod(0o755)
    environment = {**os.environ, 'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'GPUS': '16', 'PYTHON': 'py'}
    words = [ROOT / 'tools' / 'slurm_train.sh', 'gpu', 'job', 'asea_ntu26', '--amp']
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert '--partition=gpu --job-name=job --gres=gpu:8 --ntasks=16 --ntasks-per-node=8' in done.stdout
    assert done.stdout.rstrip().endswith(f'py -u {ROOT}/tools/train.py asea_ntu26 --launcher slurm --amp')


def test_a_wheel_has_configs_and_tools(tmp_path):
    """Where configs are found by name; and no lab."""
    done = python(ROOT, 'setup.py', '-q', 'build', '--build-base', tmp_path, 'egg_info', '--egg-base', tmp_path)
    assert done.returncode == 0, done.stderr
    built = tmp_path / 'lib'
    assert sorted(path.name for path in built.iterdir()) == ['asea.py', 'asea_mm']
    shipped = built / 'asea_mm' / '.mim'
    for name in ('tools/train.py', 'configs/asea_sbu.py', 'configs/_base_/default_runtime.py', 'model-index.yml'):
        assert (shipped / name).is_file()


def test_benchmark_of_models_and_of_a_stream(command, tmp_path):
    words = ['asea_sbu', '--repeats', 1, '--batch', 1, '--frames', 8, '--out', 'models.json']
    assert command('benchmark', *words, '--forms', 'eager', 'plain+bfloat16')[0] == 0
    rows = json.loads((tmp_path / 'models.json').read_text())['configs']
    assert list(rows) == ['asea_sbu, eager', 'asea_sbu, plain+bfloat16']
    for row in rows.values():
        assert 0 < row['infer_roofline'] < 1
        assert 0 < row['train_roofline'] < 1
        assert row['peak_mb'] is None, 'of a GPU only'
    check_one_line(command('benchmark', *words, '--forms', 'fast'), ['eager, compiled', "'fast'"])
    words = ['--stream', 'asea_sbu', '--pairs', 1, 3, '--seconds', 0.4, '--window', 4, '--stride', 4, '--num-clips', 1]
    code, text, _ = command('benchmark', *words, '--out', 'stream.json')
    assert code == 0
    assert 'p99 ms' in text
    assert max(map(len, text.splitlines())) <= 80
    pairs = json.loads((tmp_path / 'stream.json').read_text())['pairs']
    assert {count: measured['evaluations'] for count, measured in pairs.items()} == {'1': 3, '3': 3}
    check_one_line(command('benchmark', 'asea_sbu', '--batch', 0), ['--batch', '0'])


# Steps behind those that fill joints, and the channels of the backbone.
FLAT = {'scores appended': ([], 5), 'scores kept': (['ScoreChannel'], 5), 'image': (['NormalizeByImage'], 5)}


@pytest.mark.parametrize(('steps', 'channels'), FLAT.values(), ids=FLAT)
def test_benchmark_of_models_in_two_dimensions(command, tmp_path, steps, channels):
    made = dict(type='GenerateStream', stream=['joint', 'joint_motion'])
    image = [dict(type=name) for name in steps if name == 'NormalizeByImage']
    scores = [dict(type=name) for name in steps if name == 'ScoreChannel']
    sample, end = dict(type='SampleClip', clip_len=8), dict(type='FormatGCNInput', num_person=2)
    pipeline = [
        dict(type='FillMissingJoints'),
        *image,
        dict(type='CentrePair'),
        sample,
        made,
        *scores,
        end,
        dict(type='PackActionInputs'),
    ]
    (tmp_path / 'flat.py').write_text(
        f"_base_ = ['asea_sbu.py']\n"
        f"model = dict(backbone=dict(layout='coco17', in_channels={channels}, channels=(8,), strides=None))\n"
        f'model["cls_head"] = dict(in_channels=8)\n'
        f'test_dataloader = dict(dataset=dict(pipeline={pipeline!r}))\n'
    )
    words = ['--pairs', 1, '--seconds', 0.3, '--window', 8, '--stride', 8, '--out', 'flat.json']
    assert command('benchmark', '--stream', 'flat.py', *words)[0] == 0
    assert json.loads((tmp_path / 'flat.json').read_text())['pairs']['1']['evaluations'] > 0
    assert command('benchmark', 'flat.py', '--batch', 1, '--frames', 8, '--repeats', 1)[0] == 0


@pytest.mark.parametrize('weights', [['3', '1'], ['cv']])
def test_fusing_with_given_weights_and_those_chosen_on_the_other_fold(command, tmp_path, weights):
    rng = np.random.default_rng(0)
    ids, labels, folds = np.arange(40).astype(str), rng.integers(3, size=40), np.repeat([0, 1], 20)
    given = rng.dirichlet(np.ones(3), size=(2, 40)) / 4
    for stream, right in enumerate((folds == 0, folds == 1)):  # each is right on the whole of one fold
        given[stream, np.arange(40), np.where(right, labels, (labels + 1) % 3)] += 0.75
        arrays = dict(scores=given[stream], labels=labels, ids=ids, folds=folds, seeds=np.zeros(40, int))
        np.savez(tmp_path / f'{stream}.npz', **arrays)
    assert command('fuse', '0.npz', '1.npz', '--weights', *weights, '--out', 'fused')[0] == 0
    content = json.loads((tmp_path / 'fused.json').read_text())
    if weights == ['cv']:
        shares = [content['weights'][f'fold {fold}'] for fold in (0, 1)]
        assert shares[0][0] < 0.5 < shares[1][0], 'what is right on the other'
    else:
        shares = [(0.75, 0.25)] * 2
    fused = np.load(tmp_path / 'fused.npz')['scores']
    expected = np.concatenate([np.tensordot(shares[fold], given[:, folds == fold], axes=1) for fold in (0, 1)])
    np.testing.assert_allclose(fused, expected, rtol=1e-5)
    assert content['fused']['accuracy']['pooled']['mean'] == (fused.argmax(axis=1) == labels).mean()
    check_one_line(command('fuse', '0.npz', '0.npz'), ['two different streams'])
    check_one_line(command('fuse', '0.npz', '1.npz', '--weights', 1), ['2 weights'])
    check_one_line(command('fuse', '0.npz', '1.npz', '--seeds', 1), ['0.npz', '[1]'])
