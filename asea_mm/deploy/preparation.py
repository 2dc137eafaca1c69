"""The test pipeline in torch: what an exported graph does with a recording before the network sees it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from mmaction.registry import TRANSFORMS
from torch import Tensor, nn

from ..apis.loading import part_name
from ..errors import InputError
from ..skeletons import Skeleton
from .map_layout import map_layout


class Recording(NamedTuple):
    """A recording between two steps, as the transforms' dictionary holds it.

    Shapes:
        keypoint ``(M, T, V, C)``, score ``(M, T, V)`` or None, img_shape ``(2,)`` (height, width) or None, frame_step
        ``(num_clips,)``; T is num_clips times the frames of a clip
    """

    keypoint: Tensor
    score: Tensor | None = None
    img_shape: Tensor | None = None
    num_clips: int = 1
    frame_step: Tensor | None = None

    @property
    def present(self) -> Tensor:
        """Who is there in which frame, ``(M, T)`` bool."""
        return (self.keypoint != 0).flatten(2).any(dim=2)


class Preparation(nn.Module):
    """The transforms of a test pipeline for one recording, each in a form that ``torch.export`` can trace for any T.

    The steps are read from the transforms that the config builds, so options and defaults are theirs.

    Args:
        pipeline: Configs of the test pipeline, ending in ``FormatGCNInput``; ``PackActionInputs`` may follow.
        skeleton: Layout of the keypoints.
        scored: Whether recordings have scores; where no ``ScoreChannel`` uses them they follow the coordinates.

    Shapes:
        those of ``self.inputs`` in their order: keypoint ``(M, T, V, C)``, keypoint_score ``(M, T, V)``, img_shape
        ``(2,)``; returns the input of the network, ``(1, clips, M, T', V, C')``. M is ``num_person``: absent persons
        are all zero

    Raises:
        InputError: If a step has no form in torch, or an option of one has none.
    """

    def __init__(self, pipeline: Sequence[Mapping], skeleton: Skeleton, scored: bool = False) -> None:
        super().__init__()
        self.steps = [(part_name(config), TRANSFORMS.build(dict(config))) for config in pipeline]
        if self.steps and self.steps[-1][0] == 'PackActionInputs':
            self.steps.pop()
        names = [name for name, _ in self.steps]
        for name, step in self.steps:
            if name not in STEPS:
                known = f'known are {", ".join(STEPS)}; the network alone can be exported without its preparation'
                raise InputError(f'export: {name} of the test pipeline has no form in torch; {known}')
            if getattr(step, 'crop', None) is not None:
                raise InputError(f'export: expected a test pipeline, got {name} with crop={step.crop}')
            if getattr(step, 'frames', None) is not None:
                raise InputError(f'export: {name} with frames={step.frames} has no form in torch')
        if names.count('SampleClip') != 1 or names[-1] != 'FormatGCNInput' or self.steps[-1][1].mode != 'zero':
            expected = "a pipeline with SampleClip that ends in FormatGCNInput of mode 'zero'"
            raise InputError(f'export: expected {expected}, got {names}')
        self.skeletons = []  # that each step is given
        for _, step in self.steps:
            self.skeletons.append(skeleton)
            skeleton = getattr(step, 'target', skeleton)
        needs_shape = any(name == 'NormalizeByImage' and step.img_shape is None for name, step in self.steps)
        self.inputs = ['keypoint']
        self.inputs += ['keypoint_score'] if scored or 'ScoreChannel' in names else []
        self.inputs += ['img_shape'] if needs_shape else []

    def forward(self, *inputs: Tensor) -> Tensor:
        arrays = dict(zip(self.inputs, inputs, strict=True))
        recording = Recording(arrays['keypoint'], arrays.get('keypoint_score'), arrays.get('img_shape'))
        for (name, step), skeleton in zip(self.steps, self.skeletons, strict=True):
            recording = STEPS[name](step, skeleton, recording)
        return recording.keypoint[None]


def _fill_missing_joints(step: Any, skeleton: Skeleton, recording: Recording) -> Recording:
    keypoint, score = recording.keypoint, recording.score
    seen = (keypoint != 0).any(dim=-1)
    if score is not None:
        seen = seen & (score > step.score_thr)
        score = score * seen
    present = seen.any(dim=-1, keepdim=True)
    centre = (keypoint * seen[..., None]).sum(dim=2) / seen.sum(dim=2).clamp(min=1)[..., None]
    filled = torch.where(seen.any(dim=1, keepdim=True)[..., None], _interpolated(keypoint, seen), centre[:, :, None])
    keypoint = torch.where(seen[..., None], keypoint, filled) * present[..., None]
    return recording._replace(keypoint=keypoint, score=score)


def _interpolated(values: Tensor, known: Tensor) -> Tensor:
    """Values ``(M, T, V, C)`` in all frames from those in which they are known, ``(M, T, V)``, linearly or held."""
    # frames in which a value is known, in order; the k-th and the next of them stand around an unknown one
    frame = torch.ones_like(known, dtype=torch.long).cumsum(dim=1) - 1
    rank, count = known.long().cumsum(dim=1), known.long().sum(dim=1, keepdim=True)
    order = torch.where(known, frame, frame[:, -1:]).sort(dim=1).values
    last = (count - 1).clamp(min=0)
    before = order.gather(1, torch.minimum((rank - 1).clamp(min=0), last))
    after = order.gather(1, torch.minimum(rank, last))
    start, end = (values.gather(1, index[..., None].expand_as(values)).double() for index in (before, after))
    share = ((frame - before) / (after - before).clamp(min=1)).clamp(min=0).double()
    return torch.where(known[..., None], values.double(), start + (end - start) * share[..., None]).to(values.dtype)


def _normalize_by_image(step: Any, skeleton: Skeleton, recording: Recording) -> Recording:
    keypoint, shape = recording.keypoint, recording.img_shape
    if shape is None:
        shape = torch.tensor(step.img_shape)
    side = shape.to(keypoint.dtype).flip(0)
    moved = (keypoint * side if step.unit == 'share' else keypoint) - side / 2
    return recording._replace(keypoint=moved / (side.max() / 2) * recording.present[..., None, None])


def _normalize_by_body(step: Any, skeleton: Skeleton, recording: Recording) -> Recording:
    keypoint, score = recording.keypoint, recording.score
    children, parents = np.array(skeleton.bone_indices).T.tolist()
    lengths = torch.linalg.vector_norm(keypoint[:, :, children] - keypoint[:, :, parents], dim=-1)
    counts = (lengths > 0) & recording.present[..., None]
    if score is not None:
        counts = counts & (score[:, :, children] > 0) & (score[:, :, parents] > 0)
    ordered = torch.where(counts, lengths, torch.inf).flatten().sort().values
    last = (counts.sum() - 1).clamp(min=0)
    median = ordered[torch.stack([last // 2, last - last // 2])].mean()
    return recording._replace(keypoint=keypoint / torch.where(counts.any(), median, 1.0))


def _score_channel(step: Any, skeleton: Skeleton, recording: Recording) -> Recording:
    if not step.keep:
        return recording._replace(score=None)
    assert recording.score is not None
    score = recording.score * recording.present[..., None]
    return recording._replace(keypoint=torch.cat([recording.keypoint, score[..., None]], dim=-1), score=None)


def _centre_pair(step: Any, skeleton: Skeleton, recording: Recording) -> Recording:
    keypoint, present, score = recording.keypoint, recording.present, recording.score
    if not step.every_frame:
        first = present.any(dim=0).long().argmax()[None]
        keypoint, present = keypoint.index_select(1, first), present.index_select(1, first)
        score = None if score is None else score.index_select(1, first)
    indices = skeleton.centre_indices
    centre, measured = skeleton.centres(keypoint.double()), present
    if score is not None:
        seen = score > 0
        for joints in (list(range(skeleton.num_joints)), indices):
            count = seen[:, :, joints].sum(dim=2)[..., None]
            mean = (keypoint[:, :, joints] * seen[:, :, joints, None]).sum(dim=2).double() / count.clamp(min=1)
            centre = torch.where(count > 0, mean, centre)
        whole = present & seen[:, :, indices].all(dim=2)
        measured = whole | (present & ~whole.any(dim=1, keepdim=True))  # ONNX Runtime has no Where of truth values
    centre = _interpolated(centre[:, :, None], measured[:, :, None])[:, :, 0]
    somewhen = present.any(dim=1)[:, None, None]
    middle = (centre * somewhen).sum(dim=0) / somewhen.sum().clamp(min=1)
    moved = recording.keypoint - middle.to(keypoint.dtype)[:, None]
    return recording._replace(keypoint=moved * recording.present[..., None, None])


def _align_facing(step: Any, skeleton: Skeleton, recording: Recording) -> Recording:
    keypoint, present = recording.keypoint, recording.present

    def of_longest(values: Tensor, present: Tensor) -> Tensor:
        """Mean over time, of the person or pair ``(K, T, 3)`` that is there for longest."""
        frames = present.sum(dim=1)
        means = (values * present[..., None]).sum(dim=1) / frames.clamp(min=1)[:, None]
        return means.index_select(0, frames.argmax()[None])[0]  # by a tensor: a number would end the trace

    direction = keypoint.new_zeros(3)
    if skeleton.mirrored_indices:
        left, right = np.array(skeleton.mirrored_indices).T.tolist()
        direction = of_longest((keypoint[:, :, right] - keypoint[:, :, left]).mean(dim=2), present)
    if keypoint.shape[0] > 1:
        first, second = np.triu_indices(keypoint.shape[0], k=1)
        centre, both = skeleton.centres(keypoint), present[first] & present[second]
        direction = torch.where(both.any(), of_longest(centre[second] - centre[first], both), direction)
    distance = torch.sqrt(direction[0] ** 2 + direction[2] ** 2)
    defined = distance >= 1e-6
    cos = torch.where(defined, direction[0] / distance, 1.0)
    sin = torch.where(defined, direction[2] / distance, 0.0)
    x, y, z = keypoint.unbind(dim=-1)
    return recording._replace(keypoint=torch.stack([cos * x + sin * z, y, cos * z - sin * x], dim=-1))


def _smooth_motion(step: Any, skeleton: Skeleton, recording: Recording) -> Recording:
    window, keypoint = step.window, recording.keypoint.unflatten(1, (recording.num_clips, -1)).flatten(0, 1)
    present = Recording(keypoint).present

    def unbroken(present: Tensor) -> Tensor:
        """How many frames before each are of its presence, at most ``window - 1``."""
        run, length = present.long(), torch.zeros_like(present, dtype=torch.long)
        for _ in range(window - 1):
            run = F.pad(run, (1, 0))[:, :-1] * present
            length = length + run
        return length

    earlier, later = unbroken(present), unbroken(present.flip(1)).flip(1)
    # the frame's place in its window: in the middle, or nearer to an end of the presence
    place = torch.maximum(torch.minimum(earlier, torch.full_like(earlier, window // 2)), window - 1 - later)
    powers = np.vander(np.arange(window) - window // 2, step.degree + 1)
    fit = powers @ np.linalg.pinv(powers)  # row k gives the polynomial at frame k of a window
    weights = np.zeros((window, 2 * window - 1))
    for row in range(window):
        weights[row, window - 1 - row : 2 * window - 1 - row] = fit[row]
    weight = torch.tensor(weights, dtype=keypoint.dtype)[place.clamp(max=window - 1)]  # (M, T, 2 * window - 1)
    padded = F.pad(keypoint, (0, 0, 0, 0, window - 1, window - 1))
    near = (padded[:, k : k + keypoint.shape[1]] for k in range(2 * window - 1))
    smooth = sum(weight[:, :, k, None, None] * frames for k, frames in enumerate(near))
    enough = present & (earlier + later + 1 >= window)
    keypoint = torch.where(enough[..., None, None], smooth, keypoint)
    return recording._replace(keypoint=keypoint.reshape(recording.keypoint.shape))


def _sample_clip(step: Any, skeleton: Skeleton, recording: Recording) -> Recording:
    keypoint, score, present = recording.keypoint, recording.score, recording.present
    total = torch.ones_like(present[0], dtype=torch.long).sum()  # T as a tensor, since it is not known when tracing
    share = 1.0 if step.num_clips == 1 else step.window
    length = torch.maximum((share * total.double()).round().long(), total.clamp(max=2))
    parts = torch.arange(step.num_clips, dtype=torch.float64)
    starts = (parts * (total - length) / max(step.num_clips - 1, 1)).round().long()
    if step.clip_len > 1:
        offsets = torch.arange(step.clip_len, dtype=torch.float64) * (length - 1) / (step.clip_len - 1)
    else:
        offsets = (length - 1).double()[None] / 2
    positions = (starts[:, None] + offsets).flatten()
    before = positions.long()
    after = torch.minimum(before + 1, total - 1)
    fraction = (positions - before).float()
    # between a body and its absence there is nothing to interpolate: the nearer frame counts
    weight = torch.where(present[:, before] & present[:, after], fraction, (fraction >= 0.5).float())

    def take(values: Tensor) -> Tensor:
        share = weight.view(*weight.shape, *[1] * (values.ndim - 2))
        return values[:, before] * (1 - share) + values[:, after] * share

    frame_step = ((length - 1) / max(step.clip_len - 1, 1)).float().expand(step.num_clips)
    clips = Recording(take(keypoint), None, recording.img_shape, step.num_clips, frame_step)
    return clips if score is None else clips._replace(score=take(score) * clips.present[..., None])


def _add_turned_clips(step: Any, skeleton: Skeleton, recording: Recording) -> Recording:
    keypoint, score = recording.keypoint, recording.score
    copies, scores = [keypoint, keypoint * torch.tensor([-1.0, 1.0, -1.0])], [] if score is None else [score, score]
    if step.mirrored:
        order = list(skeleton.flip_order)
        copies += [copy[:, :, order] * torch.tensor([-1.0, 1.0, 1.0]) for copy in copies]
        scores += [copy[:, :, order] for copy in scores]
    return recording._replace(
        keypoint=torch.cat(copies, dim=1),
        score=torch.cat(scores, dim=1) if scores else None,
        num_clips=recording.num_clips * len(copies),
        frame_step=None if recording.frame_step is None else recording.frame_step.repeat(len(copies)),
    )


def _generate_stream(step: Any, skeleton: Skeleton, recording: Recording) -> Recording:
    names = (step.stream,) if isinstance(step.stream, str) else step.stream
    streams = [_stream(name, step, skeleton, recording) for name in names]
    return recording._replace(keypoint=torch.cat(streams, dim=-1))


def _stream(name: str, step: Any, skeleton: Skeleton, recording: Recording) -> Tensor:
    keypoint, present, num_clips = recording.keypoint, recording.present, recording.num_clips
    values = keypoint
    if name.startswith('bone'):
        values = keypoint - keypoint[:, :, list(skeleton.parents)]
    if name.startswith('partner_distance'):
        if keypoint.shape[0] > 2:
            raise InputError(f'export: {name}: expected at most 2 persons, got {keypoint.shape[0]}')
        present = present.all(dim=0, keepdim=True).expand_as(present) & (keypoint.shape[0] > 1)
        distance = torch.linalg.vector_norm(keypoint[0][:, :, None] - keypoint[-1][:, None], dim=-1)
        distance = distance * present[0, :, None, None] * step.distance_scale
        values = torch.stack([distance, distance.transpose(1, 2)])[: keypoint.shape[0]]
    if not name.endswith('motion'):
        return values
    present, clips = (x.unflatten(1, (num_clips, -1)) for x in (present, values))  # (M, clips, T', ...)
    moves = (present[:, :, 1:] & present[:, :, :-1]) * step.motion_scale
    if step.true_speed and recording.frame_step is not None:
        moves = moves / torch.where(recording.frame_step > 0, recording.frame_step, 1.0)[:, None]
    motion = (clips[:, :, 1:] - clips[:, :, :-1]) * moves[..., None, None]
    return F.pad(motion, (0, 0, 0, 0, 0, 1)).flatten(1, 2)


def _format_gcn_input(step: Any, skeleton: Skeleton, recording: Recording) -> Recording:
    keypoint = recording.keypoint
    if recording.score is not None:
        keypoint = torch.cat([keypoint, recording.score[..., None]], dim=-1)
    return recording._replace(keypoint=keypoint.unflatten(1, (recording.num_clips, -1)).transpose(0, 1), score=None)


STEPS: dict[str, Callable[[Any, Skeleton, Recording], Recording]] = {
    'MapLayout': map_layout,
    'FillMissingJoints': _fill_missing_joints,
    'NormalizeByImage': _normalize_by_image,
    'NormalizeByBody': _normalize_by_body,
    'SmoothMotion': _smooth_motion,
    'CentrePair': _centre_pair,
    'AlignFacing': _align_facing,
    'SampleClip': _sample_clip,
    'AddTurnedClips': _add_turned_clips,
    'GenerateStream': _generate_stream,
    'ScoreChannel': _score_channel,
    'FormatGCNInput': _format_gcn_input,
}
