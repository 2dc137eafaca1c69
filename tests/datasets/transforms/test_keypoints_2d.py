"""Keypoints in images: missing joints, size and the score channel, by hand; and the whole way into the host."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mmaction.registry import TRANSFORMS

from asea_mm.errors import InputError
from asea_mm.keypoints import presence

CHAIN = dict(name='chain', joints=['a', 'b', 'c'], bones=[['b', 'a'], ['c', 'b']], centre='b')


def apply(config, keypoint, score=None, layout=CHAIN, **sample):
    keypoint = np.asarray(keypoint, dtype=np.float32)
    sample.update(keypoint=keypoint, layout=layout, frame_dir='clip7')
    if score is not None:
        sample['keypoint_score'] = np.asarray(score, dtype=np.float32)
    return TRANSFORMS.build(config)(sample)


def one_joint(*x):
    """A person whose joint a is at these x, 0 where missing, with b and c always seen: (1, T, 3, 2)."""
    keypoint = np.ones((1, len(x), 3, 2))
    keypoint[0, :, 0, 0], keypoint[0, :, 0, 1] = x, [2 * value for value in x]
    keypoint[0, :, 1], keypoint[0, :, 2] = [5, 5], [7, 1]
    return keypoint


@pytest.mark.parametrize(
    ('x', 'expected'),
    [
        ((1, 0, 0, 4), (1, 2, 3, 4)),
        ((0, 0, 2, 0), (2, 2, 2, 2)),  # the nearest at the ends
        ((1, 0, 2, 0, 4, 0), (1, 1.5, 2, 3, 4, 4)),
    ],
)
def test_joints_are_interpolated_in_time(x, expected):
    out = apply(dict(type='FillMissingJoints'), one_joint(*x))['keypoint']
    np.testing.assert_allclose(out[0, :, 0], np.array([expected, 2 * np.array(expected)]).T)
    np.testing.assert_array_equal(out[0, :, 1:], one_joint(*x)[0, :, 1:])


def test_scores_tell_what_is_missing_and_are_zero_there():
    score = np.full((1, 3, 3), 0.9)
    score[0, 1, 0], score[0, 2, 1] = 0.2, 0
    out = apply(dict(type='FillMissingJoints', score_thr=0.2), one_joint(1, 100, 3), score)
    np.testing.assert_allclose(out['keypoint'][0, :, 0, 0], [1, 2, 3])
    np.testing.assert_allclose(out['keypoint'][0, 2, 1], [5, 5])
    np.testing.assert_allclose(out['keypoint_score'][0], [[0.9] * 3, [0, 0.9, 0.9], [0.9, 0, 0.9]])
    # never seen: the mean of the others, between (5, 5) and (7, 1)
    np.testing.assert_allclose(
        apply(dict(type='FillMissingJoints'), one_joint(0, 0))['keypoint'][0, :, 0], [[6, 3]] * 2
    )


values = st.sampled_from([0.0, 0.0, 1.0, -2.0, 0.5, 300.0])


@settings(max_examples=100, deadline=None, database=None)
@given(
    keypoint=arrays(np.float32, (2, 5, 3, 2), elements=values),
    score=arrays(np.float32, (2, 5, 3), elements=st.sampled_from([0.0, 0.05, 0.3, 1.0])),
)
def test_absence_and_seen_joints_are_kept_whatever_is_missing(keypoint, score):
    out = apply(dict(type='FillMissingJoints', score_thr=0.05), keypoint, score)
    seen = keypoint.any(-1) & (score > np.float32(0.05))
    present = seen.any(-1)
    np.testing.assert_array_equal(out['keypoint'][seen], keypoint[seen])
    np.testing.assert_array_equal(out['keypoint_score'], np.where(seen, score, 0))
    assert not out['keypoint'][~present].any()
    assert (presence(out['keypoint']) == present).all()
    # no filled joint is outside of where the joints of this person were
    for person in np.flatnonzero(present.any(axis=1)):
        places, filled = keypoint[person][seen[person]], out['keypoint'][person][present[person]]
        assert (filled >= places.min(0) - 1e-4).all()
        assert (filled <= places.max(0) + 1e-4).all()


def test_missing_joints_do_not_mislead_the_centring():
    """The centre joint b of the left person is missing in the first frame; the pair's middle is where it would be."""
    left = np.array([[10, 10], [10, 20], [10, 30]], dtype=float)
    keypoint = np.stack([left, left + [40, 0]])[:, None].repeat(2, axis=1)
    score = np.ones((2, 2, 3))
    expected = apply(dict(type='CentrePair'), keypoint, score)['keypoint']
    keypoint[0, 0, 1], score[0, 0, 1] = 0, 0
    filled = apply(dict(type='FillMissingJoints'), keypoint, score)
    out = TRANSFORMS.build(dict(type='CentrePair'))(filled)['keypoint']
    np.testing.assert_allclose(out, expected)
    unfilled = apply(dict(type='CentrePair'), keypoint)['keypoint']  # neither filled nor scored: what goes wrong
    assert abs(unfilled[0, 1] - expected[0, 1]).max() > 4


PIXELS = [[[[340, 256], [0, 0], [170, 128]]], [[[0, 0]] * 3]]


@pytest.mark.parametrize(
    ('config', 'keypoint', 'sample'),
    [
        (dict(), PIXELS, dict(img_shape=(256, 340))),
        (dict(), PIXELS, dict(img_shape=np.array([256, 340]))),
        (dict(img_shape=(256, 340)), PIXELS, {}),
        (dict(img_shape=(9, 9)), PIXELS, dict(img_shape=(256, 340))),
        (dict(unit='share', img_shape=(128, 170)), np.array(PIXELS) / [340, 256], {}),
    ],
    ids=['of the sample', 'array', 'argument', 'the sample wins', 'only the ratio matters'],
)
def test_the_longer_side_is_from_minus_one_to_one(config, keypoint, sample):
    out = apply(dict(type='NormalizeByImage', **config), keypoint, **sample)['keypoint']
    np.testing.assert_allclose(out[0, 0], [[1, 256 / 340], [-1, -256 / 340], [0, 0]], atol=1e-6)
    assert not out[1].any()
    assert out.dtype == np.float32


def test_joints_a_little_outside_of_the_image_are_normal():
    keypoint = np.full((1, 10, 3, 2), 100.0)
    keypoint[0, 0] = [[-30, 50], [215, 50], [9999, 50]]  # two within a quarter of 200, one of thirty far away
    out = apply(dict(type='NormalizeByImage'), keypoint, img_shape=(200, 200))['keypoint']
    np.testing.assert_allclose(out[0, 0, :, 0], [-1.3, 1.15, 98.99], rtol=1e-5)


def test_the_median_bone_is_one():
    keypoint = np.zeros((2, 2, 3, 2))
    keypoint[0, :, :, 0] = [10, 14, 20]  # bones of 4 and 6
    keypoint[1, 0, :, 1] = [50, 58, 60]  # 8 and 2; absent in the second frame
    keypoint[1, 0, :, 0] = 1
    out = apply(dict(type='NormalizeByBody'), keypoint)['keypoint']
    np.testing.assert_allclose(out, keypoint / 5)  # median of 4, 6, 4, 6, 8, 2

    score = np.ones((2, 2, 3))
    score[0, :, 2] = 0
    out = apply(dict(type='NormalizeByBody'), keypoint, score)['keypoint']
    np.testing.assert_allclose(out, keypoint / 4)  # median of 4, 4, 8, 2


def test_the_score_becomes_the_last_channel():
    keypoint, score = one_joint(1, 2, 3), np.random.default_rng(0).uniform(size=(1, 3, 3)).astype(np.float32)
    keypoint[0, 1] = 0
    out = apply(dict(type='ScoreChannel'), keypoint, score)
    np.testing.assert_array_equal(out['keypoint'][..., :2], keypoint)
    np.testing.assert_array_equal(out['keypoint'][0, [0, 2], :, 2], score[0, [0, 2]])
    assert presence(out['keypoint']).tolist() == [[True, False, True]]
    assert 'keypoint_score' not in out
    dropped = apply(dict(type='ScoreChannel', keep=False), keypoint, score)
    np.testing.assert_array_equal(dropped['keypoint'], keypoint)
    assert 'keypoint_score' not in dropped


@pytest.mark.parametrize(
    ('config', 'keypoint', 'sample', 'message'),
    [
        (dict(type='ScoreChannel'), PIXELS, {}, "the key 'keypoint_score'"),
        (dict(type='NormalizeByImage'), PIXELS, {}, 'img_shape'),
        (dict(type='NormalizeByImage'), PIXELS, dict(img_shape=(0, 5)), 'img_shape'),
        (dict(type='NormalizeByImage'), np.ones((1, 1, 3, 3)), dict(img_shape=(2, 2)), 'C = 2 .*got 3'),
        (dict(type='NormalizeByImage'), np.divide(PIXELS, 256), dict(img_shape=(256, 340)), "in the unit 'pixel'"),
        (dict(type='NormalizeByImage', unit='share'), PIXELS, dict(img_shape=(256, 340)), "in the unit 'share'"),
        (
            dict(type='NormalizeByImage'),
            PIXELS,
            dict(img_shape=(34, 26)),
            r'width 26 and height 34 .*its own.* x up to 340',
        ),
        (
            dict(type='NormalizeByImage', img_shape=(26, 34)),
            PIXELS,
            {},
            'the argument, as the sample has none.* x up to',
        ),
        (dict(type='FillMissingJoints'), PIXELS, dict(num_clips=2), 'unsampled'),
    ],
)
def test_wrong_samples_are_refused(config, keypoint, sample, message):
    with pytest.raises(InputError, match=f"{config['type']}: sample 'clip7': .*{message}"):
        apply(config, keypoint, **sample)


def test_sizes_of_each_frame_where_the_camera_zooms():
    body = np.array([[1, 1], [1, 3], [1, 5]], dtype=np.float32)  # two bones of length 2
    zoom = np.array([1, 1, 2, 2, 4, 4], dtype=np.float32)
    keypoint = zoom[:, None, None] * body
    keypoint[3] = 0  # absent
    out = apply(dict(type='NormalizeByBody', frames=1), keypoint[None])['keypoint'][0]
    np.testing.assert_allclose(out[[0, 1, 2, 4, 5]], np.broadcast_to(body / 2, (5, 3, 2)), rtol=1e-6)
    assert not out[3].any()
    smooth = apply(dict(type='NormalizeByBody', frames=3), keypoint[None])['keypoint'][0]
    np.testing.assert_allclose(smooth[0], body / 2, rtol=1e-6)
    np.testing.assert_allclose(smooth[2], 2 * body / 3, rtol=1e-6)  # the median of 2, 2, 4 and 4 is 3
    for frames in (0, 2, 1.5):
        with pytest.raises(InputError, match='odd number of frames'):
            apply(dict(type='NormalizeByBody', frames=frames), keypoint[None])
