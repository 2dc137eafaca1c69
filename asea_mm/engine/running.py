"""From a config to a trained or tested model: options, runner, checkpoints, errors that users can mend."""

import gc
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
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

from ..errors import InputError, one_line
from .beginning import BeginningHook
from .cfg_options import merge_cfg_options
from .checkpoints import guard_mmengine, read_checkpoint
from .configs import read_config
from .fused import members_of, take_model
from .mending import mendable_errors
from .options import apply_options
from .ownership import begun_in, is_first, owned
from .preflight import check_classes, check_head, check_optimizer, check_packages, check_resumed
from .resuming import latest_checkpoint
from .runner import ResumableRunner
from .trained_on import TrainedOnHook, check_names, check_unseen


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
        merge_cfg_options(cfg, cfg_options)
    cfg.launcher = launcher
    if work_dir is not None:
        cfg.work_dir = str(work_dir)
    elif cfg.get('work_dir') is None:
        named = [('', split), ('fold', fold), ('', stream), ('seed', seed)]
        parts = [f'{name}{value}' for name, value in named if value is not None]
        cfg.work_dir = str(Path('work_dirs') / '_'.join([Path(config).stem, *parts]).replace(',', '+'))
    return cfg


# What a config has for training, which a test does without.
TRAINING = ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr')


@dataclass(frozen=True)
class Trained:
    """What a training leaves behind."""

    last: Path  # checkpoint of the last epoch
    best: Path | None  # of the best one, where the config keeps it
    best_score: str  # measure and value of the best one
    was_finished: str  # which epoch of how many, if there was nothing left to train


def run_training(cfg: Config) -> Trained | None:
    """Train as the config says.

    Returns:
        What was written; None in all but the first of several processes, or where no checkpoint is kept.

    Raises:
        InputError: If a part of the config, its data or a checkpoint is not as expected, or another process trains in
            its work folder.
    """
    with ExitStack() as of_the_folder:
        beginning = ExitStack()
        if is_first(cfg):
            of_the_folder.enter_context(owned(cfg.work_dir))
            beginning.enter_context(begun_in(cfg.work_dir))
        with beginning, mendable_errors():
            check_optimizer(cfg)
            runner = build_runner(cfg)
            check_classes(runner.model, runner.train_dataloader.dataset)
            check_head(runner.model)
            _ = runner.val_loop  # built now, with its data
            finished = ''
            if cfg.get('resume') and cfg.get('load_from') and '://' not in cfg.load_from:
                content = read_checkpoint(cfg.load_from, resume=True)
                check_resumed(runner.model, content, cfg.load_from)
                finished = finished_already(cfg, content['meta'])
            runner.register_hook(TrainedOnHook(cfg))
            runner.register_hook(BeginningHook())
        with mendable_errors():
            runner.train()  # also a finished one: its last validation may be missing
            trained = what_is_there(runner, finished) if is_main_process() else None
    del runner
    leave_processes()
    return trained


def finished_already(cfg: Config, meta: Mapping[str, Any]) -> str:
    """Epoch (or iteration) of a checkpoint and of the config's end, if nothing is left between them; else nothing."""
    for unit in ('epoch', 'iter'):
        end = cfg.train_cfg.get(f'max_{unit}s')
        if end is not None and meta[unit] >= end:
            return f'{unit} {meta[unit]} of {end}'
    return ''


def what_is_there(runner: Runner, finished: str) -> Trained | None:
    """The checkpoints in the work folder of a training that has ended."""
    last = latest_checkpoint(runner.work_dir)
    if last is None:
        return None
    facts = runner.message_hub.runtime_info
    best, score = facts.get('best_ckpt'), facts.get('best_score')
    measure = (runner.cfg.get('default_hooks') or {}).get('checkpoint', {}).get('save_best')
    told = f'{measure} {score:.4f}' if isinstance(score, float) and isinstance(measure, str) else ''
    return Trained(last, Path(best) if best and Path(best).is_file() else None, told, finished)


def run_test(cfg: Config, checkpoint: str | os.PathLike, dump: str | None = None, anyway: bool = False) -> Path | None:
    """Test a checkpoint; writes what :class:`InteractionReport` writes into the work folder of the config.

    Args:
        cfg: The config; changed in place.
        checkpoint: The checkpoint, which must fit the model exactly. One of several models brings models and test
            pipelines, and of the config the data counts.
        dump: File to dump all predictions to, as mmaction2 does.
        anyway: Also test on samples that the checkpoint was trained on.

    Returns:
        The report, ``report.json``; None in all but the first of several processes.

    Raises:
        InputError: As of :func:`run_training`, or if the checkpoint was trained on samples of the test.
    """
    if dump is not None and not dump.endswith(('.pkl', '.pickle')):
        raise InputError(f'--dump: expected a .pkl or .pickle file, got {dump}')
    if not cfg.get('test_dataloader'):
        raise InputError('the config has no test_dataloader')
    cfg.load_from = str(checkpoint)
    cfg.update(dict.fromkeys(TRAINING))
    evaluators = cfg.get('test_evaluator') or []
    evaluators = evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]
    cfg.test_evaluator = [*evaluators, dict(type='InteractionReport', out_dir=cfg.work_dir)]
    if dump is not None:
        cfg.test_evaluator.append(dict(type='WholeDumpResults', out_file_path=dump))
    with mendable_errors():
        content = read_checkpoint(cfg.load_from)
        members = members_of(content['meta'], cfg.load_from)
        if members:
            take_model(cfg, content, cfg.load_from)
        runner = build_runner(cfg)
        dataset = runner.test_dataloader.dataset
        check_classes(runner.model, dataset)
        check_head(runner.model)
        check_names(cfg.load_from, content['meta'], dataset, anyway)
        for path, meta in members or [(cfg.load_from, content['meta'])]:
            check_unseen(path, meta, dataset, cfg, anyway)
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
    del runner
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
        cfg: The config. What ``load_from`` names is checked before anything is built.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        InputError: If the checkpoint is none, or the launcher needs a GPU or a part a package that is not there.
    """
    check_packages(cfg)
    guard_mmengine()
    if cfg.get('load_from'):
        content = read_checkpoint(cfg.load_from, resume=cfg.get('resume', False))
        if members_of(content['meta'], cfg.load_from) and cfg.model.get('type') != 'FusedRecognizer':
            raise InputError(f'checkpoint {cfg.load_from}: several models as one; training begins with one of them')
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


@contextmanager
def report_errors(debug: bool = False) -> Iterator[None]:
    """Show errors that a user can mend as one line and exit with 1; with ``debug`` leave their traceback."""
    try:
        yield
    except (InputError, OSError) as error:
        if debug:
            raise
        print('error:', one_line(error), file=sys.stderr)
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
