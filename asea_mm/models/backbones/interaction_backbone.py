"""AEA inside any graph convolutional backbone, ours or mmaction2's."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import mmaction.engine.model  # noqa: F401  (registers AAGCN's initialisation, which mmaction2's registry does not find)
import torch
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...errors import InputError
from ..layers.common import presence_of, stride_presence
from ..layers.interaction import AEA, AEA_OPTIONS

# where backbones keep their blocks, and blocks the module that mixes their joints: ours, mmaction2's
PLACES = (('blocks', 'spatial'), ('gcn', 'gcn'))


class Call(threading.local):
    """What AEA must know about the forward pass of this thread; copies and pickles without its content."""

    persons: tuple[int, Tensor | None] | None = None  # how many, and their presence (N, M, T)

    def __reduce__(self) -> tuple:
        return Call, ()


class AfterSpatial:
    """Forward hook that puts AEA after the spatial part of a block."""

    def __init__(self, interaction: AEA, call: Call) -> None:
        self.interaction, self.call = interaction, call

    def __call__(self, module: nn.Module, args: tuple, x: Tensor) -> Tensor:
        if self.call.persons is None:
            raise RuntimeError('InteractionBackbone: call it as a whole; the backbone inside it cannot run alone')
        num_person, presence = self.call.persons
        if presence is not None:
            presence = stride_presence(presence, x.shape[2]).flatten(0, 1)
        y = self.interaction(x, num_person, presence)
        # mmaction2's layers use views that channels-last memory, which AEA returns, does not admit
        return y.contiguous() if x.is_contiguous() else y


@MODELS.register_module()
class InteractionBackbone(BaseModule):
    """Any graph convolutional backbone with AEA after the spatial part of its blocks (ASEA, Fig. 2 and Table 3).

    The backbone must fold persons into the batch, M fastest, and keep its blocks as ours do (``blocks[k].spatial``,
    see :class:`SkeletonBackbone`) or as mmaction2's do (``gcn[k].gcn``: STGCN with ST-GCN++, AAGCN). For any other
    there is :class:`ATNACNeck`.

    Checkpoints of the backbone without AEA load into this one; then only AEA's own weights are missing.

    Args:
        backbone: Config of the backbone.
        channels: Channels after the spatial part of every chosen block. Default: found by running the backbone once
            on a few frames.
        interaction: Options of :class:`AEA` without its ``channels``.
        blocks: Blocks, from 0, that get AEA; default all.
        init_cfg: As of mmengine's ``BaseModule``.

    Shapes:
        x ``(N, M, T, V, C)``, presence ``(N, M, T)`` bool, default: where x is not all zero; returns what the
        backbone returns, usually ``(N, M, C', T', V)``

    Raises:
        ValueError: If the backbone has no place for AEA or has AEA already, or an option does not fit it.
    """

    def __init__(
        self,
        backbone: dict,
        channels: Sequence[int] | None = None,
        interaction: Mapping = MappingProxyType({}),
        blocks: Sequence[int] | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if unknown := sorted(set(interaction) - set(AEA_OPTIONS)):
            raise InputError(f'InteractionBackbone: unknown interaction options {unknown}; known are {AEA_OPTIONS}')
        self.backbone: nn.Module = MODELS.build(backbone)
        self._takes_presence = 'presence' in inspect.signature(self.backbone.forward).parameters
        spatial = spatial_parts(self.backbone)
        chosen = list(range(len(spatial)) if blocks is None else blocks)
        if not set(chosen) <= set(range(len(spatial))) or len(set(chosen)) < len(chosen):
            raise InputError(
                f'InteractionBackbone: blocks must be different ones within 0..{len(spatial) - 1}, got {chosen}'
            )
        parts = [spatial[block] for block in chosen]
        if channels is None:
            channels = channels_after(parts, self.backbone)
        elif len(channels) != len(parts):
            raise InputError(f'InteractionBackbone: expected channels of {len(parts)} blocks, got {list(channels)}')
        self._call = Call()
        self.interactions = nn.ModuleDict()
        for block, part, width in zip(chosen, parts, channels, strict=True):
            layer = self.interactions[str(block)] = AEA(width, **interaction)
            part.register_forward_hook(AfterSpatial(layer, self._call))

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        presence = presence_of(x) if presence is None else presence
        options = {'presence': presence} if self._takes_presence else {}
        everybody = not torch.compiler.is_compiling() and bool(presence.all())  # the common case, without masks
        outer, self._call.persons = self._call.persons, (x.shape[1], None if everybody else presence)
        try:
            return self.backbone(x, **options)
        finally:
            self._call.persons = outer

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Take the weights of the backbone without AEA, too, whose names have no ``backbone.`` in front."""
        for name in [name for name in state_dict if name.startswith(prefix)]:
            own = name[len(prefix) :]
            if own.partition('.')[0] not in self._modules:
                state_dict[f'{prefix}backbone.{own}'] = state_dict.pop(name)
        super()._load_from_state_dict(state_dict, prefix, *args)


def spatial_parts(backbone: nn.Module) -> list[nn.Module]:
    """The module that mixes joints, of every block.

    Raises:
        ValueError: If the blocks are nowhere in :data:`PLACES`, or there is AEA already.
    """
    name = type(backbone).__name__
    if any(isinstance(module, AEA) for module in backbone.modules()):
        raise InputError(f'InteractionBackbone: {name} has AEA already; build it with interaction=None')
    for blocks, part in PLACES:
        found = getattr(backbone, blocks, None)
        if isinstance(found, nn.ModuleList) and len(found) and all(hasattr(block, part) for block in found):
            return [getattr(block, part) for block in found]
    looked = ' or '.join(f'{blocks}[k].{part}' for blocks, part in PLACES)
    raise InputError(
        f'InteractionBackbone: {name} has no place for AEA; looked for the spatial part of its blocks in {looked}. '
        f'Put ATNACNeck after the backbone instead'
    )


def input_size(backbone: nn.Module) -> tuple[int, int]:
    """Joints and channels of the keypoints that a backbone, ours or mmaction2's, takes; 0 where it does not tell."""
    while isinstance(backbone, InteractionBackbone):
        backbone = backbone.backbone
    graph = getattr(backbone, 'skeleton', None) or getattr(backbone, 'graph', None)
    joints = getattr(graph, 'num_joints', None) or getattr(graph, 'num_node', None) or 0
    return joints, getattr(backbone, 'in_channels', None) or 0


@torch.no_grad()
def channels_after(parts: Sequence[nn.Module], backbone: nn.Module) -> list[int]:
    """Channels that modules of a backbone return, seen in one pass over a clip of a few frames.

    Raises:
        ValueError: If the input's size cannot be told from the backbone, or persons are not fused into the batch.
    """
    name = type(backbone).__name__
    joints, width = input_size(backbone)
    if not joints or not width:
        raise InputError(f'InteractionBackbone: cannot tell joints and input channels of {name}; give channels=[...]')
    persons = 2
    norm = getattr(backbone, 'data_bn', None)
    if isinstance(norm, nn.BatchNorm1d):  # of one person, or of all persons of a clip
        persons = norm.num_features // (joints * width)
    shapes: dict[nn.Module, torch.Size] = {}

    def note(module: nn.Module, args: tuple, x: Tensor) -> None:
        shapes[module] = x.shape

    handles = [part.register_forward_hook(note) for part in parts]
    training = backbone.training
    try:
        backbone.eval()(next(backbone.parameters()).new_ones(2, persons, 8, joints, width))
    finally:
        backbone.train(training)
        for handle in handles:
            handle.remove()
    for part in parts:
        shape = tuple(shapes.get(part, ()))
        if len(shape) != 4 or shape[0] != 2 * persons or shape[3] != joints:
            raise InputError(
                f'InteractionBackbone: expected the spatial parts of {name} to return (N*M, C, T, {joints}), '
                f'got {shape} for two clips of {persons}. Put ATNACNeck after the backbone instead'
            )
    return [shapes[part][1] for part in parts]
