"""Users' recordings: who is who from frame to frame, and which persons are kept."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asea_mm.datasets.recordings.finish import finish_recording
from asea_mm.datasets.recordings.samples import read_recording
from asea_mm.datasets.recordings.recording import Recording, all_frames, choose_persons
from asea_mm.datasets.recordings.tracks import body_distances, body_sizes, link_bodies
from asea_mm.skeletons import get_skeleton

nan = np.nan
STICK = get_skeleton(dict(name='stick2', joints=['head', 'foot'], bones=[['foot', 'head']]))


def body(x, height=10.0):
    return np.array([[x, 0.0], [x, height]])


def test_size():
    bodies = np.array([[[0, 0], [3, 4.0], [nan, 9]], [[1, 1], [1, 1], [1, 3]], [[nan, nan]] * 3])
    np.testing.assert_array_equal(body_sizes(bodies), [5, 2, 0])
    np.testing.assert_array_equal(body_sizes(np.stack([bodies, bodies])), [[5, 2, 0]] * 2)
    assert body_sizes(np.array([[0, 0, 0], [2, 3, 6.0]])) == 7  # in space


HALF, OTHER = body(0), body(5)
HALF[0], OTHER[1] = nan, nan  # seen at (0, 10) and at (5, 0)


@pytest.mark.parametrize(
    ('first', 'second', 'expected'),
    [
        (body(0), body(5), 0.5),
        (body(0, 10), body(0, 20), 0.25),  # the larger of the two sizes
        (np.vstack([HALF, [[0, 0]]]), np.vstack([OTHER, [[5, 0]]]), 0.5),  # the third joint
        (np.vstack([HALF, [[6, 8]]]), np.vstack([OTHER, [[nan] * 2]]), np.hypot(2, 9) / np.hypot(6, 2)),  # the means
        (body(0)[:1], body(0)[:1], 0),  # bodies without a size
        (body(0)[:1], body(1)[:1], np.inf),
        (np.zeros((2, 3)), np.array([[0, 0, 0], [2, 3, 6.0]]), 0.5),  # in space
    ],
)
def test_distance(first, second, expected):
    assert body_distances(first[None], second[None])[0, 0] == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([2, 3]), st.sampled_from([0.001, 1000]))
def test_distances_of_all_pairs_at_once_in_any_unit(data, channels, unit):
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    first, second = (rng.normal(size=(data.draw(st.integers(1, 4)), 5, channels)) for _ in range(2))
    for bodies in (first, second):
        bodies[:, 1:][rng.random((len(bodies), 4)) < 0.4] = nan
    both = body_distances(first, second)
    assert both.shape == (len(first), len(second))
    np.testing.assert_allclose(both, body_distances(second, first).T)
    np.testing.assert_allclose(both, body_distances(first * unit + 3, second * unit + 3))
    for row, one in enumerate(first):
        for column, other in enumerate(second):
            common = [np.linalg.norm(a - b) for a, b in zip(one, other, strict=True) if not np.isnan(a + b).any()]
            size = max(np.linalg.norm(np.nanmax(body, axis=0) - np.nanmin(body, axis=0)) for body in (one, other))
            assert both[row, column] == (pytest.approx(np.mean(common) / size) if size else np.inf)


def link(frames, **arguments):
    return link_bodies([np.array([body(x) for x in frame]).reshape(-1, 2, 2) for frame in frames], **arguments)


@pytest.mark.parametrize(
    ('frames', 'expected'),
    [
        ([[0, 50], [51, 1], [2, 52]], [[0, 1], [1, 0], [0, 1]]),  # the order changes
        ([[0], [], [1, 50], [51]], [[0], [], [0, 1], [1]]),  # one comes, one goes
        ([[0], [5]], [[0], [0]]),  # half its size in a frame, and no more
        ([[0], [6]], [[0], [1]]),
        ([[0], [], [9]], [[0], [], [0]]),  # twice that in two frames
        ([[0], [], [], [], [], [15]], [[0], [], [], [], [], [0]]),  # three times at most
        ([[0], [], [], [], [], [16]], [[0], [], [], [], [], [1]]),
        ([[0, 4], [3, 7]], [[0, 1], [0, 1]]),  # as many as possible go on; the nearest first would leave one over
        ([[0, 4], [3, 5]], [[0, 1], [0, 1]]),  # 0.3 + 0.1, and not 0.1 + 0.5
        ([[], []], [[], []]),
    ],
)
def test_linking(frames, expected):
    assert link(frames) == expected


def test_a_lost_body_is_waited_for_but_not_for_ever():
    lost = [[0], [], [], [0]]
    assert link(lost, max_gap=3)[-1] == [0]
    assert link(lost, max_gap=2)[-1] == [1]
    for frames, expected in ((30, [0]), (31, [1])):
        assert link([[0], *[[]] * (frames - 1), [0]])[-1] == expected


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 4), st.integers(1, 8))
def test_bodies_far_apart_keep_their_track_in_any_order(data, persons, frames):
    orders = [data.draw(st.permutations(range(persons))) for _ in range(frames)]
    links = link([[100 * person + frame for person in order] for frame, order in enumerate(orders)])
    first = dict(zip(orders[0], links[0], strict=True))
    for order, found in zip(orders, links, strict=True):
        assert [first[person] for person in order] == found


def test_json_without_ids_where_persons_swap_and_vanish(tmp_path):
    frames = [[(10, 1), (90, 1)], [(91, 1), (11, 1)], [(92, 1)], [(93, 1), (13, 1)]]
    content = [{'persons': [{'keypoint': (body(x) + [0, 5]).tolist()} for x, _ in frame]} for frame in frames]
    (tmp_path / 'a.json').write_text(json.dumps({'frames': content}))
    keypoint = finish_recording(read_recording(tmp_path / 'a.json', STICK), STICK, 'a')['keypoint']
    np.testing.assert_array_equal(keypoint[:, :, 0, 0], [[10, 11, 0, 13], [90, 91, 92, 93]])


def recording(*persons, score=None):
    keypoint = np.stack([np.stack([body(x) if x is not None else body(nan) for x in xs]) for xs in persons])
    keypoint[np.isnan(keypoint).any(axis=-1)] = nan
    return Recording(keypoint, score, range(keypoint.shape[1]), [str(i) for i in range(len(persons))])


def test_who_is_there_longest_and_moves_most_is_kept():
    passing = [None, None, None, 0]
    still, walking, waving = [50] * 4, [100, 101, 102, 103], [200, 202, 200, 202]
    # shares: passing 1/4 + 0, still 1 + 0, walking 1 + 1/2, waving 1 + 1
    everyone = recording(passing, still, walking, waving)
    assert [choose_persons(everyone, count) for count in (1, 2, 3, 9)] == [[3], [2, 3], [1, 2, 3], [0, 1, 2, 3]]


def test_scores_count_and_the_first_of_equals_is_kept():
    equal = recording([0] * 3, [50] * 3, [90] * 3)
    assert choose_persons(equal, 2) == [0, 1]
    equal.score = np.array([0.2, 0.9, 0.9])[:, None, None] * np.ones((3, 3, 2))
    assert choose_persons(equal, 2) == [1, 2]


def test_noise_of_somebody_small_in_the_background_is_no_motion():
    rng = np.random.default_rng(0)
    actors = [body(x)[None] * 100 + np.cumsum(rng.normal(size=(30, 1, 1)), axis=0) for x in (1, 2)]
    standing = np.broadcast_to(body(3), (30, *body(3).shape))
    keypoint = np.stack([standing, *actors]) + rng.normal(0, 0.3, (3, 30, *body(0).shape))
    assert choose_persons(Recording(keypoint, None, range(30), ['0', '1', '2']), 2) == [1, 2]


@pytest.mark.parametrize(
    ('numbers', 'expected'),
    [([3], [3]), ([1, 2, 4], [1, 2, 3, 4]), ([10, 0, 20, 40], [0, 10, 20, 30, 40]), ([-1, 1, 1], [-1, 0, 1])],
)
def test_frame_numbers(numbers, expected):
    assert list(all_frames(numbers, 'a')) == expected
