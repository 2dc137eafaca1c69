"""Which persons interact: what each of the three shares is worth where the others are equal."""

import numpy as np
import pytest

from asea_mm.datasets.recordings.persons import choose_group, distances, groups_of, motions

STICK = np.array([[0.0, 0, 0], [0, 1, 0], [0, 2, 0]])


def standing(*places, frames=8):
    """Persons who stand still on a line, (M, T, 3, 3)."""
    return np.stack([np.broadcast_to(STICK + [x, 0, 1], (frames, 3, 3)) for x in places]).copy()


def test_the_nearest():
    assert choose_group(standing(0, 5, 6)) == (1, 2)


def test_who_moves():
    keypoint = standing(0, 3, 6)
    keypoint[2, ::2] += 0.2
    assert choose_group(keypoint) == (1, 2)


def test_who_is_there_together():
    keypoint = standing(0, 3, 6)
    keypoint[0, ::2] = 0
    assert choose_group(keypoint) == (1, 2)


def test_coming_and_going_is_no_motion():
    keypoint = standing(0, 3)
    keypoint[1, [2, 5]] = 0
    keypoint[1, 7:, 1, 0] += 0.5
    np.testing.assert_allclose(motions(keypoint), [0, 0.5])


def test_the_distance_is_the_median_over_shared_frames():
    keypoint = standing(0, 3, frames=9)
    keypoint[1, :2] += [90, 0, 0]
    keypoint[0, 8] = 0
    assert distances(keypoint)[0, 1] == pytest.approx(3)
    assert np.isinf(distances(keypoint, least=9)[0, 1])


def test_all_pairs_that_share_a_frame():
    keypoint = standing(0, 3, 6)
    keypoint[0, 4:], keypoint[2, :4] = 0, 0
    assert groups_of(keypoint, 2, 'all', 'clip') == [(0, 1), (1, 2)]


@pytest.mark.parametrize('pairs', [[(2, 0)], np.array([[2, 0]]), ([2, 0],)])
def test_given_pairs(pairs):
    assert groups_of(standing(0, 3, 6), 2, pairs, 'clip') == [(2, 0)]
