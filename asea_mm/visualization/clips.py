"""A clip as the model saw it, and what the model did with it: what the pictures are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor, nn

from ..errors import InputError
from ..skeletons import Skeleton, get_skeleton
from .fonts import legible_name
from .probe import LayerReading, probe

_SHORT_UNITS = {'metre': 'm', 'pixel': 'px', '': 'units'}
_UNITS_AFTER = {'NormalizeByImage': 'half image sides', 'NormalizeByBody': 'bone lengths'}


@dataclass(frozen=True)
class ProbedClip:
    """Joints of a clip, and the layers (AEA) of a model that ran on it.

    Args:
        keypoint: Joints before the model's pipeline makes streams of them; absent persons and missing joints are zero.
        layers: What every AEA did.
        skeleton: Layout of the joints.
        name: Name of the sample.
        title: One line about it, e.g. its class and what the model says.
        unit: Unit of the coordinates.

    Shapes:
        keypoint ``(M, T, V, C)``, C = 2 or 3
    """

    keypoint: np.ndarray
    layers: Sequence[LayerReading]
    skeleton: Skeleton
    name: str = ''
    title: str = ''
    unit: str = 'units'

    @cached_property
    def seen(self) -> np.ndarray:
        """Joints that are there, ``(M, T, V)`` bool."""
        return np.any(self.keypoint, axis=-1)

    def numbers(self, layers: Sequence[int] | None) -> list[int]:
        """Numbers of layers, from 0, checked; None is all of them."""
        count = len(self.layers)
        if layers is not None and (not layers or not all(0 <= number < count for number in layers)):
            raise InputError(f'expected layers from 1 to {count}, got {[number + 1 for number in layers]}')
        return list(range(count) if layers is None else layers)

    def layer_title(self, number: int) -> str:
        """Number of a layer, from 1, and the name of its module."""
        return f'layer {number + 1}: {self.layers[number].name}'

    def active_share(self, layers: Sequence[int] | None = None) -> np.ndarray:
        """Share of (these) layers in which each joint is active, ``(M, V)``."""
        return np.mean([self.layers[number].mask for number in self.numbers(layers)], axis=0)

    def attention(self, frame: int | None = None, layers: Sequence[int] | None = None) -> np.ndarray:
        """Mean attention over (these) layers, at a frame or over all frames, ``(M, V, M, V)``."""
        return np.mean([self.layers[number].attention_at(frame) for number in self.numbers(layers)], axis=0)


def strongest_lines(attention: np.ndarray, count: int = 12) -> list[tuple[int, int, int, float]]:
    """The largest entries above zero, largest first: own joint, other person, their joint, value.

    Shapes:
        attention ``(V, M, V)``
    """
    order = np.argsort(-attention, axis=None, kind='stable')[:count]
    places = (tuple(map(int, np.unravel_index(number, attention.shape))) for number in order)
    return [(*place, float(attention[place])) for place in places if attention[place] > 0]


def find_sample(dataset: Any, sample: str) -> int:
    """Index of a sample that is given by its name (``frame_dir``) or its index.

    Raises:
        InputError: If there is no such sample.
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


def probe_sample(model: nn.Module, dataset: Any, index: int, clip: int | None = None) -> ProbedClip:
    """Run a model on a sample and keep one of its clips.

    Args:
        model: A recognizer with AEA.
        dataset: Its dataset, ours or mmaction2's.
        index: Index of the sample.
        clip: Number of the clip; default the one in the middle.

    Raises:
        InputError: If there is no such clip, the pipeline has no ``FormatGCNInput``, or the dataset does not say which
            layout it has.
    """
    sample = dataset.get_data_info(index)
    name, label = str(sample['frame_dir']), int(sample['label'])
    layout = sample.get('layout', dataset.metainfo.get('layout'))
    if layout is None:
        raise InputError(f'sample {name!r}: the dataset does not say which skeleton it has')
    joints, inputs = _read_clips(dataset, sample)
    clip = len(inputs) // 2 if clip is None else clip
    if not 0 <= clip < len(inputs):
        raise InputError(f'sample {name!r}: expected a clip from 0 to {len(inputs) - 1}, got {clip}')
    probed = probe(model, inputs[None].float())[0]
    names = dataset.metainfo.get('classes') or [str(number) for number in range(len(probed.scores))]
    best = int(probed.scores.argmax())
    verdict = 'recognised' if best == label else f'taken for {legible_name(best, names[best])}'
    return ProbedClip(
        keypoint=joints[clip],
        layers=probed.clips[clip],
        skeleton=get_skeleton(layout),
        name=name,
        title=f'{legible_name(label, names[label])} ({verdict}, {probed.scores[best]:.0%}), {name}',
        unit=_unit_of(dataset),
    )


def _read_clips(dataset: Any, sample: dict) -> tuple[np.ndarray, Tensor]:
    """Joints as they enter ``GenerateStream`` (else ``FormatGCNInput``), and the model's input, ``(clips, ...)``."""
    steps = {type(step).__name__: step for step in dataset.pipeline.transforms}
    if 'FormatGCNInput' not in steps:
        raise InputError(f'expected a pipeline with FormatGCNInput, got {list(steps)}')
    before_streams = steps.get('GenerateStream', steps['FormatGCNInput'])
    results: Any = dict(sample)
    for step in dataset.pipeline.transforms:
        if step is before_streams:
            kept = {key: results[key] for key in ('keypoint', 'num_clips') if key in results}
            joints = steps['FormatGCNInput'](dict(kept))['keypoint'][..., :3]
        results = step(results)
    return joints, results['inputs']


def _unit_of(dataset: Any) -> str:
    """Unit of the joints behind the pipeline's normalisation."""
    for step in reversed(dataset.pipeline.transforms):
        name = type(step).__name__
        if name in _UNITS_AFTER:
            return _UNITS_AFTER[name]
        if name.startswith('PreNormalize'):
            return 'normalised'
    unit = str(dataset.metainfo.get('units', ''))
    return _SHORT_UNITS.get(unit, unit)
