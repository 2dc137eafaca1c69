"""One recording as it was read: bodies of single frames, put together to tracks."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from ...errors import InputError
from ...skeletons import Skeleton
from .bodies import NO_SCORES, lost_distance, missing_joints
from .notes import Note
from .tracks import Bodies, find_tracks

# To metres. Pixels stay pixels.
UNITS = {'metre': 1.0, 'centimetre': 0.01, 'millimetre': 0.001, 'pixel': 1.0}
# Rotations to y up, which keep left and right apart: z up (motion capture), and y down with z forward (cameras).
UP_AXES = {
    'y': np.eye(3),
    'z': np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    '-y': np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]]),
}
_MOST_PERSONS = 50


@dataclass
class Detection:
    """One body in one frame, as a file has it."""

    frame: int  # as the file counts
    person: str | None  # None where the file does not say, or says that it does not know
    keypoint: np.ndarray  # (V, C), NaN where missing
    score: np.ndarray | None  # (V,)
    where: str  # its place in the file, for the messages


@dataclass
class Recording:
    """What a file holds, before :func:`~.finish.finish_recording`: in its unit and axes."""

    keypoint: np.ndarray  # (M, T, V, C), NaN where missing
    score: np.ndarray | None  # (M, T, V)
    frames: Sequence[int]  # number of each frame, as the file counts, for the messages
    persons: Sequence[str]  # name of each track
    fps: float | None = None
    notes: list[Note] = field(default_factory=list)
    units: str | None = None  # a key of UNITS and one of UP_AXES, where the form says them
    up: str | None = None
    # Coordinates are shares of the image, of which pixels are made: 'kept' where its size is not known, or not.
    shares: Literal['kept', 'to pixels'] | None = None
    img_shape: tuple[int, int] | None = None  # height and width
    rows_are_ids: bool = False  # of an array: its rows are yet to be followed, see :func:`follow_rows`


def read_fps(value: object, where: str) -> float | None:
    """A frame rate from a file; None stays None.

    Raises:
        InputError: If it is not a positive number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise InputError(f'{where}: expected fps to be a positive number, got {value!r:.60}')
    return float(value)


def _all_frames(numbers: Iterable[int], source: str) -> range:
    """Every frame from the first to the last; a number that is not there is a frame in which nobody was seen.

    Where three or more numbers are all a multiple of a step apart (every second frame was kept), the step is the
    distance of frames.
    """
    known = sorted(set(numbers))
    if not known:
        raise InputError(f'{source}: expected at least one frame, got none')
    first, last = known[0], known[-1]
    step = math.gcd(*(number - first for number in known)) if len(known) > 2 else 1
    if (last - first) // step > 20 * len(known) + 1000:
        raise InputError(
            f'{source}: expected frame numbers of one recording, got {len(known)} frames between {first} and {last}; '
            f'number them one after another'
        )
    return range(first, last + 1, step)


def assemble(
    detections: Sequence[Detection], frames: Iterable[int], skeleton: Skeleton, source: str, fps: float | None = None
) -> Recording:
    """Put the bodies of all frames together to tracks, see :func:`~.tracks.find_tracks`.

    Args:
        detections: The bodies.
        frames: Frame numbers, also of frames in which nobody was seen.
        skeleton, source, fps: Of the file.

    Raises:
        InputError: If nobody is seen at all, hardly any of the frames between the first and the last is there, someone
            is twice in a frame, or coordinates are sometimes two and sometimes three.
    """
    numbers = _all_frames([*frames, *(detection.frame for detection in detections)], source)
    is_there = any(not missing_joints(body.keypoint, None).all() for body in detections)
    detections = [body for body in detections if not missing_joints(body.keypoint, body.score).all()]
    if not detections:
        got = NO_SCORES if is_there else 'none with a joint'
        raise InputError(f'{source}: expected at least one person in one frame, got {got}')
    channels = detections[0].keypoint.shape[-1]
    known: dict[tuple[int, str], str] = {}
    for body in detections:
        if body.keypoint.shape[-1] != channels:
            raise InputError(
                f'{source}, {body.where}: expected {channels} coordinates as in {detections[0].where}, '
                f'got {body.keypoint.shape[-1]}'
            )
        before = body.where if body.person is None else known.setdefault((body.frame, body.person), body.where)
        if before != body.where:
            raise InputError(
                f'{source}, {body.where}: expected everybody once in a frame, got person {body.person} again in frame '
                f'{body.frame}, first in {before}'
            )
    score = None
    if any(body.score is not None for body in detections):
        score = np.stack([np.ones(len(b.keypoint)) if b.score is None else b.score for b in detections])
    joints = np.stack([body.keypoint for body in detections])
    joints = np.where(missing_joints(joints, score)[..., None], np.nan, joints)  # must not count as seen
    times = np.array([numbers.index(body.frame) for body in detections])
    bodies = Bodies(len(numbers), times, [body.person for body in detections], joints, score)
    recording = record(bodies, numbers, skeleton, fps)
    steps = np.diff(np.unique(times))
    if len(steps) > 1 and np.median(steps) > 1:
        what = 'warning: frames are numbered in large steps; number them one after another, not by milliseconds'
        at = f'{len(steps) + 1} of the frames {numbers[0]} to {numbers[-1]}'
        recording.notes.append(Note(what, at))
    return recording


def record(bodies: Bodies, frames: Sequence[int], skeleton: Skeleton, fps: float | None = None) -> Recording:
    """The tracks of bodies as a recording; a track is called by its first id that lasts, or by its number.

    Of a crowd, the shortest tracks are the first that nobody will miss.
    """
    notes: list[Note] = []
    tracks = _follow(bodies, skeleton, notes)
    longest = sorted(range(len(tracks)), key=lambda track: -len(tracks[track]))[:_MOST_PERSONS]
    tracks = [track for number, track in enumerate(tracks) if number in longest]
    keypoint, score = bodies.of_tracks(tracks, absent=np.nan)
    number_of = Counter(bodies.ids)
    names = []
    for number, track in enumerate(tracks, 1):
        known = [bodies.ids[index] for index in track if bodies.ids[index] is not None]
        lasting = [name for name in known if number_of[name] > 1] or (known if len(track) == 1 else [])
        names.append(str(lasting[0]) if lasting else str(number))
    return Recording(keypoint, None if bodies.score is None else score, frames, names, fps, notes)


def follow_rows(recording: Recording, skeleton: Skeleton) -> Recording:
    """An array whose rows are ids as those of any file: rows of one body, or of a person one after another, become one.

    The numbers of persons stay those of rows: a track goes into the row in which it begins, what is left is empty.

    Args:
        recording: With NaN where joints are missing.
        skeleton: Its layout.

    Returns:
        The same if every row is a track.
    """
    persons, num_frames = recording.keypoint.shape[:2]
    frame, row = np.nonzero(~np.isnan(recording.keypoint).any(axis=-1).all(axis=-1).T)
    score = None if recording.score is None else recording.score[row, frame]
    bodies = Bodies(
        num_frames, frame, [recording.persons[index] for index in row.tolist()], recording.keypoint[row, frame], score
    )
    notes = [*recording.notes]
    tracks = _follow(bodies, skeleton, notes)
    if all(np.ptp(row[track]) == 0 for track in tracks) and len(tracks) == len(set(row.tolist())):
        return replace(recording, notes=notes)
    free = [index for index in range(persons + len(tracks)) if index not in {int(row[track[0]]) for track in tracks}]
    placed: dict[int, np.ndarray] = {}
    for track in tracks:
        begins = int(row[track[0]])
        placed[free.pop(0) if begins in placed else begins] = track
    nobody = np.zeros(0, dtype=np.intp)
    rows = range(max(persons, *(row + 1 for row in placed)))
    keypoint, new_score = bodies.of_tracks([placed.get(index, nobody) for index in rows], absent=np.nan)
    return replace(
        recording,
        keypoint=keypoint,
        score=None if score is None else new_score,
        persons=[str(index) for index in rows],
        notes=notes,
    )


def _follow(bodies: Bodies, skeleton: Skeleton, notes: list[Note]) -> list[np.ndarray]:
    """The tracks, with notes of what was done; by ids alone where places are not told."""
    if lost := lost_distance(bodies.frame, bodies.joints, skeleton):
        place, num_frames = lost
        what = (
            'warning: every body is told from its own place, so that nobody knows how far persons are apart, which '
            'models of interactions need; add the positions of the roots'
        )
        at = f'{place!r} of both at the same place, 0.0 m apart, in {num_frames} of {num_frames} frames'
        notes.append(Note(what, at))
    return find_tracks(bodies, skeleton, notes=notes, merge=lost is None)
