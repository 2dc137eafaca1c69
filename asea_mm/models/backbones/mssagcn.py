"""The backbone of the second paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmaction.registry import MODELS
from torch import Tensor, nn

from asea_mm.skeletons import Skeleton

from ..layers.adaptive_graph import MultiScaleAGC
from ..layers.temporal_attention import MultiScaleAttentionTCN
from .graph_block import GraphBlock
from .skeleton_backbone import SkeletonBackbone, strides_of


def normalised_adjacency(skeleton: Skeleton) -> Tensor:
    """Bones and self-loops, symmetrically normalised: the graph of Fang and Wang, Eq. 1.

    Shapes:
        returns ``(V, V)``, float32
    """
    linked = (torch.from_numpy(skeleton.adjacency()).sum(dim=0) > 0).float()
    degree = linked.sum(dim=1)
    return linked / torch.sqrt(degree[:, None] * degree)


@MODELS.register_module()
class MSSAGCN(SkeletonBackbone):
    """Multi-scale self-attention graph convolutional network: the backbone of the second paper.

    Fang and Wang, "Multi-scale Self-Attention Convolutional Networks for Skeleton-Based Action Recognition". Ten
    blocks of multi-scale adaptive graph convolution and temporal convolution with self-attention. Persons are
    treated apart.

    Args:
        layout: Skeleton layout: a name, or a dictionary of :class:`asea_mm.skeletons.Skeleton` fields.
        in_channels: Channels of the input, 3 for a 3-D stream, more for early-fused streams.
        channels: Output channels of every block, multiples of eight times the heads.
        strides: Temporal stride of every block, as many as ``channels``; default 2 where the channels grow.
        heads: Heads of each temporal self-attention.
        data_bn: Batch norm of the input, as of :class:`SkeletonBackbone`.
        init_cfg: As of mmengine's ``BaseModule``.

    Shapes:
        as of :class:`SkeletonBackbone`

    Raises:
        ValueError: If lists or numbers do not fit each other, or the input's joints are not the layout's.
    """

    def __init__(
        self,
        layout: str | Mapping | Skeleton = 'nturgbd25',
        in_channels: int = 3,
        channels: Sequence[int] = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256),
        strides: Sequence[int] | None = None,
        heads: int = 4,
        data_bn: bool = True,
        init_cfg: Mapping | None = None,
    ) -> None:
        super().__init__(layout, in_channels, data_bn, init_cfg)
        inputs = [in_channels, *channels[:-1]]
        strides = strides_of(channels, strides, 'MSSAGCN')
        adjacency = normalised_adjacency(self.skeleton)
        self.blocks = nn.ModuleList(
            GraphBlock(
                inputs[k],
                channels[k],
                strides[k],
                spatial=MultiScaleAGC(inputs[k], channels[k], adjacency),
                temporal=MultiScaleAttentionTCN(channels[k], channels[k], strides[k], heads),
                residual=k > 0,
            )
            for k in range(len(channels))
        )
