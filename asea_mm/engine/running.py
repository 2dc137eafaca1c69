"""From a config to a trained or tested model: options, runner, checkpoints, errors that users can mend."""

import gc
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from inspect import signature
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from mmaction.registry import DATASETS, MODELS, RUNNERS
from mmengine.config import Config, ConfigDict
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from ..errors import InputError
from .checkpoints import read_checkpoint
from .configs import read_config
from .options import apply_options
from .ownership import owned_by_first
from .runner import ResumableRunner


def load_config(
    config: str | os.PathLike,
    split: str | None = None,
    fold: int | None = None,
    stream: str | None = None,
    seed: int | None = None,
    cfg_options: Mapping[str, Any] | None = None,
    launcher: str = 'none',
    work_dir: str | os.PathLike | None = None,
) -> Config:
    """A config with options in it: ``split``, ``fold``, ``stream`` and ``seed`` as of :func:`apply_options`.

    Args:
        config: A path, or the name of a config of this package (:func:`find_config`).
        cfg_options: Values by dotted keys, which override all else.
        launcher: As of mmengine's runner.
        work_dir: Folder for results. Without it in options or config it is ``work_dirs/{config}`` with the options in
            the name, so that splits, folds, streams and seeds do not overwrite each other.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is not valid Python, or an option does not fit it.
    """
    cfg = read_config(config)
    apply_options(cfg, split, fold, stream, seed)
    if cfg_options:
        cfg.merge_from_dict(dict(cfg_options))
    cfg.launcher = launcher
    if work_dir is not None:
        cfg.work_dir = str(work_dir)
    elif cfg.get('work_dir') is None:
        named = [('', split), ('fold', fold), ('', stream), ('seed', seed)]
        parts = [f'{name}{value}' for name, value in named if value is not None]
        cfg.work_dir = str(Path('work_dirs') / '_'.join([Path(config).stem, *parts]).replace(',', '+'))
    return cfg


def run_training(cfg: Config) -> None:
    """Train as the config says.

    Raises:
        InputError: If a part of the config, its data or a checkpoint is not as expected, or another process trains in
            its work folder.
    """
    with mendable_errors(), owned_by_first(cfg):
        build_runner(cfg).train()
    leave_processes()


def run_test(cfg: Config, checkpoint: str | os.PathLike, dump: str | None = None) -> Path | None:
    """Test a checkpoint; writes what :class:`InteractionReport` writes into the work folder of the config.

    Args:
        cfg: The config; changed in place.
        checkpoint: The checkpoint, which must fit the model exactly.
        dump: File to dump all predictions to, as mmaction2 does.

    Returns:
        The report, ``report.json``; None in all but the first of several processes.

    Raises:
        InputError: As of :func:`run_training`.
    """
    if dump is not None and not dump.endswith(('.pkl', '.pickle')):
        raise InputError(f'--dump: expected a .pkl or .pickle file, got {dump}')
    cfg.load_from = str(checkpoint)
    evaluators = cfg.test_evaluator if isinstance(cfg.test_evaluator, (list, tuple)) else [cfg.test_evaluator]
    cfg.test_evaluator = [*evaluators, dict(type='InteractionReport', out_dir=cfg.work_dir)]
    if dump is not None:
        cfg.test_evaluator.append(dict(type='DumpResults', out_file_path=dump))
    with mendable_errors():
        runner = build_runner(cfg)
        # mmengine only warns of weights that do not fit, and tests random ones
        runner.load_checkpoint = partial(runner.load_checkpoint, strict=True)
        try:
            runner.test()
        except RuntimeError as error:
            if 'loaded state dict do not match' not in str(error):
                raise
            reason = shorten(str(error), 400, placeholder=' ...')
            raise InputError(f'checkpoint {checkpoint} does not fit the model of this config: {reason}') from None
    report = Path(cfg.work_dir) / 'report.json' if is_main_process() else None
    leave_processes()
    return report


def build_test_dataset(cfg: Config) -> Any:
    """The dataset that a test with this config reads, without a runner; InputError if it has none."""
    if not cfg.get('test_dataloader'):
        raise InputError('the config has no test_dataloader')
    init_default_scope(cfg.get('default_scope', 'mmaction'))
    with mendable_errors():
        return DATASETS.build(cfg.test_dataloader.dataset)


def build_runner(cfg: Config) -> Runner:
    """Our runner (:class:`ResumableRunner`), or the one the config names.

    Args:
        cfg: The config. A local file in ``load_from`` is checked before anything is built.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        InputError: If the checkpoint is none, or the launcher needs a GPU that is not there.
    """
    if cfg.get('load_from') and '://' not in cfg.load_from:
        read_checkpoint(cfg.load_from, resume=cfg.get('resume', False))
    if cfg.get('launcher') == 'pytorch' and get_device() == 'cpu':
        _join_cpu_processes(cfg)
    _average_clips(cfg)
    return ResumableRunner.from_cfg(cfg) if 'runner_type' not in cfg else RUNNERS.build(cfg)


def _average_clips(cfg: Config) -> None:
    """Have a head of mmaction2 that says nothing of it average its clips, as ours do: its metrics read nothing else."""
    head = cfg.model.get('cls_head') or {}
    kind = MODELS.get(head['type']) if isinstance(head.get('type'), str) else None
    if isinstance(kind, type) and 'average_clips' not in head:
        default = signature(kind).parameters.get('average_clips')
        if kind.__module__.startswith('mmaction.') and (default is None or default.default is None):
            head['average_clips'] = 'prob'


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
def mendable_errors() -> Iterator[None]:
    """Raise what mmengine, mmaction2 or a worker of a data loader say of the user's mistakes as InputError."""
    try:
        yield
    except InputError as error:
        raise InputError(_plain(str(error), type(error))) from error
    except (KeyError, TypeError) as error:
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        if not _WRONG_PART.search(text):
            raise
        raise InputError(_plain(text, type(error))) from error
    except AssertionError as error:
        if '`epoch_length` must be a positive integer' not in str(error):  # how mmengine's schedulers find out
            raise
        few = 'the training set has fewer samples than a batch, and drop_last leaves none'
        raise InputError(f'{few}; lower train_dataloader.batch_size') from error


def _plain(text: str, kind: type[Exception]) -> str:
    """A message without the trace of a worker and without where mmengine built the part."""
    if 'Original Traceback' in text:
        text = text.rsplit(f'{kind.__name__}: ', 1)[-1]
    return re.sub(r'^(class `[^`]*` in \S+: )+', '', text)


@contextmanager
def report_errors(debug: bool = False) -> Iterator[None]:
    """Show errors that a user can mend as one line and exit with 1; with ``debug`` leave their traceback."""
    try:
        yield
    except (InputError, OSError) as error:
        if debug:
            raise
        print('error:', ' '.join(str(error).split()), file=sys.stderr)
        sys.exit(1)


def working_tree_commit() -> str:
    """The commit of the code that runs, with ``-dirty`` when tracked files differ from it; for result files.

    ``unknown`` where there is no git, or no repository that tracks this package: it may be installed within the folder
    of another project.
    """
    package = Path(__file__).resolve().parents[1]

    def git(*words: str) -> str:
        return subprocess.run(['git', '-C', package, *words], capture_output=True, text=True, check=True).stdout.strip()

    try:
        git('ls-files', '--error-unmatch', '__init__.py')
        return git('describe', '--always', '--dirty', '--abbrev=12', '--exclude', '*')
    except (OSError, subprocess.CalledProcessError):
        return 'unknown'
