"""The backbone of the first paper."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from mmaction.registry import MODELS

from asea_mm.skeletons import Skeleton

from ...errors import InputError
from ..layers.common import check_option
from ..layers.interaction import build_aea, coordinates_of
from ..layers.spatial import CTRGC
from ..layers.temporal import MultiScaleTCN
from .graph_block import GraphBlock
from .skeleton_backbone import WIDTHS, SkeletonBackbone

DOWNSAMPLES = ('pool', 'conv')


@MODELS.register_module()
class ASEA(SkeletonBackbone):
    """Active node selection with external attention: the backbone of the first paper (Fig. 2).

    Ten blocks of CTR-GC, AEA and multi-scale temporal convolution.

    Args:
        interaction: Options of :class:`AEA` without its ``channels``; None is the paper's "Baseline". With
            ``geometry`` the first channels of the input must be the joints' positions, as the stream ``'joint'`` is.
        interaction_blocks: Blocks, from 0, that have AEA; default all.
        temporal_form: Form of :class:`MultiScaleTCN`, ``'pool'`` or ``'stacked'``.
        downsample: Where a block with a stride makes frames fewer; the paper does not say. ``'pool'``: max-pooling
            over three frames at its start, so that all of it runs on fewer frames. ``'conv'``: stride of the temporal
            convolution at its end, as in CTR-GCN. By Table 3 of the paper, ASEA without its AEA needs about half
            the arithmetic of CTR-GCN, so it must be leaner somewhere.
        layout, in_channels, channels, strides, data_bn, init_cfg: See :class:`SkeletonBackbone`, as for shapes and
            errors; an unknown option is one, too.
    """

    def __init__(
        self,
        layout: str | Mapping | Skeleton = 'nturgbd25',
        in_channels: int = 3,
        channels: Sequence[int] = WIDTHS,
        strides: Sequence[int] | None = None,
        interaction: Mapping | None = MappingProxyType({}),
        interaction_blocks: Sequence[int] | None = None,
        temporal_form: str = 'pool',
        downsample: str = 'pool',
        data_bn: bool = True,
        init_cfg: Mapping | None = None,
    ) -> None:
        check_option('ASEA: downsample', downsample, DOWNSAMPLES)
        blocks = set(range(len(channels)))
        self.interaction_blocks = blocks if interaction_blocks is None else set(interaction_blocks)
        if not self.interaction_blocks <= blocks:
            raise InputError(
                f'ASEA: interaction_blocks must be within 0..{len(blocks) - 1}, got {sorted(self.interaction_blocks)}'
            )
        self.interaction = None if interaction is None else dict(interaction)
        self.coordinates = coordinates_of(interaction or {}, in_channels, 'ASEA')
        self.temporal_form, self.downsample = temporal_form, downsample
        super().__init__(layout, in_channels, data_bn, channels, strides, init_cfg)

    def block(self, k: int, in_channels: int, out_channels: int, stride: int) -> GraphBlock:
        pools = stride != 1 and self.downsample == 'pool'
        # in this order, that of the data: it is also the order in which the weights are drawn
        spatial = CTRGC(in_channels, out_channels, torch.from_numpy(self.skeleton.adjacency()))
        interaction = None
        if self.interaction is not None and k in self.interaction_blocks:
            interaction = build_aea(out_channels, self.interaction, 'ASEA')
            spatial.is_scored = True
            interaction.step = math.prod(self.strides[: k + pools])
        temporal = MultiScaleTCN(out_channels, out_channels, 1 if pools else stride, self.temporal_form)
        sizes = (in_channels, out_channels, stride)
        return GraphBlock(*sizes, spatial, temporal, interaction, residual=k > 0, pools=pools, signed=k == 0)
