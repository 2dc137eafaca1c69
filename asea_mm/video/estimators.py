"""What finds the people of a picture, and by which words a user asks for it."""

from pathlib import Path
from typing import Protocol

import numpy as np

from ..errors import InputError
from .adapters import MMPoseEstimator, RtmlibEstimator, UltralyticsEstimator
from .onnx_estimators import SHIPPED_MODEL, open_onnx

KNOWN_ESTIMATORS = (
    'a file .onnx of MoveNet MultiPose or RTMO, rtmlib[:lightweight|balanced|performance], ultralytics:FILE, '
    'mmpose:MODEL'
)


class PoseEstimator(Protocol):
    """Finds the people of a picture. Any callable with a ``layout`` serves, pictures come one after another."""

    layout: str
    """Name of the joints, see :mod:`asea_mm.skeletons`."""

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """The bodies of a picture, in any order, none if nobody is there.

        Shapes:
            picture ``(H, W, 3)``, uint8, BGR; returns ``(P, V, 3)``, float32: x and y in pixels of the picture, score
        """
        ...


def open_estimator(model: str | Path | None = None, resolution: int = 256, threads: int = 0) -> PoseEstimator:
    """The estimator that a user asks for.

    Args:
        model: One of :data:`KNOWN_ESTIMATORS`; default the MoveNet that comes along.
        resolution: Longer side of what MoveNet sees, in pixels, a multiple of 32: larger finds smaller people, and
            takes longer. Other models have their own.
        threads: Threads of ONNX files; 0: as many as the machine has cores.

    Raises:
        InputError: If there is no such model or library, or the file is another model.
    """
    name = str(SHIPPED_MODEL if model is None else model)
    library, _, argument = name.partition(':')
    if library == 'rtmlib':
        return RtmlibEstimator(argument or 'balanced')
    if library == 'ultralytics' and argument:
        return UltralyticsEstimator(argument)
    if library == 'mmpose':
        return MMPoseEstimator(argument or 'human')
    if not name.lower().endswith('.onnx'):
        raise InputError(f'pose model {name}: expected {KNOWN_ESTIMATORS}')
    return open_onnx(Path(name), resolution, threads)
