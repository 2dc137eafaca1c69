"""Detections of single frames to tracks: which body of this frame is which body of the frames before.

Pose estimators that look at frames one by one say where bodies are, not whose they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

# How far a body may move in a frame, in body sizes, and for how many frames that a body is lost this adds up: it may
# walk on unseen, but one that is found far away is more likely to be somebody else.
MAX_MOVE = 0.5
MOVING_FRAMES = 3


def body_sizes(bodies: np.ndarray) -> np.ndarray:
    """Diagonals of the boxes around the seen joints, 0 where none is seen.

    Not the longer side of the box: the diagonal is as long as a body, however it is turned.

    Shapes:
        bodies: ``(..., V, C)``, any unit, NaN where a joint is missing; returns ``(...)``, the same unit
    """
    seen = ~np.isnan(bodies).any(axis=-1, keepdims=True)
    low = np.where(seen, bodies, np.inf).min(axis=-2)
    high = np.where(seen, bodies, -np.inf).max(axis=-2)
    return np.linalg.norm(np.maximum(high - low, 0), axis=-1)


def body_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Mean distances of the joints seen in both, in sizes of the larger body; of the means where they share none.

    Args:
        first: Bodies; each has at least one joint.
        second: Bodies to compare with, likewise.

    Shapes:
        first: ``(P, V, C)``, any unit, NaN where a joint is missing; second ``(Q, V, C)``, the same unit;
        returns ``(P, Q)``
    """
    apart = np.linalg.norm(first[:, None] - second[None], axis=-1)
    both = ~np.isnan(apart)
    count = both.sum(axis=-1)
    distance = np.where(both, apart, 0).sum(axis=-1) / np.maximum(count, 1)
    if not count.all():
        of_means = np.linalg.norm(_means(first)[:, None] - _means(second)[None], axis=-1)
        distance = np.where(count > 0, distance, of_means)
    size = np.maximum(body_sizes(first)[:, None], body_sizes(second)[None])
    return np.divide(distance, size, out=np.where(distance == 0, 0, np.inf), where=size > 0)


def _means(bodies: np.ndarray) -> np.ndarray:
    seen = ~np.isnan(bodies).any(axis=-1, keepdims=True)
    return np.mean(bodies, axis=1, where=seen)


def link_bodies(frames: Sequence[np.ndarray], max_gap: int = 30) -> list[list[int]]:
    """Link the bodies of consecutive frames into tracks.

    A body may go on with a track that was last seen at most ``max_gap`` frames ago, if it has moved by at most half a
    body size (:data:`MAX_MOVE`) for each frame since then, of which at most three count (:data:`MOVING_FRAMES`). As
    many bodies as possible go on; of all ways to do so it is the one with the least total distance. Any other body
    begins a track.

    Args:
        frames: The bodies of each frame; each has at least one joint.
        max_gap: Most frames from one body of a track to the next; 1 allows no gap.

    Shapes:
        frames: T arrays ``(P_t, V, C)``, any unit, NaN where a joint is missing

    Returns:
        The number of the track of each body of each frame; tracks are numbered as they begin.
    """
    last: dict[int, tuple[int, np.ndarray]] = {}  # track -> when and how it was last seen
    numbers: list[list[int]] = []
    begun = 0
    for time, bodies in enumerate(frames):
        last = {track: (seen, body) for track, (seen, body) in last.items() if time - seen <= max_gap}
        found: dict[int, int] = {}
        if len(bodies) and last:
            tracks = list(last)
            passed = np.array([time - seen for seen, _ in last.values()])
            distance = body_distances(bodies, np.stack([body for _, body in last.values()]))
            allowed = distance <= MAX_MOVE * np.minimum(passed, MOVING_FRAMES)
            # What is not allowed costs more than all that is: as many as possible go on.
            forbidden = 1 + MAX_MOVE * MOVING_FRAMES * distance.size
            rows, columns = linear_sum_assignment(np.where(allowed, distance, forbidden))
            found = {row: tracks[column] for row, column in zip(rows, columns, strict=True) if allowed[row, column]}
        numbers.append([])
        for row, body in enumerate(bodies):
            if row not in found:
                found[row] = begun
                begun += 1
            last[found[row]] = (time, body)
            numbers[-1].append(found[row])
    return numbers
