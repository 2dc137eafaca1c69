"""Streams, against numbers computed by hand."""

import numpy as np
import pytest

from asea_mm.datasets.transforms import AddTurnedClips, GenerateStream, SampleClip
from asea_mm.errors import InputError
from tests.datasets.transforms import PAIR, clip_of, rows_of, sampled


def stream(name, keypoint, true_speed=False, **keys):
    sample = dict(keypoint=np.array(keypoint, dtype=np.float32), layout=PAIR, **keys)
    return GenerateStream(name, true_speed)(sample)['keypoint']


# One person, three frames, root and tip in the plane.
BODY = [[[[1, 2], [4, 6]], [[2, 2], [5, 8]], [[2, 5], [2, 9]]]]


def test_streams_by_hand():
    assert stream('joint', BODY).tolist() == BODY
    assert stream('bone', BODY).tolist() == [[[[0, 0], [3, 4]], [[0, 0], [3, 6]], [[0, 0], [0, 4]]]]
    assert stream('joint_motion', BODY).tolist() == [[[[1, 0], [1, 2]], [[0, 3], [-3, 1]], [[0, 0], [0, 0]]]]
    assert stream('bone_motion', BODY).tolist() == [[[[0, 0], [0, 2]], [[0, 0], [-3, -2]], [[0, 0], [0, 0]]]]


def test_fused_streams_are_the_single_ones_side_by_side():
    names = ['bone_motion', 'joint', 'joint_motion', 'bone']
    expected = np.concatenate([stream(name, BODY) for name in names], axis=-1)
    np.testing.assert_array_equal(stream(names, BODY), expected)


PARTNERS = [BODY[0], [[[1, 5], [4, 2]], [[2, 2], [2, 2]], [[5, 9], [2, 10]]]]


def test_distances_to_the_partner_by_hand():
    distance = stream('partner_distance', PARTNERS)
    assert distance[0, 0].tolist() == pytest.approx(np.array([[3, 3], [10**0.5, 4]]))
    assert distance[0, 2].tolist() == pytest.approx(np.array([[5, 5], [3, 1]]))
    np.testing.assert_array_equal(distance[1], distance[0].swapaxes(1, 2))
    motion = stream('partner_distance_motion', PARTNERS)
    np.testing.assert_array_equal(motion[:, :-1], distance[:, 1:] - distance[:, :-1])
    assert not motion[:, -1].any()


def test_distances_are_zero_where_either_is_absent():
    keypoint = np.array(PARTNERS, dtype=np.float32)
    keypoint[1, 1] = 0
    distance = stream(['partner_distance', 'partner_distance_motion'], keypoint)
    assert distance.any(axis=(2, 3)).tolist() == [[True, False, True]] * 2
    assert not distance[..., 2:].any(), 'every frame is next to the absence, or the last'


@pytest.mark.parametrize(
    ('scale', 'factors'),
    [
        (dict(motion_scale=4), [1, 1, 1, 1, 4, 4, 4, 4]),
        (dict(distance_scale=0.5), [1, 1, 0.5, 0.5, 1, 1, 0.5, 0.5]),
    ],
)
def test_scales_are_of_motions_or_distances_only(scale, factors):
    streams = ('joint', 'partner_distance', 'joint_motion', 'partner_distance_motion')
    sample = dict(keypoint=np.array(PARTNERS, dtype=np.float32), layout=PAIR)
    plain, scaled = (GenerateStream(streams, **options)(dict(sample))['keypoint'] for options in ({}, scale))
    assert plain.any(axis=(0, 1, 2)).all()
    np.testing.assert_array_equal(scaled, plain * factors)


def test_motion_stays_within_its_clip_and_off_absence():
    frames = [1, 2, 4, 8, 0, 16, 17, 19]
    keypoint = clip_of(frames)
    two = stream('joint_motion', keypoint, num_clips=2)[0, :, 0, 0]
    assert two.tolist() == [1, 2, 4, 0, 0, 1, 2, 0]
    keypoint[:, :, 1] *= 2  # the bone is as long as its root is far
    for name, joint in (('joint_motion', 0), ('bone_motion', 1)):
        assert stream(name, keypoint[:, 1:])[0, :, joint, 0].tolist() == [2, 4, 0, 0, 1, 2, 0]


@pytest.mark.parametrize(
    ('sampler', 'expected'),
    [
        (SampleClip(7), [[2, 2, 2, 2, 2, 2, 0]]),  # steps of half a frame
        (SampleClip(2), [[2, 0]]),  # three frames
        (SampleClip(4), [[2, 2, 2, 0]]),
        (SampleClip(1), [[0]]),  # a clip of one frame does not move
        (SampleClip(3, num_clips=2, window=0.5), [[2, 2, 0, 2, 2, 0]]),
    ],
    ids=str,
)
def test_true_speed_does_not_depend_on_the_sampling(sampler, expected):
    results = GenerateStream('joint_motion', true_speed=True)(sampled(sampler, [1, 3, 5, 7]))
    np.testing.assert_allclose(rows_of(results), expected, rtol=1e-6)


def test_every_clip_and_its_turned_copy_has_the_speed_of_its_own_step():
    # a body that goes one metre a frame, in clips that are cut at random and resized by different steps
    rows = np.zeros((1, 60, 2, 3), np.float32)
    rows[..., 0] = 1 + np.arange(60)[:, None]
    np.random.seed(3)  # noqa: NPY002
    results = SampleClip(8, crop=(0.2, 1.0), num_clips=2)(dict(keypoint=rows, layout=PAIR))
    steps = results['frame_step']
    assert abs(steps[0] - steps[1]) > 0.5
    results = GenerateStream('joint_motion', true_speed=True)(AddTurnedClips()(results))
    speed = results['keypoint'].reshape(4, 8, 2, 3)[:, :-1, :, 0]
    np.testing.assert_allclose(speed, np.array([1, 1, -1, -1])[:, None, None] * np.ones_like(speed), rtol=1e-4)


@pytest.mark.parametrize(
    ('name', 'shape', 'keys', 'message'),
    [
        ('partner_distance', (3, 3, 2, 3), {}, 'at most 2 persons.* got 3'),
        ('joint_motion', (1, 2, 2, 3), dict(frame_step=np.ones(2)), r'one frame_step for each of 1 clips, got \(2,\)'),
        ('joint_motion', (1, 3, 2, 3), dict(num_clips=2), 'multiple of num_clips = 2 frames, got 3'),
    ],
)
def test_wrong_samples_are_refused(name, shape, keys, message):
    with pytest.raises(InputError, match=f'GenerateStream.*{message}'):
        stream(name, np.ones(shape), true_speed=True, **keys)
