"""What AEA found while a model ran: active joints, and who attended to what."""

from __future__ import annotations

from types import TracebackType

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from ..models.layers.interaction import AEA, ActiveJoints


class InteractionRecorder:
    """Reads every AEA of a model while it runs in evaluation mode; a context manager around the forward passes.

    Args:
        model: The model.
        attention: Whether to compute attention maps, too: of all frames, so it costs time and memory.

    Shapes:
        of the last forward pass, for every AEA by name: ``active`` ``(N, M, V)`` bool, and ``attention``
        ``(N, M, V, (M-1)*V)``, the mean over frames in which the person has a partner; rows of inactive joints are zero
    """

    def __init__(self, model: nn.Module, attention: bool = False) -> None:
        self.layers = {name: module for name, module in model.named_modules() if isinstance(module, AEA)}
        self.with_attention = attention
        self.active: dict[str, Tensor] = {}
        self.attention: dict[str, Tensor] = {}
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> InteractionRecorder:
        for name, layer in self.layers.items():
            reader = _Reader(self, name, layer)
            self._handles.append(layer.register_forward_pre_hook(reader.before))
            self._handles.append(layer.atnac.register_forward_hook(reader.after_selection))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()


class _Reader:
    def __init__(self, recorder: InteractionRecorder, name: str, layer: AEA) -> None:
        self.recorder, self.name, self.layer = recorder, name, layer
        self.num_person = 1

    def before(self, module: nn.Module, args: tuple) -> None:
        self.num_person = args[1]

    @torch.no_grad()
    def after_selection(self, module: nn.Module, args: tuple, found: ActiveJoints) -> None:
        x, presence = args
        persons = self.num_person
        self.recorder.active[self.name] = found.mask.unflatten(0, (-1, persons))
        if not self.recorder.with_attention:
            return
        here = x.new_ones((len(x), x.shape[2]), dtype=torch.bool) if presence is None else presence
        keys = found.mask[:, None] & here[:, :, None]
        maps, _ = self.layer.attention.attention(x, persons, keys.to(x.dtype))
        here = here.unflatten(0, (-1, persons))
        together = (here & (here.sum(dim=1, keepdim=True) > 1)).to(maps.dtype)  # (N, M, T)
        total = together.sum(dim=2).clamp(min=1)
        mean = torch.einsum('nmtjk,nmt->nmjk', maps, together) / total[..., None, None]
        self.recorder.attention[self.name] = mean * found.mask.unflatten(0, (-1, persons))[..., None]
