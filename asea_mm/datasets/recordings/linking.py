"""Which body of a frame goes on with which track: distances between bodies, the rules, and the linking by them.

All distances are in body sizes, so that the rules serve metres and pixels: 0.06 is 10 cm of a body of 1.7 m.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from .bodies import body_centres, body_sizes, seen_joints

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
# Three seconds at 30 frames a second, within half a body's size: who was hidden, or not detected, and stayed there.
LARGEST_GAP_IN_PLACE, IN_PLACE = 90, 0.5
# Two tracks in one place are one body.
SAME_PLACE = 0.06
_FAR = 1e6  # body sizes; the distance of bodies without a size
_MOST_PAIRS = 100_000  # whose joints are compared at once


class Places:
    """Distances between bodies: of the joints seen in both on average, of their centres where they share none.

    Shapes:
        joints: ``(K, V, C)``, any unit, NaN or zero where missing
    """

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
            distance = np.where(count > 0, distance, self._of_centres(first, second))
        return self._in_sizes(distance, first, second)

    def centre_distance(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Of centres only, which is quick."""
        return self._in_sizes(self._of_centres(first, second), first, second)

    def _of_centres(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.asarray(np.linalg.norm(self.centres[first] - self.centres[second], axis=-1))

    def _in_sizes(self, distance: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        size = np.maximum(self.sizes[first], self.sizes[second])
        far = np.where(distance == 0, 0, _FAR)
        return np.asarray(np.minimum(np.divide(distance, size, out=far, where=size > 0), _FAR))

    def same_body(self, first: np.ndarray, second: np.ndarray) -> bool:
        """Whether two tracks are one body, by the median distance of their bodies in the frames that they share.

        Bodies without extent, of one joint or all joints in one place, do not tell.

        Shapes:
            first, second: ``(n,)``, indices of bodies
        """
        tell = (self.sizes[first] > 0) & (self.sizes[second] > 0)
        first, second = first[tell], second[tell]
        if not len(first) or np.median(self.centre_distance(first, second)) > IN_PLACE:  # a quick look first
            return False
        return bool(np.median(self.distance(first, second)) < SAME_PLACE)


@dataclass(frozen=True)
class Rules:
    """Who may go on with whom.

    A body may go on with the track that last had its id, however long ago and far away; with any other track that was
    seen at most ``max_gap`` frames ago and is within reach: :data:`REACH_OF_IDS` if both have ids,
    :data:`REACH_WITHOUT_IDS` else; and with one that was seen longer ago, at most ``gap_in_place`` frames, within
    :data:`IN_PLACE`. As many bodies as possible go on; of all ways to do so it is the one with the least total
    distance, where the same id is worth :data:`ID_WORTH`. Any other body begins a track.
    """

    max_gap: int = LARGEST_GAP
    gap_in_place: int = LARGEST_GAP_IN_PLACE

    @property
    def longest(self) -> int:
        return max(self.max_gap, self.gap_in_place)

    def assign(
        self, distance: np.ndarray, gap: np.ndarray, same: np.ndarray, told: np.ndarray
    ) -> list[tuple[int, int]]:
        """Which track each body goes on with, as pairs (track, body).

        Args:
            distance: In body sizes.
            gap: Frames since the track was seen.
            same: Whether both have the same id.
            told: Whether both have ids.

        Shapes:
            all ``(tracks, bodies)``, or what broadcasts to it
        """
        of_ids, without = (
            np.minimum(at_once + per_frame * gap, largest)
            for at_once, per_frame, largest in (REACH_OF_IDS, REACH_WITHOUT_IDS)
        )
        reach = np.where(gap <= self.max_gap, np.where(told, of_ids, without), IN_PLACE)
        allowed = same | ((gap <= self.longest) & (distance <= reach))
        if not allowed.any():
            return []
        cost = distance + GAP_COST * gap - ID_WORTH * same
        # What is not allowed costs more than all that is: as many as possible go on.
        forbidden = 1 + (np.abs(cost[allowed]).max() + 1) * min(cost.shape)
        rows, columns = linear_sum_assignment(np.where(allowed, cost, forbidden))
        fits = allowed[rows, columns]
        return list(zip(rows[fits].tolist(), columns[fits].tolist(), strict=True))


def link_bodies(frame: np.ndarray, codes: np.ndarray, rules: Rules, places: Places) -> list[np.ndarray]:
    """Link the bodies of consecutive frames into tracks, by the rules.

    Args:
        frame: Of every body.
        codes: Id of every body, a number from 0; -1 where it has none.
        rules: Who may go on with whom.
        places: The bodies.

    Returns:
        The tracks in the order in which they begin, each as indices of its bodies.

    Shapes:
        frame, codes: ``(K,)``, int; each track ``(n,)``, int
    """
    bodies = np.flatnonzero(places.seen.any(axis=-1))
    bodies = bodies[np.argsort(frame[bodies], kind='stable')]
    if not len(bodies):
        return []
    times, starts = np.unique(frame[bodies], return_index=True)
    in_frame = np.split(bodies, starts[1:])
    before = _plain_steps(bodies, frame, codes, places)
    all_plain = np.logical_and.reduceat(before[bodies] >= 0, starts).tolist()
    last_of_id = np.full(codes.max() + 2, -1)  # frame; the last one is that of no id
    np.maximum.at(last_of_id, codes[bodies], frame[bodies])
    last_of_id[-1] = -1
    track_of = np.full(len(frame), -1)
    last_body = np.zeros(len(bodies), dtype=np.intp)  # of every track
    count, waiting = 0, np.zeros(0, dtype=np.intp)  # tracks in all, and those that may go on
    for time, members, plain in zip(times.tolist(), in_frame, all_plain, strict=True):
        if plain:
            track_of[members] = track_of[before[members]]
        else:
            is_plain = before[members] >= 0
            track_of[members[is_plain]] = track_of[before[members[is_plain]]]
            others = members[~is_plain]
            last = last_body[waiting]
            goes_on = (time - frame[last] <= rules.longest) | (last_of_id[codes[last]] >= time)
            waiting = waiting[goes_on]
            free = waiting[~np.isin(waiting, track_of[members[is_plain]])]
            last = last_body[free]
            named = (codes[last] >= 0)[:, None], (codes[others] >= 0)[None]
            same = (codes[last][:, None] == codes[others][None]) & named[0]
            distance = places.distance(last[:, None], others[None])
            for row, column in rules.assign(distance, (time - frame[last])[:, None], same, named[0] & named[1]):
                track_of[others[column]] = free[row]
            new = others[track_of[others] < 0]
            track_of[new] = np.arange(count, count + len(new))
            waiting, count = np.concatenate([waiting, track_of[new]]), count + len(new)
        last_body[track_of[members]] = members
    order = bodies[np.argsort(track_of[bodies], kind='stable')]
    return np.split(order, np.flatnonzero(np.diff(track_of[order])) + 1)


def _plain_steps(bodies: np.ndarray, frame: np.ndarray, codes: np.ndarray, places: Places) -> np.ndarray:
    """Of every body the one of the frame before that is so near that nothing can fit better, or -1.

    It is within :data:`ID_WORTH` and has the same id, or one of the two has none and it is the nearest. The rules would
    take these steps, too; most are of this kind.
    """
    before = np.full(len(frame), -1)
    for later, earlier, begins in _pairs_of_neighbours(bodies, frame):
        distance = np.full(len(later), np.inf)
        # A quick look first: joints are not near where centres are far.
        (near,) = np.nonzero(places.centre_distance(later, earlier) <= IN_PLACE)
        for part in np.array_split(near, len(near) // _MOST_PAIRS + 1):
            distance[part] = places.distance(later[part], earlier[part])
        same = (codes[later] == codes[earlier]) & (codes[later] >= 0)
        distance = np.where(distance <= ID_WORTH, distance - same, np.inf)  # the same id before any other
        lengths = np.diff([*begins.tolist(), len(later)])
        best = np.minimum.reduceat(distance, begins)
        is_best = np.isfinite(distance) & (distance == np.repeat(best, lengths))
        is_best &= same | (codes[later] < 0) | (codes[earlier] < 0)
        before[later[is_best]] = earlier[is_best]
    # Two that come from one are not plain.
    _, first, times = np.unique(before, return_index=True, return_counts=True)
    once = np.zeros(len(frame), dtype=bool)
    once[first[times == 1]] = True
    return np.where(once, before, -1)


def _pairs_of_neighbours(bodies: np.ndarray, frame: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """All pairs of a body and one of the frame before: later, earlier, and where those of each later body begin."""
    time = frame[bodies]
    first, after = np.searchsorted(time, time - 1, 'left'), np.searchsorted(time, time - 1, 'right')
    counts = after - first
    (later,) = np.nonzero(counts)
    # In parts, so that the pairs of long recordings of crowds need not fit into memory.
    part_of = np.cumsum(counts[later]) // (10 * _MOST_PAIRS)
    for part in np.split(later, np.flatnonzero(np.diff(part_of)) + 1):
        if len(part):
            number = counts[part]
            begins = np.cumsum(number) - number
            within = np.arange(number.sum()) - np.repeat(begins, number)
            yield np.repeat(bodies[part], number), bodies[np.repeat(first[part], number) + within], begins
