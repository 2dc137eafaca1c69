"""NTU RGB+D: from the sensor's bodies to two persons. ``docs/ntu.md`` has every rule with its reason.

Ids are trusted where nothing contradicts them. Where places contradict them, places win.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from ...errors import InputError
from ...skeletons import SKELETONS
from .ntu_skeleton import NUM_JOINTS, RawSkeleton

NUM_PERSONS = 2
# How far a body gets: this much at once (noise of the sensor included) and 1.5 m/s at 30 frames per second.
REACH_AT_ONCE, REACH_PER_FRAME, LARGEST_REACH = 0.30, 0.05, 1.5  # metres
# Two ids have changed places if that saves this much of the distance that the two go between two frames.
SWAP_MARGIN = 0.2  # metres
# Another id can continue a body that was away for at most this long.
LARGEST_GAP = 30  # frames, one second
# The longer a body was away, the worse another id fits.
GAP_COST = 0.01  # metres per frame
# Two ids in one place are one body.
SAME_PLACE = 0.1  # metres
# Fewer frames than this share of the clip, and a body yields to those that are there longer.
SHORT_SHARE = 0.1
# What a person's skeleton is like: medians over the frames, in metres.
TRUNK_LENGTH = (0.3, 0.8)  # base of the spine, its middle, shoulders
TRUNK_STRAIGHTNESS = 0.8  # the direct way from base to shoulders, as a share of that length
TRUNK_SPREAD = 0.5  # interquartile range of the length, as a share of its median
FARTHEST_JOINT = (0.4, 1.6)  # from the base of the spine
ARM_BONE, LEG_BONE = (0.12, 0.5), (0.2, 0.7)
LEAST_LIMBS = 6  # of the 8 such bones: upper arms, forearms, thighs, shins


@dataclass
class BodyNotes:
    """What became of the bodies of a file: how many joins across ids, and bodies merged or left out."""

    joined: int = 0
    duplicates: int = 0
    not_persons: int = 0
    surplus: int = 0


@dataclass
class _Track:
    """One body over some frames. ``ids`` are those of its first and last frame, ``order`` that of its first line."""

    frames: np.ndarray  # (n,)
    joints: np.ndarray  # (n, V, 3)
    ids: tuple
    order: int
    breaks: set[int] = field(default_factory=set)  # positions at which places contradict the id

    @property
    def first(self) -> int:
        return int(self.frames[0])

    @property
    def last(self) -> int:
        return int(self.frames[-1])


def two_persons(raw: RawSkeleton) -> tuple[np.ndarray, BodyNotes]:
    """The two persons of a clip, in a fixed order: who is seen first, then who moves more.

    Args:
        raw: All bodies of the clip.

    Returns:
        The keypoints, and notes about bodies that were joined, merged or left out.

    Shapes:
        keypoints ``(M, T, V, C)`` = ``(2, T, 25, 3)``, float64, metres; absent frames and an absent person are zero

    Raises:
        ValueError: If there is no body in any frame.
    """
    notes = BodyNotes()
    streams = _streams(raw)
    if not streams:
        raise InputError(f'expected at least one body, got none in {raw.num_frames} frames')
    _find_contradictions(streams)
    pieces = _merge_duplicates([piece for stream in streams for piece in _cut(stream)], notes)
    tracks = _join(pieces, notes)
    chosen = _choose(tracks, raw.num_frames, notes)
    keypoint = np.zeros((NUM_PERSONS, raw.num_frames, NUM_JOINTS, 3))
    for person, track in enumerate(chosen):
        keypoint[person, track.frames] = track.joints
    return keypoint, notes


def _streams(raw: RawSkeleton) -> list[_Track]:
    """Step 1: the records of every id. All zero means absent; an id twice in a frame is two bodies."""
    present = np.any(raw.joints, axis=(1, 2)).tolist()
    records: dict[tuple[int, int], list[int]] = defaultdict(list)
    seen: set[tuple[int, int, int]] = set()
    for index, (frame, body_id) in enumerate(zip(raw.frame.tolist(), raw.body_id, strict=True)):
        if present[index]:
            copy = 0
            while (frame, body_id, copy) in seen:
                copy += 1
            seen.add((frame, body_id, copy))
            records[body_id, copy].append(index)
    return [_Track(raw.frame[i], raw.joints[i], (key, key), i[0]) for key, i in records.items()]


def _distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Mean distance between corresponding joints, ``(..., V, 3)`` to ``(...)``."""
    difference = one - other
    return np.sqrt(np.einsum('...vc,...vc->...v', difference, difference)).mean(axis=-1)


def _reach(gap: float | np.ndarray) -> np.ndarray:
    return np.minimum(REACH_AT_ONCE + REACH_PER_FRAME * np.asarray(gap), LARGEST_REACH)


def _find_contradictions(streams: list[_Track]) -> None:
    """Step 2: where two ids change places, and where an id jumps onto a body that another id leaves."""
    if len(streams) < 2:
        return
    steps = [_distance(stream.joints[1:], stream.joints[:-1]) for stream in streams]
    positions = [{frame: i for i, frame in enumerate(stream.frames.tolist())} for stream in streams]
    near = float(_reach(1))
    for a, b in combinations(range(len(streams)), 2):
        one, other = streams[a], streams[b]
        if one.last <= other.first or other.last <= one.first:
            continue
        at = [  # both ids are in this frame and the next
            (i, positions[b][frame])
            for i, frame in enumerate(one.frames[:-1].tolist())
            if frame in positions[b] and frame + 1 in positions[a] and frame + 1 in positions[b]
        ]
        if not at:
            continue
        i, j = np.array(at).T
        crossed_a = _distance(one.joints[i], other.joints[j + 1])
        crossed_b = _distance(other.joints[j], one.joints[i + 1])
        swapped = crossed_a + crossed_b + SWAP_MARGIN < steps[a][i] + steps[b][j]
        swapped &= np.maximum(crossed_a, crossed_b) <= near
        one.breaks.update((i[swapped] + 1).tolist())
        other.breaks.update((j[swapped] + 1).tolist())

    starting: dict[int, list[np.ndarray]] = defaultdict(list)  # poses that appear, by frame
    ending: dict[int, list[np.ndarray]] = defaultdict(list)  # poses that vanish, by the frame after
    for stream in streams:
        whole = np.flatnonzero(np.diff(stream.frames) > 1)
        for i in (0, *(whole + 1).tolist()):
            starting[int(stream.frames[i])].append(stream.joints[i])
        for i in (*whole.tolist(), len(stream.frames) - 1):
            ending[int(stream.frames[i]) + 1].append(stream.joints[i])
    events = starting.keys() | ending.keys()
    for stream, step, position in zip(streams, steps, positions, strict=True):
        for frame in events & position.keys():
            i = position[frame]
            if i == 0 or stream.frames[i - 1] != frame - 1:
                continue
            left = min((float(_distance(stream.joints[i - 1], pose)) for pose in starting[frame]), default=np.inf)
            taken = min((float(_distance(stream.joints[i], pose)) for pose in ending[frame]), default=np.inf)
            if step[i - 1] > near and min(left, taken) <= near:
                stream.breaks.add(i)  # it jumped, and one end of the jump is another body's
            elif left + taken + SWAP_MARGIN < step[i - 1]:
                stream.breaks.add(i)  # a short jump, so both ends must be


def _cut(stream: _Track) -> list[_Track]:
    """Step 3: unbroken pieces: no frame is missing and nothing contradicts the id."""
    bounds = sorted({0, *stream.breaks, *(np.flatnonzero(np.diff(stream.frames) > 1) + 1).tolist()})
    return [
        replace(stream, frames=stream.frames[start:stop], joints=stream.joints[start:stop], breaks=set())
        for start, stop in zip(bounds, [*bounds[1:], len(stream.frames)], strict=True)
    ]


def _merge_duplicates(pieces: list[_Track], notes: BodyNotes) -> list[_Track]:
    """Step 4: two ids in one place are one body; the longer one's joints count where both are there."""
    kept: list[_Track] = []
    for piece in sorted(pieces, key=lambda piece: (piece.first, piece.order)):
        for index, other in enumerate(kept):
            if other.last < piece.first:
                continue
            _, i, j = np.intersect1d(piece.frames, other.frames, assume_unique=True, return_indices=True)
            if len(i) and np.median(_distance(piece.joints[i], other.joints[j])) < SAME_PLACE:
                kept[index] = _merged(other, piece)
                notes.duplicates += 1
                break
        else:
            kept.append(piece)
    return kept


def _merged(earlier: _Track, later: _Track) -> _Track:
    main, filler = (earlier, later) if len(earlier.frames) >= len(later.frames) else (later, earlier)
    extra = ~np.isin(filler.frames, main.frames)
    frames = np.concatenate([main.frames, filler.frames[extra]])
    order = np.argsort(frames)
    joints = np.concatenate([main.joints, filler.joints[extra]])[order]
    last = later if later.last > earlier.last else earlier
    return _Track(frames[order], joints, (earlier.ids[0], last.ids[1]), earlier.order)


def _join(pieces: list[_Track], notes: BodyNotes) -> list[_Track]:
    """Step 5: a piece is continued by the nearest later one, the closest pairs first; then what ids alone say."""
    pieces = sorted(pieces, key=lambda piece: (piece.first, piece.order))
    firsts = [piece.first for piece in pieces]
    candidates = []
    for index, piece in enumerate(pieces):
        window = range(bisect_right(firsts, piece.last), bisect_left(firsts, piece.last + LARGEST_GAP + 1))
        for later in window:
            gap = pieces[later].first - piece.last
            distance = float(_distance(piece.joints[-1], pieces[later].joints[0]))
            if distance <= _reach(gap):
                candidates.append((distance + GAP_COST * gap, index, later))
    following: dict[int, int] = {}
    taken: set[int] = set()
    for _, index, later in sorted(candidates):
        if index not in following and later not in taken:
            following[index] = later
            taken.add(later)
    free_starts: dict[tuple, list[int]] = defaultdict(list)
    for later, piece in enumerate(pieces):
        if later not in taken:
            free_starts[piece.ids[0]].append(later)
    for index, piece in enumerate(pieces):
        if index not in following:
            after = [later for later in free_starts[piece.ids[1]] if pieces[later].first > piece.last]
            if after:
                following[index] = after[0]
                free_starts[piece.ids[1]].remove(after[0])
                taken.add(after[0])
    tracks = []
    for index in range(len(pieces)):
        if index not in taken:
            chain = [index]
            while chain[-1] in following:
                chain.append(following[chain[-1]])
            parts = [pieces[i] for i in chain]
            notes.joined += sum(a.ids[1] != b.ids[0] for a, b in zip(parts, parts[1:], strict=False))
            frames = np.concatenate([part.frames for part in parts])
            joints = np.concatenate([part.joints for part in parts])
            tracks.append(_Track(frames, joints, (parts[0].ids[0], parts[-1].ids[1]), parts[0].order))
    return tracks


def _choose(tracks: list[_Track], num_frames: int, notes: BodyNotes) -> list[_Track]:
    """Steps 6 and 7: leave out what is not a person, keep the two that move most, and put them in order."""
    persons = [track for track in tracks if looks_like_a_person(track.joints)]
    if persons:
        notes.not_persons += len(tracks) - len(persons)
        tracks = persons
    motion = {id(track): float(track.joints.var(axis=0).sum()) for track in tracks}
    ranked = sorted(
        tracks, key=lambda track: (len(track.frames) < SHORT_SHARE * num_frames, -motion[id(track)], track.order)
    )
    notes.surplus += max(len(ranked) - NUM_PERSONS, 0)
    return sorted(ranked[:NUM_PERSONS], key=lambda track: (track.first, -motion[id(track)], track.order))


_JOINT = {name: index for index, name in enumerate(SKELETONS['nturgbd25'].joints)}
_TRUNK = [_JOINT[name] for name in ('spine_base', 'spine_middle', 'spine_shoulder')]
_LIMBS = np.array(
    [
        (_JOINT[f'{side}_{child}'], _JOINT[f'{side}_{parent}'])
        for child, parent in (('elbow', 'shoulder'), ('wrist', 'elbow'), ('knee', 'hip'), ('ankle', 'knee'))
        for side in ('left', 'right')
    ]
)
_SHORTEST, _LONGEST = np.array([ARM_BONE] * 4 + [LEG_BONE] * 4).T


def looks_like_a_person(joints: np.ndarray) -> bool:
    """Whether the skeleton of a body has a person's measures; chairs, screens and bags rarely do.

    Nothing here depends on the pose, so people who lie, bow or sit pass.

    Args:
        joints: The body.

    Shapes:
        - joints: ``(T, V, C)``, C = 3, metres, frames of its presence only
    """
    trunk = np.linalg.norm(np.diff(joints[:, _TRUNK], axis=1), axis=-1).sum(axis=-1)
    low, length, high = np.percentile(trunk, [25, 50, 75])
    direct = np.median(np.linalg.norm(joints[:, _TRUNK[-1]] - joints[:, _TRUNK[0]], axis=-1))
    farthest = np.median(np.linalg.norm(joints - joints[:, _TRUNK[:1]], axis=-1).max(axis=-1))
    limbs = np.median(np.linalg.norm(joints[:, _LIMBS[:, 0]] - joints[:, _LIMBS[:, 1]], axis=-1), axis=0)
    return bool(
        TRUNK_LENGTH[0] <= length <= TRUNK_LENGTH[1]
        and direct >= TRUNK_STRAIGHTNESS * length
        and high - low <= TRUNK_SPREAD * length
        and FARTHEST_JOINT[0] <= farthest <= FARTHEST_JOINT[1]
        and ((limbs >= _SHORTEST) & (limbs <= _LONGEST)).sum() >= LEAST_LIMBS
    )
