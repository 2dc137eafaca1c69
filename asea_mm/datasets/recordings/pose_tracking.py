"""Clips of films, with cuts and passers-by: tracks joined to persons, and the persons that matter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .tracks import body_distances, link_bodies

# Half a second at 30 frames/s, and not as long as in users' recordings, where nobody joins tracks afterwards: films
# are cut, and after a cut somebody else may be where one was.
MAX_GAP = 15

Track = dict[int, np.ndarray]  # frame to pose: (V, 3), x, y and score


def _joints(poses: np.ndarray) -> np.ndarray:
    """``(..., V, 3)`` to ``(..., V, 2)``, NaN where the score is 0."""
    return np.where(poses[..., 2:] > 0, poses[..., :2], np.nan)


def link_poses(frames: Sequence[np.ndarray]) -> list[Track]:
    """Link the poses of all frames to tracks, see :func:`~.tracks.link_bodies`.

    Args:
        frames: The poses of every frame; those without a joint of positive score are passed over.

    Shapes:
        frames: T arrays ``(P_t, V, 3)``, x, y and score
    """
    seen = [poses[(poses[..., 2] > 0).any(axis=-1)] for poses in frames]
    numbers = link_bodies([_joints(poses) for poses in seen], MAX_GAP)
    tracks: dict[int, Track] = {}
    for frame, (poses, found) in enumerate(zip(seen, numbers, strict=True)):
        for pose, number in zip(poses, found, strict=True):
            tracks.setdefault(number, {})[frame] = pose
    return list(tracks.values())


def _score(track: Track) -> float:
    return float(sum(pose[:, 2].sum() for pose in track.values()))


def _gap_distance(person: Track, track: Track) -> float:
    """Distance of two tracks that share no frame, where they are nearest in time."""
    ends = (min(track), max(track))
    pairs = [(min(person, key=lambda frame, end=end: abs(frame - end)), end) for end in ends]  # type: ignore[misc]
    before, after = min(pairs, key=lambda pair: abs(pair[0] - pair[1]))
    return float(body_distances(_joints(person[before])[None], _joints(track[after])[None])[0, 0])


def join_tracks(tracks: Sequence[Track]) -> list[Track]:
    """Join tracks to persons: occlusions and cuts break the track of a person into several.

    From the highest summed score down, a track goes to a person with whom it shares no frame, to the nearest one of
    several, and is a new person if it shares frames with all. So tracks that never share a frame may be one person.

    Returns:
        The persons, highest summed score first.
    """
    persons: list[Track] = []
    for track in sorted(tracks, key=_score, reverse=True):
        free = [person for person in persons if person.keys().isdisjoint(track)]
        if free:
            distances = [_gap_distance(person, track) for person in free]
            free[int(np.argmin(distances))].update(track)
        else:
            persons.append(dict(track))
    return sorted(persons, key=_score, reverse=True)


def track_persons(frames: Sequence[np.ndarray], num_person: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """The persons of highest summed score, each in a row of its own.

    Args:
        frames: The poses of every frame, in any order.
        num_person: How many persons to keep.

    Shapes:
        frames: T arrays ``(P_t, V, 3)``, x, y and score, 0 where a joint is missing;
        returns keypoint ``(M, T, V, 2)`` and score ``(M, T, V)``, float32, zero where a person is absent
    """
    persons = join_tracks(link_poses(frames))[:num_person]
    found = np.zeros((num_person, len(frames), *frames[0].shape[1:]), dtype=np.float32)
    for row, person in enumerate(persons):
        for frame, pose in person.items():
            found[row, frame] = pose
    return found[..., :2], found[..., 2]
