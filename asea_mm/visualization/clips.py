"""A clip as the model saw it, and what the model did with it: what the pictures are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from ..datasets.files.annotations import load_annotations
from ..errors import InputError
from ..skeletons import Skeleton, get_skeleton
from .probe import Stage, probe

_SHORT_UNITS = {'metre': 'm', 'pixel': 'px'}
_UNITS_AFTER = {'NormalizeByImage': 'half image sides', 'NormalizeByBody': 'bone lengths'}


@dataclass(frozen=True)
class ProbedClip:
    """Joints of a clip, and the stages of a model that ran on it.

    Args:
        keypoint: Joints as the model's pipeline leaves them before it makes streams of them; absent persons and
            missing joints are all zero.
        stages: What every AEA did.
        skeleton: Layout of the joints.
        name: Name of the sample.
        title: One line about it, e.g. its class and what the model says.
        unit: Unit of the coordinates.

    Shapes:
        keypoint ``(M, T, V, C)``, C = 2 or 3
    """

    keypoint: np.ndarray
    stages: Sequence[Stage]
    skeleton: Skeleton
    name: str = ''
    title: str = ''
    unit: str = 'units'

    def __post_init__(self) -> None:
        shape = self.keypoint.shape
        if len(shape) != 4 or shape[2] != self.skeleton.num_joints or shape[3] not in (2, 3) or not shape[1]:
            raise InputError(
                f'ProbedClip: expected keypoints (persons, frames, {self.skeleton.num_joints}, 2 or 3), got {shape}'
            )
        if not self.stages:
            raise InputError('ProbedClip: expected a stage at least, got none')
        if self.stages[0].mask.shape != (shape[0], shape[2]):
            raise InputError(
                f'ProbedClip: keypoints of {shape[0]} persons and {shape[2]} joints, '
                f'but stages of {self.stages[0].mask.shape}'
            )

    @property
    def seen(self) -> np.ndarray:
        """Joints that are there, ``(M, T, V)`` bool."""
        return np.any(self.keypoint, axis=-1)

    def active_share(self, stages: Sequence[int] | None = None) -> np.ndarray:
        """Share of (these) stages in which each joint is active, ``(M, V)``."""
        return np.mean([stage.mask for stage in self._chosen(stages)], axis=0)

    def attention(self, frame: int | None = None, stages: Sequence[int] | None = None) -> np.ndarray:
        """Mean attention over (these) stages, at a frame or over all frames, ``(M, V, M, V)``."""
        return np.mean([stage.attention_at(frame) for stage in self._chosen(stages)], axis=0)

    def _chosen(self, stages: Sequence[int] | None) -> list[Stage]:
        return list(self.stages) if stages is None else [self.stages[number] for number in stages]


def find_sample(dataset: Any, sample: str) -> int:
    """Index of a sample that is given by its name (``frame_dir``) or its index.

    Raises:
        ValueError: If there is no such sample.
    """
    names = [str(dataset.get_data_info(index)['frame_dir']) for index in range(len(dataset))]
    if sample in names:
        return names.index(sample)
    if sample.isdigit() and int(sample) < len(names):
        return int(sample)
    raise InputError(
        f'no sample {sample!r} in this split: expected an index from 0 to {len(names) - 1}, '
        f'or a name such as {names[0]!r}'
    )


def read_clips(dataset: Any, index: int) -> tuple[dict, np.ndarray, Tensor]:
    """One sample of a dataset through its pipeline.

    Args:
        dataset: Dataset of skeletons, ours or mmaction2's.
        index: Index of the sample.

    Returns:
        The sample before the pipeline; its joints as they enter ``GenerateStream`` (else ``FormatGCNInput``); and the
        model's input.

    Shapes:
        joints ``(clips, M, T, V, 2 or 3)``, inputs ``(clips, M, T, V, C)``

    Raises:
        ValueError: If the pipeline has no ``FormatGCNInput``.
    """
    steps = {type(step).__name__: step for step in dataset.pipeline.transforms}
    if 'FormatGCNInput' not in steps:
        raise InputError(f'expected a pipeline with FormatGCNInput, got {list(steps)}')
    before_streams = 'GenerateStream' if 'GenerateStream' in steps else 'FormatGCNInput'
    info = dataset.get_data_info(index)
    results: Any = dict(info)
    for step in dataset.pipeline.transforms:
        if type(step).__name__ == before_streams:
            kept = {key: results[key] for key in ('keypoint', 'num_clips') if key in results}
            joints = steps['FormatGCNInput'](dict(kept))['keypoint'][..., :3]
        results = step(results)
    return info, joints, results['inputs']


def unit_of(dataset: Any) -> str:
    """Unit of the joints that :func:`read_clips` returns."""
    for step in reversed(dataset.pipeline.transforms):
        if type(step).__name__ in _UNITS_AFTER:
            return _UNITS_AFTER[type(step).__name__]
        if type(step).__name__.startswith('PreNormalize'):
            return 'normalised'
    path = getattr(dataset, 'ann_file', '')
    if not path:
        return 'm' if type(dataset).__name__.startswith('Synthetic') else 'units'
    unit = str(load_annotations(path, lazy=True)['meta'].get('units', 'units')) if Path(path).exists() else 'units'
    return _SHORT_UNITS.get(unit, unit)


def probe_sample(
    model: nn.Module,
    dataset: Any,
    index: int,
    clip: int | None = None,
    unit: str | None = None,
    layout: Any = None,
) -> ProbedClip:
    """Run a model on a sample and keep one of its clips.

    Args:
        model: A recognizer with AEA.
        dataset: Its dataset.
        index: Index of the sample.
        clip: Number of the clip; default the one in the middle.
        unit: Unit of the coordinates; default :func:`unit_of`.
        layout: Layout of the skeletons; default what the dataset says.

    Raises:
        ValueError: If there is no such clip, or nobody says which layout it is.
    """
    info, joints, inputs = read_clips(dataset, index)
    name = str(info['frame_dir'])
    clip = len(inputs) // 2 if clip is None else clip
    if not 0 <= clip < len(inputs):
        raise InputError(f'sample {name!r}: expected a clip from 0 to {len(inputs) - 1}, got {clip}')
    layout = layout if layout is not None else info.get('layout', dataset.metainfo.get('layout'))
    if layout is None:
        raise InputError(f'sample {name!r}: the dataset does not say which skeleton it has')
    found = probe(model, inputs[None].float())[0]
    return ProbedClip(
        keypoint=joints[clip],
        stages=found.clips[clip],
        skeleton=get_skeleton(layout),
        name=name,
        title=_title(found.scores, int(info['label']), dataset.metainfo.get('classes'), name),
        unit=unit_of(dataset) if unit is None else unit,
    )


def _title(scores: np.ndarray, label: int, classes: Sequence[str] | None, name: str) -> str:
    names = [str(number) for number in range(len(scores))] if classes is None else list(classes)
    best = int(scores.argmax())
    verdict = 'recognised' if best == label else f'taken for {names[best]}'
    return f'{names[label]} ({verdict}, {scores[best]:.0%}), {name}'
