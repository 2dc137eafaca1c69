"""What AT-NAC and external attention do inside a model while it runs: active joints, amplitudes, attention maps."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmaction.structures import ActionDataSample
from torch import Tensor, nn

from ..errors import InputError
from ..models.layers.interaction import AEA, ActiveJoints

Readings = dict[str, dict[str, Tensor]]  # of every AEA, by its name and in the order in which they run


@dataclass(frozen=True)
class LayerReading:
    """What one AEA did with one clip.

    Args:
        name: Name of the module within the model.
        frames: Frames of the clip that the layer's frames are centred on.
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
    attention: np.ndarray | None = None

    def attention_at(self, frame: int | None = None) -> np.ndarray:
        """The attention nearest to a frame of the clip, or by default the mean over frames in which somebody attends.

        Shapes:
            returns ``(M, V, M, V)``
        """
        assert self.attention is not None, 'probe with attention=True'
        if frame is not None:
            return np.asarray(self.attention[:, np.abs(self.frames - frame).argmin()])
        used = self.attention.any(axis=(2, 3, 4))  # (M, T')
        return np.asarray(self.attention.sum(axis=1) / np.maximum(used.sum(axis=1), 1)[:, None, None, None])


@dataclass(frozen=True)
class Probe:
    """What a model did with one sample: its class scores, and the readings of every clip.

    Shapes:
        scores ``(classes,)``; ``clips[c][k]`` is layer k of clip c
    """

    scores: np.ndarray
    clips: list[list[LayerReading]]


@torch.no_grad()
def probe(model: nn.Module, inputs: Tensor, attention: bool = True) -> list[Probe]:
    """Run a recognizer in evaluation mode and read every AEA in it, in backbone or neck.

    Args:
        model: A recognizer, ours or mmaction2's, not compiled.
        inputs: A batch of the model's input.
        attention: Whether to collect the attention maps, the largest part by far.

    Shapes:
        inputs ``(B, clips, M, T, V, C)``; returns B probes

    Raises:
        InputError: If there is no AEA in the model, or the inputs have another number of axes.
    """
    if inputs.ndim != 6:
        raise InputError(f'probe: expected inputs (B, clips, M, T, V, C), got {tuple(inputs.shape)}')
    time = np.arange(inputs.shape[3])
    frames = {name: time[:: module.step] for name, module in model.named_modules() if isinstance(module, AEA)}
    if not frames:
        name = type(model).__name__
        raise InputError(f'probe: no attention between persons (AEA) in this {name}, so nothing to look at')
    recognizer: Any = model
    training = model.training
    model.eval()
    try:
        with watch(model, 'frames' if attention else None, curves=True) as readings:
            samples = recognizer.predict(inputs.to(next(model.parameters())), [ActionDataSample() for _ in inputs])
    finally:
        model.train(training)
    arrays = {name: {key: value.cpu().numpy() for key, value in reading.items()} for name, reading in readings.items()}
    clips = inputs.shape[1]
    layers = [
        [
            LayerReading(name, frames[name], **{key: value[k] for key, value in reading.items()})
            for name, reading in arrays.items()
        ]
        for k in range(len(inputs) * clips)
    ]
    return [
        Probe(sample.pred_score.cpu().float().numpy(), layers[number * clips : (number + 1) * clips])
        for number, sample in enumerate(samples)
    ]


@contextmanager
def watch(model: nn.Module, attention: str | None = None, curves: bool = False) -> Iterator[Readings]:
    """Read every AEA of a model in each forward pass while the context lasts; the last pass is kept.

    Args:
        model: The model, in evaluation mode; a model without AEA gives no readings. Compiled parts run as they are.
        attention: Which attention maps to compute: ``'frames'`` of every frame, ``'mean'`` over the frames in which a
            person attends to somebody, or None. Maps of all frames cost time and memory.
        curves: Whether to compute ``amplitude`` and ``weight``.

    Shapes:
        as of :func:`read_layer`
    """
    readings: Readings = {}
    called: dict[str, dict[str, Any]] = {}  # what each layer was called with

    def before(name: str, layer: AEA, args: tuple, kwargs: dict) -> None:
        arguments = signature(AEA.forward).bind(layer, *args, **kwargs).arguments
        called[name] = arguments
        if arguments['num_person'] == 1:  # whom AEA passes on without asking AT-NAC
            layer.atnac(arguments['x'], arguments.get('presence'))

    # before attention, which may overwrite its input
    def after_selection(name: str, layer: AEA, module: nn.Module, args: tuple, active: ActiveJoints) -> None:
        x, presence = args
        num_person, positions = called[name]['num_person'], called[name].get('positions')
        readings[name] = read_layer(layer, x, num_person, presence, active, attention, curves, positions)

    handles = []
    for name, layer in model.named_modules():
        if isinstance(layer, AEA):
            handles.append(layer.register_forward_pre_hook(partial(before, name), with_kwargs=True))
            handles.append(layer.atnac.register_forward_hook(partial(after_selection, name, layer)))
    # what is compiled does not call hooks
    is_compiled = any(module._compiled_call_impl is not None for module in model.modules())
    try:
        with torch.compiler.set_stance('force_eager') if is_compiled else nullcontext():
            yield readings
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def read_layer(
    layer: AEA,
    x: Tensor,
    num_person: int,
    presence: Tensor | None,
    active: ActiveJoints,
    attention: str | None = None,
    curves: bool = False,
    positions: Tensor | None = None,
) -> dict[str, Tensor]:
    """What an AEA does with an input, over all joints whichever form it computes in.

    Args:
        layer: The layer.
        x: Its input.
        num_person: Persons M.
        presence: Who is there; None for all.
        active: What its AT-NAC selected.
        attention: As of :func:`watch`.
        curves: As of :func:`watch`.
        positions: Of the joints, where its attention knows of places.

    Shapes:
        x ``(N*M, C, T, V)``, presence ``(N*M, T)`` bool, positions ``(N*M, T, V, D)``; the returned tensors as in
        :class:`LayerReading`, with N in front; the mean attention ``(N, M, V, (M-1)*V)``, to the other persons in
        their order
    """
    present = torch.ones_like(x[:, 0, :, 0], dtype=torch.bool) if presence is None else presence
    values = {'present': present, 'mask': active.mask, 'score': active.score, 'threshold': active.threshold}
    if curves:
        values['amplitude'] = torch.linalg.vector_norm(x.float(), dim=1)
        values['weight'] = _temporal_weight(layer, x.float(), values['amplitude'], present)
    reading = {key: value.unflatten(0, (-1, num_person)) for key, value in values.items()}
    if attention is not None:
        used = active.mask[:, None] & present[..., None]
        reading['attention'] = _attention(layer, x, num_person, used, attention == 'mean', positions)
    return reading


def _temporal_weight(layer: AEA, x: Tensor, amplitude: Tensor, present: Tensor) -> Tensor:
    """W of Eq. 5, ``(N*M, T)``."""
    energy = amplitude
    if layer.atnac.score == 'velocity':
        both = present[:, 1:] & present[:, :-1]
        energy = F.pad(torch.linalg.vector_norm(x[:, :, 1:] - x[:, :, :-1], dim=1) * both[..., None], (0, 0, 0, 1))
    logits = layer.atnac.gamma * energy.var(dim=2, correction=0)
    return torch.softmax(logits.masked_fill(~present, torch.finfo(logits.dtype).min), dim=1) * present


def _attention(layer: AEA, x: Tensor, num_person: int, used: Tensor, mean: bool, positions: Tensor | None) -> Tensor:
    """Maps as in :class:`LayerReading` or their mean; ``used`` ``(N*M, T, V)``: joints that are active and there."""
    used = used.unflatten(0, (-1, num_person))  # (N, M, T, V)
    others = [[other for other in range(num_person) if other != person] for person in range(num_person)]
    shape = (*used.shape, num_person - 1, used.shape[-1])
    if num_person == 1:
        maps = x.new_zeros(shape)
    else:
        attention, _ = layer.attention.attention(x, num_person, used.flatten(0, 1).to(x.dtype), positions)
        keys = used[:, others].transpose(2, 3)  # (N, M, T, M-1, V)
        maps = attention.float().view(shape) * keys[:, :, :, None] * used[..., None, None]
    if mean:
        count = maps.flatten(3).any(dim=3).sum(dim=2)
        return (maps.sum(dim=2) / count.clamp(min=1)[..., None, None, None]).flatten(-2)
    everyone = maps.new_zeros(*used.shape, num_person, used.shape[-1])  # zero to oneself
    for person in range(num_person):
        everyone[:, person][:, :, :, others[person]] = maps[:, person]
    return everyone
