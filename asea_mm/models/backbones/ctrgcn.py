"""CTR-GCN, the baseline that ASEA builds on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmaction.registry import MODELS
from torch import nn

from asea_mm.skeletons import Skeleton

from ..layers.spatial import CTRGC
from ..layers.temporal import MultiScaleTCN
from .graph_block import GraphBlock
from .skeleton_backbone import SkeletonBackbone, strides_of


@MODELS.register_module()
class CTRGCN(SkeletonBackbone):
    """Channel-wise topology refinement graph convolutional network.

    Chen et al., "Channel-wise Topology Refinement Graph Convolution for Skeleton-Based Action Recognition", ICCV
    2021: ten blocks of :class:`CTRGC` and :class:`MultiScaleTCN`. It is the function of :class:`ASEA` with
    ``interaction=None`` and ``downsample='conv'``, and takes its checkpoints; there is no interaction in it.

    Args:
        layout: Skeleton layout: a name, or a dictionary of :class:`asea_mm.skeletons.Skeleton` fields.
        in_channels: Channels of the input, 3 for a 3-D stream, more for early-fused streams.
        channels: Output channels of every block, multiples of four.
        strides: Temporal stride of every block, as many as ``channels``; default 2 where the channels grow.
        data_bn: Batch norm of the input, as of :class:`SkeletonBackbone`.
        init_cfg: As of mmengine's ``BaseModule``.

    Shapes:
        as of :class:`SkeletonBackbone`

    Raises:
        ValueError: If lists do not fit each other or the input's joints are not the layout's.
    """

    def __init__(
        self,
        layout: str | Mapping | Skeleton = 'nturgbd25',
        in_channels: int = 3,
        channels: Sequence[int] = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256),
        strides: Sequence[int] | None = None,
        data_bn: bool = True,
        init_cfg: Mapping | None = None,
    ) -> None:
        super().__init__(layout, in_channels, data_bn, init_cfg)
        inputs = [in_channels, *channels[:-1]]
        strides = strides_of(channels, strides, 'CTRGCN')
        adjacency = torch.from_numpy(self.skeleton.adjacency())
        self.blocks = nn.ModuleList(
            GraphBlock(
                inputs[k],
                channels[k],
                strides[k],
                spatial=CTRGC(inputs[k], channels[k], adjacency),
                temporal=MultiScaleTCN(channels[k], channels[k], strides[k]),
                residual=k > 0,
            )
            for k in range(len(channels))
        )
