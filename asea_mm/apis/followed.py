"""Who is who in a stream, frame by frame, by the rules that recordings are read by; and bodies that cannot be."""

from collections.abc import Hashable, Mapping
from itertools import combinations
from numbers import Integral

import numpy as np

from ..datasets.recordings.bodies import body_sizes, seen_joints
from ..datasets.recordings.linking import Places, Rules

# In body sizes: a body does not go farther in a frame, and so much more for every frame in which it was not seen.
LARGEST_JUMP, JUMP_A_FRAME = 1.5, 0.5
LARGEST_GROWTH = 3.0  # nor does it become so many times larger or smaller, by the joints seen in both frames
LARGEST_NEWCOMER = 10.0  # times the largest of those who are there
PATIENCE = 3  # frames after which what cannot be is true: a camera was moved, an id was given to somebody else


def joined_tracks(
    bodies: Mapping[Hashable, np.ndarray],
    last: Mapping[Hashable, np.ndarray],
    seen: Mapping[Hashable, int],
    now: int,
    channels: int,
) -> list[tuple[Hashable, Hashable]]:
    """Tracks that go on under another id: new ids of this frame where a track was that has vanished.

    Args:
        bodies: Of this frame, by id.
        last: Every track's last body, by id.
        seen: And when it was.
        now: Number of this frame.
        channels: Coordinates C; scores may come behind them.

    Returns:
        The old and the new id of each.
    """
    new = [track for track in bodies if track not in seen]
    away = [track for track in seen if track not in bodies]
    if not new or not away:
        return []
    places = Places(np.stack([last[track] for track in away] + [bodies[track] for track in new])[..., :channels])
    rows = np.arange(len(away))[:, None]
    distance = places.distance(rows, len(away) + np.arange(len(new))[None])
    gap = now - np.array([seen[track] for track in away])[:, None]
    pairs = Rules().assign(distance, gap, np.zeros(distance.shape, bool), np.ones(distance.shape, bool))
    return [(away[row], new[column]) for row, column in pairs]


def merge_rows(values: np.ndarray, channels: int) -> list[tuple[int, int]]:
    """Find rows of a window that are one body; the one of more frames gets, in place, those that only the other has.

    Shapes:
        values: ``(M, T, V, C)``, scores may come behind the coordinates

    Returns:
        Which row is kept, and which is to be left out.
    """
    places = Places(values[..., :channels].reshape(-1, values.shape[2], channels))
    number = np.arange(values.shape[0] * values.shape[1]).reshape(values.shape[:2])
    there = np.asarray(places.seen.any(axis=-1)).reshape(number.shape)
    merged: list[tuple[int, int]] = []
    for one, other in combinations(range(len(values)), 2):
        both = there[one] & there[other]
        gone = {left_out for _, left_out in merged}
        if one in gone or other in gone or not places.same_body(number[one, both], number[other, both]):
            continue
        kept, left_out = (one, other) if there[one].sum() >= there[other].sum() else (other, one)
        values[kept, ~there[kept]] = values[left_out, ~there[kept]]
        merged.append((kept, left_out))
    return merged


class Damage:
    """Finds bodies that cannot be: too far from where they were, of another size, or far outside of the image.

    What stays where it cannot be for :data:`PATIENCE` frames is believed.

    Args:
        img_shape: Height and width of the image, where they are known.
    """

    def __init__(self, img_shape: tuple[int, ...] | None) -> None:
        self.img_shape = img_shape
        self._doubted: dict[Hashable, tuple[int, int, np.ndarray]] = {}  # frame, how often, body

    def find(
        self,
        bodies: Mapping[Hashable, np.ndarray],
        last: Mapping[Hashable, np.ndarray],
        seen: Mapping[Hashable, int],
        now: int,
        channels: int,
    ) -> tuple[list[Hashable], list[Hashable]]:
        """The ids of bodies that are to be left out of this frame, and of tracks that begin anew with theirs.

        Arguments are those of :func:`joined_tracks`.
        """
        self._doubted = {track: doubt for track, doubt in self._doubted.items() if doubt[0] >= now - PATIENCE}
        damaged, anew = [], []
        for track, values in bodies.items():
            body = values[:, :channels]
            if track in last:
                wrong = not _goes_on(last[track][:, :channels], body, now - seen[track])
            else:
                largest = max((body_sizes(other[:, :channels]) for other in last.values()), default=np.inf)
                wrong = bool(body_sizes(body) > LARGEST_NEWCOMER * largest > 0)
            if self._outside(body):
                damaged.append(track)
            elif wrong:
                when, times, before = self._doubted.get(track, (now, 0, body))
                times = times + 1 if times and _goes_on(before, body, now - when) else 1
                if times < PATIENCE:
                    self._doubted[track] = (now, times, body)
                    damaged.append(track)
                else:
                    del self._doubted[track]
                    if track in last:
                        anew.append(track)
        return damaged, anew

    def _outside(self, body: np.ndarray) -> bool:
        """Whether the middle of a body is more than an image away from the image."""
        if self.img_shape is None or body.shape[-1] != 2:
            return False
        size = np.array(self.img_shape[1::-1])
        return bool((np.abs(np.median(body[seen_joints(body)], axis=0) - size / 2) > 1.5 * size).any())


def _goes_on(before: np.ndarray, after: np.ndarray, gap: int) -> bool:
    """Whether a body can be the same one so many frames later; bodies that share hardly any joint do not tell."""
    both = seen_joints(before) & seen_joints(after)
    before, after = before[both].astype(np.float64), after[both].astype(np.float64)
    if len(before) < 3:
        return True
    size, new_size = (float(np.linalg.norm(np.ptp(body, axis=0))) for body in (before, after))
    if not size:
        return True
    way = np.linalg.norm(after - before, axis=-1).mean()
    near = way <= (LARGEST_JUMP + JUMP_A_FRAME * (gap - 1)) * size
    return bool(near and size / LARGEST_GROWTH <= new_size <= size * LARGEST_GROWTH)


def known_by(track: Hashable) -> tuple[str, int, str]:
    """Where an id comes among others, whatever the order in the frame: numbers by size, all else by its text."""
    number = int(track) if isinstance(track, Integral) else 0
    return type(track).__name__, number, repr(track)
