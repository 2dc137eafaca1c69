"""How two rows of a sample relate: one body twice, bodies that exchange rows, poses that have lost their places."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ...skeletons import Skeleton
from ..recordings.bodies import LEAST_FRAMES, body_centres, body_sizes, common_place

# All in body sizes. The joints of people who hug are 0.15 apart on average, those of one body found twice 0.01.
SAME_BODY = 0.05
LEAST_JOINTS = 3  # that both must have in a frame, to be compared in it
# Bodies exchange rows in a step where both would otherwise jump, and the other body of before is much nearer.
JUMP, NEARER = 0.2, 0.5


@dataclass
class Relation:
    """Of two rows.

    Args:
        rows: Which.
        shared: Frames in which both are there.
        same: Of every frame, whether the two are one body.
        apart, size: How far their joints are apart in the median of these frames, and how large they are.
        exchanged: Steps from one frame to the next in which they exchange rows.
        place: What of both is at one place in all frames, ``''`` if nothing is.
    """

    rows: tuple[int, int]
    shared: int
    same: np.ndarray
    apart: float
    size: float
    exchanged: int
    place: str


def relate(keypoint: np.ndarray, score: np.ndarray | None, skeleton: Skeleton | None) -> list[Relation]:
    """The relations of all pairs of rows that share a frame.

    Shapes:
        keypoint ``(M, T, V, C)``, zero where missing; score ``(M, T, V)``
    """
    keypoint = keypoint.astype(np.float64)
    seen = np.asarray(keypoint.any(axis=-1))
    if score is not None and (score > 0).any():
        seen &= score > 0
    keypoint = keypoint * seen[..., None]
    size = body_sizes(keypoint)
    relations = [
        _relate(keypoint[[one, other]], seen[[one, other]], size[[one, other]], (one, other), skeleton)
        for one, other in combinations(range(len(keypoint)), 2)
    ]
    return [relation for relation in relations if relation.shared]


def _relate(
    keypoint: np.ndarray, seen: np.ndarray, size: np.ndarray, rows: tuple[int, int], skeleton: Skeleton | None
) -> Relation:
    largest = size.max(axis=0)  # (T,)
    apart = _mean_distance(*keypoint, *seen)
    same = apart <= SAME_BODY * largest
    before, after = keypoint[:, :-1], keypoint[:, 1:]
    known_before, known_after = seen[:, :-1], seen[:, 1:]
    straight = _mean_distance(before, after, known_before, known_after).sum(axis=0)
    crossed = _mean_distance(before, after[::-1], known_before, known_after[::-1]).sum(axis=0)
    jumps = np.isfinite(straight) & (straight > JUMP * largest[1:])
    exchanged = jumps & (crossed < NEARER * straight) & ~same[1:] & ~same[:-1]
    shared = seen.any(axis=2).all(axis=0)
    place = '' if same.any() else _common_place(keypoint[:, shared], seen[:, shared], skeleton)
    twice = same if same.any() else shared
    return Relation(
        rows,
        shared=int(shared.sum()),
        same=same,
        apart=float(np.median(apart[twice])) if twice.any() else np.inf,
        size=float(np.median(largest[twice])) if twice.any() else 0.0,
        exchanged=int(exchanged.sum()),
        place=place,
    )


def _mean_distance(first: np.ndarray, second: np.ndarray, seen: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Of the joints that both have; infinite where they are too few.

    Shapes:
        first, second ``(..., V, C)``; seen, other ``(..., V)``; returns ``(...)``
    """
    both = seen & other
    count = both.sum(axis=-1)
    total = (np.linalg.norm(first - second, axis=-1) * both).sum(axis=-1)
    enough = count >= min(LEAST_JOINTS, both.shape[-1])
    return np.where(enough, total / np.maximum(count, 1), np.inf)


def _common_place(keypoint: np.ndarray, seen: np.ndarray, skeleton: Skeleton | None) -> str:
    """What of both bodies is at the same place in all their frames: root-relative poses.

    A root that is exactly at the origin looks like a joint that is missing, but bodies stand around it.
    """
    one, other = np.where(seen[..., None], keypoint, np.nan)
    if place := common_place(one, other, skeleton):
        return place
    never = np.flatnonzero(~seen.any(axis=(0, 1)))
    if keypoint.shape[-1] != 3 or keypoint.shape[1] < LEAST_FRAMES or len(never) != 1:
        return ''
    around = np.linalg.norm(body_centres(keypoint), axis=-1).max() < 0.5 * float(np.median(body_sizes(keypoint)))
    joints = skeleton.joints if skeleton is not None else [f'joint {joint}' for joint in range(seen.shape[2])]
    return joints[never[0]] if around else ''
