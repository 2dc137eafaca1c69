"""DeGCN."""

import torch
from mmaction.registry import MODELS

from ..layers.branched_tcn import BranchedTCN
from ..layers.deformable import DeformableGC, DeformableTemporalConv
from .skeleton_backbone import SkeletonBackbone


@MODELS.register_module()
class DeGCN(SkeletonBackbone):
    """Deformable graph convolutional network: which joints and which instants are combined is learned.

    Myung et al., "DeGCN: Deformable Graph Convolutional Networks for Skeleton-Based Action Recognition", IEEE TIP
    2024, in the reading of docs/baselines.md: ten blocks of :class:`DeformableGC` and temporal branches with
    :class:`DeformableTemporalConv`, of the widths of CTR-GCN. It is one stream; the published 1.32 M parameters are of
    a model with two, joints and bones.

    Arguments, shapes and errors are those of :class:`SkeletonBackbone`; ``channels`` are multiples of four.
    """

    def spatial(self, in_channels: int, out_channels: int) -> DeformableGC:
        return DeformableGC(in_channels, out_channels, torch.from_numpy(self.skeleton.adjacency()))

    def temporal(self, channels: int, stride: int) -> BranchedTCN:
        """That of CTR-GCN, with convolutions of five deformable taps, which start at a dilation of one and two."""
        return BranchedTCN(channels, channels, stride, 5, (1, 2), DeformableTemporalConv, residual=False)
