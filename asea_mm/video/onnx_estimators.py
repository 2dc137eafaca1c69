"""Pose estimators in ONNX files: MoveNet MultiPose, which comes along, and RTMO."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import InputError
from .libraries import import_library

SHIPPED_MODEL = Path(__file__).parent / 'movenet' / 'movenet_multipose.onnx'
MOVENET_SCORE = 0.2  # least score of a body
RTMO_SCORE, RTMO_OVERLAP = 0.3, 0.65  # and most overlap of two boxes, as a share of their union
_MULTIPLE = 32  # of which MoveNet's sides are
_EXPECTED = (
    'expected MoveNet MultiPose (input 1 x H x W x 3, output 1 x 6 x 56) or RTMO (input 1 x 3 x H x W, outputs dets '
    '1 x N x 5 and keypoints 1 x N x 17 x 3)'
)


def fit(picture: np.ndarray, height: int, width: int, border: int) -> tuple[np.ndarray, float]:
    """The picture scaled to fit, with a border to the right and below, and the scale.

    Shapes:
        picture ``(H, W, 3)``; returns ``(height, width, 3)``, uint8
    """
    scale = min(height / picture.shape[0], width / picture.shape[1])
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    fitted = np.full((height, width, 3), border, np.uint8)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    fitted[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=how)
    return fitted, scale


class MoveNetEstimator:
    """MoveNet MultiPose: six persons at most, COCO's joints.

    Args:
        session: Of ONNX Runtime.
        resolution: Longer side of its input, a multiple of 32, where the file leaves it open; the other side is as
            long as the picture needs.
    """

    layout = 'coco17'

    def __init__(self, session: Any, resolution: int = 256) -> None:
        if resolution < _MULTIPLE or resolution % _MULTIPLE:
            raise InputError(f'resolution: expected a multiple of {_MULTIPLE}, got {resolution}')
        self.session, self.resolution = session, resolution
        self._input = session.get_inputs()[0]
        self._type = {'tensor(int32)': np.int32, 'tensor(uint8)': np.uint8}.get(self._input.type, np.float32)

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """See :class:`~.estimators.PoseEstimator`."""
        longer = max(picture.shape[:2])
        needed = (-(-side * self.resolution // (longer * _MULTIPLE)) * _MULTIPLE for side in picture.shape[:2])
        height, width = (
            given if isinstance(given, int) and given > 0 else side
            for given, side in zip(self._input.shape[1:3], needed, strict=True)
        )
        fitted, scale = fit(picture, height, width, 0)
        values = fitted[None, ..., ::-1].astype(self._type)
        found = np.asarray(self.session.run(None, {self._input.name: values})[0][0], np.float32)
        found = found[found[:, 55] >= MOVENET_SCORE]
        bodies = found[:, :51].reshape(-1, 17, 3)[..., [1, 0, 2]]
        bodies[..., :2] *= np.array([width, height], np.float32) / scale
        return bodies


class RTMOEstimator:
    """RTMO: one stage, any number of persons, COCO's joints.

    Args:
        session: Of ONNX Runtime.
    """

    layout = 'coco17'

    def __init__(self, session: Any) -> None:
        self.session = session
        self._input = session.get_inputs()[0]
        self._height, self._width = (
            side if isinstance(side, int) and side > 0 else 640 for side in self._input.shape[2:4]
        )
        names = [output.name for output in session.get_outputs()]
        ranks = [len(output.shape) for output in session.get_outputs()]
        self._outputs = [names[ranks.index(3)], names[ranks.index(4)]]  # boxes, joints

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """See :class:`~.estimators.PoseEstimator`."""
        fitted, scale = fit(picture, self._height, self._width, 114)
        values = np.ascontiguousarray(fitted.transpose(2, 0, 1)[None], dtype=np.float32)
        boxes, bodies = (output[0] for output in self.session.run(self._outputs, {self._input.name: values}))
        corners, scores = boxes[:, :4].astype(np.float64), boxes[:, 4].astype(np.float64)
        sides = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        kept = cv2.dnn.NMSBoxes(sides.tolist(), scores.tolist(), RTMO_SCORE, RTMO_OVERLAP) if len(boxes) else []
        bodies = np.array(bodies[np.asarray(kept, dtype=np.intp).reshape(-1)], np.float32)
        bodies[..., :2] /= scale
        return bodies


def open_onnx(path: Path, resolution: int = 256, threads: int = 0) -> MoveNetEstimator | RTMOEstimator:
    """Open an ONNX file, whose inputs and outputs say which model it is.

    Raises:
        InputError: If there is no such file, or it is no such model; names the file and what came.
    """
    if not path.is_file():
        raise InputError(f'pose model {path}: no such file')
    runtime = import_library('onnxruntime', "pip install 'asea_mm[video]'")
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    known = runtime.get_available_providers()
    providers = [name for name in ('CUDAExecutionProvider', 'CPUExecutionProvider') if name in known]
    try:
        session = runtime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # the runtime's errors have no common class of their own
        text = ' '.join(f'{error}'.split())[:160]
        raise InputError(f'pose model {path}: expected an ONNX file, got an error: {text}') from None
    inputs, outputs = [
        [list(value.shape) for value in values] for values in (session.get_inputs(), session.get_outputs())
    ]
    if len(inputs) == 1 and len(inputs[0]) == 4:
        if inputs[0][3] == 3 and [shape[1:] for shape in outputs] == [[6, 56]]:
            return MoveNetEstimator(session, resolution)
        if inputs[0][1] == 3 and sorted(len(shape) for shape in outputs) == [3, 4]:
            return RTMOEstimator(session)
    raise InputError(f'pose model {path}: {_EXPECTED}, got inputs {inputs} and outputs {f"{outputs}"[:120]}')
