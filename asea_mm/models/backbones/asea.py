"""The backbone of the first paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from mmaction.registry import MODELS
from torch import nn

from asea_mm.skeletons import Skeleton

from ...errors import InputError
from ..layers.interaction import AEA, AEA_OPTIONS
from ..layers.spatial import CTRGC
from ..layers.temporal import MultiScaleTCN
from .graph_block import GraphBlock
from .skeleton_backbone import SkeletonBackbone, strides_of

DOWNSAMPLES = ('pool', 'conv')


@MODELS.register_module()
class ASEA(SkeletonBackbone):
    """Active node selection with external attention: the backbone of the first paper (Fig. 2).

    Ten blocks of CTR-GC, AEA and multi-scale temporal convolution.

    Args:
        layout: Skeleton layout: a name, or a dictionary of :class:`asea_mm.skeletons.Skeleton` fields.
        in_channels: Channels of the input, 3 for a 3-D stream, more for early-fused streams.
        channels: Output channels of every block.
        strides: Temporal stride of every block, as many as ``channels``; default 2 where the channels grow.
        interaction: Options of :class:`AEA` without its ``channels``; None is the paper's "Baseline".
        interaction_blocks: Blocks, from 0, that have AEA; default all.
        temporal_form: Form of :class:`MultiScaleTCN`, ``'pool'`` or ``'stacked'``.
        downsample: Where a block with a stride makes frames fewer; the paper does not say. ``'pool'``: max-pooling
            over three frames at its start, so that all of it runs on fewer frames. ``'conv'``: stride of the temporal
            convolution at its end, as in CTR-GCN. By Table 3 of the paper, ASEA without its AEA needs about half
            the arithmetic of CTR-GCN, so it must be leaner somewhere.
        data_bn: Batch norm of the input, as of :class:`SkeletonBackbone`.
        init_cfg: As of mmengine's ``BaseModule``.

    Shapes:
        as of :class:`SkeletonBackbone`

    Raises:
        ValueError: If lists do not fit each other, an option is unknown, or the input's joints are not the layout's.
    """

    def __init__(
        self,
        layout: str | Mapping | Skeleton = 'nturgbd25',
        in_channels: int = 3,
        channels: Sequence[int] = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256),
        strides: Sequence[int] | None = None,
        interaction: Mapping | None = MappingProxyType({}),
        interaction_blocks: Sequence[int] | None = None,
        temporal_form: str = 'pool',
        downsample: str = 'pool',
        data_bn: bool = True,
        init_cfg: Mapping | None = None,
    ) -> None:
        super().__init__(layout, in_channels, data_bn, init_cfg)
        inputs = [in_channels, *channels[:-1]]
        strides = strides_of(channels, strides, 'ASEA')
        if interaction is not None:
            interaction = dict(interaction)
            if unknown := sorted(set(interaction) - set(AEA_OPTIONS)):
                raise InputError(f'ASEA: unknown interaction options {unknown}; known are {AEA_OPTIONS}')
        if downsample not in DOWNSAMPLES:
            raise InputError(f'ASEA: downsample must be one of {DOWNSAMPLES}, got {downsample!r}')
        blocks = range(len(channels))
        chosen = set(blocks if interaction_blocks is None else interaction_blocks)
        if not chosen <= set(blocks):
            raise InputError(f'ASEA: interaction_blocks must be within 0..{len(channels) - 1}, got {sorted(chosen)}')
        pools = [stride != 1 and downsample == 'pool' for stride in strides]
        adjacency = torch.from_numpy(self.skeleton.adjacency())
        self.blocks = nn.ModuleList(
            GraphBlock(
                inputs[k],
                channels[k],
                strides[k],
                # in this order, that of the data: it is also the order in which the weights are drawn
                spatial=CTRGC(inputs[k], channels[k], adjacency),
                interaction=AEA(channels[k], **interaction) if interaction is not None and k in chosen else None,
                temporal=MultiScaleTCN(channels[k], channels[k], 1 if pools[k] else strides[k], temporal_form),
                residual=k > 0,
                pools=pools[k],
            )
            for k in blocks
        )
