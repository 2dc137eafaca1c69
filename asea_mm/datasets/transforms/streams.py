"""The input streams: joints, bones, distances between the persons, and how each of them moves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS

from ...keypoints import presence
from .common import KeypointTransform, is_number

STREAMS = ('joint', 'bone', 'joint_motion', 'bone_motion', 'partner_distance', 'partner_distance_motion')


def stream_channels(stream: str, joints: int, dimensions: int) -> int:
    """Channels of a stream: one for each joint of the partner, or one for each dimension of the keypoints."""
    return joints if stream.startswith('partner_distance') else dimensions


@TRANSFORMS.register_module()
class GenerateStream(KeypointTransform):
    """Replace joint coordinates by a stream, or by several fused early, along the channels.

    - ``joint``: the coordinates.
    - ``bone``: joint minus parent joint, from the layout's bones; zero for the root. Two-stream networks of
      Shi et al., CVPR 2019, for any layout.
    - ``partner_distance``: for each joint its distances to all joints of the other person, whose order is that of the
      channels; zero in frames in which either is absent, and for one person alone. They do not change when the scene
      is turned. The joint distances of Yun et al., CVPR workshops 2012, who recorded SBU.
    - ``joint_motion``, ``bone_motion``, ``partner_distance_motion``: next frame minus this one, within a clip; zero
      in the last frame of every clip, and zero for a person who is absent in either frame.

    Scores are left alone: those of a joint serve for its bone and its motion. Models infer who is present from all-zero
    frames: in a motion stream on its own, the last frame of a clip, the last before an absence, and a body that does
    not move at all carry no weight, too. Fused with ``joint`` nothing is lost.

    Args:
        stream: One of the names above, or a sequence of them.
        true_speed: Motion per frame of the sequence instead of per frame of the clip: how fast people move does not
            then depend on how far :class:`SampleClip` stretched the sequence.
        motion_scale: What motions are multiplied by: for models that do not bring the channels to one size, since
            from frame to frame joints move by centimetres and lie metres apart.
        distance_scale: What distances to the partner and their motions are multiplied by: for such models, since they
            are many.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit, with ``T = num_clips * clip_len`` -> ``(M, T, V, S * C)`` for S
        streams, the same unit (motion: per frame), times the scales; streams of distances have V channels, not C

    Raises:
        InputError: If a sample has no layout, or more than two persons for their distances.
    """

    def __init__(
        self,
        stream: str | Sequence[str] = 'joint',
        true_speed: bool = False,
        motion_scale: float = 1.0,
        distance_scale: float = 1.0,
    ) -> None:
        self._names = (stream,) if isinstance(stream, str) else tuple(stream) if isinstance(stream, Sequence) else ()
        is_right = bool(self._names) and all(name in STREAMS for name in self._names)
        self.stream = self._require('stream', stream, is_right, f'one or several of {", ".join(STREAMS)}')
        self.true_speed = self._require('true_speed', true_speed, isinstance(true_speed, bool), 'True or False')
        self.motion_scale, self.distance_scale = motion_scale, distance_scale
        for name, value in (('motion_scale', motion_scale), ('distance_scale', distance_scale)):
            self._require(name, value, is_number(value) and value > 0, 'a positive number')

    def _frame_step(self, results: dict[str, Any], num_clips: int) -> np.ndarray:
        """Frames of the sequence between two of a clip, ``(num_clips,)``; a clip of one frame does not move."""
        step = np.asarray(results.get('frame_step', np.ones(num_clips)), dtype=np.float32)
        if step.shape != (num_clips,):
            self._wrong_sample(results, f'expected one frame_step for each of {num_clips} clips, got {step.shape}')
        return np.where(step > 0, step, np.float32(1))

    def _partner_distance(self, results: dict[str, Any], keypoint: np.ndarray) -> np.ndarray:
        """Distances of every joint to those of the other person, ``(M, T, V, V)``; zero for one without another."""
        persons, total, joints = keypoint.shape[:3]
        if persons > 2:
            self._wrong_sample(results, f'expected at most 2 persons, whose distances these are, got {persons}')
        if persons == 1:
            return np.zeros((1, total, joints, joints), dtype=np.float32)
        first, second = keypoint
        distance = np.linalg.norm(first[:, :, None] - second[:, None], axis=-1).astype(np.float32)
        distance *= presence(keypoint).min(axis=0)[:, None, None] * np.float32(self.distance_scale)
        return np.stack([distance, distance.swapaxes(1, 2)])

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, _ = self._read(results)
        parents = list(self._skeleton(results).parents)
        names = self._names
        made = {'joint': keypoint}
        if any('bone' in name for name in names):
            made['bone'] = keypoint - keypoint[:, :, parents]
        if any('distance' in name for name in names):
            made['partner_distance'] = self._partner_distance(results, keypoint)
        if any('motion' in name for name in names):
            num_clips = self._num_clips(results, keypoint)
            num_person, total = keypoint.shape[:2]
            present = presence(keypoint).reshape(num_person, num_clips, -1)
            moves = (present[:, :, 1:] & present[:, :, :-1]) * np.float32(self.motion_scale)
            if self.true_speed:
                moves /= self._frame_step(results, num_clips)[:, None]
            for base in [base for base in made if f'{base}_motion' in names]:
                steps = moves.min(axis=0, keepdims=True) if 'distance' in base else moves  # where both persons are
                clips = made[base].reshape(num_person, num_clips, total // num_clips, *made[base].shape[2:])
                motion = np.zeros_like(clips)
                np.subtract(clips[:, :, 1:], clips[:, :, :-1], out=motion[:, :, :-1])
                motion[:, :, :-1] *= steps[..., None, None]
                made[f'{base}_motion'] = motion.reshape(made[base].shape)
        streams = [made[name] for name in names]
        results['keypoint'] = streams[0] if len(streams) == 1 else np.concatenate(streams, axis=-1)
        return results
