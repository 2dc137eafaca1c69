"""Adapters of other libraries, against stand-ins that behave as those do."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from asea_mm.errors import InputError
from asea_mm.video.adapters import MMPoseEstimator
from asea_mm.video.estimators import open_estimator

from .clips import body, coloured

PEOPLE = np.stack([body(50), body(150)])


class Body:
    """As rtmlib 0.0.16: joints and scores apart; without a box, the whole picture is a person."""

    def __init__(self, det=None, det_input_size=(640, 640), pose=None, pose_input_size=(288, 384), mode='balanced',
                 to_openpose=False, backend='onnxruntime', device='cpu'):  # fmt: skip
        assert not to_openpose
        self.mode, self.one_stage = mode, False

    def det_model(self, image):
        return np.array([[10, 10, 90, 190], [110, 10, 190, 190]]) if image.any() else np.array([])

    def pose_model(self, image, bboxes=()):
        found = PEOPLE[: len(bboxes)] if len(bboxes) else PEOPLE[:1]
        return found[..., :2].copy(), found[..., 2].copy()

    def __call__(self, image):
        return self.pose_model(image, bboxes=self.det_model(image))


class OneStageBody(Body):
    """With RTMO: nobody is a body of zeros."""

    def __init__(self, **options):
        super().__init__(**options)
        self.one_stage = True

    def __call__(self, image):
        found = PEOPLE if image.any() else np.zeros((1, 17, 3))
        return found[..., :2].copy(), found[..., 2].copy()


class Tensor(np.ndarray):
    """What can be brought to the CPU and to NumPy."""

    def cpu(self):
        return self

    def numpy(self):
        return np.asarray(self)


class YOLO:
    """As ultralytics: a list of results; nobody is an empty tensor of another shape in some versions."""

    def __init__(self, file):
        self.file = file

    def __call__(self, image, verbose=True):
        assert not verbose
        if 'pose' not in self.file:
            return [SimpleNamespace(keypoints=None)]
        found = PEOPLE if image.any() else np.zeros((1, 0, 51))
        return [SimpleNamespace(keypoints=SimpleNamespace(data=found.view(Tensor)))]


class MMPoseInferencer:
    """As mmpose 1.3: a generator; where nobody is detected, the whole picture is a person of score one."""

    def __init__(self, pose2d=None):
        self.pose2d = pose2d

    def __call__(self, inputs, return_vis=False, **_):
        height, width = inputs.shape[:2]
        boxes = [([0.0, 0.0, 80.0, 190.0],), ([100.0, 0.0, 190.0, 190.0],)]
        people = [
            {
                'keypoints': joints[:, :2].tolist(),
                'keypoint_scores': joints[:, 2].tolist(),
                'bbox': box,
                'bbox_score': 0.9,
            }
            for joints, box in zip(PEOPLE, boxes, strict=True)
        ]
        if not inputs.any():
            people = [{**people[0], 'bbox': ([0.0, 0.0, float(width), float(height)],), 'bbox_score': np.float32(1)}]
        yield {'visualization': [], 'predictions': [people]}


@pytest.fixture
def libraries(monkeypatch):
    """The libraries are installed."""
    for name, content in {
        'rtmlib': {'Body': Body},
        'ultralytics': {'YOLO': YOLO},
        'mmpose': {},
        'mmpose.apis': {'MMPoseInferencer': MMPoseInferencer},
    }.items():
        module = ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize(
    'model', ['rtmlib', 'rtmlib:lightweight', 'ultralytics:yolo11n-pose.pt', 'mmpose', 'mmpose:human', 'one stage']
)
def test_people_and_nobody(libraries, monkeypatch, model):
    if model == 'one stage':
        monkeypatch.setattr(sys.modules['rtmlib'], 'Body', OneStageBody)
        model = 'rtmlib'
    estimator = open_estimator(model)
    assert estimator.layout == 'coco17'
    np.testing.assert_allclose(estimator(coloured((200, 200), red=9)), PEOPLE)
    assert estimator(coloured((200, 200))).shape == (0, 17, 3)


def test_a_model_that_finds_no_poses(libraries):
    with pytest.raises(InputError, match='pose model'):
        open_estimator('ultralytics:yolo11n.pt')(coloured())


def test_a_model_of_other_joints():
    def inferencer(_picture, return_vis):
        yield {'predictions': [[{'keypoints': [[0, 0]] * 133, 'keypoint_scores': [1] * 133, 'bbox_score': 0.5}]]}

    with pytest.raises(InputError, match='133'):
        MMPoseEstimator(inferencer=inferencer)(coloured())


@pytest.mark.parametrize('model', ['rtmlib', 'ultralytics:yolo11n-pose.pt', 'mmpose'])
def test_a_library_that_is_missing(monkeypatch, model):
    for name in ('rtmlib', 'ultralytics', 'mmpose', 'mmpose.apis'):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=model.split(':')[0]):
        open_estimator(model)


@pytest.mark.parametrize(
    ('model', 'module', 'name'),
    [
        ('rtmlib', 'rtmlib', 'Body'),
        ('ultralytics:yolo11n-pose.pt', 'ultralytics', 'YOLO'),
        ('mmpose', 'mmpose.apis', 'MMPoseInferencer'),
    ],
)
def test_weights_that_cannot_be_fetched(libraries, monkeypatch, model, module, name):
    def no_network(*_args, **_options):
        raise ConnectionError('no network')

    monkeypatch.setattr(sys.modules[module], name, no_network)
    with pytest.raises(InputError, match='no network'):
        open_estimator(model)
