"""What the tests of exported files share."""

from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]


def recording(persons: int, frames: int, seed: int = 0, joints: int = 15, channels: int = 3) -> np.ndarray:
    """Keypoints ``(M, T, V, C)`` of people who move; the last one comes late and leaves early."""
    draw = np.random.default_rng(seed)
    shape = (persons, frames, joints, channels)
    keypoint = draw.normal(size=(persons, 1, *shape[2:])) + 0.1 * draw.normal(size=shape).cumsum(axis=1)
    keypoint[-1, : frames // 5] = 0
    keypoint[-1, frames - frames // 6 :] = 0
    return keypoint.astype(np.float32)
