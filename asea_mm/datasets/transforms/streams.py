"""The input streams: joints, bones, and how either moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS

from .common import KeypointTransform, presence

STREAMS = ('joint', 'bone', 'joint_motion', 'bone_motion')


@TRANSFORMS.register_module()
class GenerateStream(KeypointTransform):
    """Replace joint coordinates by a stream, or by several fused early, along the channels.

    - ``joint``: the coordinates.
    - ``bone``: joint minus parent joint, from the layout's bones; zero for the root. Two-stream networks of
      Shi et al., CVPR 2019, for any layout.
    - ``joint_motion``, ``bone_motion``: next frame minus this one, within a clip; zero in the last frame of
      every clip, and zero for a person who is absent in either frame.

    Scores are left alone: those of a joint serve for its bone and its motion.

    Note:
        Models infer who is present from all-zero frames. In a motion stream on its own, the last frame of a
        clip, the last before an absence, and a body that does not move at all are zero too, so they carry
        no weight there; measured bodies always move a little. Fused with ``joint`` nothing is lost.

    Args:
        stream: ``'joint'``, ``'bone'``, ``'joint_motion'`` or ``'bone_motion'``, or a sequence of these. It may
            be set anew on the object, with the same check.
        true_speed: Motion per frame of the sequence instead of per frame of the clip: how fast people move does not
            then depend on how far :class:`SampleClip` stretched the sequence.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit, with ``T = num_clips * clip_len`` -> ``(M, T, V, S * C)`` for S
        streams, the same unit (motion: per frame)

    Raises:
        ValueError: If a stream is unknown or none is given; if a sample has no layout, the wrong number of
            joints, or frames that do not divide into its clips.
    """

    def __init__(self, stream: str | Sequence[str] = 'joint', true_speed: bool = False) -> None:
        if not isinstance(true_speed, bool):
            self._wrong_argument('true_speed', 'True or False', true_speed)
        self.stream = stream
        self.true_speed = true_speed

    def _frame_step(self, results: dict[str, Any], num_clips: int) -> np.ndarray:
        """Frames of the sequence between two of a clip, ``(num_clips,)``; a clip of one frame does not move."""
        step = np.asarray(results.get('frame_step', np.ones(num_clips)), dtype=np.float32)
        if step.shape != (num_clips,):
            self._wrong_sample(results, f'expected one frame_step for each of {num_clips} clips, got {step.shape}')
        return np.where(step > 0, step, np.float32(1))

    @property
    def stream(self) -> str | tuple[str, ...]:
        """Name of the stream, or the names of several."""
        return self._stream

    @stream.setter
    def stream(self, stream: str | Sequence[str]) -> None:
        if isinstance(stream, str):
            names: tuple = (stream,)
        else:
            names = tuple(stream) if isinstance(stream, Sequence) else ()
        if not names or any(name not in STREAMS for name in names):
            self._wrong_argument('stream', f'one or several of {", ".join(STREAMS)}', stream)
        self._stream = stream if isinstance(stream, str) else names

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Compute the stream or streams."""
        keypoint = self._keypoint(results)
        parents = list(self._skeleton(results, keypoint).parents)
        names = (self._stream,) if isinstance(self._stream, str) else self._stream
        made = {'joint': keypoint}
        if any('bone' in name for name in names):
            made['bone'] = keypoint - keypoint[:, :, parents]
        if any('motion' in name for name in names):
            num_clips = self._clips(results, keypoint)
            num_person, total = keypoint.shape[:2]
            present = presence(keypoint).reshape(num_person, num_clips, -1)
            moves = (present[:, :, 1:] & present[:, :, :-1]).astype(np.float32)
            if self.true_speed:
                moves /= self._frame_step(results, num_clips)[:, None]
            for base in ('joint', 'bone'):
                if f'{base}_motion' not in names:
                    continue
                clips = made[base].reshape(num_person, num_clips, total // num_clips, *keypoint.shape[2:])
                motion = np.zeros_like(clips)
                np.subtract(clips[:, :, 1:], clips[:, :, :-1], out=motion[:, :, :-1])
                motion[:, :, :-1] *= moves[..., None, None]
                made[f'{base}_motion'] = motion.reshape(keypoint.shape)
        streams = [made[name] for name in names]
        results['keypoint'] = streams[0] if len(streams) == 1 else np.concatenate(streams, axis=-1)
        return results
