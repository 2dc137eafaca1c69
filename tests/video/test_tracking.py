"""Ids of live frames: steady, of one body once, forgotten after long."""

import numpy as np
import pytest

from asea_mm.datasets.recordings.linking import Rules
from asea_mm.datasets.recordings.tracks import Bodies, find_tracks
from asea_mm.video.tracking import LiveTracks

from .clips import body

NOBODY = np.zeros((0, 17, 3), np.float32)


def scene(time: int) -> np.ndarray:
    """Two people who walk towards each other and back, listed in any order."""
    together = 60 + 140 * abs(time - 20) / 20
    people = np.stack([body(200 - together), body(200 + together, size=90)])
    return people[:: -1 if time % 3 == 0 else 1]


def test_ids_stay_whatever_the_order():
    tracks = LiveTracks()
    seen = [tracks.push(scene(time), time) for time in range(41)]
    assert all(sorted(people) == [1, 2] for people in seen)
    left = min(seen[0], key=lambda person: seen[0][person][:, 0].mean())
    assert all(people[left][:, 0].mean() < people[3 - left][:, 0].mean() for people in seen)


def test_the_same_as_recordings():
    frames = [scene(time) for time in range(41)]
    live = LiveTracks()
    ids = [live.push(bodies, time) for time, bodies in enumerate(frames)]
    joints = np.concatenate(frames).astype(np.float64)
    bodies = Bodies(41, np.repeat(np.arange(41), 2), [None] * 82, joints[..., :2], joints[..., 2])
    for track in find_tracks(bodies):
        of_track = [
            next(person for person, known in ids[bodies.frame[index]].items() if np.allclose(known, joints[index]))
            for index in track
        ]
        assert len(set(of_track)) == 1


def test_one_body_detected_twice_is_one_person():
    twice = np.stack([body(100, score=0.5), body(101, score=0.9), body(300)])
    people = LiveTracks().push(twice, 0)
    assert len(people) == 2
    assert {round(float(person[0, 2]), 1) for person in people.values()} == {0.9}


@pytest.mark.parametrize(('away', 'same'), [(1, True), (60, True), (Rules().longest + 1, False)])
def test_who_comes_back_to_the_same_place(away, same):
    tracks = LiveTracks()
    (first,) = tracks.push(body(100)[None], 0)
    for number in range(1, away):
        assert tracks.push(NOBODY, number) == {}
    (after,) = tracks.push(body(100)[None], away)
    assert (first == after) == same


def test_frames_that_were_dropped_count():
    tracks = LiveTracks()
    tracks.push(body(100)[None], 0)
    assert list(tracks.push(body(100)[None], 1000)) == [2]


def test_a_body_without_a_score_is_nobody():
    assert LiveTracks().push(body(100, score=0)[None], 0) == {}


def test_only_who_may_come_back_is_kept():
    tracks = LiveTracks()
    for number in range(150):
        tracks.push(body(1000.0 * number)[None], number)
    assert len(tracks._last) <= Rules().longest + 1
