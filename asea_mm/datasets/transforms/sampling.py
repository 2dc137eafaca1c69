"""Transforms of the time axis: clips of a fixed length, a random warp of time, and smoothing over time."""
# ruff: noqa: NPY002 (mmengine seeds NumPy's global generator in every loader worker)

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS

from ...keypoints import presence
from .common import KeypointTransform, is_integer, is_number, resample


@TRANSFORMS.register_module()
class SampleClip(KeypointTransform):
    """Take one or several clips of exactly ``clip_len`` frames from a sequence.

    A piece of the sequence, of two frames at least, is resized to ``clip_len`` frames (:func:`~.common.resample`).
    Every clip spans its piece, so the time scale varies; :class:`GenerateStream` can give motions their true speed
    back. Scores are zero where the person is absent. Sets ``num_clips``, ``clip_len``, ``total_frames`` and
    ``frame_step``, the frames of the sequence from one frame of a clip to the next, for every clip.

    Args:
        clip_len: Frames of a clip.
        crop: For training: smallest and largest share of the sequence; every clip draws its length and its start. With
            None, for testing, one clip is of the whole sequence.
        num_clips: Clips per sample, concatenated along T as mmaction2's ``FormatGCNInput`` takes them.
        window: Share of the sequence for each of several clips without ``crop``, whose starts are evenly spaced from
            the first frame on, so that the last ends with the last frame.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit -> ``(M, num_clips * clip_len, V, C)``; keypoint_score alike

    Raises:
        InputError: If a sample holds NaN or infinity, or has been sampled into several clips before.
    """

    def __init__(
        self,
        clip_len: int,
        crop: Sequence[float] | None = None,
        num_clips: int = 1,
        window: float = 0.75,
    ) -> None:
        for name, value in (('clip_len', clip_len), ('num_clips', num_clips)):
            self._require(name, value, is_integer(value) and value >= 1, 'a positive integer')
        if crop is not None:
            is_right = isinstance(crop, Sequence) and len(crop) == 2 and all(map(is_number, crop))
            is_right = is_right and 0 < crop[0] <= crop[1] <= 1
            self._require('crop', crop, is_right, 'None or two shares (low, high) with 0 < low <= high <= 1')
        self.clip_len = clip_len
        self.crop = None if crop is None else tuple(crop)
        self.num_clips = num_clips
        self.window = self._require('window', window, is_number(window) and 0 < window <= 1, 'a share in (0, 1]')

    def _pieces(self, total: int) -> tuple[np.ndarray, np.ndarray]:
        """First frame and number of frames of the piece of every clip, each ``(num_clips,)``."""
        if self.crop is not None:
            shares = np.random.uniform(self.crop[0], self.crop[1], size=self.num_clips)
        else:
            shares = np.full(self.num_clips, 1.0 if self.num_clips == 1 else self.window)
        lengths = np.maximum(np.rint(shares * total).astype(np.intp), min(2, total))
        if self.crop is not None:
            starts = np.random.randint(0, total - lengths + 1)
        elif self.num_clips == 1:
            starts = (total - lengths) // 2
        else:
            steps = np.arange(self.num_clips)
            starts = np.rint(steps * (total - lengths) / (self.num_clips - 1)).astype(np.intp)
        return starts, lengths

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, score = self._read(results, finite=True)
        self._num_clips(results, keypoint, unsampled=True)
        starts, lengths = self._pieces(keypoint.shape[1])
        # First multiply, then divide: whole positions come out whole, and clip_len = T changes nothing.
        if self.clip_len > 1:
            offsets = np.arange(self.clip_len) * (lengths[:, None] - 1) / (self.clip_len - 1)
        else:
            offsets = (lengths[:, None] - 1) / 2
        results['keypoint'], score = resample(keypoint, (starts[:, None] + offsets).ravel(), score)
        if score is not None:
            score[~presence(results['keypoint'])] = 0
            results['keypoint_score'] = score
        results['num_clips'] = self.num_clips
        results['clip_len'] = self.clip_len
        results['frame_step'] = ((lengths - 1) / max(self.clip_len - 1, 1)).astype(np.float32)
        results['total_frames'] = self.num_clips * self.clip_len
        return results


@TRANSFORMS.register_module()
class ResampleFrameRate(KeypointTransform):
    """Bring sequences of several frame rates to one, by interpolation (:func:`~.common.resample`).

    A frame of all of them then lasts as long, and so motions of ``GenerateStream(true_speed=True)`` compare. A sample
    without ``fps`` is left as it is. Use it before :class:`SampleClip`.

    Args:
        fps: Frames per second to have.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit -> ``(M, L, V, C)``, ``L - 1 = (T - 1) * fps / (fps of the sample)``,
        rounded; keypoint_score alike

    Raises:
        InputError: If a sample's ``fps`` is no positive number, or it has been sampled into several clips before.
    """

    def __init__(self, fps: float) -> None:
        self.fps = self._require('fps', fps, is_number(fps) and fps > 0, 'a positive number')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, score = self._read(results)
        self._num_clips(results, keypoint, unsampled=True)
        known = results.get('fps')
        if known is None:
            return results
        if not is_number(known) or known <= 0:
            self._wrong_sample(results, f'expected fps to be a positive number, got {known!r:.60}')
        last = keypoint.shape[1] - 1
        positions = np.linspace(0, last, 1 + round(last * self.fps / known))
        results['keypoint'], score = resample(keypoint, positions, score)
        if score is not None:
            score[~presence(results['keypoint'])] = 0
            results['keypoint_score'] = score
        results['fps'] = self.fps
        results['total_frames'] = len(positions)
        return results


@TRANSFORMS.register_module()
class RandomTimeWarp(KeypointTransform):
    """Warp the time axis smoothly: some parts of the clip play faster, others slower, all persons alike.

    Relative time ``u`` in [0, 1] reads from ``u + Σ_k a_k sin(kπu) / (kπ)``, k = 1, 2, with ``a_k`` drawn
    uniformly from ``±strength / 2``. First and last frame stay, and the local speed ``1 + Σ_k a_k cos(kπu)``
    is between ``1 - strength`` and ``1 + strength``. Several clips are warped each on its own.

    Args:
        strength: Largest relative change of speed, in [0, 1).

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit; keypoint_score ``(M, T, V)``; both unchanged
    """

    def __init__(self, strength: float = 0.2) -> None:
        is_right = is_number(strength) and 0 <= strength < 1
        self.strength = self._require('strength', strength, is_right, 'a number in [0, 1)')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, score = self._read(results)
        num_clips = self._num_clips(results, keypoint)
        last = keypoint.shape[1] // num_clips - 1
        amplitude = np.random.uniform(-0.5, 0.5, size=(num_clips, 2, 1)) * self.strength
        frequency = np.pi * np.array([[1.0], [2.0]])
        time = np.linspace(0, 1, last + 1)
        warped = last * (time + (amplitude * np.sin(frequency * time) / frequency).sum(axis=1))
        # The sine of a rounded multiple of π is not quite zero: without the bounds the next clip could leak in.
        warped = np.clip(warped, 0, last) + (last + 1) * np.arange(num_clips)[:, None]
        results['keypoint'], score = resample(keypoint, warped.ravel(), score)
        if score is not None:
            results['keypoint_score'] = score
        return results


@TRANSFORMS.register_module()
class SmoothMotion(KeypointTransform):
    """Smooth the path of every joint: a polynomial is fitted to each window of frames, by least squares.

    The filter of Savitzky & Golay (Analytical Chemistry 1964) takes away the jitter of a sensor. Over five frames of
    degree two it weighs the frames by (-3, 12, 17, 12, -3) / 35, as Du et al. (Hierarchical recurrent neural network
    for skeleton based action recognition, CVPR 2015) smooth theirs.

    The first and the last frames of a presence are read from the polynomial of its first and last window. Frames are
    smoothed only with frames of the same unbroken presence of the same person; a presence shorter than ``window``
    stays as it is. Put it behind ``FillMissingJoints``, since a missing joint's zeros would be smoothed into its path,
    and before transforms that change the time axis.

    Args:
        window: Frames of a window, odd.
        degree: Degree of the polynomial, at most ``window - 2``.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit, unchanged

    Raises:
        InputError: If a sample holds NaN or infinity.
    """

    def __init__(self, window: int = 5, degree: int = 2) -> None:
        is_right = is_integer(window) and window >= 3 and window % 2 == 1
        self.window = self._require('window', window, is_right, 'an odd integer of at least 3')
        is_right = is_integer(degree) and 0 <= degree <= window - 2
        self.degree = self._require('degree', degree, is_right, f'an integer from 0 to window - 2 = {window - 2}')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        from scipy.signal import savgol_filter  # takes seconds to import, and few pipelines smooth

        keypoint, _ = self._read(results, finite=True)
        num_clips = self._num_clips(results, keypoint)
        persons, total = keypoint.shape[:2]
        clips = keypoint.reshape(persons * num_clips, total // num_clips, *keypoint.shape[2:]).copy()
        for clip, present in zip(clips, presence(clips), strict=True):
            changes = np.flatnonzero(np.diff(present, prepend=False, append=False))
            for start, stop in changes.reshape(-1, 2):
                if stop - start >= self.window:
                    clip[start:stop] = savgol_filter(clip[start:stop], self.window, self.degree, axis=0)
        results['keypoint'] = clips.reshape(keypoint.shape)
        return results
