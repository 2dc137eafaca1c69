"""Detections of single frames to tracks: which body of this frame is which body of the frames before.

Pose estimators that look at frames one by one say where bodies are, not whose they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

_FORBIDDEN = 1e6


def body_size(keypoint: np.ndarray) -> float:
    """Diagonal of the box around the seen joints of one body, 0 if none is seen.

    Shapes:
        keypoint: ``(V, C)``, any unit, NaN where a joint is missing
    """
    seen = keypoint[~np.isnan(keypoint).any(axis=-1)]
    return float(np.linalg.norm(seen.max(axis=0) - seen.min(axis=0))) if len(seen) else 0.0


def body_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Mean distance of the joints seen in both, in sizes of the larger body; of the middles where they share none.

    Shapes:
        first, second: ``(V, C)``, the same unit, NaN where a joint is missing
    """
    size = max(body_size(first), body_size(second))
    distance = np.linalg.norm(first - second, axis=-1)
    both = ~np.isnan(distance)
    if both.any():
        apart = float(distance[both].mean())
    else:
        middles = [body[~np.isnan(body).any(axis=-1)].mean(axis=0) for body in (first, second)]
        apart = float(np.linalg.norm(middles[0] - middles[1]))
    if size == 0:
        return 0.0 if apart == 0 else np.inf
    return apart / size


def link_detections(
    frames: Sequence[Sequence[np.ndarray]], max_distance: float = 0.5, max_gap: int = 30
) -> list[list[int]]:
    """Link the bodies of consecutive frames into tracks, by the assignment of least total distance.

    A body may go on as one that was last seen at most ``max_gap`` frames ago and is at most ``max_distance`` body
    sizes away for every frame that has passed, but never more than three times that. Any other begins a track.

    Args:
        frames: The bodies of each frame; each has at least one joint.
        max_distance: How far a body may move in a frame, in body sizes.
        max_gap: For how many frames a body may be lost.

    Shapes:
        frames: T lists of ``(V, C)``, any unit, NaN where a joint is missing

    Returns:
        The number of the track of each body, as ``frames`` is nested; tracks are numbered as they begin.
    """
    last: dict[int, tuple[int, np.ndarray]] = {}  # track -> when and how it was last seen
    numbers: list[list[int]] = []
    begun = 0
    for time, bodies in enumerate(frames):
        last = {track: (seen, body) for track, (seen, body) in last.items() if time - seen <= max_gap + 1}
        tracks = list(last)
        cost = np.full((len(bodies), len(tracks)), _FORBIDDEN)
        for row, body in enumerate(bodies):
            for column, track in enumerate(tracks):
                seen, before = last[track]
                distance = body_distance(body, before)
                if distance <= max_distance * min(time - seen, 3):
                    cost[row, column] = distance
        found = {
            int(row): tracks[column]
            for row, column in zip(*linear_sum_assignment(cost), strict=True)
            if cost[row, column] < _FORBIDDEN
        }
        for row in range(len(bodies)):
            if row not in found:
                found[row] = begun
                begun += 1
            last[found[row]] = (time, bodies[row])
        numbers.append([found[row] for row in range(len(bodies))])
    return numbers
