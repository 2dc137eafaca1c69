"""How often the joints of each body part are active, by class: JSON, Markdown and heat maps.

python -m lab.body_parts configs/asea_sbu.py work_dirs/asea_sbu_cv/fold1_seed0/epoch_60.pth --fold 1
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmaction.registry import DATASETS
from mmengine.registry import init_default_scope
from torch import nn

from asea_mm.apis.loading import load_model
from asea_mm.datasets.files.whole import write_whole
from asea_mm.engine import load_config
from asea_mm.engine.running import working_tree_commit
from asea_mm.skeletons import Skeleton
from asea_mm.visualization.drawing import save_figure
from asea_mm.visualization.probe import LayerReading, probe

from .commands import lab_parser, run_main
from .files import RESULTS, markdown_table
from .pictures.body_parts import draw_body_parts
from .statistics.body_parts import BodyPartTable


def count_body_parts(
    model: nn.Module, dataset: Any, skeleton: Skeleton, classes: Sequence[str], batch_size: int = 16
) -> BodyPartTable:
    """Run a model on every sample of a dataset and count where joints are active.

    Args:
        model: A recognizer with AEA.
        dataset: Its dataset, ours or mmaction2's, that gives every sample the same shape.
        skeleton: Layout of the skeletons.
        classes: Names of the classes.
        batch_size: Samples that run at once.
    """
    parts = list(skeleton.part_indices.values())
    labels = [int(dataset.get_data_info(index)['label']) for index in range(len(dataset))]
    cells = np.zeros(len(classes), dtype=int)
    joint_counts = np.zeros((len(classes), skeleton.num_joints), dtype=int)
    any_counts = np.zeros((len(classes), len(parts)), dtype=int)
    for start in range(0, len(dataset), batch_size):
        indices = range(start, min(start + batch_size, len(dataset)))
        inputs = torch.stack([dataset[index]['inputs'] for index in indices]).float()
        for index, sample in zip(indices, probe(model, inputs, attention=False), strict=True):
            for reading in (reading for clip in sample.clips for reading in clip):
                frames, joints, anywhere = _count(reading, parts)
                cells[labels[index]] += frames
                joint_counts[labels[index]] += joints
                any_counts[labels[index]] += anywhere
    samples = np.bincount(labels, minlength=len(classes))
    return BodyPartTable(list(classes), skeleton, samples, cells, joint_counts, any_counts)


def _count(reading: LayerReading, parts: Sequence[Sequence[int]]) -> tuple[int, np.ndarray, np.ndarray]:
    """Frames in which persons are there, those in which each joint is active, those in which each part is."""
    frames = reading.present.sum(axis=1)
    anywhere = np.stack([reading.mask[:, list(joints)].any(axis=1) for joints in parts], axis=1)
    return int(frames.sum()), frames @ reading.mask.astype(int), frames @ anywhere.astype(int)


def page(content: Mapping[str, Any]) -> str:
    """The table of parts in Markdown, in per cent."""
    parts = list(content['body_parts'])
    rows = [
        [
            row['class'],
            str(row['samples']),
            *('-' if (share := row['parts'][part]) is None else f'{100 * share:.1f}' for part in parts),
        ]
        for row in content['classes']
    ]
    title = f'# Active joints by body part: {content["config"]}, fold {content["fold"]}'
    note = (
        'Share of (person, frame, layer) in which joints are active, in %: the mean over the joints of a part. '
        f'Commit {content["commit"]}, `{content["checkpoint"]}`.'
    )
    titles = ['class', 'samples', *(part.replace('_', ' ') for part in parts)]
    return '\n'.join([title, '', note, '', *markdown_table(titles, rows), ''])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = lab_parser(__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--fold', type=int, help='fold of cross-validation')
    parser.add_argument('--split', help='benchmark of the dataset, e.g. xsub or xset')
    parser.add_argument('--out', type=Path, default=RESULTS / 'sbu_body_parts', help='OUT.json and OUT.md')
    parser.add_argument('--picture', type=Path, help='write heat maps to this PNG file')
    args = parser.parse_args(arguments)
    init_default_scope('mmaction')
    cfg = load_config(args.config, args.split, args.fold)
    trained, dataset = load_model(cfg, args.checkpoint), DATASETS.build(cfg.test_dataloader.dataset)
    table = count_body_parts(trained.model, dataset, trained.skeleton, trained.classes)
    source = dict(config=args.config, checkpoint=args.checkpoint, split=args.split, fold=args.fold)
    content = dict(commit=working_tree_commit(), **source, **table.as_dict())
    write_whole(args.out.with_name(f'{args.out.name}.json'), json.dumps(content, indent=1) + '\n')
    write_whole(args.out.with_name(f'{args.out.name}.md'), page(content))
    if args.picture:
        save_figure(draw_body_parts(table), args.picture)
    print(page(content))


if __name__ == '__main__':
    run_main(main)
