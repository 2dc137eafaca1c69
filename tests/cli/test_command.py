"""What all subcommands share: help, names, errors; and the doors to them."""

import os
import subprocess
import sys
from pathlib import Path

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

    def broken(args):
        raise ValueError('operands could not be broadcast together')

    module = sys.modules[f'asea_mm.cli.{name.replace("-", "_")}']
    monkeypatch.setattr(module, 'run', broken)
    with pytest.raises(ValueError, match='broadcast'):
        command(name, *WRONG[name])


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

    def interrupted(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules['asea_mm.cli.check'], 'run', interrupted)
    code, _, errors = command('check', 'a.pkl')
    assert (code, errors) == (130, 'stopped\n')


def python(folder: Path, *words: object) -> subprocess.CompletedProcess:
    environment = {**os.environ, 'OMP_NUM_THREADS': '1'}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_help_and_import_wait_for_nothing_big(tmp_path):
    environment = f'import sys; sys.path.insert(0, {str(ROOT)!r}); '
    done = python(tmp_path, '-c', environment + 'import asea; asea.main(["--help"]); assert "torch" not in sys.modules')
    assert done.returncode == 0, done.stderr
    big = ['matplotlib', 'scipy', 'pandas', 'mmaction.models', 'mmengine.model']
    code = f'import asea_mm; print([name for name in {big} if name in sys.modules])'
    done = python(tmp_path, '-c', environment + code)
    assert (done.stdout, done.stderr) == ('[]\n', '')


def test_tools_run_this_clone_from_anywhere_with_another_one_installed(tmp_path):
    (tmp_path / 'asea_mm').mkdir()
    (tmp_path / 'asea_mm' / '__init__.py').write_text('raise ImportError("the other one")')
    environment = {**os.environ, 'PYTHONPATH': str(tmp_path)}
    tool = ROOT / 'tools' / 'train.py'
    done = subprocess.run(
        [sys.executable, tool, 'nothing.py'], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
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
    assert command('benchmark', *words)[0] == 0
    words = ['--stream', 'asea_sbu', '--pairs', 1, '--seconds', 0.3, '--window', 4, '--stride', 4, '--num-clips', 1]
    code, text, _ = command('benchmark', *words)
    assert code == 0
    assert 'p99 ms' in text
    check_one_line(command('benchmark', 'asea_sbu', '--batch', 0), ['--batch', '0'])


def test_fusing_tests_with_given_and_chosen_weights(command, tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=20)
    for name in 'ab':
        scores = rng.dirichlet(np.ones(3), size=20)
        ids = np.array([f's{number}' for number in range(20)])
        np.savez(tmp_path / f'{name}.npz', scores=scores, labels=labels, ids=ids)
    code, text, _ = command('fuse', 'a.npz', 'b.npz', '--weights', 3, 1, '--out', 'fused')
    assert code == 0
    first, second, fused = (np.load(tmp_path / f'{name}.npz')['scores'] for name in ('a', 'b', 'fused'))
    np.testing.assert_allclose(fused, 0.75 * first + 0.25 * second, rtol=1e-5)
    code, text, _ = command('fuse', 'a.npz', 'b.npz', '--weights', 'cv', '--rule', 'product')
    assert code == 0
    assert 'weights of part 5' in text
    check_one_line(command('fuse', 'a.npz', 'a.npz'), ['given twice'])
    check_one_line(command('fuse', 'a.npz', 'b.npz', '--weights', 1), ['--weights', '2 streams'])
