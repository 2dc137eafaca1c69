"""What all transforms share: the presence rule, resampling in time, and checks with one wording of errors."""

from __future__ import annotations

import inspect
from typing import Any, NoReturn, TypeGuard

import numpy as np
from mmcv.transforms import BaseTransform

from ...errors import InputError
from ...keypoints import presence
from ...skeletons import Skeleton, get_skeleton


def resample(
    keypoint: np.ndarray, positions: np.ndarray, score: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read a clip at fractional frame positions, by linear interpolation that never mixes a body with absence.

    Per person: between two frames where they are present their joints are interpolated; where they are
    present in one of the two only, the nearer frame is taken as it is (the later one when equally near).

    Args:
        keypoint: The clip.
        positions: Frame positions in ``[0, T - 1]``.
        score: Confidences, resampled by the same weights.

    Shapes:
        keypoint: ``(M, T, V, C)``; positions ``(L,)``, frames; score ``(M, T, V)``;
        returns ``(M, L, V, C)`` and ``(M, L, V)`` or None, new arrays
    """
    before = positions.astype(np.intp)
    after = np.minimum(before + 1, keypoint.shape[1] - 1)
    fraction = (positions - before).astype(np.float32)
    present = presence(keypoint)
    nearer = (fraction >= 0.5).astype(np.float32)
    weight = np.where(present.take(before, axis=1) & present.take(after, axis=1), fraction, nearer)

    def blend(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
        # `start * (1 - w) + end * w` and not `start + w * (end - start)`: with w of 0 or 1 it copies exactly.
        start = values.take(before, axis=1)
        start *= 1 - weight
        end = values.take(after, axis=1)
        end *= weight
        start += end
        return start

    resampled = blend(keypoint, weight[:, :, None, None])
    return resampled, None if score is None else blend(score, weight[:, :, None])


class KeypointTransform(BaseTransform):
    """Base of our transforms: reads and checks a sample, words errors, and prints its arguments.

    Subclasses keep every constructor argument as an attribute of the same name.
    """

    def __repr__(self) -> str:
        names = inspect.signature(type(self)).parameters
        return f'{type(self).__name__}({", ".join(f"{name}={getattr(self, name)!r}" for name in names)})'

    def _require(self, is_right: bool, name: str, expected: str, got: object) -> None:
        """Refuse a wrong constructor argument."""
        if not is_right:
            raise InputError(f'{type(self).__name__}: {name} must be {expected}, got {got!r}')

    def _wrong_sample(self, results: dict[str, Any], message: str) -> NoReturn:
        raise InputError(f'{type(self).__name__}: sample {results.get("frame_dir")!r}: {message}')

    def _keypoint(self, results: dict[str, Any]) -> np.ndarray:
        """The sample's keypoints as float32, checked in shape; only the values stay unchecked, for speed.

        It may share memory with the sample: never write to it.
        """
        if 'keypoint' not in results:
            self._wrong_sample(results, f"expected the key 'keypoint', got the keys {sorted(results)}")
        keypoint = np.asarray(results['keypoint'], dtype=np.float32)
        if keypoint.ndim != 4:
            self._wrong_sample(results, f'expected keypoint of shape (M, T, V, C), got {keypoint.shape}')
        if keypoint.size == 0:
            self._wrong_sample(results, f'expected at least one person and one frame, got the shape {keypoint.shape}')
        if 'layout' in results:
            self._skeleton(results, keypoint)
        return keypoint

    def _skeleton(self, results: dict[str, Any], keypoint: np.ndarray) -> Skeleton:
        """The sample's layout, which must have as many joints as its keypoints."""
        if 'layout' not in results:
            self._wrong_sample(results, f"expected the key 'layout', got the keys {sorted(results)}")
        skeleton = get_skeleton(results['layout'])
        if keypoint.shape[2] != skeleton.num_joints:
            self._wrong_sample(
                results,
                f'layout {skeleton.name!r} has {skeleton.num_joints} joints, got {keypoint.shape[2]} (V) '
                f'in keypoint of shape {keypoint.shape}',
            )
        return skeleton

    def _score(self, results: dict[str, Any], keypoint: np.ndarray) -> np.ndarray | None:
        """The confidences ``(M, T, V)`` as float32, None where the sample has none. Never write to it."""
        if results.get('keypoint_score') is None:
            return None
        score = np.asarray(results['keypoint_score'], dtype=np.float32)
        if score.shape != keypoint.shape[:3]:
            self._wrong_sample(
                results, f'expected keypoint_score of shape (M, T, V) = {keypoint.shape[:3]}, got {score.shape}'
            )
        return score

    def _sequence(self, results: dict[str, Any]) -> tuple[np.ndarray, np.ndarray | None]:
        """Finite keypoints, and scores, of a sample that has not been sampled into several clips."""
        keypoint = self._keypoint(results)
        self._require_finite(results, keypoint)
        if results.get('num_clips', 1) != 1:
            self._wrong_sample(results, f'expected an unsampled sequence, got {results["num_clips"]} clips')
        return keypoint, self._score(results, keypoint)

    def _clips(self, results: dict[str, Any], keypoint: np.ndarray) -> int:
        """Number of clips that lie one after another along T."""
        num_clips = results.get('num_clips', 1)
        if keypoint.shape[1] % num_clips:
            self._wrong_sample(
                results, f'expected a multiple of num_clips = {num_clips} frames, got {keypoint.shape[1]}'
            )
        return num_clips

    def _require_finite(self, results: dict[str, Any], keypoint: np.ndarray) -> None:
        if not np.isfinite(keypoint).all():
            person, frame, joint, _ = np.argwhere(~np.isfinite(keypoint))[0]
            self._wrong_sample(
                results,
                f'expected finite keypoints (an absent person is all zeros), got NaN or infinity, '
                f'first at person {person}, frame {frame}, joint {joint}',
            )

    def _require_channels(self, results: dict[str, Any], keypoint: np.ndarray, reason: str) -> None:
        if keypoint.shape[3] != 3:
            self._wrong_sample(results, f'expected C = 3 coordinates, got {keypoint.shape[3]}; {reason}')


def is_integer(value: object) -> TypeGuard[int]:
    """Whether a constructor argument is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a constructor argument is a finite real number."""
    return (is_integer(value) or isinstance(value, float)) and bool(np.isfinite(value))


def linear_map(keypoint: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Apply one matrix to all joints; zeros, and so absent persons, stay zero.

    Shapes:
        keypoint: ``(M, T, V, C)``; matrix ``(C, C)``, acting on column vectors; returns ``(M, T, V, C)``
    """
    # One flat product: NumPy would otherwise run one small product per person and frame.
    flat = keypoint.reshape(-1, keypoint.shape[-1]) @ matrix.T.astype(np.float32)
    return flat.reshape(keypoint.shape)
