"""What it gains to begin from trained weights when there are few clips of a class.

Trains on 5, 10, 20 clips of every class of a fold, chosen by the seed, with the recipe of pair3d (joints in space) or
pair2d (in images) as the file has them: once from nothing, once from --load-from. Tests on the whole test part of the
fold. What is finished is not repeated. Prints the late epochs (mean of the last third of the validations) over seeds.

A checkpoint must not know the clips: pair3d was trained on SBU and K3HI. For K3HI begin from a model of SBU alone,
which lab.shipped_weights leaves.

Examples:
  python -m lab.few_samples data/ymja/ymja.pkl --load-from pair2d --out lab/results/few_samples_ymja.json
  python -m lab.few_samples data/k3hi/k3hi.pkl --load-from work_dirs/shipped/pair3d/sbu_to_k3hi.pth
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from asea_mm.datasets import load_annotations, save_annotations
from asea_mm.datasets.files.annotations import select_split
from asea_mm.datasets.files.whole import write_whole
from asea_mm.engine.configs import read_config
from asea_mm.engine.cross_validation import CrossValidation
from asea_mm.errors import InputError
from asea_mm.evaluation.statistics import as_percent, over_seeds

from .commands import lab_parser, noted_command, run_main
from .files import markdown_table
from .statistics.comparison import measure_of
from .training import run_plans

# Name of the config and of its pipelines, by the coordinates of the keypoints.
PIPELINES = {
    3: ('pair3d', 'train_pipeline', 'test_pipeline'),
    2: ('pair2d', 'train_in_image', 'test_in_image'),
}
BEGINNINGS = ('from nothing', 'from trained weights')


def main() -> None:
    """Train what is missing, print and write the figures."""
    parser = lab_parser(__doc__, jobs=True, seeds=(0, 1, 2), work_dir=Path('work_dirs/few_samples'))
    parser.add_argument('data', help='annotation file with splits fold1_train, fold1_val, ...')
    parser.add_argument('--load-from', required=True, help='checkpoint, or pair3d or pair2d')
    parser.add_argument('--counts', type=int, nargs='+', default=[5, 10, 20], help='clips a class; default: 5 10 20')
    parser.add_argument('--fold', type=int, default=1, help='default: %(default)s')
    parser.add_argument('--fps', type=float, help='of the clips, where the file does not say it')
    parser.add_argument('--epochs', type=int, help="default: the recipe's")
    parser.add_argument('--out', type=Path, help='write the figures as JSON')
    args = parser.parse_args()
    content = load_annotations(args.data)
    rows, figures = [], {}
    for count in args.counts:
        late: dict[str, list[float | None]] = {beginning: [] for beginning in BEGINNINGS}
        for seed in args.seeds:
            folder = args.work_dir / Path(args.data).stem / f'{count}_clips_seed{seed}'
            path = folder / 'clips.pkl'
            write_few(content, path, args.data, count, args.fold, seed)
            for beginning, load_from in zip(BEGINNINGS, (None, args.load_from), strict=True):
                cfg = recipe(content, path, args.fold, args.fps, args.epochs, load_from)
                work_dir = folder / beginning.replace(' ', '_')
                config = folder / f'{work_dir.name}.py'
                write_whole(config, cfg.pretty_text)
                plan = CrossValidation(str(config), (args.fold,), (seed,), work_dir)
                (run,) = run_plans([plan], work_dir / 'jobs', args.jobs)
                late[beginning].append(measure_of(run, 'late_top1'))
        known = {name: [value for value in values if value is not None] for name, values in late.items()}
        summary = {name: over_seeds(values) if values else None for name, values in known.items()}
        figures[str(count)] = summary
        rows.append([str(count), *('-' if values is None else as_percent(values) for values in summary.values())])
    print('\n'.join(markdown_table(('clips a class', *BEGINNINGS), rows)))
    if args.out is not None:
        about = {'command': noted_command('few_samples'), 'seeds': args.seeds, 'fold': args.fold}
        write_whole(args.out, json.dumps({**about, 'late_top1': figures}, indent=1) + '\n')


def write_few(content: Mapping[str, Any], path: Path, source: str, count: int, fold: int, seed: int) -> None:
    """An annotation file with so many clips of every class to train on, and all of the fold to test on.

    Raises:
        InputError: If a class has fewer.
    """
    train = select_split(content, f'fold{fold}_train', source)
    test = select_split(content, f'fold{fold}_val', source)
    of_class: dict[int, list[Any]] = defaultdict(list)
    for clip in train:
        of_class[clip['label']].append(clip)
    rng = np.random.default_rng(seed)
    chosen = []
    for label, clips in sorted(of_class.items()):
        if len(clips) < count:
            name = content['meta']['classes'][label]
            raise InputError(f'{source}: expected {count} clips of {name!r} in fold{fold}_train, got {len(clips)}')
        chosen += [clips[index] for index in rng.permutation(len(clips))[:count]]
    names = {
        f'fold{fold}_{part}': [clip['frame_dir'] for clip in clips]
        for part, clips in (('train', chosen), ('val', test))
    }
    save_annotations(path, [*chosen, *test], names, content['meta'])


def recipe(
    content: Mapping[str, Any], path: Path, fold: int, fps: float | None, epochs: int | None, load_from: str | None
) -> Config:
    """The recipe of the model that fits the keypoints, on such a file."""
    config, train, test = PIPELINES[content['annotations'][0]['keypoint'].shape[-1]]
    cfg = read_config(config)
    cfg.load_from = load_from
    cfg.model.cls_head.num_classes = len(content['meta']['classes'])
    source = dict(type='InteractionPoseDataset', ann_file=str(path), fold=fold, fps=fps)
    cfg.train_dataloader.dataset = dict(**source, split='train', pipeline=cfg[train])
    for loader in ('val_dataloader', 'test_dataloader'):
        cfg[loader].dataset = dict(**source, split='val', pipeline=cfg[test], test_mode=True)
    if epochs is not None:
        cfg.train_cfg.max_epochs = epochs
    return cfg


if __name__ == '__main__':
    run_main(main)
