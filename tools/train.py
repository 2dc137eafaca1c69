"""Train a recognizer: mmaction2's training tool with options for split, fold, stream and seed."""

from __future__ import annotations

import argparse
import os

from mmengine.config import DictAction

from asea_mm.engine import build_runner, load_config, report_errors


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train a recognizer')
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument('--split', help='benchmark of the dataset, e.g. xsub or xset')
    parser.add_argument('--fold', type=int, help='fold of cross-validation')
    parser.add_argument('--stream', help='joint, bone, joint_motion, bone_motion, or several separated by commas')
    parser.add_argument('--seed', type=int, help='random seed')
    parser.add_argument('--deterministic', action='store_true', help='deterministic algorithms on CUDA')
    parser.add_argument('--diff-rank-seed', action='store_true', help='another seed on every rank')
    parser.add_argument(
        '--resume', nargs='?', const='auto', help='checkpoint to resume from; without a path, the latest of work-dir'
    )
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision (needs a GPU)')
    parser.add_argument('--no-validate', action='store_true', help='train without validation')
    parser.add_argument('--auto-scale-lr', action='store_true', help='scale the learning rate with the batch size')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, help='override settings, key=value')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cfg.default_hooks.checkpoint.save_best = None
    if args.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')
    if args.auto_scale_lr:
        cfg.auto_scale_lr.enable = True
    if args.deterministic or args.diff_rank_seed:
        cfg.setdefault('randomness', {})
        cfg.randomness.update(deterministic=args.deterministic, diff_rank_seed=args.diff_rank_seed)
    if args.resume is not None:
        cfg.resume, cfg.load_from = True, None if args.resume == 'auto' else args.resume
    build_runner(cfg).train()


if __name__ == '__main__':
    with report_errors():
        main()
