"""Train a recognizer: mmaction2's training tool with options for split, fold, stream and seed."""

from __future__ import annotations

import argparse

import torch
from mmengine.runner import find_latest_checkpoint

from ..engine import build_runner, leave_processes, load_config, parse_options, report_errors
from ..errors import InputError


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train a recognizer')
    parser.add_argument('config', help='config file')
    parser.add_argument('--deterministic', action='store_true', help='deterministic algorithms on CUDA')
    parser.add_argument('--diff-rank-seed', action='store_true', help='another seed on every rank')
    parser.add_argument(
        '--resume', nargs='?', const='auto', help='checkpoint to resume from; without a path, the latest of work-dir'
    )
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision (needs a GPU)')
    parser.add_argument('--no-validate', action='store_true', help='train without validation')
    parser.add_argument('--auto-scale-lr', action='store_true', help='scale the learning rate with the batch size')
    return parse_options(parser)


def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cfg.default_hooks.checkpoint.save_best = None
    if args.amp:
        if not torch.cuda.is_available():
            raise InputError('--amp needs a GPU; without one, training in float32 is what there is')
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.auto_scale_lr:
        if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
            raise InputError(f'--auto-scale-lr: expected auto_scale_lr.base_batch_size in {args.config}, got none')
        cfg.auto_scale_lr.enable = True
    if args.deterministic or args.diff_rank_seed:
        cfg.setdefault('randomness', {})
        cfg.randomness.update(deterministic=args.deterministic, diff_rank_seed=args.diff_rank_seed)
    if args.resume is not None:
        checkpoint = find_latest_checkpoint(cfg.work_dir) if args.resume == 'auto' else args.resume
        if checkpoint is not None:  # else training begins, from what load_from of the config says
            cfg.resume, cfg.load_from = True, checkpoint
    build_runner(cfg).train()
    leave_processes()


if __name__ == '__main__':
    with report_errors():
        main()
