"""CTR-GCN, the baseline that ASEA builds on."""

import torch
from mmaction.registry import MODELS

from ..layers.spatial import CTRGC
from ..layers.temporal import MultiScaleTCN
from .skeleton_backbone import SkeletonBackbone


@MODELS.register_module()
class CTRGCN(SkeletonBackbone):
    """Channel-wise topology refinement graph convolutional network.

    Chen et al., "Channel-wise Topology Refinement Graph Convolution for Skeleton-Based Action Recognition", ICCV
    2021: ten blocks of :class:`CTRGC` and :class:`MultiScaleTCN`. It is the function of :class:`ASEA` with
    ``interaction=None`` and ``downsample='conv'``, and takes its checkpoints; there is no interaction in it.

    Arguments, shapes and errors are those of :class:`SkeletonBackbone`; ``channels`` are multiples of four.
    """

    def spatial(self, in_channels: int, out_channels: int) -> CTRGC:
        return CTRGC(in_channels, out_channels, torch.from_numpy(self.skeleton.adjacency()))

    def temporal(self, channels: int, stride: int) -> MultiScaleTCN:
        return MultiScaleTCN(channels, channels, stride)
