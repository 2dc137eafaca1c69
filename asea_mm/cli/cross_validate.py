"""Train and test every fold and seed of a config, several at once if you like, and print mean and spread.

The last epoch (a fixed schedule) is told from the best epoch (chosen on the test fold, as most papers of the field
report), per fold and pooled over all samples, with the cross-entropy of the last epoch, a finer measure than a count of
errors. A data set without folds, such as NTU RGB+D, is trained and tested once for every seed. Finished runs are not
repeated, interrupted ones resume; a folder of runs with another recipe is refused.

Examples:
  asea cross-validate asea_sbu --seeds 0 1 2 --jobs 2 --out results/asea_sbu
  asea cross-validate asea_sbu --streams joint bone      # each of them, for asea fuse
  asea cross-validate asea_sbu --folds 1 3 --jobs 5 --cluster slurm --partition gpu
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.table import Table

from ..engine import find_config
from ..engine.cross_validation import CrossValidation, all_folds, cross_validate, summarise, write_summary
from ..errors import InputError
from ..evaluation.statistics import as_percent, in_columns, run_name, with_spread
from .options import CONFIG_HELP, add_cfg_options, add_job_options, command_line, console, job_parameters, say_written


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('config', help=CONFIG_HELP)
    parser.add_argument('--folds', nargs='+', default=['all'], help='numbers, or all (default): those of the data')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='random seeds (default: 0)')
    parser.add_argument(
        '--streams', nargs='+', default=[None], metavar='STREAM', help='each of them in turn, as --stream of asea train'
    )
    parser.add_argument('--work-dir', type=Path, help='folder of the runs (default: work_dirs/CONFIG[_STREAM]_cv)')
    parser.add_argument('--out', help='write OUT.json (OUT_STREAM.json), and the scores, for asea fuse, to OUT.npz')
    add_cfg_options(parser)
    add_job_options(parser)


def run(args: argparse.Namespace) -> None:
    if args.folds == ['all']:
        folds = all_folds(args.config)
    elif all(fold.isdecimal() and int(fold) for fold in args.folds):
        folds = tuple(map(int, args.folds))
    else:
        raise InputError(f"--folds: expected numbers from 1 on or 'all', got {' '.join(args.folds)}")
    if len(set(args.streams)) < len(args.streams):
        raise InputError(f'--streams: expected different ones, got {" ".join(args.streams)}')
    plans = [plan_of(args, folds, stream) for stream in args.streams]
    for plan in plans:  # all are looked at before the first is run
        plan.load_config(folds[0])
    for plan in plans:
        results = []
        for result in cross_validate(plan, **job_parameters(args)):
            results.append(result)
            print(f'[{len(results)}/{len(plan.runs)}] {line_of(result)}', flush=True)
        results.sort(key=lambda result: plan.runs.index((result['fold'], result['seed'])))
        print_summary(plan, results)
        if args.out:
            out = f'{args.out}{suffix_of(plan.stream) if len(plans) > 1 else ""}'
            write_summary(out, plan, results, command_line())
            say_written(f'{out}.json', f'{out}.npz')


def plan_of(args: argparse.Namespace, folds: tuple[int, ...], stream: str | None) -> CrossValidation:
    """What is cross-validated for one stream; each of several has a folder of its own."""
    work_dir = Path('work_dirs') / f'{find_config(args.config).stem}{suffix_of(stream)}_cv'
    if args.work_dir:
        own = suffix_of(stream) if len(args.streams) > 1 else ''
        work_dir = args.work_dir.with_name(args.work_dir.name + own)
    return CrossValidation(args.config, folds, tuple(args.seeds), work_dir, stream, tuple(args.cfg_options))


def suffix_of(stream: str | None) -> str:
    return f'_{stream.replace(",", "+")}' if stream else ''


def line_of(result: dict) -> str:
    """What is said of a run when it is done."""
    return (
        f'{run_name(result["fold"], result["seed"])}: last {result["last_top1"]:.2%}, best {result["best_top1"]:.2%} '
        f'(epoch {result["best_epoch"]}), {result["seconds"]} s'
    )


def print_summary(plan: CrossValidation, results: list[dict]) -> None:
    """Measures of every fold and of all: last and best epoch, cross-entropy of the last."""
    summary = summarise(results)
    title = ', '.join(filter(None, (plan.config, plan.stream)))
    table = Table('', 'last epoch', 'best epoch', 'cross-entropy', title=f'{title}, top-1 in %')
    last, best = in_columns(summary['last_top1']), in_columns(summary['best_top1'])
    entropy = in_columns(summary['last_cross_entropy']) if 'last_cross_entropy' in summary else {}
    for name in last:
        table.add_row(
            name, as_percent(last[name]), as_percent(best[name]), with_spread(entropy[name]) if entropy else '-'
        )
    console().print(table)
