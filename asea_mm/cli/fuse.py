"""Late fusion: the weighted mean of the scores of several models or streams on the same samples.

Each of them is a work folder of asea cross-validate (all its finished folds and seeds, last epoch) or the OUT.npz of
its --out, a work folder of asea test, or a scores.npz. Weights are equal, given, or with --weights cv chosen for each
fold on the other folds (for single tests: for each of five parts of the samples on the other four). --rule product
takes the geometric mean of the probabilities, by which a model that is sure outvotes one that is not.

Examples:
  asea fuse work_dirs/asea_sbu_joint_cv work_dirs/asea_sbu_bone_cv --out results/fused
  asea fuse results/joint.npz results/bone.npz --rule product
  asea fuse joint/scores.npz bone/scores.npz --weights 0.6 0.4
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from ..datasets.files.whole import write_whole
from ..engine.running import working_tree_commit
from ..errors import InputError
from ..evaluation.fusion import RULES, align, cross_validated_weights, fuse, parts_of
from ..evaluation.report import cross_entropy
from ..evaluation.scores import StreamScores, read_class_names, read_runs, write_runs
from ..evaluation.statistics import Run, as_percent, summarise_runs, with_spread
from .options import command_line, console, say_written

NUM_PARTS = 5
SINGLE: Run = (0, 0)  # the one run of a test

Streams = list[StreamScores]
Weights = tuple[float, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('streams', nargs='+', type=Path, help='score files, or folders of tests or cross-validations')
    parser.add_argument('--weights', nargs='+', help='a weight for each of them, or cv (default: equal weights)')
    parser.add_argument('--seeds', nargs='+', type=int, help='only runs of these seeds (default: all)')
    parser.add_argument('--rule', choices=RULES, default='sum', help='mean of scores, or geometric mean')
    parser.add_argument('--out', help='write OUT.json and the fused scores, OUT.npz, which can be fused again')


def run(args: argparse.Namespace) -> None:
    weights = read_weights(args.weights, len(args.streams))
    runs = aligned_runs(args.streams, args.seeds)
    chosen, fused = fuse_runs(runs, weights, args.rule)
    names = [str(path) for path in args.streams]
    rows = {name: measures({run: streams[i] for run, streams in runs.items()}) for i, name in enumerate(names)}
    rows['fused'] = measures(fused)
    table = Table('', 'mean of folds', 'pooled over samples', 'cross-entropy', title=f'Top-1 in %, {len(runs)} runs')
    for name, row in rows.items():
        loss = with_spread(row['cross_entropy']['mean_of_folds']) if 'cross_entropy' in row else '-'
        table.add_row(name, *(as_percent(row['accuracy'][key]) for key in ('mean_of_folds', 'pooled')), loss)
    console().print(table)
    for part, values in chosen.items():
        print(f'weights of {part}: {", ".join(f"{value:g}" for value in values)}')
    if args.out:
        content = {
            'command': command_line(),
            'commit': working_tree_commit(),
            'num_runs': len(runs),
            'rule': args.rule,
            'weights': {part: list(values) for part, values in chosen.items()},
            'streams': [{'name': name, **rows[name]} for name in names],
            'fused': rows['fused'],
        }
        write_whole(Path(f'{args.out}.json'), json.dumps(content, indent=1) + '\n')
        classes = class_names(args.streams, next(iter(fused.values())).scores.shape[1])
        write_runs(f'{args.out}.npz', fused, classes)
        say_written(f'{args.out}.json', f'{args.out}.npz')


def read_weights(given: Sequence[str] | None, count: int) -> Weights | None:
    """The weights; None for those that are chosen by cross-validation."""
    if count < 2:
        raise InputError('fusion: expected at least two streams, got one')
    if given is None:
        return (1.0,) * count
    if given == ['cv']:
        return None
    try:
        weights = tuple(map(float, given))
    except ValueError:
        raise InputError(f"--weights: expected numbers or 'cv', got {' '.join(given)}") from None
    if len(weights) != count:
        raise InputError(f'--weights: expected one for each of {count} streams, got {" ".join(given)}')
    return weights


def aligned_runs(paths: Sequence[Path], seeds: Sequence[int] | None) -> dict[Run, Streams]:
    """The scores of every run, in the order of the streams, whose samples have the order of the first."""
    names = [str(path) for path in paths]
    if len(set(names)) < len(names):
        raise InputError('fusion: a stream is given twice')
    by_name = {
        name: {run: scores for run, scores in read_runs(path).items() if not seeds or run[1] in seeds}
        for name, path in zip(names, paths, strict=True)
    }
    numbers = sorted(by_name[names[0]])
    if not numbers:
        raise InputError(f'{names[0]} has no run of the seeds {seeds}')
    for name, runs in by_name.items():
        if sorted(runs) != numbers:
            raise InputError(f'{name} has the runs (fold, seed) {sorted(runs)}, {names[0]} has {numbers}')
    return {run: list(align({name: by_name[name][run] for name in names}).values()) for run in numbers}


def fuse_runs(
    runs: Mapping[Run, Streams], weights: Weights | None, rule: str
) -> tuple[dict[str, Weights], dict[Run, StreamScores]]:
    """The weights, by what they are used for, and the fused scores of each run."""
    if weights is not None:
        return {'all samples': weights}, {run: fuse(streams, weights, rule) for run, streams in runs.items()}
    unit, parts = 'fold', dict(runs)
    if list(runs) == [SINGLE]:  # parts of its samples stand in for folds
        unit = 'part'
        parts = {(int(str(part)), 0): group[0] for part, group in parts_of(runs[SINGLE], NUM_PARTS).items()}
    groups: dict[Any, list[Streams]] = defaultdict(list)
    for (fold, _), streams in parts.items():
        groups[fold].append(streams)
    chosen = cross_validated_weights(groups, rule=rule)
    fused = {(fold, seed): fuse(streams, chosen[fold], rule) for (fold, seed), streams in parts.items()}
    if unit == 'part':
        fused = {SINGLE: joined(list(fused.values()))}
    return {f'{unit} {fold}': values for fold, values in chosen.items()}, fused


def joined(parts: Sequence[StreamScores]) -> StreamScores:
    """The parts of one test as one again."""
    return StreamScores(
        tuple(name for part in parts for name in part.ids),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )


def measures(runs: Mapping[Run, StreamScores]) -> dict:
    """Top-1 and, of probabilities, cross-entropy of every run, summarised."""
    sizes = {run: len(scores.labels) for run, scores in runs.items()}
    summaries = {'accuracy': summarise_runs({run: scores.top1 for run, scores in runs.items()}, sizes)}
    losses = {run: cross_entropy(scores.scores, scores.labels) for run, scores in runs.items()}
    known = {run: loss for run, loss in losses.items() if loss is not None}
    if len(known) == len(losses):
        summaries['cross_entropy'] = summarise_runs(known, sizes)
    return summaries


def class_names(paths: Sequence[Path], count: int) -> list[str]:
    """The names of the classes, from the first of the streams that has them; numbers if none has."""
    for path in paths:
        if path.is_file() and (names := read_class_names(path)):
            return names
        folder = path if path.is_dir() else path.parent
        for report in (folder / 'report.json', *folder.glob('fold*_seed*/result.json')):
            if report.is_file():
                return json.loads(report.read_text())['classes']
    return [str(label) for label in range(count)]
