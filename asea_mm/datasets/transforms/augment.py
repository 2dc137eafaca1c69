"""Random changes of space, of bodies and of who is who.

Rotation, scale, shear and mirror are the same for all persons, so that their relation is kept, and act about the
origin: use ``CentrePair`` before them.
"""
# ruff: noqa: NPY002 (mmengine seeds NumPy's global generator in every loader worker)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS

from ...keypoints import presence
from .common import KeypointTransform, is_number, linear_map


@TRANSFORMS.register_module()
class RandomRotation3D(KeypointTransform):
    """Rotate the scene about the origin by random angles.

    Args:
        angles: Largest absolute angle about x, y and z, degrees; each angle is drawn uniformly. The rotation
            about x comes first, that about z last.

    Shapes:
        keypoint: ``(M, T, V, 3)``, any unit, unchanged

    Raises:
        ValueError: If ``angles`` are not three numbers in [0, 180]; if a sample is two-dimensional or has the
            wrong number of joints.
    """

    def __init__(self, angles: Sequence[float] = (0.0, 180.0, 0.0)) -> None:
        if not (
            isinstance(angles, Sequence)
            and len(angles) == 3
            and all(is_number(angle) and 0 <= angle <= 180 for angle in angles)
        ):
            self._wrong_argument('angles', 'three numbers of degrees in [0, 180], about x, y and z', angles)
        self.angles = tuple(angles)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Rotate all persons alike."""
        keypoint = self._keypoint(results)
        self._require_channels(results, keypoint, 'an image cannot be rotated in space')
        limits = np.deg2rad(self.angles)
        rotation = np.eye(3)
        for axis, angle in enumerate(np.random.uniform(-limits, limits)):
            i, j = (axis + 1) % 3, (axis + 2) % 3
            turn = np.eye(3)
            turn[[i, i, j, j], [i, j, i, j]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
            rotation = turn @ rotation
        results['keypoint'] = linear_map(keypoint, rotation)
        return results


class _WithScale(KeypointTransform):
    """A transform that scales by random factors, one or one per axis."""

    def __init__(self, scale: float, isotropic: bool) -> None:
        if not is_number(scale) or not 0 <= scale < 1:
            self._wrong_argument('scale', 'a number in [0, 1)', scale)
        if not isinstance(isotropic, bool):
            self._wrong_argument('isotropic', 'True or False', isotropic)
        self.scale = scale
        self.isotropic = isotropic


@TRANSFORMS.register_module()
class RandomScale3D(_WithScale):
    """Scale the scene about the origin by random factors from ``[1 - scale, 1 + scale]``.

    Args:
        scale: Largest relative change, in [0, 1).
        isotropic: One factor for all axes, which keeps proportions, instead of one per axis.

    Shapes:
        keypoint: ``(M, T, V, C)``, C = 2 or 3, any unit, unchanged

    Raises:
        ValueError: If an argument is out of range or a sample has the wrong number of joints.
    """

    def __init__(self, scale: float = 0.2, isotropic: bool = False) -> None:
        super().__init__(scale, isotropic)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Scale all persons alike."""
        keypoint = self._keypoint(results)
        size = 1 if self.isotropic else keypoint.shape[-1]
        factor = np.random.uniform(1 - self.scale, 1 + self.scale, size=size)
        results['keypoint'] = keypoint * factor.astype(np.float32)
        return results


@TRANSFORMS.register_module()
class RandomBodySize(_WithScale):
    """Make every person taller or smaller, broader or slimmer, each by their own random factors, where they are.

    For data of few persons: SBU has seven, and a test fold has pairs that no training fold has. In each frame a body is
    scaled about the mean of its joints, so persons stay where they are, and what their hands and feet reach moves with
    the length of their limbs. Missing joints, those of score 0, are left as they are.

    Args:
        scale: Largest relative change, in [0, 1): factors are drawn from ``[1 - scale, 1 + scale]``.
        isotropic: One factor for all axes of a person, which keeps proportions, instead of one per axis.

    Shapes:
        keypoint: ``(M, T, V, C)``, C = 2 or 3, any unit; keypoint_score ``(M, T, V)``; both unchanged

    Raises:
        ValueError: If an argument is out of range or a sample has the wrong number of joints.
    """

    def __init__(self, scale: float = 0.1, isotropic: bool = False) -> None:
        super().__init__(scale, isotropic)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Scale every person by their own factors, the same in all frames."""
        keypoint = self._keypoint(results)
        score = self._score(results, keypoint)
        size = (len(keypoint), 1, 1, 1 if self.isotropic else keypoint.shape[-1])
        change = np.random.uniform(-self.scale, self.scale, size=size).astype(np.float32)
        seen = np.ones(keypoint.shape[:3], dtype=bool) if score is None else score > 0
        count = np.maximum(seen.sum(axis=2, keepdims=True), 1)[..., None]
        middle = (keypoint * seen[..., None]).sum(axis=2, keepdims=True) / count.astype(np.float32)
        results['keypoint'] = np.where(seen[..., None], keypoint + change * (keypoint - middle), keypoint)
        return results


@TRANSFORMS.register_module()
class RandomShear3D(KeypointTransform):
    """Shear the scene: to every coordinate random shares of the others are added.

    Args:
        shear: Largest absolute share, in [0, 0.5]; beyond, a body could be flattened.

    Shapes:
        keypoint: ``(M, T, V, C)``, C = 2 or 3, any unit, unchanged

    Raises:
        ValueError: If ``shear`` is out of range or a sample has the wrong number of joints.
    """

    def __init__(self, shear: float = 0.2) -> None:
        if not is_number(shear) or not 0 <= shear <= 0.5:
            self._wrong_argument('shear', 'a number in [0, 0.5]', shear)
        self.shear = shear

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Shear all persons alike."""
        keypoint = self._keypoint(results)
        channels = keypoint.shape[-1]
        matrix = np.random.uniform(-self.shear, self.shear, size=(channels, channels))
        np.fill_diagonal(matrix, 1)
        results['keypoint'] = linear_map(keypoint, matrix)
        return results


@TRANSFORMS.register_module()
class JointNoise(KeypointTransform):
    """Add independent Gaussian noise to every coordinate of the present persons.

    Args:
        std: Standard deviation, in the unit of the keypoints (0.01 is a centimetre where they are metres).

    Shapes:
        keypoint: ``(M, T, V, C)``, unchanged

    Raises:
        ValueError: If ``std`` is negative or a sample has the wrong number of joints.
    """

    def __init__(self, std: float = 0.01) -> None:
        if not is_number(std) or std < 0:
            self._wrong_argument('std', 'a number of at least 0', std)
        self.std = std

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add the noise."""
        keypoint = self._keypoint(results)
        noise = np.random.normal(scale=self.std, size=keypoint.shape).astype(np.float32)
        noise *= presence(keypoint)[:, :, None, None]
        noise += keypoint
        results['keypoint'] = noise
        return results


class _WithProbability(KeypointTransform):
    """A transform that is applied to a share of the samples."""

    def __init__(self, prob: float) -> None:
        if not is_number(prob) or not 0 <= prob <= 1:
            self._wrong_argument('prob', 'a probability in [0, 1]', prob)
        self.prob = prob

    def _happens(self) -> bool:
        return np.random.random() < self.prob


@TRANSFORMS.register_module()
class MirrorPose(_WithProbability):
    """Mirror the scene at the origin's plane: negate one coordinate, and let left and right joints change names.

    Args:
        prob: Probability that a sample is mirrored.
        axis: The coordinate to negate; 0 is x.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit; keypoint_score ``(M, T, V)``; both unchanged

    Raises:
        ValueError: If an argument is out of range; if a sample has no such axis, no layout, or the wrong number
            of joints.
    """

    def __init__(self, prob: float = 0.5, axis: int = 0) -> None:
        super().__init__(prob)
        if not isinstance(axis, int) or isinstance(axis, bool) or axis not in (0, 1, 2):
            self._wrong_argument('axis', '0, 1 or 2', axis)
        self.axis = axis

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Mirror all persons, or none."""
        keypoint = self._keypoint(results)
        order = list(self._skeleton(results, keypoint).flip_order)
        if self.axis >= keypoint.shape[-1]:
            self._wrong_sample(results, f'expected more than {self.axis} coordinates, got {keypoint.shape[-1]}')
        if not self._happens():
            return results
        score = self._score(results, keypoint)
        keypoint = keypoint.take(order, axis=2)
        keypoint[..., self.axis] = 0 - keypoint[..., self.axis]  # unlike `-x`, keeps the sign of zero
        results['keypoint'] = keypoint
        if score is not None:
            results['keypoint_score'] = score.take(order, axis=2)
        return results


@TRANSFORMS.register_module()
class SwapPersons(_WithProbability):
    """Change the order of the persons: two change places, more get a random order other than theirs.

    For data in which it is arbitrary who comes first.

    Args:
        prob: Probability that a sample is changed; one with a single person never is.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit; keypoint_score ``(M, T, V)``; both unchanged

    Raises:
        ValueError: If ``prob`` is out of range or a sample has the wrong number of joints.
    """

    def __init__(self, prob: float = 0.5) -> None:
        super().__init__(prob)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Reorder keypoints and scores alike."""
        keypoint = self._keypoint(results)
        num_person = len(keypoint)
        if not self._happens() or num_person == 1:
            return results
        score = self._score(results, keypoint)
        order = np.arange(num_person)
        while (order == np.arange(num_person)).all():
            order = np.random.permutation(num_person)
        results['keypoint'] = keypoint[order]
        if score is not None:
            results['keypoint_score'] = score[order]
        return results
