"""Trainings and cross-validations that are killed again and again, and what comes out in the end.

    python -m tests.campaigns.kill_and_resume [--quick]

A training that is killed at random moments and resumed must end as one that never stopped, bit for bit: weights, state
of the optimizer, logged scalars, the best so far. From the first best checkpoint on there is one at every moment, and
every checkpoint can be read. A cross-validation must leave no process behind, and end with the same summary.
"""

import importlib
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import mmaction.registry as registries
import numpy as np
import torch

import asea
from asea_mm.engine import jobs
from asea_mm.engine.checkpoints import read_checkpoint
from asea_mm.engine.signals import GRACE
from tests.cli.tiny import IN_PROCESS, SMALL, SMALL_MODEL, annotations, save

KILL, TERM, INT = getattr(signal, 'SIGKILL', signal.SIGTERM), signal.SIGTERM, signal.SIGINT
BEGINS = b'Checkpoints will be saved'  # in the log, when all is built


def main(quick: bool = False) -> dict[str, Any]:
    """The figures of all trials.

    Args:
        quick: Two interruptions of a training, instead of twenty of each.
    """
    torch.set_num_threads(1)
    os.environ['OMP_NUM_THREADS'] = '1'
    import_what_trainings_use()
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for workers in (2,) if quick else (0, 2):
            root = Path(folder) / f'workers{workers}'
            figures[f'training, workers {workers}'] = trial_of_training(root, workers, 2 if quick else 20, quick)
        if not quick:
            figures['cross-validation'] = trial_of_cross_validation(Path(folder) / 'cross_validation', 20)
    return figures


def import_what_trainings_use() -> None:
    """Once, before processes are forked."""
    importlib.import_module('torch._dynamo')
    for registry in (registries.MODELS, registries.DATASETS, registries.TRANSFORMS, registries.METRICS):
        registry.import_from_location()


def trial_of_training(folder: Path, workers: int, interruptions: int, quick: bool) -> dict[str, Any]:
    """Kill a training at random moments, resume it each time, and compare it with one that was left alone."""
    options = [*SMALL, f'train_cfg.max_epochs={3 if quick else 10}', 'train_dataloader.batch_size=5']
    options += ['model.cls_head.dropout=0.5', 'optim_wrapper.accumulative_counts=2', 'optim_wrapper.optimizer.lr=0.02']
    options += [f'{name}_dataloader.num_workers={workers}' for name in ('train', 'val')]
    options += [f'{name}_dataloader.persistent_workers={workers > 0}' for name in ('train', 'val')]
    words = ['train', 'asea_demo', '--resume', '--cfg-options', *options, '--work-dir']
    whole = folder / 'whole'
    process = begin([*words, str(whole)], folder / 'whole.log')
    began = begins_to_train(process, folder / 'whole.log')
    assert end_of(process) == 0
    seconds = time.monotonic() - began

    rng = random.Random(workers)
    killed, log, done = folder / 'killed', folder / 'killed.log', 0
    damaged, without_best, seen_best, codes = [], 0, False, []
    while done < interruptions:
        process = begin([*words, str(killed)], log)
        last = begins_to_train(process, log) + rng.uniform(0, 0.5) * seconds
        while process.is_alive() and time.monotonic() < last:
            has_best = any(killed.glob('best_*.pth'))
            seen_best, without_best = seen_best or has_best, without_best + (seen_best and not has_best)
            time.sleep(0.002)
        if not process.is_alive():  # it has come to its end: the next one begins anew
            assert process.exitcode == 0
            compare(whole, killed)
            move_away(killed, done)
            seen_best = False
            continue
        number = (TERM, KILL, INT, KILL)[done % 4]
        process_group(process.pid, number)
        codes.append((number, end_of(process)))
        done += 1
        damaged += [path.name for path in killed.glob('*.pth') if not is_whole(path)]
    assert end_of(begin([*words, str(killed)], log)) == 0
    compare(whole, killed)
    expected = {KILL: (-KILL, 0), TERM: (128 + TERM, -TERM, 0), INT: (128 + INT, 0)}  # 0: it had come to its end
    assert all(code in expected[number] for number, code in codes), codes
    assert not damaged, damaged
    assert not without_best
    left = [path.name for path in killed.iterdir() if path.name.startswith('.') or 'interrupted' in path.name]
    assert not left, left
    return {
        'interruptions': done,
        'saved at a signal': sum(code == 128 + number for number, code in codes),
        'damaged checkpoints': len(damaged),
        'moments without a best checkpoint': without_best,
        'left over': left,
        'bitwise the same': True,
    }


def trial_of_cross_validation(folder: Path, interruptions: int) -> dict[str, Any]:
    """Interrupt a cross-validation, and compare its summary with that of one that was left alone."""
    save(folder / 'data' / 'sbu' / 'sbu.pkl', annotations(), splits=('fold1', 'fold2'))
    options = [*SMALL_MODEL, *IN_PROCESS, 'train_cfg.max_epochs=3']
    words = ['cross-validate', 'asea_sbu', '--cfg-options', *options]

    def begin_one(name: str, log: str, at_once: int) -> Any:
        """Two at once as users run them; one at a time forked, which takes a quarter of the time."""
        folders = ['--work-dir', str(folder / name), '--out', str(folder / f'{name}_out')]
        return begin([*words, '--jobs', str(at_once), *folders], folder / log, folder, forked=at_once == 1)

    seconds = {}
    for at_once in (1, 2):
        began = time.monotonic()
        assert end_of(begin_one(f'whole{at_once}', 'whole.log', at_once)) == 0
        seconds[at_once] = time.monotonic() - began
    compare_summaries(folder / 'whole1_out', folder / 'whole2_out')
    rng = random.Random(0)
    slowest, finished = 0.0, 0
    for number in range(interruptions):
        at_once = 2 if number % 5 == 0 else 1
        process = begin_one(f'killed{finished}', 'killed.log', at_once)
        process.join(rng.uniform(0.2, 1.0) * seconds[at_once])
        if process.exitcode is None:
            kind = (KILL, TERM, INT)[number % 3]
            os.kill(process.pid, kind)
            asked = time.monotonic()
            end_of(process)
            while left := processes_of_group(process.pid):
                assert time.monotonic() < asked + 2 * GRACE, f'interruption {number}, signal {kind}, has left {left}'
                time.sleep(0.05)
            slowest = max(slowest, time.monotonic() - asked)
        else:
            said = (folder / 'killed.log').read_text(encoding='utf-8', errors='replace')
            assert process.exitcode == 0, f'interruption {number}: {said[-2000:]}'
            compare_summaries(folder / 'whole1_out', folder / f'killed{finished}_out')
            finished += 1
    assert end_of(begin_one(f'killed{finished}', 'killed.log', 1)) == 0
    compare_summaries(folder / 'whole1_out', folder / f'killed{finished}_out')
    left = [str(path) for path in folder.rglob('.*') if 'killed' in str(path)]
    assert not left, left
    return {
        'interruptions': interruptions,
        'processes left': 0,
        'seconds until the last had ended': round(slowest, 1),
        'same summary': True,
    }


def begin(words: list[str], log: Path, folder: Path | None = None, forked: bool = False) -> Any:
    """The command ``asea`` in a process and process group of its own, forked since that is quick."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b'')
    process = multiprocessing.get_context('fork').Process(target=_command, args=(words, log, folder, forked))
    process.start()
    return process


def _command(words: list[str], log: Path, folder: Path | None, forked: bool) -> None:
    os.setpgid(0, 0)
    if folder is not None:
        os.chdir(folder)
    if forked:  # its jobs, too: what is spawned imports for seconds what is here already
        fork = multiprocessing.get_context('fork')
        jobs.multiprocessing.get_context = lambda method: fork  # type: ignore[attr-defined]
    with log.open('wb', 0) as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.exit(asea.main(words))


def begins_to_train(process: Any, log: Path) -> float:
    """Wait until a training has been built; the time."""
    while process.is_alive() and BEGINS not in log.read_bytes():
        time.sleep(0.01)
    return time.monotonic()


def end_of(process: Any) -> int:
    process.join(1800)
    assert process.exitcode is not None, 'it hangs'
    return process.exitcode


def process_group(number: int, kind: int) -> None:
    """A signal to a process and its workers, as terminals and Slurm send it; SIGKILL to the process alone."""
    with suppress(ProcessLookupError):
        os.kill(number, kind) if kind == KILL else os.killpg(number, kind)


def processes_of_group(number: int) -> list[str]:
    """Processes of a group that have not ended."""
    found = []
    for path in Path('/proc').glob('[0-9]*/stat'):
        try:
            state, _, group = path.read_text(encoding='utf-8', errors='replace').rpartition(')')[2].split()[:3]
            words = (path.parent / 'cmdline').read_bytes().replace(b'\0', b' ').decode(errors='replace')
        except OSError:
            continue
        if int(group) == number and state not in 'ZX':
            found.append(f'{path.parent.name} {state} {words[-200:]}')
    return found


def is_whole(path: Path) -> bool:
    try:
        return bool(read_checkpoint(str(path)))
    except FileNotFoundError:
        return True
    except ValueError:
        return False


def move_away(folder: Path, number: int) -> None:
    folder.rename(folder.with_name(f'{folder.name}_before_{number}'))


def compare(whole: Path, killed: Path) -> None:
    """The checkpoints of two trainings are the same but for times, paths and how long things took."""
    names = sorted(path.name for path in whole.glob('*.pth'))
    others = sorted(path.name for path in killed.glob('*.pth'))
    assert names == others, f'{names}, {others}'
    for name in names:
        first, second = (comparable(read_checkpoint(str(folder / name))) for folder in (whole, killed))
        differences = list(differing(first, second, name))
        assert not differences, differences[:5]


def comparable(checkpoint: dict) -> dict:
    hub = checkpoint['message_hub']
    scalars = {key: value.data for key, value in hub['log_scalars'].items() if 'time' not in key}
    info = {key: value for key, value in hub['runtime_info'].items() if key.startswith('best_score')}
    meta = {key: checkpoint['meta'][key] for key in ('epoch', 'iter', 'seed')}
    kept = {key: checkpoint.get(key) for key in ('state_dict', 'optimizer', 'param_schedulers', 'gradients')}
    return {**kept, 'scalars': scalars, 'info': info, 'meta': meta}


def differing(first: Any, second: Any, where: str) -> Any:
    """The places in which two nested containers differ."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in first.keys() | second.keys():
            yield from differing(first.get(key), second.get(key), f'{where}.{key}')
    elif isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)) and len(first) == len(second):
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            yield from differing(one, other, f'{where}.{number}')
    elif isinstance(first, (torch.Tensor, np.ndarray)) and isinstance(second, (torch.Tensor, np.ndarray)):
        one, other = np.asarray(first), np.asarray(second)
        if (one.dtype, one.shape) != (other.dtype, other.shape) or one.tobytes() != other.tobytes():
            yield where
    elif first != second:
        yield where


def compare_summaries(whole: Path, killed: Path) -> None:
    first, second = (json.loads(Path(f'{out}.json').read_text(encoding='utf-8')) for out in (whole, killed))
    assert first['summary'] == second['summary']
    for run in (*first['runs'], *second['runs']):
        del run['seconds'], run['commit']  # which may be another by now, for the same code
    assert first['runs'] == second['runs']
    with np.load(f'{whole}.npz') as one, np.load(f'{killed}.npz') as other:
        assert not list(differing(dict(one), dict(other), 'scores'))


if __name__ == '__main__':
    print(json.dumps(main('--quick' in sys.argv), indent=1))
