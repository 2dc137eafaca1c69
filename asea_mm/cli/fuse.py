"""Late fusion: the weighted mean of the scores of several models or streams on the same samples.

Each of them is a work folder of asea cross-validate (all its finished folds and seeds, last epoch) or the OUT.npz of
its --out, a work folder of asea test, or a scores.npz. Weights are equal, given, or with --weights cv chosen for each
fold on the other folds. --rule product takes the geometric mean of the probabilities, by which a model that is sure
outvotes one that is not.

Examples:
  asea fuse work_dirs/asea_sbu_joint_cv work_dirs/asea_sbu_bone_cv --out results/fused
  asea fuse results/joint.npz results/bone.npz --weights cv --rule product
  asea fuse joint/scores.npz bone/scores.npz --weights 0.6 0.4
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..engine.cross_validation import summarise
from ..errors import InputError
from ..evaluation.fusion import RULES, align, cross_validated_weights, fuse
from ..evaluation.report import cross_entropy
from ..evaluation.scores import StreamScores, read_class_names, read_runs, write_runs
from ..evaluation.statistics import Run, as_percent, with_spread
from .output import circumstances, print_table, say_written, write_json

Streams = list[StreamScores]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('streams', nargs='+', type=Path, help='score files, or folders of tests or cross-validations')
    parser.add_argument('--weights', nargs='+', help='a weight for each of them, or cv (default: equal weights)')
    parser.add_argument('--seeds', nargs='+', type=int, help='only runs of these seeds (default: all)')
    parser.add_argument('--rule', choices=RULES, default='sum', help='mean of scores, or geometric mean')
    parser.add_argument('--out', help='write OUT.json and the fused scores, OUT.npz, which can be fused again')


def run(args: argparse.Namespace) -> None:
    runs = aligned_runs(args.streams, args.seeds)
    weights = weights_of_runs(args.weights, runs, args.rule)
    fused = {run: fuse(streams, weights[run], args.rule) for run, streams in runs.items()}
    names = [str(path) for path in args.streams]
    rows = {name: measures({run: streams[i] for run, streams in runs.items()}) for i, name in enumerate(names)}
    rows['fused'] = measures(fused)
    cells = []
    for name, row in rows.items():
        loss = with_spread(row['cross_entropy']['mean_of_folds']) if 'cross_entropy' in row else '-'
        cells.append([name, *(as_percent(row['accuracy'][key]) for key in ('mean_of_folds', 'pooled')), loss])
    columns = ('', 'mean of folds', 'pooled over samples', 'cross-entropy')
    print_table(f'Top-1 in %, {len(runs)} runs', columns, cells)
    by_fold = {f'fold {fold}' if args.weights == ['cv'] else 'all samples': of for (fold, _), of in weights.items()}
    for part, of_part in by_fold.items():
        print(f'weights of {part}: {", ".join(f"{weight:g}" for weight in of_part)}')
    if args.out:
        content = {
            **circumstances(),
            'num_runs': len(runs),
            'rule': args.rule,
            'weights': by_fold,
            'streams': [{'name': name, **rows[name]} for name in names],
            'fused': rows['fused'],
        }
        classes = class_names(args.streams, next(iter(fused.values())).scores.shape[1])
        write_runs(f'{args.out}.npz', fused, classes)
        say_written(f'{args.out}.npz')
        write_json(f'{args.out}.json', content)


def aligned_runs(paths: Sequence[Path], seeds: Sequence[int] | None) -> dict[Run, Streams]:
    """The scores of every run, in the order of the streams, whose samples have the order of the first."""
    if len(paths) < 2 or len(set(paths)) < len(paths):
        raise InputError(f'fusion: expected at least two different streams, got {" ".join(map(str, paths))}')
    by_name = {
        str(path): {run: scores for run, scores in read_runs(path).items() if not seeds or run[1] in seeds}
        for path in paths
    }
    first, numbers = next((name, sorted(runs)) for name, runs in by_name.items())
    for name, runs in by_name.items():
        if sorted(runs) != numbers or not runs:
            raise InputError(f'{name} has the runs (fold, seed) {sorted(runs)} of seeds {seeds}, {first} has {numbers}')
    return {run: list(align({name: runs[run] for name, runs in by_name.items()}).values()) for run in numbers}


def weights_of_runs(given: Sequence[str] | None, runs: Mapping[Run, Streams], rule: str) -> dict[Run, Sequence[float]]:
    """The weights of the streams in every run."""
    if given == ['cv']:
        by_fold: dict[Hashable, list[Streams]] = defaultdict(list)
        for (fold, _), streams in runs.items():
            by_fold[fold].append(streams)
        chosen = cross_validated_weights(by_fold, rule=rule)
        return {(fold, seed): chosen[fold] for fold, seed in runs}
    try:
        weights = [1.0] * len(next(iter(runs.values()))) if given is None else list(map(float, given))
    except ValueError:
        raise InputError(f"--weights: expected numbers or 'cv', got {' '.join(given or ())}") from None
    return dict.fromkeys(runs, weights)


def measures(runs: Mapping[Run, StreamScores]) -> dict[str, Any]:
    """Top-1 and, of probabilities, cross-entropy of every run, summarised."""
    results = [
        {
            'fold': fold,
            'seed': seed,
            'num_samples': len(scores.labels),
            'accuracy': scores.top1,
            'cross_entropy': cross_entropy(scores.scores, scores.labels),
        }
        for (fold, seed), scores in runs.items()
    ]
    return summarise(results, ('accuracy', 'cross_entropy'))


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
