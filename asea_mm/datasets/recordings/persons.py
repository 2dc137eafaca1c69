"""Which persons interact, where there are more than the model takes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ...errors import InputError
from ...keypoints import presence

Pairs = str | Sequence[Sequence[int]] | None


def body_centres(keypoint: np.ndarray) -> np.ndarray:
    """Mean of the joints that are not missing (all zero), ``(M, T, V, C)`` to ``(M, T, C)``; zero of absent persons."""
    seen = np.asarray(keypoint.any(axis=-1))
    return keypoint.sum(axis=2) / np.maximum(seen.sum(axis=2), 1)[..., None]


def body_sizes(keypoint: np.ndarray) -> np.ndarray:
    """Median over a person's frames of the diagonal of the box around the joints, ``(M, T, V, C)`` to ``(M,)``."""
    seen = np.asarray(keypoint.any(axis=-1))[..., None]
    high = np.where(seen, keypoint, -np.inf).max(axis=2)
    low = np.where(seen, keypoint, np.inf).min(axis=2)
    present = seen.any(axis=(2, 3))
    return np.array([
        np.median(np.linalg.norm(high[m, there] - low[m, there], axis=-1)) if there.any() else 0.0
        for m, there in enumerate(np.asarray(present))
    ])  # fmt: skip


def distances(keypoint: np.ndarray, least: int = 1) -> np.ndarray:
    """Median distance of every two persons over the frames that they share; infinite below ``least`` such frames.

    Shapes:
        keypoint ``(M, T, V, C)``, any unit; returns ``(M, M)``, the same unit
    """
    centres, present = body_centres(keypoint), presence(keypoint)
    apart = np.full((len(keypoint), len(keypoint)), np.inf)
    for a, b in combinations(range(len(keypoint)), 2):
        both = present[a] & present[b]
        if both.sum() >= max(least, 1):
            apart[a, b] = apart[b, a] = np.median(np.linalg.norm(centres[a, both] - centres[b, both], axis=-1))
    return apart


def motions(keypoint: np.ndarray) -> np.ndarray:
    """Way of all joints of every person; of somebody small in an image it is small, and so is the noise.

    Shapes:
        keypoint ``(M, T, V, C)``, any unit; returns ``(M,)``, the same unit
    """
    seen = np.asarray(keypoint.any(axis=-1))
    way = np.linalg.norm(np.diff(keypoint, axis=1), axis=-1) * (seen[:, 1:] & seen[:, :-1])
    return way.sum(axis=(1, 2))


def choose_group(keypoint: np.ndarray, size: int = 2) -> tuple[int, ...]:
    """The persons who most likely interact: near each other, moving, and there together.

    Every group has the sum of three shares, each relative to the best of all groups: nearness (the inverse of the
    median distance, averaged over the pairs of the group), the way of their joints, and frames with all of them.

    Args:
        keypoint: All persons.
        size: Persons of a group.

    Shapes:
        keypoint ``(M, T, V, C)``, any unit

    Returns:
        ``size`` persons in their order; all of them where there are no more.
    """
    if len(keypoint) <= size:
        return tuple(range(len(keypoint)))
    groups = list(combinations(range(len(keypoint)), size))
    present, apart, motion = presence(keypoint), distances(keypoint), motions(keypoint)
    scale = max(float(np.median(body_sizes(keypoint))), 1e-12)
    near = 1 / (apart / scale + 0.1)  # nearer than a tenth of a body is the same
    members = np.array(groups)
    pairs = list(combinations(range(size), 2))
    nearness = sum((near[members[:, a], members[:, b]] for a, b in pairs), np.zeros(len(groups)))
    together = present[members].all(axis=1).sum(axis=1)
    total = np.zeros(len(groups))
    for share in (nearness, motion[members].sum(axis=1), together):
        total += share / max(float(share.max()), 1e-12)
    return groups[int(total.argmax())]


def groups_of(keypoint: np.ndarray, size: int, pairs: Pairs, name: str) -> list[tuple[int, ...]]:
    """The groups of persons to be recognised.

    Args:
        keypoint: All persons.
        size: Persons that the model takes.
        pairs: None (the likeliest group), ``'all'`` (every group with a frame in common), or the groups.
        name: The sample, for the messages.

    Raises:
        ValueError: If ``pairs`` is something else, or names persons that are not there.
    """
    count = len(keypoint)
    if pairs is None:
        return [choose_group(keypoint, size)]
    if isinstance(pairs, str):
        if pairs != 'all':
            raise InputError(f"{name}: pairs: expected None, 'all' or a list of pairs, got {pairs!r}")
        if count <= size:
            return [tuple(range(count))]
        present = presence(keypoint)
        found = [group for group in combinations(range(count), size) if present[list(group)].all(axis=0).any()]
        return found or [choose_group(keypoint, size)]
    if isinstance(pairs, np.ndarray):
        pairs = pairs.tolist()
    if not isinstance(pairs, Sequence) or any(not isinstance(pair, (list, tuple, np.ndarray)) for pair in pairs):
        raise InputError(f'{name}: pairs: expected a list of groups, such as [(0, 1)], got {pairs!r}')
    chosen = []
    for pair in pairs:
        group: tuple[Any, ...] = tuple(pair)
        whole = all(isinstance(person, (int, np.integer)) and not isinstance(person, bool) for person in group)
        if not whole or not 1 <= len(set(group)) == len(group) <= size or not set(group) <= set(range(count)):
            raise InputError(
                f'{name}: pairs: expected up to {size} different persons from 0 to {count - 1} in a group, got {pair!r}'
            )
        chosen.append(tuple(int(person) for person in group))
    if not chosen:
        raise InputError(f'{name}: pairs: expected at least one pair, got none')
    return chosen
