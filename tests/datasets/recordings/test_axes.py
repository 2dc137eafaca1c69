"""Arrays whose axes are in another order are turned by their values, or refused with the likely order."""

from itertools import permutations

import numpy as np
import pytest

from asea_mm.datasets.recordings.arrays import read_array
from asea_mm.datasets.recordings.axes import ORDER
from asea_mm.datasets.recordings.finish import finish_recording
from asea_mm.datasets.recordings.samples import read_recording
from asea_mm.errors import InputError
from asea_mm.skeletons import get_skeleton
from tests.datasets.ntu_files import standing

KINECT = get_skeleton('nturgbd25')
ORDERS = [''.join(order) for order in permutations(ORDER)]


def people(persons=2, frames=24, channels=3):
    """People beside each other who face different ways, lean and wave, in metres."""
    time = 0.25 * np.arange(frames)[:, None]
    x, y, z = standing().T
    keypoint = np.empty((persons, frames, 25, 3))
    for person in range(persons):
        turn = 2.5 * person + 0.3 * np.sin(time + person)
        keypoint[person, ..., 0] = x * np.cos(turn) + z * np.sin(turn) + person - 0.5 + 0.2 * np.sin(time)
        keypoint[person, ..., 1] = y
        keypoint[person, ..., 2] = z * np.cos(turn) - x * np.sin(turn) + 3
    return (keypoint + np.random.default_rng(0).normal(0, 0.005, keypoint.shape))[..., :channels]


def in_order(keypoint, order):
    return keypoint.transpose([ORDER.index(letter) for letter in order])


@pytest.mark.parametrize('order', ORDERS)
@pytest.mark.parametrize(('persons', 'frames'), [(2, 24), (3, 25), (2, 7)])
def test_every_order_is_found(order, persons, frames):
    keypoint = people(persons, frames)
    recording = read_array(in_order(keypoint, order), KINECT)
    np.testing.assert_array_equal(recording.keypoint, keypoint)
    assert len(recording.notes) == (order != ORDER)
    if order != ORDER:
        assert ', '.join(order) in str(recording.notes[0])


def test_three_axes_and_scores_are_turned_alike():
    keypoint = people(1, 30)
    score = np.random.default_rng(1).uniform(0.1, 1, (30, 25))
    recording = read_array(keypoint[0].transpose(2, 0, 1), KINECT, score=score)
    np.testing.assert_array_equal(recording.keypoint, keypoint)
    recording = read_array(keypoint.transpose(1, 0, 2, 3), KINECT, score=score[:, None])
    np.testing.assert_array_equal(recording.score[0], score)


def test_missing_and_absent_bodies_do_not_mislead():
    keypoint = people(2, 40)
    keypoint[0, 5:9] = 0
    keypoint[1, 20:, 3:6] = np.nan
    for order in ('MTVC', 'CTVM', 'TMVC'):
        np.testing.assert_array_equal(read_array(in_order(keypoint, order), KINECT).keypoint, keypoint)


@pytest.mark.parametrize('shape', [(2, 20, 25, 3), (3, 20, 25, 2), (2, 20, 25, 2), (20, 25, 3)])
def test_noise_stays_in_our_order(shape):
    noise = np.random.default_rng(0).uniform(0, 1, shape)
    recording = read_array(noise, KINECT)
    np.testing.assert_array_equal(recording.keypoint.reshape(shape), noise)
    assert not recording.notes


@pytest.mark.parametrize(
    ('shape', 'likely'),
    [
        ((40, 2, 25, 3), r'\(T, M, V, C\)'),
        ((5, 3, 40, 25, 2), r'\(N, C, T, V, M\)'),
        ((3, 40, 25), r'\(C, T, V\)'),
    ],
)
def test_what_values_do_not_tell_is_refused_with_the_likely_order(shape, likely):
    with pytest.raises(InputError, match=f'likely {likely}|{likely} are many'):
        read_array(np.random.default_rng(0).uniform(size=shape), KINECT)


def test_a_layout_with_other_joints_turns_nothing():
    """25 joints in 15 frames must not become 15 joints in 25 frames."""
    with pytest.raises(InputError, match='expected 15 joints'):
        read_array(people(2, 15), get_skeleton('sbu15'))


def test_an_archive_says_its_order(tmp_path):
    keypoint = np.random.default_rng(0).uniform(size=(2, 3, 25, 3))
    np.savez(tmp_path / 'a.npz', keypoint=in_order(keypoint, 'CTVM'), axes='CTVM')
    recording = read_recording(tmp_path / 'a.npz', KINECT)
    np.testing.assert_array_equal(recording.keypoint, keypoint)
    np.savez(tmp_path / 'a.npz', keypoint=keypoint, axes='CTV')
    with pytest.raises(InputError, match=r"a\.npz: axes: expected the letters of MTVC .* got 'CTV'"):
        read_recording(tmp_path / 'a.npz', KINECT)


def test_pixels_with_scores_as_third_coordinate():
    keypoint = people(2, 20) * 300 + 500
    keypoint[..., 2] = np.random.default_rng(0).uniform(0.7, 0.97, keypoint.shape[:-1])
    sample = finish_recording(read_array(keypoint, KINECT), KINECT, 'a')
    np.testing.assert_allclose(sample.keypoint, keypoint[..., :2], rtol=1e-6)
    np.testing.assert_allclose(sample.score, keypoint[..., 2], rtol=1e-6)
    assert 'score' in str(sample.notes[0])
    metres = people(2, 20)
    metres[..., 2] -= metres[..., 2].min()
    assert finish_recording(read_array(metres / 2, KINECT), KINECT, 'a').score is None


def test_joints_at_the_origin_are_missing_where_the_body_is_elsewhere():
    keypoint = people(2, 30)
    keypoint[0, 8:16, 7] = 0
    with pytest.raises(InputError, match="frame 8, person 0, joint 'left_hand': .* --fill-missing"):
        finish_recording(read_array(keypoint, KINECT), KINECT, 'a')
    filled = finish_recording(read_array(keypoint, KINECT), KINECT, 'a', fill_missing=True).keypoint
    assert np.linalg.norm(np.diff(filled[0, :, 7], axis=0), axis=-1).max() < 0.2
    around = keypoint - people(2, 30)[:, :, :1]  # relative to the hip, which is at the origin
    around[1] += [0.8, 0, 0]
    around[0, 8:16, 7] = around[0, 7, 7]
    sample = finish_recording(read_array(around, KINECT), KINECT, 'a')
    assert sample.keypoint[1].any(axis=(1, 2)).all()


def test_poses_relative_to_their_own_root_are_told():
    keypoint = people(2, 24)
    keypoint -= keypoint[:, :, :1] * [1, 0, 1]
    sample = finish_recording(read_array(keypoint, KINECT), KINECT, 'a')
    (note,) = map(str, sample.notes)
    assert 'how far persons are apart' in note
    assert "'spine_base'" in note
    assert '24 of 24 frames' in note
    assert sample.likeliest == (0, 1), 'and nobody is merged'
