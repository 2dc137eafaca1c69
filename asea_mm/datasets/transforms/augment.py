"""Random changes of space and of who is who.

Rotation, scale and mirror are the same for all persons, so that their relation is kept, and act about the
origin: use ``CentrePair`` before them.
"""
# ruff: noqa: NPY002 (mmengine seeds NumPy's global generator in every loader worker)

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS

from .common import KeypointTransform, is_number, rotated


@TRANSFORMS.register_module()
class RandomRotation3D(KeypointTransform):
    """Rotate the scene about the origin by random angles.

    Args:
        angles: Largest absolute angle about x, y and z, degrees in [0, 180]; each angle is drawn uniformly. The
            rotation about x comes first, that about z last.

    Shapes:
        keypoint: ``(M, T, V, 3)``, any unit, unchanged

    Raises:
        InputError: If a sample is two-dimensional.
    """

    def __init__(self, angles: Sequence[float] = (0.0, 180.0, 0.0)) -> None:
        is_right = isinstance(angles, Sequence) and len(angles) == 3
        is_right = is_right and all(is_number(angle) and 0 <= angle <= 180 for angle in angles)
        expected = 'three numbers of degrees in [0, 180], about x, y and z'
        self.angles = tuple(self._require('angles', angles, is_right, expected))

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, _ = self._read(results, coordinates=3)
        limits = np.deg2rad(self.angles)
        rotation = np.eye(3)
        for axis, angle in enumerate(np.random.uniform(-limits, limits)):
            i, j = (axis + 1) % 3, (axis + 2) % 3
            turn = np.eye(3)
            turn[[i, i, j, j], [i, j, i, j]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
            rotation = turn @ rotation
        results['keypoint'] = rotated(keypoint, rotation)
        return results


@TRANSFORMS.register_module()
class RandomScale3D(KeypointTransform):
    """Scale the scene about the origin by random factors from ``[1 - scale, 1 + scale]``, one for each axis.

    Args:
        scale: Largest relative change, in [0, 1).

    Shapes:
        keypoint: ``(M, T, V, C)``, C = 2 or 3, any unit, unchanged
    """

    def __init__(self, scale: float = 0.2) -> None:
        self.scale = self._require('scale', scale, is_number(scale) and 0 <= scale < 1, 'a number in [0, 1)')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, _ = self._read(results)
        factor = np.random.uniform(1 - self.scale, 1 + self.scale, size=keypoint.shape[3:])
        results['keypoint'] = keypoint * factor.astype(np.float32)
        return results


class _WithProbability(KeypointTransform):
    """A transform that is applied to a share of the samples."""

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = self._require('prob', prob, is_number(prob) and 0 <= prob <= 1, 'a probability in [0, 1]')

    def _happens(self) -> bool:
        return np.random.random() < self.prob


@TRANSFORMS.register_module()
class MirrorPose(_WithProbability):
    """Mirror the scene at the plane x = 0: negate x, and let left and right joints change names.

    Args:
        prob: Probability that a sample is mirrored.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit; keypoint_score ``(M, T, V)``; both unchanged

    Raises:
        InputError: If a sample has no layout.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, score = self._read(results)
        order = list(self._skeleton(results).flip_order)
        if not self._happens():
            return results
        keypoint = keypoint.take(order, axis=2)
        keypoint[..., 0] = 0 - keypoint[..., 0]  # unlike `-x`, keeps the sign of zero
        results['keypoint'] = keypoint
        if score is not None:
            results['keypoint_score'] = score.take(order, axis=2)
        return results


@TRANSFORMS.register_module()
class SwapPersons(_WithProbability):
    """Change the order of the persons, where it is arbitrary: two change places, more get a random other order.

    Args:
        prob: Probability that a sample is changed; one with a single person never is.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit; keypoint_score ``(M, T, V)``; both unchanged
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, score = self._read(results)
        num_person = len(keypoint)
        if not self._happens() or num_person == 1:
            return results
        order = np.arange(num_person)
        while (order == np.arange(num_person)).all():
            order = np.random.permutation(num_person)
        results['keypoint'] = keypoint[order]
        if score is not None:
            results['keypoint_score'] = score[order]
        return results
