"""Who of all tracks the persons are that interact: one rule for recordings, NTU RGB+D, Kinetics and the inferencer."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ...errors import InputError
from ...skeletons import SKELETONS
from .bodies import body_sizes, distances, motions, seen_joints
from .tracks import Bodies, find_tracks

# Half a second at 30 frames/s, and not as long as elsewhere: films are cut, and after a cut somebody else may be where
# one was.
LARGEST_GAP_IN_FILMS = 15
_MOST_TRACKS = 50


def choose_persons(keypoint: np.ndarray, score: np.ndarray | None = None, size: int = 2) -> tuple[int, ...]:
    """The persons who most likely interact: near each other, moving, there together and clearly.

    Every pair has the sum of three shares, each relative to the best of all pairs: nearness (the inverse of the median
    distance in body sizes), motion (:func:`~.bodies.motions`), and the frames with both, each as much as the
    less clear of the two counts. Of a larger group, whoever adds most to the sum comes next, one after another.

    Shapes:
        keypoint ``(M, T, V, C)``, any unit, NaN or zero where nobody is; score ``(M, T, V)``

    Returns:
        ``size`` persons in the order of the tracks; all who are there at all where they are no more.
    """
    seen = seen_joints(keypoint)
    present = np.flatnonzero(seen.any(axis=(1, 2)))
    if len(present) <= size:
        return tuple(present.tolist())
    clear = (seen if score is None else score * seen).mean(axis=2)  # (M, T)
    present = np.sort(present[np.argsort(-clear[present].sum(axis=1), kind='stable')[: max(size, _MOST_TRACKS)]])
    keypoint, clear = keypoint[present], clear[present]
    sizes = body_sizes(keypoint)
    scale = np.median(sizes[sizes > 0]) if sizes.any() else 1.0
    near = 1 / (distances(keypoint) / scale + 0.1)  # nearer than a tenth of a body is the same
    motion = motions(keypoint)
    group: tuple[int, ...] = ()
    while len(group) < size:
        added = combinations(sorted(set(range(len(keypoint))) - set(group)), min(2 if not group else 1, size))
        groups = np.array([group + more for more in added])
        shares = (
            sum((near[groups[:, a], groups[:, b]] for a, b in combinations(range(groups.shape[1]), 2)), np.zeros(1)),
            motion[groups].sum(axis=1),
            clear[groups].min(axis=1).sum(axis=1),
        )
        total = sum(share / max(float(share.max()), 1e-12) for share in shares)
        group = tuple(groups[np.argmax(total)].tolist())
    return tuple(sorted(present[list(group)].tolist()))


def two_persons(bodies: Bodies) -> np.ndarray:
    """NTU RGB+D: the two persons of a clip, in a fixed order: who is seen first, then who moves more.

    Shapes:
        returns ``(M, T, V, C)`` = ``(2, T, 25, 3)``, float64, metres; absent frames and an absent person are zero

    Raises:
        InputError: If there is no body in any frame.
    """
    tracks = find_tracks(bodies, SKELETONS['nturgbd25'])
    if not tracks:
        raise InputError(f'expected at least one body, got none in {bodies.num_frames} frames')
    keypoint, _ = bodies.of_tracks(tracks, 2)
    motion = motions(keypoint)
    rows = sorted(choose_persons(keypoint), key=lambda row: (bodies.frame[tracks[row][0]], -motion[row]))
    persons = np.zeros((2, *keypoint.shape[1:]))
    persons[: len(rows)] = keypoint[rows]
    return persons


def persons_in_film(frames: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Kinetics: two persons of a clip of a film, with cuts and passers-by, whose frames were looked at one by one.

    Args:
        frames: The bodies of every frame, in any order. Who is seen first comes first, of those in the same frame who
            is listed first.

    Shapes:
        frames: T arrays ``(P_t, V, 3)``, x, y and score, 0 where a joint is missing;
        returns keypoint ``(2, T, V, 2)`` and score ``(2, T, V)``, float32, zero where a person is absent
    """
    values = np.concatenate(frames)
    frame = np.repeat(np.arange(len(frames)), [len(bodies) for bodies in frames])
    values = np.where(values[..., 2:] > 0, values, 0)
    bodies = Bodies(len(frames), frame, [None] * len(frame), values[..., :2], values[..., 2])
    tracks = find_tracks(bodies, None, LARGEST_GAP_IN_FILMS, LARGEST_GAP_IN_FILMS, join_all=True)
    keypoint, scores = bodies.of_tracks(tracks, 2)
    rows = [*choose_persons(keypoint, scores)]
    rows += [row for row in range(len(keypoint)) if row not in rows][: 2 - len(rows)]  # absent ones
    with np.errstate(over='ignore'):  # what is too large for float32 is refused as infinite
        return keypoint[rows].astype(np.float32), scores[rows].astype(np.float32)
