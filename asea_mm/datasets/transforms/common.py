"""What all transforms share: how a sample is read and checked, resampling in time, and rotations."""

import inspect
from typing import Any, NoReturn, TypeGuard

import numpy as np
from mmcv.transforms import BaseTransform

from ...errors import InputError
from ...keypoints import presence
from ...skeletons import Skeleton, get_skeleton


class KeypointTransform(BaseTransform):
    """Base of our transforms: checks arguments and samples, and prints its arguments.

    Subclasses keep every constructor argument as an attribute of the same name.
    """

    def __repr__(self) -> str:
        names = inspect.signature(type(self)).parameters
        return f'{type(self).__name__}({", ".join(f"{name}={getattr(self, name)!r}" for name in names)})'

    def _require(self, name: str, value: Any, is_right: bool, expected: str) -> Any:
        """A constructor argument, if it is right."""
        if not is_right:
            raise InputError(f'{type(self).__name__}: {name} must be {expected}, got {value!r}')
        return value

    def _wrong_sample(self, results: dict[str, Any], message: str) -> NoReturn:
        raise InputError(f'{type(self).__name__}: sample {results.get("frame_dir")!r}: {message}')

    def _read(
        self, results: dict[str, Any], finite: bool = False, coordinates: int | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """A sample's keypoints ``(M, T, V, C)`` and scores ``(M, T, V)`` or None, both float32. Never write to them.

        Looking at every value takes time: only ``finite`` does.
        """
        if 'keypoint' not in results:
            self._wrong_sample(results, f"expected the key 'keypoint', got the keys {sorted(results)}")
        keypoint = np.asarray(results['keypoint'], dtype=np.float32)
        if keypoint.ndim != 4 or keypoint.size == 0:
            self._wrong_sample(
                results, f'expected keypoint (M, T, V, C) of at least one person and frame, got shape {keypoint.shape}'
            )
        if coordinates not in (None, keypoint.shape[3]):
            kind = 'in space' if coordinates == 3 else 'in an image'
            self._wrong_sample(results, f'expected C = {coordinates} coordinates {kind}, got {keypoint.shape[3]}')
        if 'layout' in results and self._skeleton(results).num_joints != keypoint.shape[2]:
            skeleton = self._skeleton(results)
            self._wrong_sample(
                results,
                f'expected {skeleton.num_joints} joints (V) as layout {skeleton.name!r} has, got {keypoint.shape[2]}',
            )
        if finite and not np.isfinite(keypoint).all():
            person, frame, joint, _ = np.argwhere(~np.isfinite(keypoint))[0]
            self._wrong_sample(
                results,
                f'expected finite keypoints (an absent person is all zeros), got NaN or infinity, '
                f'first at person {person}, frame {frame}, joint {joint}',
            )
        if results.get('keypoint_score') is None:
            return keypoint, None
        score = np.asarray(results['keypoint_score'], dtype=np.float32)
        if score.shape != keypoint.shape[:3]:
            self._wrong_sample(
                results, f'expected keypoint_score of shape (M, T, V) = {keypoint.shape[:3]}, got {score.shape}'
            )
        return keypoint, score

    def _skeleton(self, results: dict[str, Any]) -> Skeleton:
        if 'layout' not in results:
            self._wrong_sample(results, f"expected the key 'layout', got the keys {sorted(results)}")
        return get_skeleton(results['layout'])

    def _num_clips(self, results: dict[str, Any], keypoint: np.ndarray, unsampled: bool = False) -> int:
        """Number of clips that lie one after another along T."""
        num_clips = results.get('num_clips', 1)
        if unsampled and num_clips != 1:
            self._wrong_sample(results, f'expected an unsampled sequence, got {num_clips} clips')
        if keypoint.shape[1] % num_clips:
            self._wrong_sample(
                results, f'expected a multiple of num_clips = {num_clips} frames, got {keypoint.shape[1]}'
            )
        return num_clips


def is_integer(value: object) -> TypeGuard[int]:
    """Whether a constructor argument is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a constructor argument is a finite real number."""
    return (is_integer(value) or isinstance(value, float)) and bool(np.isfinite(value))


def resample(
    keypoint: np.ndarray, positions: np.ndarray, score: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read a clip at fractional frame positions, by linear interpolation that never mixes a body with absence.

    Where a person is present in one of two frames only, the nearer frame is taken as it is (the later one when equally
    near). Scores are resampled by the same weights.

    Shapes:
        keypoint: ``(M, T, V, C)``; positions ``(L,)``, frames in ``[0, T - 1]``; score ``(M, T, V)``;
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


def interpolated(track: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A track in all frames from those in which it is known, linearly; before the first and after the last it stays.

    Shapes:
        track ``(T, C)``; known ``(T,)``, somewhere True; returns ``(T, C)``, in double precision
    """
    frames = np.arange(len(track))
    return np.stack([np.interp(frames, frames[known], values[known]) for values in track.T], axis=-1)


def rotated(keypoint: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """All joints rotated about the origin; zeros, and so absent persons, stay zero.

    Shapes:
        keypoint: ``(M, T, V, C)``; rotation ``(C, C)``, acting on column vectors; returns ``(M, T, V, C)``
    """
    # One flat product: NumPy would otherwise run one small product per person and frame.
    flat = keypoint.reshape(-1, keypoint.shape[-1]) @ rotation.T.astype(np.float32)
    return flat.reshape(keypoint.shape)
