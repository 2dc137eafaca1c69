"""Temporal convolution in branches, of any kind of convolution: that of MS-G3D and of DeGCN."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError
from .common import ConvBN, FusedNorm, fuse_into, init_conv, mask_frames, scale_and_shift, shortcut, temporal_conv
from .temporal import max_over_time


class BranchedTCN(nn.Module):
    """Parallel temporal branches: one per dilation with a convolution, one with max-pooling, one that is only a 1x1.

    Liu et al., "Disentangling and Unifying Graph Convolutions for Skeleton-Based Action Recognition", CVPR 2020,
    Fig. 3c: every branch but the last starts with a 1x1, batch norm and ReLU, and all end in a batch norm; their
    outputs are concatenated. As in :class:`MultiScaleTCN`, the branches' first convolutions are one, and so are the
    batch norms at both ends. The defaults are those of MS-G3D.

    Args:
        in_channels, out_channels: Channels of input and output, the latter a multiple of the number of branches.
        stride: Temporal stride.
        kernel: Frames of the temporal convolutions.
        dilations: Dilation of the convolution of each branch that has one.
        conv: Makes a temporal convolution, of input and output channels, kernel, stride and dilation.
        residual: Whether the input is added, through a 1x1 and batch norm if the sizes differ.

    Shapes:
        x ``(N*M, C_in, T, V)``, presence ``(N*M, T)`` bool or None; returns ``(N*M, C_out, ceil(T/stride), V)``.
        Absent frames carry nothing to others; at themselves the output is not zero.

    Raises:
        InputError: If the number of branches does not divide ``out_channels``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        kernel: int = 3,
        dilations: Sequence[int] = (1, 2, 3, 4),
        conv: Callable[[int, int, int, int, int], nn.Module] = temporal_conv,
        residual: bool = True,
    ) -> None:
        super().__init__()
        branches = len(dilations) + 2
        if out_channels % branches:
            raise InputError(f'BranchedTCN: out_channels must be a multiple of {branches}, got {out_channels}')
        self.stride = stride
        self.width = width = out_channels // branches
        convs = [conv(width, width, kernel, stride, dilation) for dilation in dilations]
        self.reduce = ConvBN(in_channels, (branches - 1) * width)
        self.convs = nn.ModuleList(convs)
        self.skip = init_conv(nn.Conv2d(in_channels, width, 1, (stride, 1)))
        self.bn: nn.Module = nn.BatchNorm2d(out_channels)
        self.residual = shortcut(in_channels, out_channels, stride) if residual else None

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        reduced = mask_frames(F.relu_(self.reduce(x)), presence).split(self.width, dim=1)
        branches = [conv(y) for conv, y in zip(self.convs, reduced, strict=False)]
        y = self.bn(torch.cat([*branches, max_over_time(reduced[-1], self.stride), self.skip(x)], dim=1))
        return y if self.residual is None else y.add_(self.residual(x))

    @torch.no_grad()
    def fuse(self) -> None:
        """Fuse the last batch norm into the branches that end in a convolution; max-pooling's stays an affine map."""
        if not isinstance(self.bn, nn.BatchNorm2d):
            return
        ends = [slice(k * self.width, (k + 1) * self.width) for k in range(len(self.convs) + 2)]
        for conv, channels in zip([*self.convs, self.skip], [*ends[:-2], ends[-1]], strict=True):
            fuse_into(conv, self.bn, channels)
        self.bn = FusedNorm(*scale_and_shift(self.bn, ends[-2]), ends[-2])
