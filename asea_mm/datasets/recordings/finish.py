"""The end of the way of a recording: metres with y up, whole bodies, and the persons who interact."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from numbers import Integral
from typing import Any

import numpy as np

from ...errors import InputError
from ...skeletons import Skeleton
from .bodies import NO_SCORES, body_sizes, first_absurd, missing_joints, present_bodies
from .notes import Note
from .persons import choose_persons
from .recording import UNITS, UP_AXES, Recording, follow_rows

Pairs = str | Sequence[Sequence[int | str]] | None

# Named in a message.
MOST_NAMES = 10


@dataclass
class Sample:
    """Persons over frames, checked."""

    name: str
    keypoint: np.ndarray  # (M, T, V, C), float32, metres or pixels; what is missing and absent persons are zero
    score: np.ndarray | None = None  # (M, T, V), float32
    person_names: list[str] = field(default_factory=list)  # as the source calls them, else counted from 1
    likeliest: tuple[int, ...] = ()  # who most likely interact, where they were chosen
    fps: float | None = None
    extra: dict[str, Any] = field(default_factory=dict)  # other fields that transforms may read
    notes: list[Note] = field(default_factory=list)  # what the user should know of how it was read

    def groups(self, size: int, pairs: Pairs = None) -> list[tuple[int, ...]]:
        """The groups of persons to be recognised.

        Args:
            size: Persons that the model takes.
            pairs: None (the likeliest group), ``'all'`` (every group with a frame in common), or the groups:
                numbers of persons, from 0, or their names.

        Raises:
            InputError: If ``pairs`` is something else, or names persons that are not there.
        """
        count = len(self.keypoint)
        if pairs is None or (isinstance(pairs, str) and pairs == 'all'):
            if count <= size:
                return [tuple(range(count))]
            likeliest = self.likeliest or choose_persons(self.keypoint, self.score, size)
            if pairs is None:
                return [likeliest]
            present = present_bodies(self.keypoint)
            groups = [group for group in combinations(range(count), size) if present[list(group)].all(axis=0).any()]
            return groups or [likeliest]
        given = pairs.tolist() if isinstance(pairs, np.ndarray) else pairs
        if isinstance(given, str) or not isinstance(given, Sequence) or not given:
            raise InputError(f"{self.name}: pairs: expected None, 'all' or pairs such as [(0, 1)], got {pairs!r}")
        groups = []
        for pair in given:
            group = tuple(map(self._number, pair)) if isinstance(pair, (list, tuple, np.ndarray)) else ()
            whole = all(isinstance(person, Integral) for person in group)
            if not whole or not 1 <= len(set(group)) == len(group) <= size or not set(group) <= set(range(count)):
                known = f'{count} ({", ".join(self.person_names[:MOST_NAMES])})' if self.person_names else count
                raise InputError(
                    f'{self.name}: pairs: expected up to {size} different persons of {known} in a pair, such as '
                    f'[(0, 1)], got {pair!r}'
                )
            groups.append(tuple(int(person) for person in group))
        return groups

    def _number(self, person: Any) -> Any:
        """The number of somebody who is named, and what else was given as it is."""
        named = isinstance(person, str) and self.person_names.count(person) == 1
        return self.person_names.index(person) if named else person

    def annotation(self, num_person: int) -> dict[str, Any]:
        """What an annotation holds of the likeliest persons; fewer are padded with zeros.

        Shapes:
            ``keypoint`` ``(M, T, V, C)``, and ``keypoint_score`` ``(M, T, V)`` if there are scores
        """
        fields: dict[str, Any] = {'total_frames': self.keypoint.shape[1]}
        for name, values in (('keypoint', self.keypoint), ('keypoint_score', self.score)):
            if values is not None:
                fields[name] = np.zeros((num_person, *values.shape[1:]), np.float32)
                fields[name][: len(self.likeliest)] = values[list(self.likeliest)]
        return fields if self.fps is None else {**fields, 'fps': self.fps}


def finish_recording(
    recording: Recording,
    skeleton: Skeleton,
    source: str,
    num_person: int = 2,
    units: str | None = None,
    up: str | None = None,
    fill_missing: bool = False,
) -> Sample:
    """Check a recording, bring it to metres with y up, and choose who interacts.

    Missing joints of 2-D keypoints become 0 with score 0. In 3-D there is no such thing as half a body: a missing joint
    of a chosen person is an error unless filled, and anyone else is absent in such a frame.

    Args:
        recording: What a reader gave; it may be changed.
        skeleton: Its layout.
        source: The file, for the messages.
        num_person: Persons to choose, see :func:`~.persons.choose_persons`.
        units: A key of :data:`~.recording.UNITS`; None is metre for 3-D and pixel for 2-D.
        up: A key of :data:`~.recording.UP_AXES`, the axis that points up; None is y. 3-D only.
        fill_missing: Whether to interpolate missing joints in time.

    Returns:
        All persons, with those chosen in ``likeliest``; always with scores in 2-D.

    Raises:
        InputError: If values are not finite or absurd, nobody is there, joints are missing, or the unit or axis does
            not fit.
    """
    if taken := [
        f'--{option} {form}'
        for option, form, given in (('units', recording.units, units), ('up', recording.up, up))
        if form is not None and given is None
    ]:
        recording.notes.append(Note(f'taken as with {" and ".join(taken)}, which is what its form has'))
    units, up = units or recording.units, up or recording.up
    if units in (None, 'pixel') and up is None:
        recording = _third_is_score(recording)
    channels = recording.keypoint.shape[-1]
    if channels == 2 and (units not in (None, 'pixel') or up is not None):
        raise InputError(
            f'{source}: expected 3 coordinates for --{"up" if up else f"units {units}"}, got 2; 2-D keypoints stay in '
            f'pixels as they are'
        )
    if channels == 3 and units == 'pixel':
        raise InputError(
            f'{source}: expected 2 coordinates for --units pixel, got 3; if the third is the score, give it apart '
            f'(keypoint_score of .npz, a column score of CSV)'
        )
    keypoint, score = recording.keypoint * UNITS[units or 'metre'], recording.score
    if wrong := first_absurd(keypoint, score):
        raise InputError(
            f'{source}: {_place(recording, skeleton, *wrong)}: expected finite coordinates and scores within 1 km or '
            f'100,000 pixels, got {keypoint[wrong].tolist()}{"" if score is None else f" with score {score[wrong]}"}'
        )
    present = present_bodies(keypoint.astype(np.float32))  # in which 1e-50 is zero
    missing = missing_joints(keypoint, score) | ~present[..., None]
    if missing.all():
        got = NO_SCORES if score is not None and present.any() else 'zeros or missing joints only'
        raise InputError(f'{source}: expected at least one person in one frame, got {got}')
    keypoint[missing] = np.nan
    recording = replace(recording, keypoint=keypoint, score=score)
    rows_are_ids = recording.rows_are_ids
    if rows_are_ids:
        recording = follow_rows(recording, skeleton)
    keypoint, score = recording.keypoint, recording.score
    keypoint = keypoint if up is None else keypoint @ UP_AXES[up].T
    if channels == 2 and score is None:
        score = np.ones(keypoint.shape[:3])
    if score is not None:
        score[np.isnan(keypoint).any(axis=-1)] = 0
    chosen = choose_persons(keypoint, score, num_person)
    if fill_missing:
        _fill_missing(keypoint)
    if channels == 3:
        missing = missing_joints(keypoint, None)
        incomplete = np.asarray(missing.any(axis=-1) & ~missing.all(axis=-1))  # (M, T)
        gaps = [
            (person, *place)
            for person in chosen
            for place in np.argwhere(missing[person] & incomplete[person, :, None])
        ]
        if gaps:
            fix = (
                'this joint is never seen, so there is nothing to interpolate; use a layout without it'
                if fill_missing
                else '--fill-missing interpolates in time'
            )
            raise InputError(
                f'{source}: {_place(recording, skeleton, *gaps[0])}: expected all joints of a person in space, got a '
                f'missing one (NaN, empty, score 0 or exactly at the origin), and {len(gaps) - 1} more; {fix}'
            )
        keypoint[incomplete] = np.nan
    return Sample(
        name=source,
        keypoint=np.nan_to_num(keypoint).astype(np.float32),
        score=None if score is None else score.astype(np.float32),
        person_names=count_persons(len(keypoint)) if rows_are_ids else list(recording.persons),
        likeliest=chosen,
        fps=recording.fps,
        notes=recording.notes,
    )


def _third_is_score(recording: Recording) -> Recording:
    """Pixels and scores apart, where three coordinates are these: no body is 5 m large, and within 1 m in z."""
    keypoint = recording.keypoint
    if keypoint.shape[-1] == 2 or recording.score is not None:
        return recording
    third = keypoint[..., 2]
    if not ((third >= 0) & (third <= 1) | np.isnan(third)).all():
        return recording
    sizes = body_sizes(keypoint)[present_bodies(keypoint)]
    if not len(sizes) or np.median(sizes) < 5:
        return recording
    what = 'the third coordinate is from 0 to 1 where the others are not, and was taken for the score'
    note = Note(what, f'{np.nanmin(third):.2g} to {np.nanmax(third):.2g}')
    return replace(recording, keypoint=keypoint[..., :2], score=third, notes=[*recording.notes, note])


def count_persons(count: int) -> list[str]:
    """What persons are called whom the source does not name."""
    return [str(number) for number in range(1, count + 1)]


def check_axes(units: str | None, up: str | None) -> None:
    """Raise if there is no such unit or axis.

    Raises:
        InputError: Names the option and what there is.
    """
    for option, value, known in (('units', units, UNITS), ('up', up, UP_AXES)):
        if value is not None and value not in known:
            raise InputError(f'{option}: expected one of {list(known)}, got {value!r}')


def _place(recording: Recording, skeleton: Skeleton, person: int, time: int, joint: int) -> str:
    return f'frame {recording.frames[time]}, person {recording.persons[person]}, joint {skeleton.joints[joint]!r}'


def _fill_missing(keypoint: np.ndarray) -> None:
    """Interpolate missing joints of present persons in time, linearly, in place; at the ends the nearest holds.

    Scores stay 0. A joint that is never seen of a person stays missing.
    """
    seen = ~np.isnan(keypoint).any(axis=-1)
    present = seen.any(axis=-1)
    for person, joint in np.argwhere((present[..., None] & ~seen).any(axis=1) & seen.any(axis=1)):
        known = np.flatnonzero(seen[person, :, joint])
        lost = np.flatnonzero(present[person] & ~seen[person, :, joint])
        for values in keypoint[person, :, joint].T:
            values[lost] = np.interp(lost, known, values[known])
