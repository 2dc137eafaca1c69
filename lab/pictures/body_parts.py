"""How often the joints of each body part are active, by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from asea_mm.errors import InputError
from asea_mm.skeletons import Skeleton, get_skeleton
from asea_mm.visualization.drawing import new_figure, short
from asea_mm.visualization.probe import Stage, probe

MEASURES = ('joints', 'any')


@dataclass(frozen=True)
class BodyPartTable:
    """Counts over (person, frame, stage): every stage of a model at every of its frames in which a person is there.

    Args:
        classes: Names of the classes.
        skeleton: Layout.
        samples: Samples of each class.
        cells: Triples of person, frame and stage of each class.
        joint_counts: Those in which a joint is active.
        any_counts: Those in which at least one joint of a body part is active.

    Shapes:
        samples and cells ``(classes,)``, joint_counts ``(classes, V)``, any_counts ``(classes, parts)``
    """

    classes: Sequence[str]
    skeleton: Skeleton
    samples: np.ndarray
    cells: np.ndarray
    joint_counts: np.ndarray
    any_counts: np.ndarray

    def joint_shares(self) -> np.ndarray:
        """Share of the triples in which each joint is active, ``(classes, V)``; NaN for classes without samples."""
        return _share(self.joint_counts, self.cells)

    def part_shares(self, measure: str = 'joints') -> np.ndarray:
        """Share of the triples in which a body part is active, ``(classes, parts)``.

        Args:
            measure: ``'joints'``: the mean over the part's joints, so that large parts have no advantage; ``'any'``:
                at least one of them.

        Raises:
            ValueError: If the measure is another.
        """
        if measure not in MEASURES:
            raise InputError(f'part_shares: measure must be one of {MEASURES}, got {measure!r}')
        if measure == 'any':
            return _share(self.any_counts, self.cells)
        shares = self.joint_shares()
        parts = self.skeleton.part_indices.values()
        return np.stack([shares[:, list(joints)].mean(axis=1) for joints in parts], axis=1)

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain numbers, for JSON; shares of classes without samples are None."""

        def named(shares: np.ndarray, names: Sequence[str]) -> list[dict[str, float | None]]:
            return [
                {name: None if np.isnan(value) else float(value) for name, value in zip(names, row, strict=True)}
                for row in shares
            ]

        parts = list(self.skeleton.parts)
        rows = zip(
            self.classes,
            self.samples.tolist(),
            self.cells.tolist(),
            named(self.part_shares('joints'), parts),
            named(self.part_shares('any'), parts),
            named(self.joint_shares(), self.skeleton.joints),
            strict=True,
        )
        keys = ('class', 'samples', 'person_frame_stages', 'parts', 'parts_any_joint', 'joints')
        return {
            'layout': self.skeleton.name,
            'body_parts': {part: list(joints) for part, joints in self.skeleton.parts.items()},
            'classes': [dict(zip(keys, row, strict=True)) for row in rows],
        }

    def as_markdown(self, measure: str = 'joints') -> str:
        """A table in Markdown, in per cent."""
        parts = [part.replace('_', ' ') for part in self.skeleton.parts]
        lines = [f'| class | samples | {" | ".join(parts)} |', '|---|---:|' + '---:|' * len(parts)]
        for name, samples, row in zip(self.classes, self.samples, self.part_shares(measure), strict=True):
            lines.append(f'| {name} | {samples} | {" | ".join(map(percent, row))} |')
        return '\n'.join(lines) + '\n'


def percent(share: float) -> str:
    """A share in per cent, ``-`` for NaN."""
    return '-' if np.isnan(share) else f'{100 * share:.1f}'


def _share(counts: np.ndarray, cells: np.ndarray) -> np.ndarray:
    return np.where(cells[:, None] > 0, counts / np.maximum(cells[:, None], 1), np.nan)


def count_body_parts(
    model: nn.Module,
    dataset: Any,
    layout: str | Mapping | Skeleton | None = None,
    batch_size: int = 16,
) -> BodyPartTable:
    """Run a model on every sample of a dataset and count where joints are active.

    Args:
        model: A recognizer with AEA.
        dataset: Its dataset, ours or mmaction2's, that gives every sample the same shape.
        layout: Layout of the skeletons; default what the dataset says.
        batch_size: Samples that run at once.

    Raises:
        ValueError: If nobody says which layout it is, or the model has no AEA.
    """
    layout = dataset.metainfo.get('layout') if layout is None else layout
    if layout is None:
        raise InputError('count_body_parts: the dataset does not say which skeleton it has; give layout=...')
    skeleton = get_skeleton(layout)
    parts = list(skeleton.part_indices.values())
    labels = [int(dataset.get_data_info(index)['label']) for index in range(len(dataset))]
    classes = dataset.metainfo.get('classes') or [str(label) for label in range(max(labels) + 1)]
    samples = np.bincount(labels, minlength=len(classes))
    cells = np.zeros(len(classes), dtype=int)
    joint_counts = np.zeros((len(classes), skeleton.num_joints), dtype=int)
    any_counts = np.zeros((len(classes), len(parts)), dtype=int)
    for start in range(0, len(dataset), batch_size):
        indices = range(start, min(start + batch_size, len(dataset)))
        inputs = torch.stack([dataset[index]['inputs'] for index in indices]).float()
        for index, found in zip(indices, probe(model, inputs, attention=False), strict=True):
            for stage in (stage for clip in found.clips for stage in clip):
                frames, joints, anywhere = _count(stage, parts)
                cells[labels[index]] += frames
                joint_counts[labels[index]] += joints
                any_counts[labels[index]] += anywhere
    return BodyPartTable(list(classes), skeleton, samples, cells, joint_counts, any_counts)


def _count(stage: Stage, parts: Sequence[Sequence[int]]) -> tuple[int, np.ndarray, np.ndarray]:
    """Frames in which persons are there, those in which each joint is active, those in which each part is."""
    frames = stage.present.sum(axis=1)
    anywhere = np.stack([stage.mask[:, list(joints)].any(axis=1) for joints in parts], axis=1)
    return int(frames.sum()), frames @ stage.mask.astype(int), frames @ anywhere.astype(int)


def draw_body_parts(table: BodyPartTable, measure: str = 'joints', title: str = '') -> Figure:
    """Heat maps, classes in rows: body parts, and beside them all joints."""
    shares, joints = table.part_shares(measure), table.joint_shares()
    rows = len(table.classes)
    names = [part.replace('_', ' ') for part in table.skeleton.parts]
    widths = (0.55 * len(names) + 0.4, 0.24 * joints.shape[1] + 0.4)
    figure = new_figure(sum(widths) + 3.0, 0.32 * rows + 2.2)
    grid = figure.subplots(1, 2, width_ratios=widths, sharey=True)
    most = max(float(np.nanmax([np.nanmax(shares), np.nanmax(joints)])), 1e-6) if not np.isnan(joints).all() else 1.0
    heads = {'joints': 'mean over the joints of a part', 'any': 'any joint of a part'}
    for axes, values, labels, head in (
        (grid[0], shares, names, heads[measure]),
        (grid[1], joints, [short(joint) for joint in table.skeleton.joints], 'every joint'),
    ):
        image = axes.imshow(values, cmap='cividis', vmin=0, vmax=most, aspect='auto')
        axes.set_xticks(range(len(labels)), labels, rotation=60, ha='right', rotation_mode='anchor', fontsize=8)
        axes.set_title(head, fontsize=9)
    grid[0].set_yticks(range(rows), list(table.classes), fontsize=8.5)
    for row, column in np.ndindex(shares.shape):
        value = shares[row, column]
        colour = 'black' if value > 0.6 * most else 'white'
        text = '-' if np.isnan(value) else f'{100 * value:.0f}'
        grid[0].text(column, row, text, ha='center', va='center', fontsize=8, color='black' if text == '-' else colour)
    bar = figure.colorbar(image, ax=grid, shrink=0.9)
    bar.set_label('share of (person, frame, stage)', fontsize=8)
    bar.ax.tick_params(labelsize=8)
    figure.suptitle(title or 'How often joints are active', fontsize=10)
    return figure
