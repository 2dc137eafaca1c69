"""From detections without identities to persons: link poses from frame to frame, keep the persons that matter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

# A pose continues a track if its joints moved by at most this share of the body's size (longer side of its box) ...
MAX_MOVE = 0.5
# ... and if the track was last seen at most this many frames ago (half a second at 30 frames/s).
MAX_GAP = 15

Track = dict[int, np.ndarray]  # frame to pose


def pose_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """How far poses are from each other, in body sizes.

    The mean distance of the joints that both have; of poses without a common joint, the distance of their means. The
    body size is the longer side of the larger of the two boxes around the seen joints.

    Args:
        first: Poses, each with at least one joint of positive score.
        second: Poses to compare with, likewise.

    Shapes:
        first: ``(P, V, 3)``, x, y and score, any unit; second ``(Q, V, 3)``; returns ``(P, Q)``
    """
    seen, seen_too = first[..., 2] > 0, second[..., 2] > 0
    both = seen[:, None] & seen_too[None]
    count = both.sum(axis=-1)
    apart = np.linalg.norm(first[:, None, :, :2] - second[None, :, :, :2], axis=-1)
    of_joints = (apart * both).sum(axis=-1) / np.maximum(count, 1)
    centres = [_centre(poses, there) for poses, there in ((first, seen), (second, seen_too))]
    of_centres = np.linalg.norm(centres[0][:, None] - centres[1][None], axis=-1)
    size = np.maximum(_size(first, seen)[:, None], _size(second, seen_too)[None])
    distance = np.where(count > 0, of_joints, of_centres)
    return np.divide(distance, size, out=np.where(distance > 0, np.inf, 0.0), where=size > 0)


def _centre(poses: np.ndarray, seen: np.ndarray) -> np.ndarray:
    return (poses[..., :2] * seen[..., None]).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)[:, None]


def _size(poses: np.ndarray, seen: np.ndarray) -> np.ndarray:
    there = seen[..., None]
    low = np.where(there, poses[..., :2], np.inf).min(axis=1)
    high = np.where(there, poses[..., :2], -np.inf).max(axis=1)
    return (high - low).max(axis=-1)


def link_poses(frames: Sequence[np.ndarray], max_move: float = MAX_MOVE, max_gap: int = MAX_GAP) -> list[Track]:
    """Link the poses of every frame to tracks, by the assignment of least total distance.

    Args:
        frames: The poses of every frame; those without a joint of positive score are passed over.
        max_move: Farthest that a pose may be from the last one of its track, in body sizes.
        max_gap: Most frames from one pose of a track to the next.

    Shapes:
        frames: T arrays ``(P_t, V, 3)``, x, y and score
    """
    tracks: list[Track] = []
    recent: list[tuple[int, Track]] = []  # last frame of a track that may go on, and the track
    for frame, found in enumerate(frames):
        poses = found[(found[..., 2] > 0).any(axis=-1)]
        recent = [(last, track) for last, track in recent if frame - last <= max_gap]
        if not len(poses):
            continue
        track_of: dict[int, Track] = {}
        if recent:
            distance = pose_distances(np.stack([track[last] for last, track in recent]), poses)
            allowed = distance <= max_move
            # What is not allowed costs more than all that is: as many poses as possible go on with a track.
            rows, columns = linear_sum_assignment(np.where(allowed, distance, 1 + max_move * distance.size))
            track_of = {
                column: recent[row][1] for row, column in zip(rows, columns, strict=True) if allowed[row, column]
            }
        for index, pose in enumerate(poses):
            if index not in track_of:
                track_of[index] = {}
                tracks.append(track_of[index])
            track_of[index][frame] = pose
        gone_on = {id(track) for track in track_of.values()}
        recent = [item for item in recent if id(item[1]) not in gone_on] + [(frame, t) for t in track_of.values()]
    return tracks


def _score(track: Track) -> float:
    return float(sum(pose[:, 2].sum() for pose in track.values()))


def _gap_distance(person: Track, track: Track) -> float:
    """Distance of two tracks that share no frame, where they are nearest in time."""
    ends = (min(track), max(track))
    pairs = [(min(person, key=lambda frame, end=end: abs(frame - end)), end) for end in ends]  # type: ignore[misc]
    before, after = min(pairs, key=lambda pair: abs(pair[0] - pair[1]))
    return float(pose_distances(person[before][None], track[after][None])[0, 0])


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
