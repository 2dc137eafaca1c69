"""The backbone of the second paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmaction.registry import MODELS
from torch import Tensor

from asea_mm.skeletons import Skeleton

from ..layers.adaptive_graph import MultiScaleAGC
from ..layers.temporal_attention import MultiScaleAttentionTCN
from .skeleton_backbone import WIDTHS, SkeletonBackbone


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
        heads: Heads of each temporal self-attention; ``channels`` are multiples of eight times as many.
        layout, in_channels, channels, strides, data_bn, init_cfg: See :class:`SkeletonBackbone`, as for shapes and
            errors.
    """

    def __init__(
        self,
        layout: str | Mapping | Skeleton = 'nturgbd25',
        in_channels: int = 3,
        heads: int = 4,
        channels: Sequence[int] = WIDTHS,
        strides: Sequence[int] | None = None,
        data_bn: bool = True,
        init_cfg: Mapping | None = None,
    ) -> None:
        self.heads = heads
        super().__init__(layout, in_channels, data_bn, channels, strides, init_cfg)

    def spatial(self, in_channels: int, out_channels: int) -> MultiScaleAGC:
        return MultiScaleAGC(in_channels, out_channels, normalised_adjacency(self.skeleton))

    def temporal(self, channels: int, stride: int) -> MultiScaleAttentionTCN:
        return MultiScaleAttentionTCN(channels, channels, stride, self.heads)
