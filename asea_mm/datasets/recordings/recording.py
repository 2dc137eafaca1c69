"""One recording of a user's: persons over frames, put together, completed, and brought to metres with y up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import InputError
from ...skeletons import Skeleton
from .tracks import link_bodies

# To metres. Pixels stay pixels.
UNITS = {'metre': 1.0, 'centimetre': 0.01, 'millimetre': 0.001, 'pixel': 1.0}
# Rotations to y up, which keep left and right apart: z up (motion capture), and y down with z forward (cameras).
UP_AXES = {
    'y': np.eye(3),
    'z': np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    '-y': np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]]),
}
_LARGEST = 1e9  # in any unit: beyond it is damage, and squares would leave float32
_MOST_PERSONS = 50
UNTRACKED = ''  # the id of a body that its tracker has lost


@dataclass
class Detection:
    """One body in one frame.

    Args:
        frame: Frame number, as the file counts.
        person: Who it is; None where the file does not say, :data:`UNTRACKED` where it says that it does not know.
        keypoint: Joints, NaN where missing.
        score: Confidences; None where the file has none.
        where: Its place in the file, for the messages.

    Shapes:
        keypoint: ``(V, C)``; score ``(V,)``
    """

    frame: int
    person: str | None
    keypoint: np.ndarray
    score: np.ndarray | None
    where: str


@dataclass
class Recording:
    """What a file holds, not yet checked: a joint with NaN is missing, a body without any joint is absent.

    Args:
        keypoint: Joints, in the unit and axes of the file.
        score: Confidences, if the file has any.
        frames: Number of each frame, as the file counts, for the messages.
        persons: Name of each person, for the messages.
        fps: Frames per second, if the file says.

    Shapes:
        keypoint: ``(M, T, V, C)``; score ``(M, T, V)``
    """

    keypoint: np.ndarray
    score: np.ndarray | None
    frames: Sequence[int]
    persons: Sequence[str]
    fps: float | None = None


def read_fps(value: object, where: str) -> float | None:
    """A frame rate from a file; None stays None.

    Raises:
        ValueError: If it is not a positive number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise InputError(f'{where}: expected fps to be a positive number, got {value!r:.60}')
    return float(value)


def all_frames(numbers: Iterable[int], source: str) -> range:
    """Every frame from the first to the last; a number that is not there is a frame in which nobody was seen.

    Where three or more numbers are all a multiple of a step apart (every second frame was kept), the step is the
    distance of frames.

    Raises:
        ValueError: If there is no frame, or hardly any of the frames between the first and the last is there.
    """
    found = sorted(set(numbers))
    if not found:
        raise InputError(f'{source}: expected at least one frame, got none')
    first, last = found[0], found[-1]
    step = math.gcd(*(number - first for number in found)) if len(found) > 2 else 1
    if (last - first) // step > 20 * len(found) + 1000:
        raise InputError(
            f'{source}: expected frame numbers of one recording, got {len(found)} frames between {first} and {last}; '
            f'number them one after another'
        )
    return range(first, last + 1, step)


def assemble(
    detections: Sequence[Detection], frames: Iterable[int], source: str, fps: float | None = None
) -> Recording:
    """Put the bodies of all frames together; those without a person are linked into tracks first.

    If some are untracked all are linked: their ids do not tell who somebody is before and after.

    Args:
        detections: The bodies.
        frames: Frame numbers, also of frames in which nobody was seen.
        source: The file, for the messages.
        fps: Frames per second, if the file says.

    Raises:
        ValueError: If nobody is seen at all, some bodies say who they are and some do not, someone is twice in a
            frame, coordinates are sometimes two and sometimes three, or there are more than 50 persons.
    """
    numbers = all_frames([*frames, *(detection.frame for detection in detections)], source)
    if any(detection.person == UNTRACKED for detection in detections):
        detections = [replace(detection, person=None) for detection in detections]
    named = [detection for detection in detections if detection.person is not None]
    if named and len(named) < len(detections):
        unnamed = next(detection for detection in detections if detection.person is None)
        raise InputError(f'{source}, {unnamed.where}: expected the id of the person as elsewhere, got none')
    bodies = [detection for detection in detections if not _missing(detection.keypoint, detection.score).all()]
    if not bodies:
        raise InputError(f'{source}: expected at least one person in one frame, got none with a joint')
    channels = bodies[0].keypoint.shape[-1]
    for body in bodies:
        if body.keypoint.shape[-1] != channels:
            raise InputError(
                f'{source}, {body.where}: expected {channels} coordinates as in {bodies[0].where}, '
                f'got {body.keypoint.shape[-1]}'
            )
    persons = _named_persons(bodies, source) if named else _linked_persons(bodies, numbers, source)
    joints = bodies[0].keypoint.shape[0]
    keypoint = np.full((len(persons), len(numbers), joints, channels), np.nan)
    has_score = any(body.score is not None for body in bodies)
    score = np.zeros(keypoint.shape[:3]) if has_score else None
    for person, members in enumerate(persons.values()):
        for body in members:
            time = numbers.index(body.frame)
            keypoint[person, time] = body.keypoint
            if score is not None:
                score[person, time] = 1.0 if body.score is None else body.score
    return Recording(keypoint, score, numbers, list(persons), fps)


def _named_persons(bodies: Sequence[Detection], source: str) -> dict[str, list[Detection]]:
    persons: dict[str, dict[int, Detection]] = {}
    for body in bodies:
        frames = persons.setdefault(str(body.person), {})
        if body.frame in frames:
            raise InputError(
                f'{source}, {body.where}: person {body.person} is twice in frame {body.frame}, '
                f'first in {frames[body.frame].where}; every person may be there once in a frame'
            )
        frames[body.frame] = body
    if len(persons) > _MOST_PERSONS:
        raise InputError(
            f'{source}: expected at most {_MOST_PERSONS} persons, got {len(persons)}; '
            f'a person must keep their id over the frames'
        )
    return {name: list(frames.values()) for name, frames in persons.items()}


def _linked_persons(bodies: Sequence[Detection], numbers: range, source: str) -> dict[str, list[Detection]]:
    for body in bodies:
        if (np.abs(body.keypoint) > _LARGEST).any():  # the distances would overflow
            found = body.keypoint[np.abs(body.keypoint) > _LARGEST][0]
            raise InputError(f'{source}, {body.where}: expected finite coordinates, got {found:g}')
    # What is missing by its score must not count as seen.
    visible = np.stack(
        [np.where(_missing(body.keypoint, body.score)[:, None], np.nan, body.keypoint) for body in bodies]
    )
    frames: list[list[int]] = [[] for _ in numbers]
    for index, body in enumerate(bodies):
        frames[numbers.index(body.frame)].append(index)
    persons: dict[str, list[Detection]] = {}
    for frame, tracks in zip(frames, link_bodies([visible[frame] for frame in frames]), strict=True):
        for index, track in zip(frame, tracks, strict=True):
            persons.setdefault(str(track + 1), []).append(bodies[index])
    # Of a crowd, the shortest tracks are the first that nobody will miss.
    longest = sorted(persons, key=lambda name: -len(persons[name]))[:_MOST_PERSONS]
    return {name: members for name, members in persons.items() if name in longest}


def _missing(keypoint: np.ndarray, score: np.ndarray | None) -> np.ndarray:
    """Which joints are missing: NaN in a coordinate, a score of NaN, 0 or below, or exactly (0, 0) in an image."""
    missing = np.isnan(keypoint).any(axis=-1)
    if score is not None:
        missing = missing | ~(score > 0)
    if keypoint.shape[-1] == 2:
        missing = missing | ~np.nan_to_num(keypoint).any(axis=-1)  # a signalling NaN would warn
    return missing


def mark_missing(recording: Recording, skeleton: Skeleton, source: str) -> None:
    """Make every missing joint NaN with score 0, and every absent body all NaN, in place.

    Raises:
        ValueError: If a value is infinite or no coordinate in any unit, or nobody is there.
    """
    keypoint, score = recording.keypoint, recording.score
    wrong = np.isinf(keypoint) | (np.abs(keypoint) > _LARGEST)
    wrong_score = np.zeros(keypoint.shape[:3], bool) if score is None else np.isinf(score) | (np.abs(score) > _LARGEST)
    if (found := np.argwhere(wrong.any(axis=-1) | wrong_score)).size:
        person, time, joint = found[0]
        raise InputError(
            f'{source}: {_place(recording, skeleton, person, time, joint)}: expected finite coordinates and scores, '
            f'got {keypoint[person, time, joint].tolist()}'
            + ('' if score is None else f' with score {score[person, time, joint]}')
        )
    missing = _missing(keypoint, score)
    missing |= ~np.nan_to_num(keypoint).any(axis=(-1, -2))[..., None]  # all zeros: absent
    if missing.all():
        raise InputError(f'{source}: expected at least one person in one frame, got zeros or missing joints only')
    keypoint[missing] = np.nan
    if score is not None:
        score[missing] = 0


def _place(recording: Recording, skeleton: Skeleton, person: int, time: int, joint: int) -> str:
    return f'frame {recording.frames[time]}, person {recording.persons[person]}, joint {skeleton.joints[joint]!r}'


def choose_persons(recording: Recording, num_person: int) -> list[int]:
    """Of more than ``num_person`` persons, who is kept: the highest sums of two shares.

    One is the share in the summed scores of all joints and frames (of joints seen, where there are no scores): who
    is there long and clearly. The other is the share in the motion, the way of all joints: who acts. It is not divided
    by the size of the body: in an image, the noise of somebody small in the background would become much motion.
    Each is relative to the highest of all persons. Who is kept stays in the order of the file.

    Shapes:
        recording.keypoint: ``(M, T, V, C)``, NaN where missing
    """
    keypoint = recording.keypoint
    seen = ~np.isnan(keypoint).any(axis=-1)
    presence = (seen if recording.score is None else recording.score).sum(axis=(1, 2))
    motion = np.nansum(np.linalg.norm(np.diff(keypoint, axis=1), axis=-1), axis=(1, 2))
    shares = presence / max(presence.max(), 1e-12) + motion / max(motion.max(), 1e-12)
    there = seen.any(axis=(1, 2))
    ranked = sorted(np.flatnonzero(there), key=lambda person: (-shares[person], person))
    return sorted(int(person) for person in ranked[:num_person])


def fill_missing(recording: Recording) -> None:
    """Interpolate missing joints of present persons in time, linearly, in place; at the ends the nearest holds.

    Scores stay 0. A joint that is never seen of a person stays missing.
    """
    seen = ~np.isnan(recording.keypoint).any(axis=-1)
    present = seen.any(axis=-1)
    for person, joint in np.argwhere((present[..., None] & ~seen).any(axis=1) & seen.any(axis=1)):
        known = np.flatnonzero(seen[person, :, joint])
        lost = np.flatnonzero(present[person] & ~seen[person, :, joint])
        for channel in range(recording.keypoint.shape[-1]):
            values = recording.keypoint[person, :, joint, channel]
            values[lost] = np.interp(lost, known, values[known])


def require_complete(recording: Recording, skeleton: Skeleton, source: str, filled: bool) -> None:
    """In space there is no such thing as half a body: all joints of a present person must be there.

    Raises:
        ValueError: If one is missing; names its frame, person and joint, and the fix.
    """
    seen = ~np.isnan(recording.keypoint).any(axis=-1)
    gaps = np.argwhere(~seen & seen.any(axis=-1, keepdims=True))
    if not len(gaps):
        return
    person, time, joint = gaps[0]
    fix = (
        'this joint is never seen, so there is nothing to interpolate; use a layout without it'
        if filled
        else '--fill-missing interpolates in time'
    )
    raise InputError(
        f'{source}: {_place(recording, skeleton, person, time, joint)}: expected all joints of a person in space, '
        f'got a missing one (NaN, empty or score 0), and {len(gaps) - 1} more; {fix}'
    )
