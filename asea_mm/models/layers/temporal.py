"""Layers that mix frames."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError
from .common import ConvBN, FusedNorm, check_option, fuse_into, init_conv, mask_frames, scale_and_shift, temporal_conv

TEMPORAL_FORMS = ('pool', 'stacked')


def max_over_time(x: Tensor, stride: int = 1, outside: float = 0.0) -> Tensor:
    """Max-pooling over three frames, over ten times as fast on a CPU as ``max_pool2d`` with a (3, 1) kernel.

    ``outside`` stands for what lies outside the clip; zero is exact for features that are not negative.

    Shapes:
        x ``(N, C, T, V)``; returns ``(N, C, ceil(T / stride), V)``
    """
    frames = x.shape[2]
    padded = F.pad(x, (0, 0, 1, 1), value=outside)
    first, middle, last = (padded[:, :, k : k + frames : stride] for k in range(3))
    return torch.maximum(torch.maximum(first, middle), last)


class MultiScaleTCN(nn.Module):
    """Temporal convolution at several scales: four branches of a quarter of the channels each, concatenated.

    ASEA, section 3.3. ``form='pool'`` is the widespread form of CTR-GCN: two branches with one dilated
    convolution, one with max-pooling, one that is only a 1x1. ``form='stacked'`` is the text of the ASEA paper:
    the first three branches have two temporal convolutions of different dilation, then max-pooling.

    Exact rewriting: the branches' 1x1 convolutions and batch norms are one each, and so are the batch norms at
    the branches' ends.

    Args:
        in_channels, out_channels: Channels of input and output, the latter a multiple of four.
        stride: Temporal stride.
        form: ``'pool'`` or ``'stacked'``.

    Shapes:
        x ``(N*M, C_in, T, V)``, presence ``(N*M, T)`` bool or None; returns ``(N*M, C_out, ceil(T/stride), V)``

    Raises:
        InputError: On an unknown form or channels that four does not divide.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1, form: str = 'pool') -> None:
        super().__init__()
        check_option('MultiScaleTCN: form', form, TEMPORAL_FORMS)
        if out_channels % 4:
            raise InputError(f'MultiScaleTCN: out_channels must be a multiple of 4, got {out_channels}')
        self.form, self.stride = form, stride
        self.width = width = out_channels // 4
        self.reduce: nn.Module = ConvBN(in_channels, 3 * width)
        self.skip: nn.Module = init_conv(nn.Conv2d(in_channels, width, 1, (stride, 1)))
        self.first: nn.ModuleList | None = None
        if form == 'pool':
            self.dilated = nn.ModuleList(temporal_conv(width, width, 5, stride, dilation) for dilation in (1, 2))
        else:
            self.first = nn.ModuleList(ConvBN(width, width, 3, 1, dilation) for dilation in (1, 2, 3))
            self.dilated = nn.ModuleList(temporal_conv(width, width, 3, stride, dilation) for dilation in (2, 3, 4))
        self.bn: nn.Module = nn.BatchNorm2d(out_channels)
        self.merged: nn.Conv2d | None = None  # the four 1x1 convolutions as one, when fused

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        if self.merged is None:
            pointwise, skip = self.reduce(x), self.skip(x)
        else:
            pointwise, skip = self.merged(x).split([3 * self.width, self.width], dim=1)
            if torch.is_grad_enabled():  # what split returns cannot be changed in place then
                pointwise = pointwise.clone()
        reduced = mask_frames(F.relu_(pointwise), presence).split(self.width, dim=1)
        if self.first is None:
            branches = [conv(y) for conv, y in zip(self.dilated, reduced, strict=False)]
            branches.append(max_over_time(reduced[2], self.stride))
        else:
            branches = []
            for first, conv, y in zip(self.first, self.dilated, reduced, strict=True):
                y = conv(mask_frames(F.relu_(first(y)), presence))
                kept = None if presence is None else presence[:, :: self.stride]
                branches.append(max_over_time(mask_frames(F.relu_(y), kept)))
        return self.bn(torch.cat([*branches, skip], dim=1))

    @torch.no_grad()
    def fuse(self) -> None:
        """Fuse the last batch norm into the branches that end in a convolution; the others keep a scale and shift."""
        if not isinstance(self.bn, nn.BatchNorm2d):
            return
        quarters = [slice(k * self.width, (k + 1) * self.width) for k in range(4)]
        fuse_into(self.skip, self.bn, quarters[3])
        pooled = slice(0, 3 * self.width)
        if self.form == 'pool':
            for conv, quarter in zip(self.dilated, quarters, strict=False):
                fuse_into(conv, self.bn, quarter)
            pooled = quarters[2]
        self.bn = FusedNorm(*scale_and_shift(self.bn, pooled), pooled)
        reduce, skip = cast(ConvBN, self.reduce), cast(nn.Conv2d, self.skip)
        reduce.fuse()
        if self.stride == 1:
            convs = (cast(nn.Conv2d, reduce[0]), skip)
            self.merged = nn.Conv2d(skip.in_channels, 4 * self.width, 1)
            self.merged.weight = nn.Parameter(torch.cat([conv.weight for conv in convs]))
            self.merged.bias = nn.Parameter(torch.cat([cast(Tensor, conv.bias) for conv in convs]))
            self.reduce = self.skip = nn.Identity()
