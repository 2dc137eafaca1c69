"""What the numbers of one sample say about its units, axes and persons."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ...keypoints import presence
from ...skeletons import Skeleton, plain_name
from .claims import better_layout, is_lopsided
from .relations import Relation, relate

# A body stands for what a sample says about size and axes only where this share of its joints is there.
WHOLE = 0.5


class Landmarks(NamedTuple):
    """Joints that tell up from down and front from back; empty where the layout has none."""

    top: list[int]  # of a standing body
    bottom: list[int]
    front: list[tuple[int, int]]  # (behind, ahead): from the first to the second is forward
    sides: list[tuple[int, int]]  # (left, right), at the trunk

    @classmethod
    def of(cls, skeleton: Skeleton) -> Landmarks:
        """By the names of joints; up and down also by the parts ``trunk`` and ``..._leg``."""
        index = {plain_name(name): number for number, name in enumerate(skeleton.joints)}

        def first(*groups: tuple[str, ...]) -> list[int]:
            known = ([index[name] for name in group if name in index] for group in groups)
            return next(filter(None, known), [])

        def pairs(*names: tuple[str, str]) -> list[tuple[int, int]]:
            return [(index[one], index[other]) for one, other in names if one in index and other in index]

        legs = [joint for part, joints in skeleton.part_indices.items() if 'leg' in part.lower() for joint in joints]
        trunk = list(skeleton.part_indices.get('trunk', ()))
        # OpenNI calls the ends of legs feet; only with an ankle behind it does a foot point forward.
        toes = [
            (f'{side}_ankle', f'{side}_{end}')
            for side in ('left', 'right')
            for end in ('foot', 'big_toe', 'foot_index')
        ]
        return cls(
            top=first(('head',), ('head_top',), ('top_head',), ('nose',), ('neck',)) or trunk,
            bottom=first(*((f'left_{name}', f'right_{name}') for name in ('foot', 'ankle', 'heel'))) or legs,
            front=pairs(*toes, ('left_ear', 'nose'), ('right_ear', 'nose')),
            sides=pairs(('left_hip', 'right_hip'), ('left_shoulder', 'right_shoulder')),
        )


@dataclass
class Measures:
    """Of one sample; ``None`` where it cannot be told.

    Args:
        digest: Of its keypoints.
        persons: How many are there in every frame; one body in two rows counts once.
        missing: How many joints of those present are zero, per joint.
        bodies: How many bodies (persons times frames) are there.
        low, high: The least and largest coordinates, per axis.
        size: Median of the largest extent of a body, in units of the file.
        upright: Median of how far the head is above the feet along y (which points up, in images down), as a share of
            the size; -1 is upside down.
        vertical: Axis along which head and feet are farthest apart.
        handed: 1 if left is left of forward for most bodies, -1 if right is.
        confidence: Whether the third coordinate seems to be one.
        bones: Share of bones, in space, whose length varies by more than half of its mean.
        layout: Name of a layout whose bones fit much better.
        lopsided: Whether bones of the left and the right have very different lengths.
        relations: Of every two rows that share a frame.
    """

    digest: bytes
    persons: np.ndarray
    missing: np.ndarray
    bodies: int
    low: np.ndarray
    high: np.ndarray
    size: float | None = None
    upright: float | None = None
    vertical: int | None = None
    handed: int | None = None
    confidence: bool = False
    bones: float | None = None
    layout: str | None = None
    lopsided: bool = False
    relations: list[Relation] = field(default_factory=list)


def measure_sample(
    keypoint: np.ndarray, score: np.ndarray | None, skeleton: Skeleton | None, landmarks: Landmarks | None
) -> Measures:
    """Measure a sample.

    Args:
        keypoint: The sample, finite, with somebody in it.
        score: Its scores, if any.
        skeleton: Its layout; without, less can be told.
        landmarks: Of the layout.

    Shapes:
        keypoint: ``(M, T, V, C)``; score ``(M, T, V)``
    """
    content = f'{keypoint.dtype}{keypoint.shape}'.encode() + keypoint.tobytes()
    present = presence(keypoint)
    relations = relate(keypoint, score, skeleton)
    counted = present.copy()
    for relation in relations:
        counted[relation.rows[1]] &= ~relation.same
    bodies = keypoint[present].astype(np.float64)  # (bodies, V, C)
    seen = bodies.any(axis=-1)
    result = Measures(
        hashlib.blake2b(content, digest_size=16).digest(),
        persons=counted.sum(axis=0),
        missing=(~seen).sum(axis=0),
        bodies=len(bodies),
        low=bodies[seen].min(axis=0),
        high=bodies[seen].max(axis=0),
        relations=relations,
    )
    whole = seen.mean(axis=-1) >= WHOLE
    if not whole.any():
        return result
    bodies, seen = bodies[whole], seen[whole]
    high = np.where(seen[..., None], bodies, -np.inf).max(axis=1)
    low = np.where(seen[..., None], bodies, np.inf).min(axis=1)
    result.size = float(np.median((high - low).max(axis=-1)))
    if skeleton is not None:
        result.layout = better_layout(bodies, seen, skeleton)
        result.lopsided = is_lopsided(bodies, seen, skeleton)
    if skeleton is not None and keypoint.shape[3] == 3:  # seen in a picture, bones do change their length
        result.bones = _varying_bones(keypoint, present, skeleton)
    if result.size and landmarks and landmarks.top and landmarks.bottom:
        _measure_axes(bodies, seen, landmarks, result)
    return result


def _measure_axes(bodies: np.ndarray, seen: np.ndarray, landmarks: Landmarks, result: Measures) -> None:
    use = seen[:, landmarks.top].all(axis=1) & seen[:, landmarks.bottom].all(axis=1)
    if not use.any():
        return
    bodies, seen = bodies[use], seen[use]
    rise = bodies[:, landmarks.top].mean(axis=1) - bodies[:, landmarks.bottom].mean(axis=1)
    if bodies.shape[-1] == 2:
        rise[:, 1] *= -1  # y points down in images
    middle = np.median(rise, axis=0)
    result.upright = float(middle[1] / (result.size or 1))
    result.vertical = int(np.abs(middle).argmax())
    joints = [joint for pair in (*landmarks.front, *landmarks.sides) for joint in pair]
    use = seen[:, joints].all(axis=1)
    if bodies.shape[-1] == 3 and landmarks.front and landmarks.sides and use.any():
        forward = sum(bodies[use, ahead] - bodies[use, behind] for behind, ahead in landmarks.front)
        to_left = sum(bodies[use, left] - bodies[use, right] for left, right in landmarks.sides)
        # With right-handed axes, up x forward points to the left.
        side = (np.cross(rise[use], forward) * to_left).sum(axis=-1)
        clear = side / np.linalg.norm(rise[use], axis=-1) / np.linalg.norm(to_left, axis=-1).clip(1e-9)
        result.handed = int(np.sign(np.median(clear)))


def _varying_bones(keypoint: np.ndarray, present: np.ndarray, skeleton: Skeleton) -> float | None:
    """Share of the bones, over persons, whose length has a standard deviation of more than half its mean."""
    child, parent = np.array(skeleton.bone_indices).T
    varying: list[bool] = []
    for person, frames in zip(keypoint, present, strict=True):
        joints = person[frames].astype(np.float64)
        known = joints.any(axis=-1)
        use = known[:, child] & known[:, parent]
        length = np.where(use, np.linalg.norm(joints[:, child] - joints[:, parent], axis=-1), np.nan)
        length = length[:, use.sum(axis=0) > 1]
        varying.extend(np.nanstd(length, axis=0) > 0.5 * np.nanmean(length, axis=0))
    return float(np.mean(varying)) if varying else None
