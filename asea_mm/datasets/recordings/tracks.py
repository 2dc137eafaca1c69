"""From the bodies of single frames to tracks: which body of this frame is which body of the frames before.

Sensors and trackers say who a body is by an id. Ids break, swap and return, one person gets two of them, some programs
number detections, and pose estimators that look at frames one by one give none. The rule throughout: ids that last are
trusted where nothing contradicts them; where places do, places win. All distances are in body sizes, so that the rules
serve metres and pixels: 0.06 is 10 cm of a body of 1.7 m.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ...skeletons import Skeleton
from .bodies import looks_like_a_person
from .linking import LARGEST_GAP, LARGEST_GAP_IN_PLACE, Places, Rules, link_bodies
from .notes import Note


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
    bodies: Bodies,
    skeleton: Skeleton | None = None,
    max_gap: int = LARGEST_GAP,
    gap_in_place: int = LARGEST_GAP_IN_PLACE,
    join_all: bool = False,
    merge: bool = True,
    notes: list[Note] | None = None,
) -> list[np.ndarray]:
    """All steps: link bodies, merge those that are one, maybe join what is left, and leave out what is no person.

    An id that is in one frame only says nothing; else bodies go on by the rules of :class:`~.linking.Rules`.

    Args:
        bodies: The bodies.
        skeleton: Layout of the joints; None: nothing is left out for its shape.
        max_gap: Most frames from one body of a track to the next of another id; 1 allows no gap.
        gap_in_place: The same for a body that is found where it was.
        join_all: Whether tracks that share no frame are joined, wherever they are: in films, cuts break the track of a
            person into several.
        merge: Whether tracks in one place are one body.
        notes: Gets what was done against the ids, and what was merged.

    Returns:
        The tracks in the order in which they begin, each as indices of its bodies.

    Shapes:
        each track: ``(n,)``, int, one body a frame at most
    """
    places = Places(bodies.joints)
    codes = _lasting_ids(bodies)
    tracks = link_bodies(bodies.frame, codes, Rules(max_gap, gap_in_place), places)
    kept, merged = _merge_duplicates(tracks, bodies.frame, places) if merge else (tracks, [])
    if notes is not None:
        notes += _notes(bodies, codes, kept, merged)
    if join_all:
        kept = _join_tracks(kept, bodies, places)
    if skeleton is not None and bodies.joints.shape[-1] == 3:
        return [track for track in kept if looks_like_a_person(bodies.joints[track], skeleton)] or kept
    return kept


def _lasting_ids(bodies: Bodies) -> np.ndarray:
    """The ids as numbers from 0, ``(K,)``; -1 where there is none, or it is in one frame only."""
    frames_of: dict[Hashable, set[int]] = {}
    for body_id, frame in zip(bodies.ids, bodies.frame.tolist(), strict=True):
        frames_of.setdefault(body_id, set()).add(frame)
    lasting = (body_id for body_id, frames in frames_of.items() if body_id is not None and len(frames) > 1)
    number_of = {body_id: number for number, body_id in enumerate(lasting)}
    return np.array([number_of.get(body_id, -1) for body_id in bodies.ids], dtype=np.intp)


def _notes(
    bodies: Bodies, codes: np.ndarray, tracks: Sequence[np.ndarray], merged: Sequence[tuple[np.ndarray, np.ndarray]]
) -> list[Note]:
    """What was done against the ids of the file, and what was merged."""

    def names(*parts: np.ndarray) -> str:
        """The ids of all these bodies, the most frequent of each part first."""
        found = (Counter(str(bodies.ids[index]) for index in part if codes[index] >= 0).most_common() for part in parts)
        known = list(dict.fromkeys(name for part in found for name, _ in part))
        return f'ids {" and ".join(known[:4])}' if len(known) > 1 else ''

    notes = []
    given = sum(body_id is not None for body_id in bodies.ids)
    dropped = given - int((codes >= 0).sum())
    if dropped > max(given / 2, 1):
        ids = len(set(bodies.ids) - {None})
        what = 'most ids are in one frame only and were not used; bodies were followed by their places'
        notes.append(Note(what, f'{ids} ids in {bodies.num_frames} frames'))
    changed = [track for track in tracks if len(set(codes[track].tolist()) - {-1}) > 1]
    # Of merged bodies, two ids are not a change.
    of_merged = [set(codes[np.concatenate(pair)].tolist()) for pair in merged]
    changed = [track for track in changed if not any(set(codes[track].tolist()) <= ids for ids in of_merged)]
    if changed:
        notes.append(Note('ids change in one place; persons were followed by their places', names(changed[0])))
    if merged:
        one, other = merged[0]
        shared = len(np.intersect1d(bodies.frame[one], bodies.frame[other]))
        where = ', '.join(filter(None, [names(one, other), f'{shared} of {bodies.num_frames} frames']))
        notes.append(Note('one body was detected twice, and is kept once', where))
    return notes


def _merge_duplicates(
    tracks: list[np.ndarray], frame: np.ndarray, places: Places
) -> tuple[list[np.ndarray], list[tuple[np.ndarray, np.ndarray]]]:
    """Tracks in one place are one body; the longer one's joints count where both are there.

    Returns:
        The tracks, and every two of them that were merged.
    """
    kept: list[np.ndarray] = []
    merged: list[tuple[np.ndarray, np.ndarray]] = []
    for track in tracks:
        for position, other in enumerate(kept):
            if frame[other[-1]] < frame[track[0]]:
                continue
            _, i, j = np.intersect1d(frame[track], frame[other], assume_unique=True, return_indices=True)
            if places.same_body(track[i], other[j]):
                main, filler = (other, track) if len(other) >= len(track) else (track, other)
                merged.append((main, filler))
                both = np.concatenate([main, filler[~np.isin(frame[filler], frame[main])]])
                kept[position] = both[np.argsort(frame[both])]
                break
        else:
            kept.append(track)
    return kept, merged


def _join_tracks(tracks: list[np.ndarray], bodies: Bodies, places: Places) -> list[np.ndarray]:
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
