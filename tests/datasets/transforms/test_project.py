"""Pictures of scenes, by hand: where a joint lands, what is not seen, and what is drawn."""

import numpy as np
import pytest

from asea_mm.datasets.transforms import ProjectTo2D
from asea_mm.errors import InputError
from tests.datasets.transforms import PAIR

CAMERA = dict(yaw=0, pitch=0, distance=4, focal_length=1, missing=0, noise=0, score=1, img_shape=(1000, 2000))


def picture(points, **changes):
    """A person of these two joints, ``(2, 3)``, or persons and frames of them, seen by a camera."""
    keypoint = np.asarray(points, np.float32)
    keypoint = keypoint.reshape(-1, 1, 2, 3) if keypoint.ndim < 4 else keypoint
    sample = dict(keypoint=keypoint, layout=PAIR, frame_dir='clip7')
    return ProjectTo2D(**{**CAMERA, **changes})(sample)


@pytest.mark.parametrize(
    ('camera', 'expected'),
    [
        # the middle is (0, 0, 0); a metre at four metres takes 250 pixels, and y points down
        ({}, [(1000 + 250, 500 - 250), (1000 - 250, 500 + 250)]),
        ({'yaw': 180}, [(750, 250), (1250, 750)]),
        ({'yaw': 90}, [(1000, 500 - 1000 / 3), (1000, 500 + 1000 / 5)]),  # one nearer, one farther
        ({'focal_length': 0.5}, [(1125, 375), (875, 625)]),
        ({'distance': 8}, [(1125, 375), (875, 625)]),
        ({'pitch': 90}, [(1000 + 1000 / 3, 500), (1000 - 1000 / 5, 500)]),  # from above: what is high is near
    ],
)
def test_where_joints_land(camera, expected):
    results = picture([[1, 1, 0], [-1, -1, 0]], **camera)
    np.testing.assert_allclose(results['keypoint'][0, 0], expected, atol=1e-2)
    assert (results['keypoint_score'] == 1).all()
    assert results['img_shape'] == (1000, 2000)


def test_what_is_not_seen_is_missing():
    out = picture([[0, 3, 0], [0, -3, 0]])  # above and below the image
    assert not out['keypoint'].any()
    assert not out['keypoint_score'].any()
    out = picture([[0, 0, 5], [0, 0, -5]])  # one behind the camera
    assert out['keypoint_score'].tolist() == [[[0, 1]]]
    out = picture([[[0, 1, 0], [0, -1, 0]], [[0, 0, 0], [0, 0, 0]]])  # the second person is absent
    assert out['keypoint_score'].tolist() == [[[1, 1]], [[0, 0]]]
    assert not out['keypoint'][1].any()


def test_scores_of_the_sample_stay():
    results = ProjectTo2D(**{**CAMERA, 'score': 0.5})(
        dict(
            keypoint=np.array([[[[1, 1, 0], [-1, -1, 0]]]], np.float32),
            keypoint_score=np.array([[[0.8, 0]]], np.float32),
        )
    )
    np.testing.assert_allclose(results['keypoint_score'], [[[0.4, 0]]])


def test_random_cameras_stay_in_their_ranges():
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 200, 2, 3))
    points -= points.reshape(-1, 3).mean(axis=0)
    np.random.seed(0)  # noqa: NPY002
    sure = picture(points)['keypoint']
    shares, deviations, scores = [], [], []
    for _ in range(50):
        results = picture(points, missing=(0.1, 0.3), noise=3, score=(0.2, 0.6))
        seen = results['keypoint_score'] > 0
        shares.append(1 - seen.mean())
        deviations.append((results['keypoint'] - sure)[seen].std())
        scores += [results['keypoint_score'][seen].min(), results['keypoint_score'].max()]
    assert 0.07 < min(shares) < 0.15
    assert 0.25 < max(shares) < 0.33
    assert 2.8 < min(deviations) < max(deviations) < 3.2
    assert 0.2 <= min(scores) < 0.21
    assert 0.59 < max(scores) <= 0.6
    other = [picture(points, yaw=(-20, 20))['keypoint'] for _ in range(3)]
    assert not np.array_equal(other[0], other[1])


@pytest.mark.parametrize(
    'wrong',
    [{'yaw': 'left'}, {'distance': 0}, {'pitch': (10, 5)}, {'missing': 1}, {'score': 0}, {'img_shape': (0, 5)}],
)
def test_wrong_cameras(wrong):
    with pytest.raises(InputError, match=f'ProjectTo2D: {next(iter(wrong))} must be'):
        ProjectTo2D(**wrong)
