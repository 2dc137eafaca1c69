"""Train a model. What it writes goes to the work folder: checkpoints, logs, and the config as it was.

Examples:
  asea train asea_demo
  asea train asea_sbu --fold 1 --seed 0
  asea train asea_ntu26 --split xset --stream bone --amp --compile
  asea train my_config.py --resume
  GPUS=8 tools/slurm_train.sh PARTITION JOB_NAME asea_ntu26
"""

import argparse
import shlex
import sys

import torch

from ..engine import Trained, run_training
from ..engine.resuming import latest_checkpoint
from ..errors import InputError
from .options import add_compile_option, add_config_options, add_launcher_options, config_of
from .output import shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_options(parser)
    parser.add_argument(
        '--resume', nargs='?', const='auto', help='checkpoint to go on from; without a path, the latest of the work dir'
    )
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision on a GPU: bfloat16, or float16 where it has none'
    )
    add_compile_option(parser)
    parser.add_argument('--no-validate', action='store_true', help='train without validation')
    parser.add_argument('--auto-scale-lr', action='store_true', help='scale the learning rate with the batch size')
    parser.add_argument('--deterministic', action='store_true', help='deterministic algorithms on CUDA')
    parser.add_argument('--diff-rank-seed', action='store_true', help='another seed on every rank')
    add_launcher_options(parser)


def run(args: argparse.Namespace) -> None:
    cfg = config_of(args)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cfg.default_hooks.checkpoint.save_best = None
    if args.amp:
        if not torch.cuda.is_available():
            raise InputError('--amp needs a GPU; without one, training in float32 is what there is')
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('dtype', 'bfloat16' if torch.cuda.is_bf16_supported() else 'float16')
        # the small numbers of float16 vanish without; bfloat16 reaches as far as float32
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic' if cfg.optim_wrapper.dtype == 'float16' else 1.0)
    if args.auto_scale_lr:
        if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
            raise InputError(f'--auto-scale-lr: expected auto_scale_lr.base_batch_size in {args.config}, got none')
        cfg.auto_scale_lr.enable = True
    given = [name for name in ('deterministic', 'diff_rank_seed') if getattr(args, name)]
    cfg.merge_from_dict({f'randomness.{name}': True for name in given})
    if args.resume is not None:
        checkpoint = latest_checkpoint(cfg.work_dir) if args.resume == 'auto' else args.resume
        if checkpoint is not None:
            cfg.resume, cfg.load_from = True, str(checkpoint)
        else:  # from what load_from of the config says
            print(f'{cfg.work_dir}: no checkpoint to go on from, training begins at the first epoch', file=sys.stderr)
    if (trained := run_training(cfg)) is not None:
        say_trained(trained, args)


def say_trained(trained: Trained, args: argparse.Namespace) -> None:
    """Where the checkpoints are, and what to do with them."""
    last = shown(trained.last)
    if trained.was_finished:
        print(f'this training is finished: {last} is of {trained.was_finished}, so nothing was trained')
    print(f'last: {last}')
    if trained.best is not None:
        print(f'best: {shown(trained.best)}' + (f' ({trained.best_score})' if trained.best_score else ''))
    options = [word for name in ('split', 'fold', 'stream') for word in words_of(args, name)]
    if args.cfg_options:
        options += ['--cfg-options', *args.cfg_options]
    print(f'next: {shlex.join(["asea", "test", args.config, last, *options])}')


def words_of(args: argparse.Namespace, name: str) -> list[str]:
    """An option as it is typed; nothing if it was not given."""
    value = getattr(args, name)
    return [] if value is None else [f'--{name}', str(value)]
