"""Which persons interact: what each share is worth where the others are equal; and what is measured on bodies."""

import numpy as np
import pytest

from asea_mm.datasets.recordings.bodies import (
    body_centres,
    body_sizes,
    distances,
    looks_like_a_person,
    motions,
)
from asea_mm.datasets.recordings.persons import choose_persons
from asea_mm.skeletons import SKELETONS
from tests.datasets.ntu_files import chair
from tests.datasets.ntu_files import standing as standing_person

nan = np.nan
STICK = np.array([[0.0, 0, 0], [0, 1, 0], [0, 2, 0]])


def standing(*places, frames=8):
    """Persons who stand still on a line, (M, T, 3, 3)."""
    return np.stack([np.broadcast_to(STICK + [x, 0, 1], (frames, 3, 3)) for x in places]).copy()


def nearest(keypoint):
    pass


def moving(keypoint):
    keypoint[2, ::2] += 0.2
    keypoint[1] += [0.5, 0, 0]  # as far from the first as from the last


def there_together(keypoint):
    keypoint[1] += [0.5, 0, 0]
    keypoint[0, ::2] = 0


@pytest.mark.parametrize('absent', [0.0, nan])
@pytest.mark.parametrize(('places', 'change'), [((0, 5, 6), nearest), ((0, 3, 7), moving), ((0, 3, 7), there_together)])
def test_shares(places, change, absent):
    keypoint = standing(*places)
    change(keypoint)
    keypoint[~keypoint.any(axis=(-1, -2))] = absent
    assert choose_persons(keypoint) == (1, 2)
    assert choose_persons(keypoint * 1000) == (1, 2), 'in any unit'


def test_scores_count_and_the_first_of_equals_is_kept():
    keypoint = standing(0, 3, 6)
    assert choose_persons(keypoint) == (0, 1)
    score = np.array([0.2, 0.9, 0.9])[:, None, None] * np.ones((3, 8, 3))
    assert choose_persons(keypoint, score) == (1, 2)


@pytest.mark.parametrize('size', [1, 2, 3, 4, 9])
def test_any_number_of_persons(size):
    keypoint = standing(0, 4, 7, 9, 20)
    for person, step in enumerate((0.1, 0.2, 0.3, 0.4)):
        keypoint[person, ::2, :, 1] += step
    keypoint[4] = nan
    assert choose_persons(keypoint, size=size) == (0, 1, 2, 3)[-size:]


def test_noise_of_somebody_small_in_the_background_is_no_motion():
    rng = np.random.default_rng(0)
    body = np.array([[1.0, 0.1], [1.0, 10]])
    actors = [body * [x, 1] * 100 + np.cumsum(rng.normal(size=(30, 1, 1)), axis=0) for x in (1, 2)]
    background = np.broadcast_to(body * [3, 1], (30, 2, 2))
    keypoint = np.stack([background, *actors]) + rng.normal(0, 0.3, (3, 30, 2, 2))
    assert choose_persons(keypoint) == (1, 2)


def test_who_comes_and_goes_does_not_move_by_it():
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


def test_sizes_and_centres_of_the_joints_that_are_there():
    bodies = np.array([[[1, 1], [4, 5.0], [nan, 9]], [[1, 1], [1, 1], [1, 3]], [[nan, nan], [0, 0], [nan, 1]]])
    np.testing.assert_array_equal(body_sizes(bodies), [5, 2, 0])
    np.testing.assert_allclose(body_centres(bodies), [[2.5, 3], [1, 5 / 3], [0, 0]])
    assert body_sizes(np.array([[1, 1, 1], [3, 4, 7.0]])) == 7  # in space


def turned(axis, angle):
    c, s = np.cos(angle), np.sin(angle)
    rotation = np.eye(3)
    rotation[np.ix_(*[[i for i in range(3) if i != axis]] * 2)] = [[c, -s], [s, c]]
    return (standing_person() @ rotation.T)[None]


@pytest.mark.parametrize(
    ('joints', 'is_person'),
    [
        (standing_person()[None], True),
        (turned(0, np.pi / 2), True),  # lying
        (turned(2, 1.0), True),
        (standing_person()[None] * 0.75, True),  # a child
        (standing_person()[None] * 0.3, False),
        (standing_person()[None] * 2.2, False),
        (np.ones((5, 25, 3)), False),
        (chair(0.0, 5), False),
        (standing_person()[None] * np.tile([0.6, 1.5], 10)[:, None, None], False),  # a trunk that pumps
        (np.where(np.arange(25)[:, None] == 3, nan, standing_person())[None], True),  # never whole: nobody can tell
    ],
)
def test_shape_of_a_person(joints, is_person):
    assert looks_like_a_person(joints, SKELETONS['nturgbd25']) == is_person
    assert looks_like_a_person(joints, SKELETONS['coco17']), 'a layout that does not tell'
