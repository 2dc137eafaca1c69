"""One body of one frame of a stream, checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..datasets.recordings.bodies import LARGEST, as_array, first_absurd
from ..errors import InputError
from ..skeletons import Skeleton

Kind = tuple[int, bool]  # of a stream: coordinates C, and whether there are scores


def read_body(body: Any, skeleton: Skeleton, kind: Kind | None, where: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Keypoints, and scores if there are any, as float64.

    Args:
        body: Keypoints, or a pair of keypoints and scores: arrays, nested lists or tensors.
        skeleton: Layout of the joints.
        kind: What the bodies before were; None for the first.
        where: Frame and person, for the messages.

    Shapes:
        keypoints ``(V, C)``, scores ``(V,)``

    Raises:
        InputError: If shape or kind are not as expected, or a value is not finite or absurd.
    """
    keypoint, score = body if isinstance(body, tuple) and len(body) == 2 else (body, None)
    try:
        keypoint = as_array(keypoint).astype(np.float64)
        score = None if score is None else as_array(score).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f'{where}: expected arrays of numbers, got {error}') from None
    channels = (2, 3) if kind is None else kind[:1]
    if keypoint.shape not in [(skeleton.num_joints, count) for count in channels]:
        raise InputError(
            f'{where}: expected keypoints of shape ({skeleton.num_joints}, {" or ".join(map(str, channels))}), '
            f'the joints of {skeleton.name!r}, got {keypoint.shape}'
        )
    if score is not None and score.shape != keypoint.shape[:1]:
        raise InputError(f'{where}: expected scores of shape {keypoint.shape[:1]}, got {score.shape}')
    if kind is not None and kind[1] != (score is not None):
        raise InputError(f'{where}: expected {"scores" if kind[1] else "no scores"} as of those before')
    values = keypoint if score is None else np.column_stack([keypoint, score])
    no_numbers = np.flatnonzero(np.isnan(values).any(axis=-1)).tolist()
    if wrong := (first_absurd(keypoint, score) or no_numbers):
        raise InputError(
            f'{where}: expected finite values, coordinates within {LARGEST[keypoint.shape[1]]:,.0f} metres or pixels, '
            f'got {values[wrong[0]].tolist()} at joint {skeleton.joints[wrong[0]]!r}'
        )
    return keypoint, score
