"""AEA inside any graph convolutional backbone, ours or mmaction2's."""

import inspect
import math
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import mmaction.engine.model  # noqa: F401  (registers AAGCN's initialisation, which mmaction2's registry does not find)
import torch
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...errors import InputError
from ..layers.common import partial_presence, presence_of
from ..layers.interaction import AEA, build_aea, coordinates_of

# where backbones keep their blocks, and blocks the module that mixes their joints: ours, mmaction2's
PLACES = (('blocks', 'spatial'), ('gcn', 'gcn'))


class Persons(NamedTuple):
    """Who is in a batch.

    Shapes:
        presence ``(N*M, T)`` bool or None; positions of the joints ``(N*M, T, V, D)``, None where nobody asks for them
    """

    number: int
    presence: Tensor | None
    positions: Tensor | None


class Call:
    """The forward pass that AEA is part of: the persons; None outside of it.

    Every thread has its own. torch.compile cannot trace thread-local state, but traces in one thread at a time.
    Copies and pickles leave the content out.
    """

    def __init__(self) -> None:
        self.traced: Any = None
        self.of_thread = threading.local()

    def __reduce__(self) -> tuple:
        return Call, ()

    def get(self) -> Persons | None:
        return self.traced if torch.compiler.is_compiling() else getattr(self.of_thread, 'persons', None)

    def set(self, persons: Persons | None) -> None:
        if torch.compiler.is_compiling():
            self.traced = persons
        else:
            self.of_thread.persons = persons


def attend(interaction: AEA, call: Call, module: nn.Module, args: tuple, x: Tensor) -> Tensor:
    """The forward hook, but for its first two arguments, that puts AEA after the spatial part of a block."""
    persons = call.get()
    if persons is None:
        raise RuntimeError('InteractionBackbone: call it as a whole; the backbone inside it cannot run alone')
    presence, positions = (None if values is None else values[:, :: interaction.step] for values in persons[1:])
    y = interaction(x, persons.number, presence, positions)
    # mmaction2's layers use views that channels-last memory, which AEA returns, does not admit
    return y.contiguous() if x.is_contiguous() else y


@MODELS.register_module()
class InteractionBackbone(BaseModule):
    """Any graph convolutional backbone with AEA after the spatial part of its blocks (ASEA, Fig. 2 and Table 3).

    The backbone must fold persons into the batch, M fastest, and keep its blocks as ours do (``blocks[k].spatial``,
    see :class:`SkeletonBackbone`) or as mmaction2's do (``gcn[k].gcn``: STGCN with ST-GCN++, AAGCN). For any other
    there is :class:`ATNACNeck`.

    Checkpoints of the backbone without AEA load into this one; then only AEA's own weights are missing. The widths of
    its blocks are found by running it once on a few frames.

    Args:
        backbone: Config of the backbone.
        interaction: Options of :class:`AEA` without its ``channels``. With ``geometry`` the first channels of the input
            must be the joints' positions, as the stream ``'joint'`` is.
        blocks: Blocks, from 0, that get AEA; default all.

    Shapes:
        x ``(N, M, T, V, C)``, presence ``(N, M, T)`` bool, default: where x is not all zero; returns what the
        backbone returns, usually ``(N, M, C', T', V)``

    Raises:
        InputError: If the backbone has no place for AEA or has AEA already, or an option does not fit it.
    """

    def __init__(
        self, backbone: dict, interaction: Mapping = MappingProxyType({}), blocks: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        self.backbone: nn.Module = MODELS.build(backbone)
        self._takes_presence = 'presence' in inspect.signature(self.backbone.forward).parameters
        self._coordinates = coordinates_of(interaction, input_size(self.backbone)[1], 'InteractionBackbone')
        spatial = spatial_parts(self.backbone)
        chosen = list(range(len(spatial)) if blocks is None else blocks)
        if not set(chosen) <= set(range(len(spatial))) or len(set(chosen)) < len(chosen):
            raise InputError(
                f'InteractionBackbone: blocks must be different ones within 0..{len(spatial) - 1}, got {chosen}'
            )
        sizes = sizes_after({block: spatial[block] for block in chosen}, self.backbone)
        self.temporal_stride = temporal_stride(self.backbone)
        self._call = Call()
        self.interactions = nn.ModuleDict()
        for block, (width, step) in zip(chosen, sizes, strict=True):
            layer = self.interactions[str(block)] = build_aea(width, interaction, 'InteractionBackbone')
            layer.step = step
            spatial[block].register_forward_hook(partial(attend, layer, self._call))

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        presence = presence_of(x) if presence is None else presence
        options = {'presence': presence} if self._takes_presence else {}
        outer = self._call.get()
        absences = partial_presence(presence)
        persons = Persons(
            x.shape[1],
            absences if absences is None else absences.flatten(0, 1),
            x[..., : self._coordinates].flatten(0, 1) if self._coordinates else None,
        )
        self._call.set(persons)
        try:
            return self.backbone(x, **options)
        finally:
            self._call.set(outer)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Take the weights of the backbone without AEA, too, whose names have no ``backbone.`` in front."""
        for name in [name for name in state_dict if name.startswith(prefix)]:
            own = name[len(prefix) :]
            if own.partition('.')[0] not in self._modules:
                state_dict[f'{prefix}backbone.{own}'] = state_dict.pop(name)
        super()._load_from_state_dict(state_dict, prefix, *args)


def blocks_of(backbone: nn.Module) -> tuple[list[nn.Module], str]:
    """The blocks of a backbone and the name of the part of each that mixes joints; no blocks if in no known place."""
    for place, part in PLACES:
        blocks = getattr(backbone, place, None)
        if isinstance(blocks, nn.ModuleList) and len(blocks) and all(hasattr(block, part) for block in blocks):
            return list(blocks), part
    return [], ''


def stride_of(block: nn.Module) -> int:
    """Temporal stride of a block, ours or mmaction2's, in which it is that of its convolutions over time."""
    stride: Any = getattr(block, 'stride', None)
    return stride or max(module.stride[0] for module in block.modules() if isinstance(module, nn.Conv2d))


def temporal_stride(backbone: nn.Module) -> int | None:
    """Frames of the clip from one frame of a backbone's output to the next; None if it does not tell."""
    stride = getattr(backbone, 'temporal_stride', None)
    if stride is None and (blocks := blocks_of(backbone)[0]):
        stride = math.prod(map(stride_of, blocks))
    return stride


def spatial_parts(backbone: nn.Module) -> list[nn.Module]:
    """The module that mixes joints, of every block of a backbone without AEA."""
    name = type(backbone).__name__
    if any(isinstance(module, AEA) for module in backbone.modules()):
        raise InputError(f'InteractionBackbone: {name} has AEA already; build it with interaction=None')
    blocks, part = blocks_of(backbone)
    if not blocks:
        looked = ' or '.join(f'{place}[k].{part}' for place, part in PLACES)
        raise InputError(
            f'InteractionBackbone: {name} has no place for AEA; looked for the spatial part of its blocks in {looked}. '
            f'Put ATNACNeck after the backbone instead'
        )
    return [getattr(block, part) for block in blocks]


def input_size(backbone: nn.Module) -> tuple[int, int]:
    """Joints and channels of the keypoints that a backbone, ours or mmaction2's, takes; 0 where it does not tell."""
    while isinstance(backbone, InteractionBackbone):
        backbone = backbone.backbone
    skeleton, graph = getattr(backbone, 'skeleton', None), getattr(backbone, 'graph', None)
    joints = getattr(skeleton, 'num_joints', 0) or getattr(graph, 'num_node', 0)
    return joints, getattr(backbone, 'in_channels', 0) or 0


@torch.no_grad()
def sizes_after(parts: Mapping[int, nn.Module], backbone: nn.Module) -> list[tuple[int, int]]:
    """Channels of what the spatial parts of some blocks return, and the stride up to there, seen in one pass."""
    name = type(backbone).__name__
    joints, width = input_size(backbone)
    if not joints or not width:
        raise InputError(
            f'InteractionBackbone: cannot tell joints and input channels of {name}. Put ATNACNeck after it instead'
        )
    norm = getattr(backbone, 'data_bn', None)  # of one person, or of all persons of a clip
    persons = norm.num_features // (joints * width) if isinstance(norm, nn.BatchNorm1d) else 2
    strides = [stride_of(block) for block in blocks_of(backbone)[0]]
    frames = 2 * math.prod(strides)
    shapes: dict[nn.Module, torch.Size] = {}

    def note(module: nn.Module, args: tuple, x: Tensor) -> None:
        shapes[module] = x.shape

    handles = [part.register_forward_hook(note) for part in parts.values()]
    training = backbone.training
    try:
        backbone.eval()(next(backbone.parameters()).new_ones(2, persons, frames, joints, width))
    finally:
        backbone.train(training)
        for handle in handles:
            handle.remove()
    sizes = []
    for block, part in parts.items():
        shape = tuple(shapes.get(part, ()))
        if len(shape) != 4 or shape[0] != 2 * persons or shape[3] != joints:
            raise InputError(
                f'InteractionBackbone: expected the spatial parts of {name} to return (N*M, C, T, {joints}), '
                f'got {shape} for two clips of {persons}. Put ATNACNeck after the backbone instead'
            )
        step = math.prod(strides[:block])
        if shape[2] != frames // step:  # the block strides in its spatial part or before
            step *= strides[block]
        sizes.append((shape[1], step))
    return sizes
