"""Facts about arrays of keypoints that every room needs."""

from collections.abc import Sequence

import numpy as np

NO_INTERACTION = 'no interaction'  # the class of pairs who have nothing to do with each other, in every model with one


def presence(keypoint: np.ndarray) -> np.ndarray:
    """Who is there: a person is absent in a frame when all their values are exactly zero.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit; returns ``(M, T)``, bool
    """
    return np.asarray(keypoint.reshape(*keypoint.shape[:2], -1).any(axis=-1))


def is_image_shape(shape: object) -> bool:
    """Whether something is the height and width of an image."""
    sides = np.asarray(shape)
    return sides.shape == (2,) and sides.dtype.kind in 'iuf' and bool((sides > 0).all())


def share_outside(points: np.ndarray, img_shape: Sequence[float], margin: float) -> float:
    """Share of the points that lie outside of an image by more than ``margin`` of its longer side.

    Shapes:
        points ``(n, 2)``, pixels, n > 0; img_shape (height, width)
    """
    side = np.array([img_shape[1], img_shape[0]], dtype=np.float64)
    slack = margin * side.max()
    return float(((points < -slack) | (points > side + slack)).any(axis=-1).mean())
