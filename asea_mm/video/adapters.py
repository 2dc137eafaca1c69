"""Pose estimators of other libraries, where these are installed."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import InputError
from .libraries import import_library

_MODES = ('lightweight', 'balanced', 'performance')
_COCO = 17


def _bodies(joints: Any, scores: Any, model: str) -> np.ndarray:
    """``(P, 17, 3)`` of ``(P, 17, 2)`` and ``(P, 17)``, or none."""
    joints, scores = np.asarray(joints, np.float32), np.asarray(scores, np.float32)
    if not joints.size:
        return np.zeros((0, _COCO, 3), np.float32)
    if joints.shape[1:] != (_COCO, 2):
        raise InputError(f'{model}: expected {_COCO} joints of COCO a body, got bodies of shape {joints.shape[1:]}')
    return np.concatenate([joints, scores.reshape(*joints.shape[:2], 1)], axis=-1)


def _fetched(library: str, open_model: Callable[[], Any]) -> Any:
    """A model of a library that fetches weights, where there may be no network.

    Raises:
        InputError: If it cannot be opened; says why.
    """
    try:
        return open_model()
    except OSError as error:
        raise InputError(f'{library}: its model cannot be opened or fetched: {f"{error}"[:200]}') from error


class RtmlibEstimator:
    """``rtmlib.Body``: YOLOX, then RTMPose. It fetches its weights at its first use.

    Args:
        mode: ``'lightweight'``, ``'balanced'`` or ``'performance'``.
        body: A ``Body`` that is there already.

    Raises:
        InputError: If there is no such mode, rtmlib is missing, or its weights cannot be fetched.
    """

    layout = 'coco17'

    def __init__(self, mode: str = 'balanced', body: Any = None) -> None:
        if mode not in _MODES:
            raise InputError(f'rtmlib: expected one of {", ".join(_MODES)}, got {mode!r}')
        if body is None:
            library = import_library('rtmlib', 'pip install rtmlib')
            body = _fetched('rtmlib', lambda: library.Body(mode=mode, backend='onnxruntime'))
        self.body = body

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """See :class:`~.estimators.PoseEstimator`."""
        if getattr(self.body, 'one_stage', False):
            joints, scores = self.body(picture)
            bodies = _bodies(joints, scores, 'rtmlib')
            return bodies[bodies[..., 2].any(axis=-1)]  # nobody is a body of zeros
        # In two steps: without a box, Body takes the whole picture for a person.
        boxes = self.body.det_model(picture)
        if not len(boxes):
            return _bodies([], [], 'rtmlib')
        joints, scores = self.body.pose_model(picture, bboxes=boxes)
        return _bodies(joints, scores, 'rtmlib')


class UltralyticsEstimator:
    """A pose model of ultralytics, which is AGPL-3.0; nothing of it comes along.

    Args:
        file: Its weights, such as ``yolo11n-pose.pt``.
        model: A ``YOLO`` that is there already.

    Raises:
        InputError: If ultralytics or the weights are missing, or the model finds no poses.
    """

    layout = 'coco17'

    def __init__(self, file: str = '', model: Any = None) -> None:
        if model is None:
            library = import_library('ultralytics', 'pip install ultralytics')
            model = _fetched(f'ultralytics, {file}', lambda: library.YOLO(file))
        self.model = model

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """See :class:`~.estimators.PoseEstimator`."""
        found = self.model(picture, verbose=False)[0].keypoints
        if found is None:
            raise InputError('ultralytics: expected a pose model, such as yolo11n-pose.pt, got one without keypoints')
        values = found.data.cpu().numpy()
        return _bodies(
            values[..., :2], values[..., 2] if values.shape[-1] > 2 else values[..., :1] * 0 + 1, 'ultralytics'
        )


class MMPoseEstimator:
    """``MMPoseInferencer`` of mmpose, for any 2-D model of it with COCO's joints.

    Args:
        model: An alias, such as ``human``, or a config.
        inferencer: An ``MMPoseInferencer`` that is there already.

    Raises:
        InputError: If mmpose or the weights are missing.
    """

    layout = 'coco17'

    def __init__(self, model: str = 'human', inferencer: Any = None) -> None:
        if inferencer is None:
            library = import_library('mmpose.apis', 'see the documentation of mmpose')
            inferencer = _fetched(f'mmpose, {model}', lambda: library.MMPoseInferencer(model))
        self.inferencer = inferencer

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """See :class:`~.estimators.PoseEstimator`."""
        result = next(self.inferencer(picture, return_vis=False))
        (people,) = result['predictions']
        people = [person for person in people if not _is_whole_picture(person, picture)]
        return _bodies(
            [person['keypoints'] for person in people], [person['keypoint_scores'] for person in people], 'mmpose'
        )


def _is_whole_picture(person: dict[str, Any], picture: np.ndarray) -> bool:
    """Where its detector finds nobody, mmpose takes the whole picture for a person."""
    height, width = picture.shape[:2]
    box = np.asarray(person.get('bbox', []), np.float64).reshape(-1)
    return bool(person.get('bbox_score') == 1 and np.array_equal(box, [0, 0, width, height]))
