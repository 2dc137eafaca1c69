"""Pose models in ONNX files, against models whose answers are known, and the shipped one on real clips."""

from pathlib import Path

import numpy as np
import pytest

from asea_mm.errors import InputError
from asea_mm.skeletons import SKELETONS
from asea_mm.video.estimators import open_estimator
from asea_mm.video.onnx_estimators import SHIPPED_MODEL
from asea_mm.video.source import open_source

from .clips import clip, coloured, movenet, rtmo, save_model


def people(*scores: float) -> np.ndarray:
    """Of MoveNet: joints on a diagonal, six persons of these scores."""
    found = np.zeros((6, 56))
    found[:, :51] = np.stack([np.linspace(0, 0.5, 17), np.linspace(0.1, 0.25, 17), np.zeros(17)], axis=1).reshape(-1)
    found[: len(scores), 55] = scores
    return found


@pytest.mark.parametrize(('height', 'width', 'sides'), [(100, 200, (32, 64)), (200, 100, (64, 32)), (20, 90, (32, 64))])
def test_movenet_joints_are_pixels_of_the_picture(tmp_path, height, width, sides):
    estimator = open_estimator(movenet(tmp_path / 'm.onnx', people(0.9, 0.5, 0.1)), resolution=64)
    bodies = estimator(coloured((height, width)))
    assert bodies.shape == (2, 17, 3)
    assert estimator.layout == 'coco17'
    scale = max(height, width) / 64
    np.testing.assert_allclose(bodies[0, :, 0], np.linspace(0.1, 0.25, 17) * sides[1] * scale, rtol=1e-5)
    np.testing.assert_allclose(bodies[0, :, 1], np.linspace(0, 0.5, 17) * sides[0] * scale, rtol=1e-5)


def test_movenet_sees_red_as_red_and_black_where_there_is_no_picture(tmp_path):
    estimator = open_estimator(movenet(tmp_path / 'm.onnx', people(0.9)), resolution=64)
    assert estimator(coloured((64, 64), red=255))[0, 0, 2] == pytest.approx(1)
    assert estimator(coloured((64, 64), blue=255))[0, 0, 2] == pytest.approx(0)
    assert estimator(coloured((64, 48), red=255))[0, 0, 2] == pytest.approx(0.75)  # 48 of 64 columns


def test_movenet_of_a_fixed_size(tmp_path):
    estimator = open_estimator(movenet(tmp_path / 'm.onnx', people(0.9), sides=(96, 96)))
    np.testing.assert_allclose(estimator(coloured((192, 96)))[0, -1, :2], (0.25 * 192, 0.5 * 192), rtol=1e-5)


def test_movenet_finds_nobody(tmp_path):
    assert open_estimator(movenet(tmp_path / 'm.onnx', people()))(coloured()).shape == (0, 17, 3)


@pytest.mark.parametrize('swapped', [False, True])
def test_rtmo_keeps_one_of_two_boxes_in_one_place(tmp_path, swapped):
    boxes = np.array([[0, 0, 100, 200, 0.6], [2, 2, 102, 200, 0.9], [300, 0, 400, 200, 0.8], [300, 300, 400, 400, 0.1]])
    joints = np.random.default_rng(0).uniform(0, 1, (4, 17, 3))
    joints[..., :2] *= 400
    bodies = open_estimator(rtmo(tmp_path / 'r.onnx', boxes, joints, swapped))(coloured((1280, 640)))
    np.testing.assert_allclose(bodies[..., :2], joints[[1, 2], :, :2] * 2, rtol=1e-5)  # 1280 became 640
    np.testing.assert_allclose(bodies[..., 2], joints[[1, 2], :, 2], rtol=1e-5)


def test_rtmo_finds_nobody(tmp_path):
    file = rtmo(tmp_path / 'r.onnx', np.zeros((0, 5)), np.zeros((0, 17, 3)))
    assert open_estimator(file)(coloured()).shape == (0, 17, 3)


@pytest.mark.parametrize('name', ['none.onnx', 'text.onnx', 'other.onnx', 'model.pt', 'rtmlib:huge', 'unknown'])
def test_wrong_models(tmp_path: Path, name):
    (tmp_path / 'text.onnx').write_text('no model', encoding='utf-8')
    save_model(tmp_path / 'other.onnx', [('x', 1, [1, 3])], [('x', 1, [1, 3])], [], {})
    model = name if ':' in name or '.' not in name else str(tmp_path / name)
    with pytest.raises(InputError) as caught:
        open_estimator(model)
    assert name.split(':')[0] in str(caught.value)
    assert len(str(caught.value)) < 500


def test_wrong_resolution():
    with pytest.raises(InputError, match='resolution'):
        open_estimator(resolution=100)


def test_the_shipped_model_is_small_and_sees_nobody_in_nothing():
    assert SHIPPED_MODEL.stat().st_size < 10e6
    assert open_estimator(threads=1)(coloured((160, 256))).shape == (0, 17, 3)


def test_the_shipped_model_finds_two_people():
    estimator = open_estimator(threads=1)
    with open_source(clip('two_persons.mp4')) as source:
        seen = [(frame.picture.shape, estimator(frame.picture)) for frame in source if frame.number % 20 == 0]
    assert [len(bodies) for _, bodies in seen] == [2] * 5
    nose, ankle = map(SKELETONS[estimator.layout].joints.index, ('nose', 'left_ankle'))
    for (height, width, _), bodies in seen:
        assert (bodies[:, nose, 1] < bodies[:, ankle, 1]).all()
        assert ((bodies[..., :2] > 0) & (bodies[..., :2] < [width, height])).all()


def test_the_shipped_model_is_the_full_one():
    full, reduced = open_estimator(clip('movenet_multipose.onnx'), threads=1), open_estimator(threads=1)
    for name in ('two_persons.mp4', 'two_persons_other_side.mp4'):
        with open_source(clip(name)) as source:
            picture = next(iter(source)).picture
        np.testing.assert_allclose(reduced(picture), full(picture), atol=1e-2)
