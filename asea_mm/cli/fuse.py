"""Late fusion: several models as one, or the weighted mean of scores that are there already.

Of checkpoints comes one checkpoint, OUT.pth, which asea test, infer, watch and calibrate take as any other; each member
keeps its own test pipeline. Their weights are equal, given, or with --weights fit those of the most right answers on
the test data of --data, a config or an annotation file, which no member may have been trained on.

Of scores come scores: of work folders of asea cross-validate (all finished folds and seeds, last epoch) or the OUT.npz
of its --out, of work folders of asea test, or scores.npz. There, --weights cv chooses the weights for each fold on the
other folds.

--rule product takes the geometric mean of the probabilities, by which a model that is sure outvotes one that is not.

Examples:
  asea fuse asea.pth kernel.pth --rule product --out pair.pth
  asea fuse asea.pth kernel.pth --weights fit --data asea_sbu --fold 1 --out pair.pth
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

from mmengine.config import Config

from ..engine import load_config
from ..engine.cfg_options import read_cfg_options
from ..engine.cross_validation import summarise
from ..errors import InputError
from ..evaluation.fusion import RULES, align, cross_validated_weights, fuse
from ..evaluation.report import cross_entropy
from ..evaluation.scores import StreamScores, read_class_names, read_runs, write_runs
from ..evaluation.statistics import Run, as_percent, with_spread
from .options import add_cfg_options, add_subset_options
from .output import circumstances, print_table, say_written, write_json

Streams = list[StreamScores]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('streams', nargs='+', type=Path, help='checkpoints; or score files, or folders with such')
    parser.add_argument('--weights', nargs='+', help='a weight for each, fit, or of scores cv (default: equal weights)')
    parser.add_argument('--rule', choices=RULES, default='sum', help='mean of scores, or geometric mean')
    parser.add_argument('--out', help='of checkpoints: OUT.pth; of scores: write OUT.json and the fused OUT.npz')
    parser.add_argument('--seeds', nargs='+', type=int, help='of scores: only runs of these seeds (default: all)')
    group = parser.add_argument_group('checkpoints with --weights fit')
    group.add_argument('--data', help='whose test data counts: a config, or an annotation file')
    add_subset_options(group)
    add_cfg_options(group)


def run(args: argparse.Namespace) -> None:
    are_checkpoints = [path.suffix == '.pth' for path in args.streams]
    if all(are_checkpoints):
        fuse_models(args)
    elif any(are_checkpoints):
        raise InputError(f'fusion: expected checkpoints or scores, got both: {" ".join(map(str, args.streams))}')
    else:
        fuse_runs(args)


def fuse_models(args: argparse.Namespace) -> None:
    """Write checkpoints as one."""
    from ..apis.fusing import fit_weights, write_fused  # models, which scores do without

    if not str(args.out).endswith('.pth') or args.seeds:
        raise InputError(f'fusion of checkpoints: expected --out FILE.pth and no --seeds, got --out {args.out}')
    is_fitted = args.weights == ['fit']
    if is_fitted != (args.data is not None):
        raise InputError(f'fusion of checkpoints: --data goes with --weights fit, got {args.data} and {args.weights}')
    if is_fitted:
        weights, streams = fit_weights(args.streams, lambda: config_of_data(args), args.rule)
        for path, stream in zip([*args.streams, 'fused'], [*streams, fuse(streams, weights, args.rule)], strict=True):
            print(f'top-1 of {path} on {len(stream.labels)} samples: {stream.top1:.2%}')
    else:
        weights = tuple(numbers_of(args.weights, len(args.streams), 'fit'))
    write_fused(args.streams, args.out, weights, args.rule)
    named = (f'{weight:g} {path}' for weight, path in zip(weights, args.streams, strict=True))
    print(f'rule {args.rule}: {", ".join(named)}')
    say_written(args.out)


def config_of_data(args: argparse.Namespace) -> Config:
    """A config whose test data is that of ``--data``."""
    name, options = args.data, read_cfg_options(args.cfg_options)
    if Path(name).suffix == '.pkl':  # models and pipelines come from the checkpoints
        name, options = 'kernel', {'test_dataloader.dataset.ann_file': args.data, **options}
    return load_config(name, args.split, args.fold, cfg_options=options)


def fuse_runs(args: argparse.Namespace) -> None:
    """Fuse the scores of tests and cross-validations."""
    if args.data is not None:
        raise InputError(f'--data: only checkpoints are tested on data, got {" ".join(map(str, args.streams))}')
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
    return dict.fromkeys(runs, numbers_of(given, len(next(iter(runs.values()))), 'cv'))


def numbers_of(given: Sequence[str] | None, count: int, word: str) -> list[float]:
    """Weights as they were typed; equal ones where none were. Instead of them ``word`` could have been typed."""
    try:
        return [1.0] * count if given is None else list(map(float, given))
    except ValueError:
        raise InputError(f'--weights: expected numbers or {word!r}, got {" ".join(given or ())}') from None


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
