"""What AT-NAC and external attention do inside a trained model: active joints, amplitudes, attention maps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample
from torch import Tensor, nn

from ..errors import InputError
from ..models.layers.interaction import AEA


@dataclass(frozen=True)
class Stage:
    """What one AEA did with one clip.

    Args:
        name: Name of the module within the model.
        frames: Frames of the clip that the stage's frames are centred on.
        present: Who is there.
        mask: Active joints, Eq. 8. With a single person, who has nobody to attend to: those AT-NAC would select.
        score: S of Eq. 6.
        threshold: tau of Eq. 7; minus infinity without selection.
        amplitude: E of Eq. 3, whatever the score is made of.
        weight: W of Eq. 5: how much of every frame is in the score. Nothing where the person is absent.
        attention: How much joint v of person m attends to joint u of person o, Eq. 9: ``[m, t, v, o, u]``. Zero
            unless both are active and there. None if it was not asked for.

    Shapes:
        M persons, T' frames, V joints: frames ``(T',)``, present ``(M, T')``, mask and score ``(M, V)``, threshold
        ``(M,)``, amplitude ``(M, T', V)``, weight ``(M, T')``, attention ``(M, T', V, M, V)``
    """

    name: str
    frames: np.ndarray
    present: np.ndarray
    mask: np.ndarray
    score: np.ndarray
    threshold: np.ndarray
    amplitude: np.ndarray
    weight: np.ndarray
    attention: np.ndarray | None

    def nearest(self, frame: int) -> int:
        """The stage's frame that is centred closest to this frame of the clip."""
        return int(np.abs(self.frames - frame).argmin())

    def attention_at(self, frame: int | None = None) -> np.ndarray:
        """The attention at a frame of the clip, or by default the mean over frames in which somebody attends.

        Shapes:
            returns ``(M, V, M, V)``
        """
        if self.attention is None:
            raise InputError('Stage: the attention was not collected; probe with attention=True')
        if frame is not None:
            return np.asarray(self.attention[:, self.nearest(frame)])
        used = self.attention.any(axis=(2, 3, 4))  # (M, T')
        return np.asarray(self.attention.sum(axis=1) / np.maximum(used.sum(axis=1), 1)[:, None, None, None])


@dataclass(frozen=True)
class Probe:
    """What a model did with one sample: its class scores, and the stages of every clip.

    Shapes:
        scores ``(classes,)``; ``clips[c][s]`` is stage s of clip c
    """

    scores: np.ndarray
    clips: list[list[Stage]]


@torch.no_grad()
def probe(model: nn.Module, inputs: Tensor, attention: bool = True) -> list[Probe]:
    """Run a recognizer in evaluation mode and collect what every AEA in it does, in backbone or neck.

    Args:
        model: A recognizer, ours or mmaction2's, not compiled.
        inputs: A batch of the model's input.
        attention: Whether to collect the attention maps, the largest part by far.

    Shapes:
        inputs ``(B, clips, M, T, V, C)``; returns B probes

    Raises:
        ValueError: If there is no AEA in the model, or the inputs have another number of axes.
    """
    if inputs.ndim != 6:
        raise InputError(f'probe: expected inputs (B, clips, M, T, V, C), got {tuple(inputs.shape)}')
    parameter = next(model.parameters(), inputs)
    recognizer: Any = model
    training = model.training
    model.eval()
    try:
        with _watch(model, attention) as calls:
            samples = recognizer.predict(inputs.to(parameter), [ActionDataSample() for _ in inputs])
    finally:
        model.train(training)
    clip_frames = torch.arange(inputs.shape[3])
    clips = inputs.shape[1]
    stages = [
        [_stage(name, call, number, clip_frames[::step]) for name, step, call in calls]
        for number in range(len(inputs) * clips)
    ]
    return [
        Probe(sample.pred_score.cpu().float().numpy(), stages[number * clips : (number + 1) * clips])
        for number, sample in enumerate(samples)
    ]


@contextmanager
def _watch(model: nn.Module, attention: bool) -> Iterator[list[tuple[str, int, dict[str, Tensor]]]]:
    """Collect the calls of every AEA while the context lasts, in the order in which they run."""
    layers = {name: module for name, module in model.named_modules() if isinstance(module, AEA)}
    if not layers:
        raise InputError(
            f'probe: there is no attention between persons (AEA) in this {type(model).__name__}, so there is nothing '
            f'to look at'
        )
    calls: list[tuple[str, int, dict[str, Tensor]]] = []

    # before the layer runs, since it may overwrite its input
    def note(name: str, module: AEA, args: tuple, kwargs: dict) -> None:
        x, num_person, presence = _arguments(*args, **kwargs)
        calls.append((name, module.step, measure(module, x, num_person, presence, attention)))

    handles = [
        module.register_forward_pre_hook(partial(note, name), with_kwargs=True) for name, module in layers.items()
    ]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _arguments(
    x: Tensor, num_person: int, presence: Tensor | None = None, inplace: bool = False
) -> tuple[Tensor, int, Tensor | None]:
    """The arguments of AEA's forward that matter, however they were given."""
    return x, num_person, presence


@torch.no_grad()
def measure(
    layer: AEA, x: Tensor, num_person: int, presence: Tensor | None = None, attention: bool = True
) -> dict[str, Tensor]:
    """What an AEA does with an input, over all joints whichever form it computes in.

    Args:
        layer: The layer; it is not run as a whole and keeps its state.
        x: Its input.
        num_person: Persons M.
        presence: Who is there; default all.
        attention: Whether to compute the attention maps.

    Shapes:
        x ``(N*M, C, T, V)``, presence ``(N*M, T)`` bool; the returned tensors as in :class:`Stage`, with N in front
    """
    active = layer.atnac(x, presence)
    present = torch.ones_like(x[:, 0, :, 0], dtype=torch.bool) if presence is None else presence
    amplitude = torch.linalg.vector_norm(x.float(), dim=1)
    found = {
        'present': present,
        'mask': active.mask,
        'score': active.score,
        'threshold': active.threshold,
        'amplitude': amplitude,
        'weight': _temporal_weight(layer, x.float(), amplitude, present),
    }
    found = {key: value.unflatten(0, (-1, num_person)) for key, value in found.items()}
    if attention:
        found['attention'] = _attention(layer, x, num_person, active.mask[:, None] & present[..., None])
    return found


def _temporal_weight(layer: AEA, x: Tensor, amplitude: Tensor, present: Tensor) -> Tensor:
    """W of Eq. 5, ``(N*M, T)``."""
    energy = amplitude
    if layer.atnac.score == 'velocity':
        both = present[:, 1:] & present[:, :-1]
        energy = F.pad(torch.linalg.vector_norm(x[:, :, 1:] - x[:, :, :-1], dim=1) * both[..., None], (0, 0, 0, 1))
    logits = layer.atnac.gamma * energy.var(dim=2, correction=0)
    weight = torch.softmax(logits.masked_fill(~present, torch.finfo(logits.dtype).min), dim=1)
    return weight * present


def _attention(layer: AEA, x: Tensor, num_person: int, used: Tensor) -> Tensor:
    """Attention maps over all joints, ``(N, M, T, V, M, V)``; ``used`` ``(N*M, T, V)``: joints active and there."""
    total, _, frames, joints = x.shape
    everyone = torch.zeros(total // num_person, num_person, frames, joints, num_person, joints, device=x.device)
    if num_person == 1:
        return everyone
    maps, _ = layer.attention.attention(x, num_person, used.to(x.dtype))
    used = used.unflatten(0, (-1, num_person))
    for person in range(num_person):
        others = [other for other in range(num_person) if other != person]
        of_person = maps[:, person].float().unflatten(-1, (num_person - 1, joints))
        keys = used[:, others].transpose(1, 2)[:, :, None]  # (N, T, 1, M-1, V)
        everyone[:, person][:, :, :, others] = of_person * keys * used[:, person, :, :, None, None]
    return everyone


def _stage(name: str, call: dict[str, Tensor], number: int, frames: Tensor) -> Stage:
    arrays: dict[str, Any] = {key: value[number].cpu().numpy() for key, value in call.items()}
    return Stage(name=name, frames=frames.numpy(), **{'attention': None, **arrays})
