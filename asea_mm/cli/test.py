"""Test a checkpoint: scores, top-1/5, per-class accuracy and confusion matrix, as JSON and as a picture."""

from __future__ import annotations

import argparse

from ..engine import build_runner, leave_processes, load_config, parse_options, report_errors
from ..errors import InputError


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Test a checkpoint')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--dump', help='also dump all predictions to this .pkl, as mmaction2 does')
    return parse_options(parser)


def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    cfg.load_from = args.checkpoint
    evaluators = cfg.test_evaluator if isinstance(cfg.test_evaluator, (list, tuple)) else [cfg.test_evaluator]
    cfg.test_evaluator = [*evaluators, dict(type='InteractionReport', out_dir=cfg.work_dir)]
    if args.dump is not None:
        if not args.dump.endswith(('.pkl', '.pickle')):
            raise InputError(f'--dump: expected a .pkl or .pickle file, got {args.dump}')
        cfg.test_evaluator.append(dict(type='DumpResults', out_file_path=args.dump))
    build_runner(cfg, strict=True).test()
    leave_processes()


if __name__ == '__main__':
    with report_errors():
        main()
