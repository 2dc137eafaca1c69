"""From the bodies of single frames to tracks: which body of this frame is which body of the frames before.

Sensors and trackers say who a body is by an id. Ids break, swap and return, one person gets two of them, and pose
estimators that look at frames one by one give none. The rule throughout: ids are trusted where nothing contradicts
them; where places do, places win. All distances are in body sizes, so that the rules serve metres and pixels: 0.06 is
10 cm of a body of 1.7 m.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from ...skeletons import Skeleton
from .bodies import body_centres, body_sizes, looks_like_a_person, seen_joints

# How far a body gets under another id: this much at once (noise of a sensor included), so much more for every frame,
# at most so far. The frames are those of a sensor: 1.5 m/s at 30 a second.
REACH_OF_IDS = (0.18, 0.03, 0.9)
# And where no id says who it is. Such frames may be few a second; one that is found far away, after long, is more
# likely to be somebody else.
REACH_WITHOUT_IDS = (0.0, 0.5, 1.5)
# Two ids have changed places if that saves twice this much of the distance that the two go between two frames.
ID_WORTH = 0.06
# Anything but its own id can continue a body that was away for at most this long, and fits worse the longer it was.
LARGEST_GAP, GAP_COST = 30, 0.006
# Two tracks in one place are one body.
SAME_PLACE = 0.06
_FAR = 1e6  # body sizes; the distance of bodies without a size


@dataclass(frozen=True)
class Bodies:
    """All K bodies of a recording in the order of the file, before anybody asks who is who."""

    num_frames: int
    frame: np.ndarray  # (K,), int, from 0
    ids: Sequence[Hashable]  # what the file calls them; None where it does not say, or says that it does not know
    joints: np.ndarray  # (K, V, C), float64, any unit, NaN or zero where missing; without any joint a body is absent
    score: np.ndarray | None = None  # (K, V)

    def of_tracks(
        self, tracks: Sequence[np.ndarray], least: int = 0, absent: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Tracks as arrays over all frames, ``least`` rows M at least, with ``absent`` where a track has no body.

        Shapes:
            returns keypoint ``(M, T, V, C)`` and score ``(M, T, V)``, which is one where bodies have no scores
        """
        shape = (max(len(tracks), least), self.num_frames, *self.joints.shape[1:])
        keypoint, score = np.full(shape, absent), np.zeros(shape[:3])
        for row, track in enumerate(tracks):
            keypoint[row, self.frame[track]] = self.joints[track]
            score[row, self.frame[track]] = 1.0 if self.score is None else self.score[track]
        return keypoint, score


def find_tracks(
    bodies: Bodies, skeleton: Skeleton | None = None, max_gap: int = LARGEST_GAP, join_all: bool = False
) -> list[np.ndarray]:
    """All steps: link bodies, merge those that are one, maybe join what is left, and leave out what is no person.

    A body may go on with the track that last had its id, however long ago and far away; and with any other track that
    was seen at most ``max_gap`` frames ago and is within reach: :data:`REACH_OF_IDS` if both have ids,
    :data:`REACH_WITHOUT_IDS` else. As many bodies as possible go on; of all ways to do so it is the one with the least
    total distance, where the same id is worth :data:`ID_WORTH`. Any other body begins a track.

    Args:
        bodies: The bodies.
        skeleton: Layout of the joints; None: nothing is left out for its shape.
        max_gap: Most frames from one body of a track to the next of another id; 1 allows no gap.
        join_all: Whether tracks that share no frame are joined, wherever they are: in films, cuts break the track of a
            person into several.

    Returns:
        The tracks in the order in which they begin, each as indices of its bodies.

    Shapes:
        each track: ``(n,)``, int, one body a frame at most
    """
    places = _Places(bodies.joints)
    tracks = _merge_duplicates(_link_bodies(bodies, max_gap, places), bodies.frame, places)
    if join_all:
        tracks = _join_tracks(tracks, bodies, places)
    if skeleton is not None and bodies.joints.shape[-1] == 3:
        return [track for track in tracks if looks_like_a_person(bodies.joints[track], skeleton)] or tracks
    return tracks


class _Places:
    """Distances between bodies: of the joints seen in both on average, of their centres where they share none."""

    def __init__(self, joints: np.ndarray) -> None:
        self.joints = np.clip(np.nan_to_num(joints), -1e12, 1e12)  # the squares must not overflow
        self.seen = seen_joints(self.joints)
        self.sizes, self.centres = body_sizes(self.joints), body_centres(self.joints)

    def distance(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """In sizes of the larger body; the arguments are indices of bodies that broadcast."""
        apart = np.linalg.norm(self.joints[first] - self.joints[second], axis=-1)
        both = self.seen[first] & self.seen[second]
        count = both.sum(axis=-1)
        distance = (apart * both).sum(axis=-1) / np.maximum(count, 1)
        if not count.all():
            of_centres = np.linalg.norm(self.centres[first] - self.centres[second], axis=-1)
            distance = np.where(count > 0, distance, of_centres)
        size = np.maximum(self.sizes[first], self.sizes[second])
        far = np.where(distance == 0, 0, _FAR)
        return np.minimum(np.divide(distance, size, out=far, where=size > 0), _FAR)


def _link_bodies(bodies: Bodies, max_gap: int, places: _Places) -> list[np.ndarray]:
    """Link the bodies of consecutive frames into tracks, by the rule of :func:`find_tracks`."""
    frames, ids = bodies.frame.tolist(), bodies.ids
    in_frame: list[list[int]] = [[] for _ in range(bodies.num_frames)]
    for index in np.flatnonzero(places.seen.any(axis=-1)).tolist():
        in_frame[frames[index]].append(index)
    before = _plain_steps(bodies, in_frame, places)
    tracks: list[list[int]] = []
    track_of: dict[int, list[int]] = {}
    for time, members in enumerate(in_frame):
        if all(index in before for index in members):
            going_on = {index: track_of[before[index]] for index in members}
        else:
            named = {ids[index] for index in members} - {None}
            live = [track for track in tracks if time - frames[track[-1]] <= max_gap or ids[track[-1]] in named]
            going_on = _assign(bodies, places, live, members, max_gap) if live else {}
        for index in members:
            if index in going_on:
                going_on[index].append(index)
            else:
                tracks.append([index])
            track_of[index] = going_on.get(index, tracks[-1])
    return [np.array(track) for track in tracks]


def _plain_steps(bodies: Bodies, in_frame: Sequence[Sequence[int]], places: _Places) -> dict[int, int]:
    """Bodies to those of the same id in the frame before, where they are so near that nothing can fit better.

    If all bodies of a frame have such a step, :func:`_assign` would take them all; most frames are of this kind.
    """
    steps = []
    for earlier, later in zip(in_frame, in_frame[1:], strict=False):
        known = {bodies.ids[index]: index for index in earlier}
        if len({bodies.ids[index] for index in later}) == len(later) and len(known) == len(earlier):
            steps += [(index, known[bodies.ids[index]]) for index in later if bodies.ids[index] in known]
    steps = [step for step in steps if bodies.ids[step[0]] is not None]
    if not steps:
        return {}
    near = places.distance(*np.array(steps).T) <= ID_WORTH
    return dict(step for step, is_near in zip(steps, near.tolist(), strict=True) if is_near)


def _assign(
    bodies: Bodies, places: _Places, live: list[list[int]], members: list[int], max_gap: int
) -> dict[int, list[int]]:
    """Which track each body of a frame goes on with."""
    last = [track[-1] for track in live]
    rows, columns = np.array(last)[:, None], np.array(members)[None]
    names = [[bodies.ids[index] for index in indices] for indices in (last, members)]
    same = np.array([[a is not None and a == b for b in names[1]] for a in names[0]])
    told = np.array([[a is not None and b is not None for b in names[1]] for a in names[0]])
    gap = bodies.frame[columns] - bodies.frame[rows]
    distance = places.distance(rows, columns)
    of_ids, without = (
        np.minimum(at_once + per_frame * gap, largest)
        for at_once, per_frame, largest in (REACH_OF_IDS, REACH_WITHOUT_IDS)
    )
    allowed = same | ((gap <= max_gap) & (distance <= np.where(told, of_ids, without)))
    cost = distance + GAP_COST * gap - ID_WORTH * same
    # What is not allowed costs more than all that is: as many as possible go on.
    forbidden = 1 + (np.abs(cost[allowed]).max(initial=0) + 1) * min(cost.shape)
    pairs = zip(*linear_sum_assignment(np.where(allowed, cost, forbidden)), strict=True)
    return {members[column]: live[row] for row, column in pairs if allowed[row, column]}


def _merge_duplicates(tracks: list[np.ndarray], frame: np.ndarray, places: _Places) -> list[np.ndarray]:
    """Tracks in one place are one body; the longer one's joints count where both are there."""
    kept: list[np.ndarray] = []
    for track in tracks:
        for position, other in enumerate(kept):
            if frame[other[-1]] < frame[track[0]]:
                continue
            _, i, j = np.intersect1d(frame[track], frame[other], assume_unique=True, return_indices=True)
            if len(i) and np.median(places.distance(track[i], other[j])) < SAME_PLACE:
                main, filler = (other, track) if len(other) >= len(track) else (track, other)
                merged = np.concatenate([main, filler[~np.isin(frame[filler], frame[main])]])
                kept[position] = merged[np.argsort(frame[merged])]
                break
        else:
            kept.append(track)
    return kept


def _join_tracks(tracks: list[np.ndarray], bodies: Bodies, places: _Places) -> list[np.ndarray]:
    """From the clearest track down (the sum of its scores), a track goes to a person with whom it shares no frame, to
    the nearest one of several where they are nearest in time, and is a new person if it shares frames with all."""
    frame = bodies.frame
    clear = [float((places.seen if bodies.score is None else bodies.score)[track].sum()) for track in tracks]
    persons: list[np.ndarray] = []
    for position in sorted(range(len(tracks)), key=lambda position: -clear[position]):
        track = tracks[position]
        free = [index for index, person in enumerate(persons) if not np.isin(frame[track], frame[person]).any()]
        if not free:
            persons.append(track)
            continue
        apart = []
        for index in free:
            gaps = np.abs(frame[persons[index]][:, None] - frame[track][None])
            nearest = np.unravel_index(gaps.argmin(), gaps.shape)
            apart.append(float(places.distance(persons[index][nearest[0]], track[nearest[1]])))
        nearest_person = free[int(np.argmin(apart))]
        joined = np.concatenate([persons[nearest_person], track])
        persons[nearest_person] = joined[np.argsort(frame[joined])]
    return sorted(persons, key=lambda person: int(person[0]))
