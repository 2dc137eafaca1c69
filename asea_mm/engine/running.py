"""What the tools share: a config with their options in it, a runner, errors in one line."""

from __future__ import annotations

import argparse
import gc
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import torch
from mmaction.registry import RUNNERS
from mmengine.config import Config, ConfigDict, DictAction
from mmengine.device import get_device
from mmengine.runner import Runner

from ..datasets.transforms import STREAMS
from ..errors import InputError
from .checkpoints import read_checkpoint
from .options import apply_options


def parse_options(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Add the options that training and testing share to a tool's own, and parse them all."""
    parser.add_argument('--work-dir', help='folder for what the tool writes')
    parser.add_argument('--split', help='benchmark of the dataset, e.g. xsub or xset')
    parser.add_argument('--fold', type=int, help='fold of cross-validation')
    parser.add_argument('--stream', help=f'{", ".join(STREAMS)}, or several separated by commas')
    parser.add_argument('--seed', type=int, help='random seed')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='override settings, key=value')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def load_config(args: argparse.Namespace) -> Config:
    """The config file with the tool's options: split, fold, stream, seed, cfg_options, launcher, work_dir.

    Without ``work_dir`` in options or config, results go to ``work_dirs/{config}`` with the options in the name, so
    that folds, streams and seeds do not overwrite each other.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not valid Python, or an option does not fit it.
    """
    if not Path(args.config).is_file():
        raise FileNotFoundError(f'config {args.config} does not exist')
    try:
        cfg = Config.fromfile(args.config)
    except SyntaxError as error:
        raise InputError(f'config {args.config}: {error}') from error
    apply_options(cfg, args.split, args.fold, args.stream, args.seed)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        parts = [Path(args.config).stem]
        parts += [args.split] if args.split is not None else []
        parts += [f'fold{args.fold}'] if args.fold is not None else []
        parts += [args.stream.replace(',', '+')] if args.stream is not None else []
        parts += [f'seed{args.seed}'] if args.seed is not None else []
        cfg.work_dir = str(Path('work_dirs') / '_'.join(parts))
    return cfg


def build_runner(cfg: Config, strict: bool = False) -> Runner:
    """mmengine's runner, or the one the config names.

    Args:
        cfg: The config. A local file in ``load_from`` is checked before anything is built.
        strict: Whether a checkpoint must fit the model exactly. mmengine only warns, and tests random weights.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If the checkpoint is none, or the launcher needs a GPU that is not there.
    """
    if cfg.get('load_from') and '://' not in cfg.load_from:
        read_checkpoint(cfg.load_from, resume=cfg.get('resume', False))
    if cfg.get('launcher') == 'pytorch' and get_device() == 'cpu':
        _join_cpu_processes(cfg)
    runner = Runner.from_cfg(cfg) if 'runner_type' not in cfg else RUNNERS.build(cfg)
    if strict:
        runner.load_checkpoint = _strictly(runner.load_checkpoint)
    return runner


def _strictly(load: Any) -> Any:
    @wraps(load)
    def load_checkpoint(filename: str, *args, **kwargs) -> Any:
        try:
            return load(filename, *args, **{**kwargs, 'strict': True})
        except RuntimeError as error:
            reason = ' '.join(str(error).split())
            shortened = reason if len(reason) < 400 else f'{reason[:400]} ...'
            raise InputError(f'checkpoint {filename} does not fit the model of this config: {shortened}') from None

    return load_checkpoint


def _join_cpu_processes(cfg: Config) -> None:
    """Join the processes of torchrun and prepare for DDP on CPUs; mmengine does both for GPUs only."""
    options = dict(cfg.get('env_cfg', {}).get('dist_cfg', {}))
    if options.get('backend', 'nccl') == 'nccl':
        raise InputError(
            '--launcher pytorch: the backend nccl needs GPUs and there are none; '
            'on CPUs add --cfg-options env_cfg.dist_cfg.backend=gloo'
        )
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group(**options)
    wrapper = {'type': 'MMDistributedDataParallel', 'device_ids': None, 'broadcast_buffers': False}
    cfg.model_wrapper_cfg = ConfigDict({**wrapper, **(cfg.get('model_wrapper_cfg') or {})})


def leave_processes() -> None:
    """Take this process out of torchrun's group; call it at the end of a tool that succeeded.

    Left to the interpreter's end, the group's threads may abort the process (pytorch/pytorch#190489). After an error
    nothing may be called: the processes that still work would be waited for without end.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
        gc.collect()  # the runner is in cycles, and its wrapped model keeps the group and the group's threads


# What a part says that a config names wrongly or gives wrong arguments: KeyError and TypeError, but not others.
_WRONG_PART = re.compile(r'is not in the .* registry|__init__\(\) (got an unexpected|missing \d+ required)')


@contextmanager
def report_errors() -> Iterator[None]:
    """Show errors that a user can mend as one line instead of a traceback, and exit with 1."""
    try:
        yield
    except (ValueError, OSError) as error:
        _exit_with(error)
    except (KeyError, TypeError) as error:
        if not _WRONG_PART.search(str(error)):
            raise
        _exit_with(error)
    except AssertionError as error:
        if '`epoch_length` must be a positive integer' not in str(error):  # how mmengine's schedulers find out
            raise
        few = 'the training set has fewer samples than a batch, and drop_last leaves none'
        _exit_with(InputError(f'{few}; lower train_dataloader.batch_size'))


def _exit_with(error: Exception) -> None:
    text = str(error.args[0]) if isinstance(error, KeyError) else str(error)
    if 'Original Traceback' in text:  # from a worker of the data loader: its message follows the trace
        text = text.rsplit(f'\n{type(error).__name__}: ', 1)[-1]
    text = re.sub(r'^(class `[^`]*` in \S+: )+', '', text)  # where mmengine built it
    print('error:', ' '.join(line.strip() for line in text.splitlines() if line.strip()), file=sys.stderr)
    sys.exit(1)


def working_tree_commit() -> str:
    """The commit of the code that runs, with ``-dirty`` when tracked files differ from it; for result files."""
    command = ['git', 'describe', '--always', '--dirty', '--abbrev=12', '--exclude', '*']
    folder = Path(__file__).parent
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip() or 'unknown'
