"""Keypoints of pose estimators in images: missing joints, size, and the confidence as an input channel.

A pose estimator gives pixels and a score for every joint, and leaves joints out. The order that works::

    FillMissingJoints       a joint at (0, 0) is not there; all that follows would take it for a place
    NormalizeByImage        or NormalizeByBody: people and images differ in size
    CentrePair, SampleClip, augmentation, GenerateStream
    ScoreChannel            after the streams: a difference of scores means nothing
    FormatGCNInput
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS

from ...keypoints import is_image_shape, presence, share_outside
from .common import KeypointTransform, interpolated, is_integer, is_number

# Estimators put joints of people at the border outside; beyond this margin, as a share of the longer side of the image,
# and more of them than that, the image is another.
_MARGIN, _OUTSIDE = 0.25, 0.1


@TRANSFORMS.register_module()
class FillMissingJoints(KeypointTransform):
    """Give missing joints a place, so that they do not pull to the origin of the image.

    A joint is missing where its coordinates are exactly zero or its score is not above ``score_thr``. A person
    without any joint in a frame is absent there. Otherwise a missing joint is interpolated linearly in time between the
    frames in which it was seen; before the first and after the last of these it stays where it was; never seen, it is
    at the mean of the person's seen joints. Its score becomes 0, so that :class:`CentrePair` and the model can tell it
    from one that was measured. Use it first: on the whole sequence, and before the coordinates move.

    Args:
        score_thr: Largest score of a missing joint.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit; keypoint_score ``(M, T, V)``, if any; both unchanged

    Raises:
        InputError: If a sample holds NaN or infinity, or has been sampled into several clips before.
    """

    def __init__(self, score_thr: float = 0.0) -> None:
        is_right = is_number(score_thr) and score_thr >= 0
        self.score_thr = self._require('score_thr', score_thr, is_right, 'a number of at least 0')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, score = self._read(results, finite=True)
        self._num_clips(results, keypoint, unsampled=True)
        seen = np.asarray(keypoint.any(axis=-1))
        if score is not None:
            seen = seen & (score > self.score_thr)
        present = np.asarray(seen.any(axis=-1))
        missing = present[..., None] & ~seen
        count = np.maximum(seen.sum(axis=2), 1).astype(np.float32)
        centre = (keypoint * seen[..., None]).sum(axis=2) / count[..., None]
        filled = np.where(missing[..., None], centre[:, :, None], keypoint)
        filled[~present] = 0
        for person, joint in np.argwhere(missing.any(axis=1) & seen.any(axis=1)):
            wanted = missing[person, :, joint]
            between = interpolated(keypoint[person, :, joint], seen[person, :, joint])
            filled[person, wanted, joint] = between[wanted]
        results['keypoint'] = filled
        if score is not None:
            results['keypoint_score'] = np.where(seen, score, 0)
        return results


@TRANSFORMS.register_module()
class NormalizeByImage(KeypointTransform):
    """Coordinates from the image's middle, with its longer side from -1 to 1; the aspect ratio is kept.

    Args:
        unit: What the coordinates are: ``'pixel'``, or ``'share'`` of the image's width and height, 0 to 1.
        img_shape: Height and width of the images, for samples that do not have ``img_shape``. For shares only their
            ratio matters.

    Shapes:
        keypoint: ``(M, T, V, 2)``, pixels or shares -> half longer sides of the image

    Raises:
        InputError: If a sample is not two-dimensional, has no image shape, is clearly in the other unit, or its joints
            are far outside of the image: by more than a quarter of the longer side, more than a tenth of them.
    """

    def __init__(self, unit: str = 'pixel', img_shape: Sequence[int] | None = None) -> None:
        self.unit = self._require('unit', unit, unit in ('pixel', 'share'), "'pixel' or 'share'")
        is_right = img_shape is None or is_image_shape(img_shape)
        self._require('img_shape', img_shape, is_right, 'None or (height, width), both positive')
        self.img_shape = None if img_shape is None else tuple(img_shape)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, _ = self._read(results, coordinates=2)
        shape: Any = self.img_shape if results.get('img_shape') is None else results['img_shape']
        if not is_image_shape(shape):
            self._wrong_sample(results, f'expected img_shape (height, width), its own or the argument, got {shape}')
        largest = float(np.abs(keypoint).max())
        # Joints may lie a little outside of the image. In the wrong unit all would end in one point, or far away.
        if keypoint.any() and (largest > 2) != (self.unit == 'pixel'):
            other = 'share' if self.unit == 'pixel' else 'pixel'
            self._wrong_sample(
                results,
                f'expected coordinates in the unit {self.unit!r}, got up to {largest:g}; is it unit={other!r}?',
            )
        height, width = shape
        joints = keypoint[keypoint.any(axis=-1)]
        if self.unit == 'pixel' and len(joints) and share_outside(joints, shape, _MARGIN) > _OUTSIDE:
            whose = 'the argument, as the sample has none' if results.get('img_shape') is None else 'its own'
            self._wrong_sample(
                results,
                f'expected joints within the image of width {width:g} and height {height:g} (img_shape, {whose}), got '
                f'x up to {joints[:, 0].max():g} and y up to {joints[:, 1].max():g}; give (height, width) of the image',
            )
        side = np.array([width, height], dtype=np.float32)
        scale = side if self.unit == 'share' else np.ones(2, dtype=np.float32)
        moved = (keypoint * scale - side / 2) / (side.max() / 2)
        results['keypoint'] = np.where(presence(keypoint)[:, :, None, None], moved, 0)
        return results


@TRANSFORMS.register_module()
class NormalizeByBody(KeypointTransform):
    """Divide all coordinates by the length of a bone, so that people near and far, in any unit, are alike.

    The length is the median over the bones of the layout, the frames and the present persons, which depends less on
    which joints were seen than the size of a body does. It is one number for the sample: the persons keep their sizes
    and distances relative to each other. Where the camera zooms, ``frames`` makes it one for each frame. Bones with a
    joint of score 0 and bones without a length do not count; a sample without any other is left as it is.

    Args:
        frames: Frames around each, an odd number, whose bones count for it; between frames without any it is
            interpolated. All frames if None.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit -> median bones

    Raises:
        InputError: If a sample holds NaN or infinity, or has no layout.
    """

    def __init__(self, frames: int | None = None) -> None:
        is_right = frames is None or (is_integer(frames) and frames > 0 and frames % 2 == 1)
        self.frames = self._require('frames', frames, is_right, 'None or an odd number of frames')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, score = self._read(results, finite=True)
        children, parents = np.array(self._skeleton(results).bone_indices).T
        lengths = np.linalg.norm(keypoint[:, :, children] - keypoint[:, :, parents], axis=-1)
        counts = (lengths > 0) & presence(keypoint)[..., None]
        if score is not None:
            counts &= (score[:, :, children] > 0) & (score[:, :, parents] > 0)
        if counts.any() and self.frames is None:
            results['keypoint'] = keypoint / np.median(lengths[counts])
        elif counts.any():
            self._num_clips(results, keypoint, unsampled=True)
            around = self.frames // 2
            sizes = np.full(keypoint.shape[1], np.nan, dtype=np.float32)
            for frame in range(len(sizes)):
                near = slice(max(frame - around, 0), frame + around + 1)
                if counts[:, near].any():
                    sizes[frame] = np.median(lengths[:, near][counts[:, near]])
            known = np.flatnonzero(~np.isnan(sizes))
            sizes = np.interp(np.arange(len(sizes)), known, sizes[known]).astype(np.float32)
            results['keypoint'] = keypoint / sizes[:, None, None]
        return results


@TRANSFORMS.register_module()
class ScoreChannel(KeypointTransform):
    """Make the scores the last channel of the keypoints, or drop them.

    mmaction2's ``FormatGCNInput`` appends the scores of a sample that has some, unasked; this says which it shall be,
    and takes them out of the sample. Use it after :class:`GenerateStream`. An absent person's scores are zero.

    Args:
        keep: Whether the scores become a channel; if not, they are dropped.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit, and keypoint_score ``(M, T, V)`` -> ``(M, T, V, C + 1)``, or C if dropped

    Raises:
        InputError: If a sample has no scores that shall be kept.
    """

    def __init__(self, keep: bool = True) -> None:
        self.keep = self._require('keep', keep, isinstance(keep, bool), 'True or False')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, score = self._read(results)
        results.pop('keypoint_score', None)
        if not self.keep:
            return results
        if score is None:
            self._wrong_sample(results, "expected the key 'keypoint_score', which shall become a channel")
        score = np.where(presence(keypoint)[..., None], score, 0)
        results['keypoint'] = np.concatenate([keypoint, score[..., None]], axis=-1)
        return results
