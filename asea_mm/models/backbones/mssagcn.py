"""The backbone of the second paper."""

import torch
from mmaction.registry import MODELS
from torch import Tensor

from asea_mm.skeletons import Skeleton

from ..layers.adaptive_graph import MultiScaleAGC
from ..layers.temporal_attention import MultiScaleAttentionTCN
from .skeleton_backbone import SkeletonBackbone


def normalised_adjacency(skeleton: Skeleton) -> Tensor:
    """Bones and self-loops, symmetrically normalised, ``(V, V)``: the graph of Fang and Wang, Eq. 1."""
    linked = (torch.from_numpy(skeleton.adjacency()).sum(dim=0) > 0).float()
    degree = linked.sum(dim=1)
    return linked / torch.sqrt(degree[:, None] * degree)


@MODELS.register_module()
class MSSAGCN(SkeletonBackbone):
    """Multi-scale self-attention graph convolutional network: the backbone of the second paper.

    Fang and Wang, "Multi-scale Self-Attention Convolutional Networks for Skeleton-Based Action Recognition": ten
    blocks of :class:`MultiScaleAGC` and :class:`MultiScaleAttentionTCN`. Persons are treated apart.

    Arguments, shapes and errors are those of :class:`SkeletonBackbone`; ``channels`` are multiples of 32.
    """

    def spatial(self, in_channels: int, out_channels: int) -> MultiScaleAGC:
        return MultiScaleAGC(in_channels, out_channels, normalised_adjacency(self.skeleton))

    def temporal(self, channels: int, stride: int) -> MultiScaleAttentionTCN:
        return MultiScaleAttentionTCN(channels, channels, stride)
