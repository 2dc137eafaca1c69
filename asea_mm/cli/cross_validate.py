"""Train and test every fold and seed of a config, several at once if you like, and print mean and spread.

The last epoch (a fixed schedule) is told from the best epoch (chosen on the test fold, as most papers of the field
report), per fold and pooled over all samples, with the cross-entropy of the last epoch, a finer measure than a count of
errors. A data set without folds, such as NTU RGB+D, is trained and tested once for every seed. Finished runs are not
repeated, interrupted ones resume; a folder of runs with another recipe is refused.

Examples:
  asea cross-validate asea_sbu --seeds 0 1 2 --jobs 2 --out results/asea_sbu
  asea cross-validate asea_sbu --stream bone      # its work folder and that of another stream: asea fuse
  asea cross-validate asea_sbu --folds 1 3 --jobs 5 --slurm gpu
"""

import argparse
from pathlib import Path

from ..engine import find_config
from ..engine.cross_validation import MEASURES, CrossValidation, all_folds, cross_validate, summarise, write_summary
from ..errors import InputError
from ..evaluation.statistics import as_percent, in_columns, with_spread
from .options import CONFIG_HELP, STREAM_HELP, add_cfg_options, add_job_options, job_parameters
from .output import circumstances, print_table, say_written


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('config', help=CONFIG_HELP)
    parser.add_argument('--folds', nargs='+', default=['all'], help='numbers, or all (default): those of the data')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='random seeds (default: 0)')
    parser.add_argument('--stream', help=STREAM_HELP)
    parser.add_argument('--work-dir', type=Path, help='folder of the runs (default: work_dirs/CONFIG[_STREAM]_cv)')
    parser.add_argument('--out', help='write OUT.json, and the scores, for asea fuse, to OUT.npz')
    add_cfg_options(parser)
    add_job_options(parser)


def run(args: argparse.Namespace) -> None:
    if args.folds == ['all']:
        folds = all_folds(args.config, args.cfg_options)
    elif all(fold.isdecimal() for fold in args.folds):
        folds = tuple(map(int, args.folds))
    else:
        raise InputError(f"--folds: expected numbers or 'all', got {' '.join(args.folds)}")
    parts = [find_config(args.config).stem, *([args.stream.replace(',', '+')] if args.stream else []), 'cv']
    work_dir = args.work_dir or Path('work_dirs') / '_'.join(parts)
    plan = CrossValidation(args.config, folds, tuple(args.seeds), work_dir, args.stream, tuple(args.cfg_options))
    results = []
    for result in cross_validate(plan, **job_parameters(args)):
        results.append(result)
        line = f'last {result["last_top1"]:.2%}, best {result["best_top1"]:.2%} (epoch {result["best_epoch"]})'
        fold = plan.fold_option(result['fold'])
        name = f'seed {result["seed"]}' if fold is None else f'fold {fold} seed {result["seed"]}'
        print(f'[{len(results)}/{len(plan.runs)}] {name}: {line}, {result["seconds"]} s', flush=True)
    results.sort(key=lambda result: plan.runs.index((result['fold'], result['seed'])))
    print_summary(plan, results)
    if args.out:
        write_summary(args.out, plan, results, circumstances()['command'])
        say_written(f'{args.out}.json', f'{args.out}.npz')


def print_summary(plan: CrossValidation, results: list[dict]) -> None:
    """Measures of every fold and of all: last and best epoch, cross-entropy of the last."""
    measures = {name: in_columns(measure) for name, measure in summarise(results, MEASURES).items()}
    columns = [{name: as_percent(cell) for name, cell in measures[key].items()} for key in MEASURES[:2]]
    columns += [{name: with_spread(cell) for name, cell in measures.get('last_cross_entropy', {}).items()}]
    print_table(
        f'{", ".join(filter(None, (plan.config, plan.stream)))}, top-1 in %',
        ('', 'last epoch', 'best epoch', 'cross-entropy'),
        [(name, *(column.get(name, '-') for column in columns)) for name in columns[0]],
    )
