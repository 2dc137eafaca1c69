"""Facts about arrays of keypoints that every room needs: who is there, where, how large, how far apart."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

# A coordinate beyond it is damage, by the number of coordinates: 100,000 pixels, one kilometre.
LARGEST = {2: 1e5, 3: 1e3}


def presence(keypoint: np.ndarray) -> np.ndarray:
    """Who is there: a person is absent in a frame when all their values are exactly zero.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit; returns ``(M, T)``, bool
    """
    return np.asarray(keypoint.reshape(*keypoint.shape[:2], -1).any(axis=-1))


def as_array(values: Any) -> np.ndarray:
    """A NumPy array of an array, of nested lists or of a tensor on any device, with or without gradient.

    Raises:
        TypeError or ValueError: If it is neither.
    """
    return np.asarray(values.detach().cpu().double().numpy() if hasattr(values, 'detach') else values)


def first_absurd(keypoint: np.ndarray, score: np.ndarray | None = None) -> tuple[int, ...] | None:
    """Where the first joint is that has an infinite or absurdly large coordinate or score; NaN is neither.

    Shapes:
        keypoint: ``(..., V, C)``, pixels or metres (see :data:`LARGEST`); score ``(..., V)``;
        returns an index of ``(..., V)``, or None
    """
    wrong = (np.abs(keypoint) > LARGEST[keypoint.shape[-1]]).any(axis=-1)
    if score is not None:
        wrong |= np.abs(score) > LARGEST[2]
    places = np.argwhere(wrong)
    return tuple(places[0].tolist()) if len(places) else None


def seen_joints(keypoint: np.ndarray) -> np.ndarray:
    """Which joints are there: neither NaN nor exactly zero.

    Shapes:
        keypoint: ``(..., C)``; returns ``(...)``, bool
    """
    return np.asarray(~np.isnan(keypoint).any(axis=-1) & keypoint.any(axis=-1))


def body_centres(keypoint: np.ndarray) -> np.ndarray:
    """Means of the joints that are there; zero where none is.

    Shapes:
        keypoint: ``(..., V, C)``; returns ``(..., C)``
    """
    seen = seen_joints(keypoint)[..., None]
    return np.where(seen, keypoint, 0).sum(axis=-2) / np.maximum(seen.sum(axis=-2), 1)


def body_sizes(keypoint: np.ndarray) -> np.ndarray:
    """Diagonals of the boxes around the joints that are there; zero where none is.

    Not the longer side of the box: the diagonal is as long as a body, however it is turned.

    Shapes:
        keypoint: ``(..., V, C)``, any unit; returns ``(...)``, the same unit
    """
    seen = seen_joints(keypoint)[..., None]
    high, low = np.where(seen, keypoint, -np.inf).max(axis=-2), np.where(seen, keypoint, np.inf).min(axis=-2)
    return np.linalg.norm(np.where(seen.any(axis=-2), high - low, 0), axis=-1)


def distances(keypoint: np.ndarray, least: int = 1) -> np.ndarray:
    """Median distance of every two persons over the frames that they share; infinite below ``least`` such frames.

    Shapes:
        keypoint ``(M, T, V, C)``, any unit; returns ``(M, M)``, the same unit
    """
    centres, present = body_centres(keypoint), seen_joints(keypoint).any(axis=-1)
    apart = np.full((len(keypoint), len(keypoint)), np.inf)
    for a, b in combinations(range(len(keypoint)), 2):
        both = present[a] & present[b]
        if both.sum() >= max(least, 1):
            apart[a, b] = apart[b, a] = np.median(np.linalg.norm(centres[a, both] - centres[b, both], axis=-1))
    return apart


def motions(keypoint: np.ndarray) -> np.ndarray:
    """How far the joints of every person get from their mean places: standard deviations, summed over joints.

    Neither the length of the recording nor noise adds to it, as they do to the way of the joints. It is not divided by
    the size of the body: in an image, the noise of somebody small in the background would become much motion.

    Shapes:
        keypoint ``(M, T, V, C)``, any unit; returns ``(M,)``, the same unit
    """
    seen = seen_joints(keypoint)[..., None]
    count = np.maximum(seen.sum(axis=1, keepdims=True), 1)
    places = np.where(seen, keypoint, 0)
    offsets = np.where(seen, places - places.sum(axis=1, keepdims=True) / count, 0)
    return np.sqrt((offsets**2).sum(axis=(1, 3)) / count[:, 0, :, 0]).sum(axis=1)
