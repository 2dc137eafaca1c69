"""DeGCN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmaction.registry import MODELS
from torch import nn

from asea_mm.skeletons import Skeleton

from ..layers.branched_tcn import BranchedTCN
from ..layers.deformable import DeformableGC, DeformableTemporalConv
from .graph_block import GraphBlock
from .skeleton_backbone import SkeletonBackbone, strides_of


def deformable_tcn(channels: int, stride: int) -> BranchedTCN:
    """Temporal convolution of CTR-GCN with deformable convolutions in place of dilated ones.

    Two branches whose five taps start at a dilation of one and two, one with max-pooling, one that is only a 1x1.
    """
    width = BranchedTCN.width_of(channels, 2)
    convs = [DeformableTemporalConv(width, width, 5, stride, dilation) for dilation in (1, 2)]
    return BranchedTCN(channels, channels, stride, convs)


@MODELS.register_module()
class DeGCN(SkeletonBackbone):
    """Deformable graph convolutional network: which joints and which instants are combined is learned.

    Myung et al., "DeGCN: Deformable Graph Convolutional Networks for Skeleton-Based Action Recognition", IEEE TIP
    2024, one stream of it, in the reading of docs/baselines.md: ten blocks of :class:`DeformableGC` and temporal
    branches with :class:`DeformableTemporalConv`, of the widths of CTR-GCN.

    Args:
        layout: Skeleton layout: a name, or a dictionary of :class:`asea_mm.skeletons.Skeleton` fields.
        in_channels: Channels of the input, 3 for a 3-D stream, more for early-fused streams.
        channels: Output channels of every block, multiples of four and of ``groups``.
        strides: Temporal stride of every block, as many as ``channels``; default 2 where the channels grow.
        samples: See :class:`DeformableGC`.
        groups: See :class:`DeformableGC`.
        data_bn: Batch norm of the input, as of :class:`SkeletonBackbone`.
        init_cfg: As of mmengine's ``BaseModule``.

    Shapes:
        as of :class:`SkeletonBackbone`

    Raises:
        ValueError: If lists do not fit each other, an option is out of range or the input's joints are not the
            layout's.
    """

    def __init__(
        self,
        layout: str | Mapping | Skeleton = 'nturgbd25',
        in_channels: int = 3,
        channels: Sequence[int] = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256),
        strides: Sequence[int] | None = None,
        samples: int = 5,
        groups: int = 4,
        data_bn: bool = True,
        init_cfg: Mapping | None = None,
    ) -> None:
        super().__init__(layout, in_channels, data_bn, init_cfg)
        inputs = [in_channels, *channels[:-1]]
        strides = strides_of(channels, strides, 'DeGCN')
        adjacency = torch.from_numpy(self.skeleton.adjacency())
        self.blocks = nn.ModuleList(
            GraphBlock(
                inputs[k],
                channels[k],
                strides[k],
                spatial=DeformableGC(inputs[k], channels[k], adjacency, samples, groups),
                temporal=deformable_tcn(channels[k], strides[k]),
                residual=k > 0,
            )
            for k in range(len(channels))
        )
