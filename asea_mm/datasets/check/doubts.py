"""What is probably wrong with converted recordings although nothing is: units, axes, frame rates, classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...keypoints import presence
from ...skeletons import get_skeleton

_HEADS = ('head', 'nose', 'neck')
_MOSTLY_EMPTY = 0.5
_FEET = ('left_foot', 'right_foot', 'left_ankle', 'right_ankle')


def find_doubts(
    annotations: Sequence[Mapping], split: Mapping[str, Sequence[str]], meta: Mapping[str, Any]
) -> list[str]:
    """Warnings, each a line with its fix; none if all looks as it should.

    Args:
        annotations, split, meta: What :func:`~.custom.convert_custom` returns.
    """
    doubts = []
    if meta['units'] == 'metre':
        doubts += _space_doubts(annotations, meta)
    rates = sorted({sample['fps'] for sample in annotations if sample.get('fps')})
    if len(rates) > 1:
        doubts.append(f'recordings have {rates[0]:g} to {rates[-1]:g} frames a second; resample them to one rate')
    empty = {sample['frame_dir']: 1 - presence(sample['keypoint']).any(axis=0).mean() for sample in annotations}
    if mostly := [name for name, share in empty.items() if share > _MOSTLY_EMPTY]:
        doubts.append(
            f'nobody is there in most frames of {len(mostly)} recordings, e.g. {empty[mostly[0]]:.0%} of {mostly[0]}; '
            f'frames are numbered one after another, not by milliseconds'
        )
    labels = {sample['frame_dir']: sample['label'] for sample in annotations}
    for name, ids in split.items():
        if name.endswith('train') and (
            absent := [
                meta['classes'][label] for label in sorted(set(range(len(meta['classes']))) - {labels[i] for i in ids})
            ]
        ):
            doubts.append(f'split {name!r} has no recording of {len(absent)} classes, e.g. {absent[:3]}')
    return doubts


def _space_doubts(annotations: Sequence[Mapping], meta: Mapping[str, Any]) -> list[str]:
    bodies = np.concatenate([sample['keypoint'][presence(sample['keypoint'])] for sample in annotations])
    extent = np.median(bodies.max(axis=1) - bodies.min(axis=1), axis=0)
    size = float(np.linalg.norm(extent))
    if not 0.3 < size < 5:
        return [f'the median body measures {size:.3g} metres from corner to corner; check --units']
    if (longest := 'xyz'[int(extent.argmax())]) != 'y':
        return [f'most bodies are longest along {longest}, not along y, which shall point up; check --up']
    joints = get_skeleton(meta['layout']).joints
    heads, feet = ([joints.index(name) for name in names if name in joints] for names in (_HEADS, _FEET))
    if heads and feet and np.median(bodies[:, heads, 1].mean(axis=1) - bodies[:, feet, 1].mean(axis=1)) < 0:
        return ['most heads are below the feet: y shall point up; check --up (cameras often have --up -y)']
    return []
