"""Facts about arrays of keypoints that every room needs."""

import numpy as np


def presence(keypoint: np.ndarray) -> np.ndarray:
    """Who is there: a person is absent in a frame when all their values are exactly zero.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit; returns ``(M, T)``, bool
    """
    return np.asarray(keypoint.reshape(*keypoint.shape[:2], -1).any(axis=-1))
