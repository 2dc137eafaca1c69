"""Transforms that take out where the pair stands and which way it faces, and keep how the two relate."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS

from ...keypoints import presence
from .common import KeypointTransform, interpolated, rotated


@TRANSFORMS.register_module()
class CentrePair(KeypointTransform):
    """Move the origin to the middle of the persons.

    The middle is the mean over the present persons of their centre joints, of which some layouts have one, others
    several. Joints that ``keypoint_score`` says are missing (score 0) do not count; without a centre joint the mean of
    that person's joints with a positive score stands in for it.

    Args:
        every_frame: By default one shift, of the first frame in which someone is present, is that of the whole sample:
            the persons keep their way through the scene. With True every frame has its own: what the persons do
            relative to each other stays, and where the pair goes, who of two walks towards the other, and a moving
            camera make no difference. Who is absent in some frames, or lacks a centre joint there, counts by its place
            between those before and after.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit, unchanged

    Raises:
        InputError: If a sample holds NaN or infinity, or has no layout.
    """

    def __init__(self, every_frame: bool = False) -> None:
        self.every_frame = every_frame

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, score = self._read(results, finite=True)
        present = presence(keypoint)
        if not present.any():
            return results
        skeleton, first = self._skeleton(results), present.any(axis=0).argmax()
        frames = slice(None) if self.every_frame else slice(first, first + 1)
        there = present[:, frames]
        centre, measured = skeleton.centres(keypoint[:, frames].astype(np.float64)), there
        if score is not None:
            seen = score[:, frames] > 0
            for joints in (range(skeleton.num_joints), skeleton.centre_indices):  # the centre joints, if there are some
                count = seen[:, :, joints].sum(axis=2)[..., None]
                mean = (keypoint[:, frames][:, :, joints] * seen[:, :, joints, None]).sum(axis=2) / np.maximum(count, 1)
                centre = np.where(count > 0, mean, centre)
            whole = there & seen[:, :, skeleton.centre_indices].all(axis=2)
            measured = np.where(whole.any(axis=1, keepdims=True), whole, there)
        somewhen = there.any(axis=1)
        middle = np.mean(list(map(interpolated, centre[somewhen], measured[somewhen])), axis=0)
        results['keypoint'] = np.where(present[:, :, None, None], keypoint - middle[:, None].astype(np.float32), 0)
        return results


@TRANSFORMS.register_module()
class AlignFacing(KeypointTransform):
    """Turn the scene about the vertical axis, y, so that the pair stands along x, one rotation for the sample.

    The line from the first to the second person's centre, averaged over the frames in which both are
    present, is turned to point along +x. Of three or more persons, the two that share most frames count. Where no two
    persons share a frame, the lateral axis of the person present for longest, from left to right, averaged over the
    mirrored joints and their frames, points along +x. The rotation goes through the origin, so use :class:`CentrePair`
    before it.

    A sample is left as it is if the direction is undefined: nobody present, persons on top of each other, or a lone
    person of a layout without mirrored joints.

    Shapes:
        keypoint: ``(M, T, V, 3)``, metres or any unit, unchanged

    Raises:
        InputError: If a sample is two-dimensional or has no layout.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, _ = self._read(results, coordinates=3)
        skeleton = self._skeleton(results)
        present = presence(keypoint)
        shared = np.triu(present.astype(np.intp) @ present.T, k=1)
        if shared.any():
            first, second = np.unravel_index(shared.argmax(), shared.shape)
            both = present[first] & present[second]
            centre = skeleton.centres(keypoint[:, both])
            direction = (centre[second] - centre[first]).mean(axis=0)
        elif present.any() and skeleton.mirrored_indices:
            person = present.sum(axis=1).argmax()
            left, right = np.array(skeleton.mirrored_indices).T
            body = keypoint[person, present[person]]
            direction = (body[:, right] - body[:, left]).mean(axis=(0, 1))
        else:
            return results

        distance = np.hypot(direction[0], direction[2])
        if distance < 1e-6:
            return results
        cos, sin = direction[0] / distance, direction[2] / distance
        rotation = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
        results['keypoint'] = rotated(keypoint, rotation)
        return results


@TRANSFORMS.register_module()
class AddTurnedClips(KeypointTransform):
    """Add to every clip its copy that is turned half a turn about the vertical axis, y; twice the clips come out.

    After :class:`AlignFacing` the copy is what the other order of the two persons would have given. Networks do not
    tell persons apart by their place in the input, so their scores, averaged over clips, no longer depend on who comes
    first; :class:`ClipStatistics` does tell them apart. For tests; in training :class:`SwapPersons` does the like. The
    copies follow all the clips.

    Args:
        mirrored: Also add the mirror image of every clip and of every turned one, with left and right joints exchanged,
            as :class:`MirrorPose` makes them in training: the average of the clips does not depend on which hand is
            used, either.

    Shapes:
        keypoint: ``(M, T, V, 3)``, any unit -> ``(M, K * T, V, 3)``; keypoint_score alike; K = 2, or 4 with mirror
        images

    Raises:
        InputError: If a sample is two-dimensional or, for mirror images, has no layout.
    """

    def __init__(self, mirrored: bool = False) -> None:
        self.mirrored = self._require('mirrored', mirrored, isinstance(mirrored, bool), 'True or False')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, score = self._read(results, coordinates=3)
        num_clips = self._num_clips(results, keypoint)
        copies = [keypoint, _negated(keypoint, [0, 2])]
        scores = [] if score is None else [score, score]
        if self.mirrored:  # which axis is negated makes no difference: half a turn leads from one to the other
            order = list(self._skeleton(results).flip_order)
            copies += [_negated(copy.take(order, axis=2), [0]) for copy in copies]
            scores += [copy.take(order, axis=2) for copy in scores]
        results['keypoint'] = np.concatenate(copies, axis=1)
        if scores:
            results['keypoint_score'] = np.concatenate(scores, axis=1)
        if 'frame_step' in results:
            results['frame_step'] = np.tile(results['frame_step'], len(copies))
        results['num_clips'] = len(copies) * num_clips
        results['total_frames'] = results['keypoint'].shape[1]
        return results


def _negated(keypoint: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """A copy with some coordinates negated."""
    copy = keypoint.copy()
    copy[..., axes] = 0 - keypoint[..., axes]  # unlike `-x`, keeps the sign of zero
    return copy
