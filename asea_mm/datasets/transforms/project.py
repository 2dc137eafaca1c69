"""Pictures of scenes in space, so that three-dimensional data trains a model for poses in images."""
# ruff: noqa: NPY002 (mmengine seeds NumPy's global generator in every loader worker)

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS

from ...keypoints import presence
from .common import KeypointTransform, is_integer, is_number

Range = float | Sequence[float]  # a number, or lowest and highest of a random one


@TRANSFORMS.register_module()
class ProjectTo2D(KeypointTransform):
    """Look at a scene with a camera: metres become pixels with scores, as a pose estimator gives them.

    The camera looks at the middle of all joints of the sample. Every argument in Args but the last is a number or a
    range of which each sample draws one: ranges make training data, numbers one camera for tests. Joints that are
    behind the camera, outside of the image or drawn as missing become zero with score 0. What follows is the pipeline
    of keypoints in images, which begins with :class:`FillMissingJoints`.

    Args:
        yaw: Degrees by which the camera goes around the scene, about y; at 0 it stands on the side of positive z.
        pitch: Degrees by which it looks down.
        distance: Metres from the middle of the scene, at least 0.5.
        focal_length: In heights of the image.
        missing: Share of the joints that are missing, in [0, 1).
        noise: Standard deviation of the places of joints, pixels.
        score: Of the joints that are seen, in (0, 1]; of a range, each joint draws its own.
        img_shape: Height and width of the image.

    Shapes:
        keypoint: ``(M, T, V, 3)``, metres, y up -> ``(M, T, V, 2)``, pixels, y down; keypoint_score ``(M, T, V)``,
        where there are some multiplied by the new ones; absent persons stay zero

    Raises:
        InputError: If a sample is two-dimensional or holds NaN or infinity.
    """

    def __init__(
        self,
        yaw: Range = (-180, 180),
        pitch: Range = (0, 30),
        distance: Range = (2.5, 6.0),
        focal_length: Range = (0.8, 1.6),
        missing: Range = (0.0, 0.1),
        noise: Range = (0.0, 4.0),
        score: Range = (0.4, 1.0),
        img_shape: Sequence[int] = (1080, 1920),
    ) -> None:
        self.yaw = self._require_range('yaw', yaw, -360, 360)
        self.pitch = self._require_range('pitch', pitch, -90, 90)
        self.distance = self._require_range('distance', distance, 0.5, 1000)
        self.focal_length = self._require_range('focal_length', focal_length, 0.01, 100)
        self.missing = self._require_range('missing', missing, 0, 0.999)
        self.noise = self._require_range('noise', noise, 0, 1e4)
        self.score = self._require_range('score', score, 1e-6, 1)
        is_right = isinstance(img_shape, Sequence) and len(img_shape) == 2
        is_right = is_right and all(is_integer(side) and side > 0 for side in img_shape)
        self.img_shape = tuple(self._require('img_shape', img_shape, is_right, '(height, width), both positive'))

    def _require_range(self, name: str, value: Any, least: float, most: float) -> tuple[float, float]:
        low, high = value if isinstance(value, Sequence) and len(value) == 2 else (value, value)
        is_right = is_number(low) and is_number(high) and least <= low <= high <= most
        expected = f'a number from {least:g} to {most:g}, or (lowest, highest) of a random one'
        self._require(name, value, is_right, expected)
        return (low, high)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, score = self._read(results, finite=True, coordinates=3)
        present = presence(keypoint)
        ranges = (self.yaw, self.pitch, self.distance, self.focal_length, self.missing, self.noise)
        yaw, pitch, distance, focal_length, missing, noise = np.random.uniform(*np.transpose(ranges))
        middle = keypoint[present].reshape(-1, 3).mean(axis=0, dtype=np.float64) if present.any() else np.zeros(3)
        right, up, back = np.moveaxis((keypoint - middle) @ _camera(yaw, pitch).T, -1, 0)
        height, width = self.img_shape
        depth = distance - back
        in_front = depth > 0.1  # metres
        scale = focal_length * height / np.where(in_front, depth, 1)
        pixels = np.stack([width / 2 + scale * right, height / 2 - scale * up], axis=-1)
        pixels += noise * np.random.standard_normal(pixels.shape)
        inside = ((pixels > 0) & (pixels < (width, height))).all(axis=-1)
        seen = present[..., None] & in_front & inside & (np.random.random(depth.shape) >= missing)
        drawn = np.random.uniform(*self.score, size=depth.shape)
        results['keypoint'] = np.where(seen[..., None], pixels, 0).astype(np.float32)
        results['keypoint_score'] = np.where(seen, drawn if score is None else drawn * score, 0).astype(np.float32)
        results['img_shape'] = self.img_shape
        return results


def _camera(yaw: float, pitch: float) -> np.ndarray:
    """Directions right, up and back of a camera as rows, in the axes of the scene, ``(3, 3)``; angles in degrees."""
    (sin_yaw, sin_pitch), (cos_yaw, cos_pitch) = np.sin(np.deg2rad([yaw, pitch])), np.cos(np.deg2rad([yaw, pitch]))
    return np.array(
        [
            [cos_yaw, 0, -sin_yaw],
            [-sin_yaw * sin_pitch, cos_pitch, -cos_yaw * sin_pitch],
            [sin_yaw * cos_pitch, sin_pitch, cos_yaw * cos_pitch],
        ]
    )
