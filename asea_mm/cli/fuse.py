"""Late fusion of streams: the weighted mean of the scores of several models on the same samples.

    python tools/fuse_streams.py work_dirs/asea_sbu_joint_cv work_dirs/asea_sbu_bone_cv --out results/sbu_fused
    python tools/fuse_streams.py results/sbu_joint.npz results/sbu_bone.npz --rule product
    python tools/fuse_streams.py joint/scores.npz bone/scores.npz --weights 0.6 0.4

Each stream is a work folder of ``tools/cross_validate.py`` (all its finished folds and seeds, last epoch) or the
``OUT.npz`` of its ``--out``, a work folder of ``tools/test.py``, or a ``scores.npz``. Weights are equal, given, or with
``--weights cv`` chosen for each fold on the other folds (for single files: for each of five parts of the samples on the
other four). ``--rule product`` takes the geometric mean of the probabilities, by which a model that is sure outvotes
one that is not.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from lab.statistics.hard_samples import COLUMNS, HardSample, as_cells, class_names, hard_samples
from lab.statistics.pages import markdown_table, read_json, write_result

from ..engine import report_errors
from ..engine.running import working_tree_commit
from ..errors import InputError
from ..evaluation.fusion import RULES, align, cross_validated_weights, fuse, parts_of
from ..evaluation.report import cross_entropy
from ..evaluation.scores import StreamScores, read_runs, write_runs
from ..evaluation.statistics import Run, as_percent, in_columns, run_name, summarise_runs, with_spread

NUM_PARTS = 5


def origin(path: Path) -> dict:
    """Where a stream's scores come from: settings and commits of its runs, if it is a cross-validation."""
    results = [read_json(file) for file in sorted(path.glob('fold*_seed*/result.json'))]
    if path.is_file() and (beside := path.with_suffix('.json')).exists():  # that of a fusion has no runs
        results = read_json(beside).get('runs', [])
    commits = sorted({result['commit'] for result in results})
    config = results[0]['settings']['config'] if results else None
    return {'path': str(path), 'config': config, 'commits': commits}


def summaries(runs: dict[Run, StreamScores]) -> dict:
    """Top-1 and, of probabilities, cross-entropy of every run, summarised."""
    sizes = {run: len(stream.labels) for run, stream in runs.items()}
    found = {'accuracy': summarise_runs({run: stream.top1 for run, stream in runs.items()}, sizes)}
    losses = {run: cross_entropy(stream.scores, stream.labels) for run, stream in runs.items()}
    known = {run: loss for run, loss in losses.items() if loss is not None}
    if len(known) == len(losses):
        found['cross_entropy'] = summarise_runs(known, sizes)
    return found


def weights_by_fold(
    runs: dict[Run, list[StreamScores]], wanted: list[float] | str, rule: str
) -> dict[int, tuple[float, ...]]:
    """The weights that the samples of each fold are fused with."""
    folds = sorted({fold for fold, _ in runs})
    if not isinstance(wanted, str):
        return {fold: tuple(wanted) for fold in folds}
    groups = defaultdict(list)
    for (fold, _), streams in runs.items():
        groups[fold].append(streams)
    return cross_validated_weights(groups, rule=rule)


def fuse_runs(
    runs: dict[Run, list[StreamScores]], weights: dict[int, tuple[float, ...]], rule: str
) -> dict[Run, StreamScores]:
    return {(fold, seed): fuse(streams, weights[fold], rule) for (fold, seed), streams in runs.items()}


def join_parts(parts: dict[Run, StreamScores]) -> StreamScores:
    """The parts of one test as one again."""
    return StreamScores(
        tuple(name for part in parts.values() for name in part.ids),
        np.concatenate([part.scores for part in parts.values()]),
        np.concatenate([part.labels for part in parts.values()]),
    )


def loss_of(row: dict) -> str:
    return with_spread(row['cross_entropy']['mean_of_folds']) if 'cross_entropy' in row else '-'


def markdown(result: dict, wrong: Sequence[HardSample]) -> list[str]:
    titles = list(in_columns(result['fused']['accuracy']))
    titles = ['top-1'] if len(titles) == 1 else titles
    lines = [
        '# Fusion of streams',
        '',
        f'Command: `{result["command"]}`, commit {result["commit"]}. Top-1 in %'
        + (
            '.'
            if result['num_runs'] == 1
            else f', last epoch, {result["num_runs"]} runs of each stream, mean ± std over seeds.'
        ),
        '',
    ]
    every = [*result['streams'], result['fused']]
    rows = [[row['name'], *map(as_percent, in_columns(row['accuracy']).values()), loss_of(row)] for row in every]
    lines += markdown_table(['stream', *titles, 'cross-entropy'], rows)
    lines += ['', f'Fused by the rule {result["rule"]}. Weights {result["weights_are"]}:', '']
    lines += [f'- {part}: {", ".join(f"{w:g}" for w in weights)}' for part, weights in result['weights'].items()]
    lines += ['', result['errors']]
    if wrong:
        lines += ['', *markdown_table(COLUMNS, [as_cells(sample, result['classes']) for sample in wrong])]
    return lines


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('streams', nargs='+', type=Path, help='score files, or folders of tests or cross-validations')
    parser.add_argument('--weights', nargs='+', help='a weight for each stream, or cv; equal weights without it')
    parser.add_argument('--seeds', nargs='+', type=int, help='only runs of these seeds; default all')
    parser.add_argument('--rule', choices=RULES, default='sum', help='mean of scores, or geometric mean')
    parser.add_argument('--out', help='write OUT.json, OUT.md and the fused scores, OUT.npz, which can be fused again')
    args = parser.parse_args()
    if len(args.streams) < 2:
        raise InputError('fusion needs at least two streams')
    if args.weights is None:
        args.weights = [1.0] * len(args.streams)
    elif args.weights == ['cv']:
        args.weights = 'cv'
    else:
        try:
            args.weights = [float(weight) for weight in args.weights]
        except ValueError:
            raise InputError(f"--weights: expected numbers or 'cv', got {' '.join(args.weights)}") from None
        if len(args.weights) != len(args.streams):
            raise InputError(f'--weights: expected one for each of {len(args.streams)} streams, got {args.weights}')
    return args


def aligned_runs(paths: Sequence[Path], seeds: Sequence[int] | None) -> dict[Run, list[StreamScores]]:
    """The scores of every run, a list in the order of the streams, whose samples have the order of the first."""
    names = [str(path) for path in paths]
    if len(set(names)) < len(names):
        raise InputError('a stream is given twice')
    streams = {name: read_runs(path) for name, path in zip(names, paths, strict=True)}
    if seeds:
        streams = {
            name: {run: scores for run, scores in runs.items() if run[1] in seeds} for name, runs in streams.items()
        }
    numbers = sorted(streams[names[0]])
    if not numbers:
        raise InputError(f'{names[0]} has no run of the seeds {seeds}')
    for name, runs in streams.items():
        if sorted(runs) != numbers:
            raise InputError(f'{name} has the runs (fold, seed) {sorted(runs)}, {names[0]} has {numbers}')
    return {run: list(align({name: streams[name][run] for name in names}).values()) for run in numbers}


def is_single_test(runs: dict[Run, object]) -> bool:
    return list(runs) == [(0, 0)]


def fuse_as_wanted(
    runs: dict[Run, list[StreamScores]], wanted: list[float] | str, rule: str
) -> tuple[dict[int, tuple[float, ...]], dict[Run, StreamScores]]:
    """The weights of each fold, and the fused scores of each run. A single test has parts of its samples for folds."""
    if not (is_single_test(runs) and wanted == 'cv'):
        weights = weights_by_fold(runs, wanted, rule)
        return weights, fuse_runs(runs, weights, rule)
    parts = {(int(str(part)), 0): group[0] for part, group in parts_of(runs[0, 0], NUM_PARTS).items()}
    weights = weights_by_fold(parts, wanted, rule)
    return weights, {(0, 0): join_parts(fuse_runs(parts, weights, rule))}


def report(
    args: argparse.Namespace,
    runs: dict[Run, list[StreamScores]],
    weights: dict[int, tuple[float, ...]],
    fused: dict[Run, StreamScores],
    wrong: Sequence[HardSample],
) -> dict:
    """What is written to OUT.json."""
    unit = 'all samples' if {fold for fold, _ in runs} == {0} else 'fold'
    chosen = 'given'
    if args.weights == 'cv':
        unit = 'part' if is_single_test(runs) else 'fold'
        chosen = f'chosen for each {unit} on the others'
    num_errors = sum(sample.wrong for sample in wrong)
    return {
        'command': ' '.join(['python', 'tools/fuse_streams.py', *sys.argv[1:]]),
        'commit': working_tree_commit(),
        'num_runs': len(runs),
        'streams': [
            {'name': str(path), **origin(path), **summaries({run: streams[index] for run, streams in runs.items()})}
            for index, path in enumerate(args.streams)
        ],
        'fused': {'name': 'fused', **summaries(fused)},
        'rule': args.rule,
        'weights_are': chosen,
        'weights': {f'{unit} {fold}' if fold else unit: list(values) for fold, values in weights.items()},
        'errors': f'Errors of the fused scores: {num_errors}, of {len(wrong)} different samples.',
        'classes': class_names(args.streams[0], next(iter(fused.values())).scores.shape[1]),
        'wrong': [asdict(sample) for sample in wrong],
    }


def main() -> None:
    args = parse_args()
    runs = aligned_runs(args.streams, args.seeds)
    weights, fused = fuse_as_wanted(runs, args.weights, args.rule)
    wrong = hard_samples({run_name(*run): stream for run, stream in fused.items()})
    result = report(args, runs, weights, fused, wrong)
    table = Table('', 'mean of folds', 'pooled over samples', 'cross-entropy', title='Top-1 in %')
    for row in [*result['streams'], result['fused']]:
        accuracy = row['accuracy']
        table.add_row(row['name'], as_percent(accuracy['mean_of_folds']), as_percent(accuracy['pooled']), loss_of(row))
    console = Console()
    console.print(table)
    console.print(result['errors'])
    if args.out:
        write_result(args.out, result, markdown(result, wrong))
        write_runs(f'{args.out}.npz', fused, result['classes'])


if __name__ == '__main__':
    with report_errors():
        main()
