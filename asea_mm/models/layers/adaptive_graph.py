"""The layer of the second paper that mixes joints."""

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError
from ..kernels import graph_convolution, takes_kernels
from .common import FusedNorm, fuse_into, init_conv, mask_frames, scale_and_shift
from .spatial import mean_over_time

PARTS = 4


class MultiScaleAGC(nn.Module):
    r"""Multi-scale adaptive graph convolution (MS-AGC), with its residual.

    .. math::
        X_i &= S_i x, \qquad X'_i = W_i X_i, \qquad i = 1 \dots 4 \\
        Q_i &= \delta_i(\tanh(\psi_i(\bar X_i) - \varphi_i(\bar X_i))), \qquad \tilde A_i = A_i + \alpha_i Q_i \\
        O &= [\tilde A_1 X'_1 \Vert \dots \Vert \tilde A_4 X'_4], \qquad
        z = \mathrm{ReLU}(\mathrm{BN}(O + \mathrm{residual}(x)))

    Fang and Wang, "Multi-scale Self-Attention Convolutional Networks for Skeleton-Based Action Recognition",
    Eq. 2-7; :math:`\bar X` is the mean over time. :math:`\psi` and :math:`\varphi` compress the channels,
    :math:`\delta` brings them back, so that Q is specific to the channel.

    Exact rewritings: the parts :math:`X_i` are needed over all frames only to make :math:`X'_i`, so the two linear
    maps are one convolution, whose weights are multiplied in every forward pass; the means of the parts are the parts
    of the mean; all four parts are one matrix product, to which the residual is added inside. On a GPU that product
    is one kernel, see :func:`graph_convolution`; ``kernels`` says whether it is taken, see :func:`set_kernels`.

    Args:
        in_channels, out_channels: Channels of input and output, the latter a multiple of four.
        adjacency: Graph ``(V, V)`` that the one of every part starts from; row i gathers from columns j.

    Shapes:
        x ``(N*M, C_in, T, V)``, presence ``(N*M, T)`` bool or None; returns ``(N*M, C_out, T, V)``

    Raises:
        InputError: If four does not divide the channels.
    """

    def __init__(self, in_channels: int, out_channels: int, adjacency: Tensor) -> None:
        super().__init__()
        if out_channels % PARTS:
            raise InputError(f'MultiScaleAGC: out_channels must be a multiple of {PARTS}, got {out_channels}')
        self.width = out_channels // PARTS
        self.kernels = 'auto'
        relation = max(8, self.width // 8)
        # one parameter each for all parts, one part after the other
        self.split = init_conv(nn.Conv2d(in_channels, out_channels, 1))
        self.transform: nn.Module = nn.Conv2d(out_channels, out_channels, 1, groups=PARTS, bias=False)
        self.relation = nn.Conv2d(out_channels, 2 * PARTS * relation, 1, groups=PARTS)  # psi, phi of each part
        self.delta = nn.Conv2d(PARTS * relation, out_channels, 1, groups=PARTS)
        for conv in (self.transform, self.relation, self.delta):
            nn.init.normal_(conv.weight, std=1 / math.sqrt(conv.in_channels // PARTS))
        for conv in (self.relation, self.delta):
            nn.init.constant_(cast(Tensor, conv.bias), 0)
        self.adjacency = nn.Parameter(adjacency.repeat(PARTS, 1, 1))
        self.alpha = nn.Parameter(torch.zeros(PARTS))
        self.bn: nn.Module = nn.BatchNorm2d(out_channels)
        self.residual: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.residual = init_conv(nn.Conv2d(in_channels, out_channels, 1))
        self.merged: nn.Conv2d | None = None  # split and transform as one convolution, when fused

    def _queries_and_keys(self, x: Tensor, presence: Tensor | None) -> tuple[Tensor, ...]:
        """psi and phi of the parts of the features' mean, ``(N*M, 4, R, 1, V)`` each."""
        pooled = self.split(mean_over_time(x, presence))
        return self.relation(pooled).unflatten(1, (PARTS, 2, -1)).unbind(2)

    def _fused(self, x: Tensor, presence: Tensor | None) -> Tensor:
        """The products of all parts by one kernel, of which they are the groups."""
        query, key = (y.permute(0, 3, 1, 2, 4) for y in self._queries_and_keys(x, presence))  # (N*M, 1, 4, R, V)
        weight, bias = self.value()
        alpha = self.alpha.repeat_interleave(self.width)
        delta = self.delta.weight.flatten(1).T[None] * alpha
        delta_bias = (cast(Tensor, self.delta.bias) * alpha)[None]
        weight, bias = weight.view(1, *weight.shape[:2]), bias[None]
        return graph_convolution(x, weight, bias, query, key, delta, delta_bias, self.adjacency[None])

    def topology(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        """The adaptive adjacency of Eq. 6 of all channels, ``(N*M, C_out, V, V)``."""
        query, key = self._queries_and_keys(x, presence)
        relation = (query.transpose(3, 4) - key).tanh_()
        # A enters as one more channel of the relations with weight one, the bias of delta as the weight of a channel
        # of ones: all of Eq. 6 comes out of one matrix product
        adjacency = self.adjacency.to(relation.dtype)[:, None].expand(x.shape[0], -1, -1, -1, -1)
        relation = torch.cat([relation, adjacency, torch.ones_like(adjacency)], dim=2).flatten(3)
        alpha = self.alpha[:, None, None]
        weight = self.delta.weight.view(PARTS, self.width, -1) * alpha
        bias = cast(Tensor, self.delta.bias).view(PARTS, self.width, 1) * alpha
        weight = torch.cat([weight, torch.ones_like(bias), bias], dim=2)
        return (weight @ relation).view(x.shape[0], PARTS * self.width, *self.adjacency.shape[1:])

    def value(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of the convolution from x to the X' of all parts: split, then Eq. 4."""
        if self.merged is not None:
            return self.merged.weight, cast(Tensor, self.merged.bias)
        transform = cast(Tensor, self.transform.weight).view(PARTS, self.width, self.width)
        weight = transform @ self.split.weight.view(PARTS, self.width, -1)
        bias = transform @ cast(Tensor, self.split.bias).view(PARTS, self.width, 1)
        return weight.view_as(self.split.weight), bias.flatten()

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        if takes_kernels(self.kernels, x, 'MultiScaleAGC'):
            y = self.bn(self._fused(x, presence) + self.residual(x))
            return mask_frames(F.relu_(y), presence)
        # the product runs per channel, so every channel's frames and joints must lie together
        y = x.contiguous()
        values, topology = F.conv2d(y, *self.value()), self.topology(y, presence)
        shape = values.shape
        y = torch.baddbmm(self.residual(y).flatten(0, 1), values.flatten(0, 1), topology.flatten(0, 1).transpose(1, 2))
        y = self.bn(y.view(shape).contiguous(memory_format=torch.channels_last))
        return mask_frames(F.relu_(y), presence)

    @torch.no_grad()
    def fuse(self) -> None:
        """Make split and transform one convolution, and fuse the batch norm: its scale commutes with the topology."""
        if self.merged is not None:
            return
        weight, bias = self.value()
        scale, shift = scale_and_shift(self.bn)
        self.merged = nn.Conv2d(weight.shape[1], weight.shape[0], 1)
        self.merged.weight = nn.Parameter(weight * scale[:, None, None, None])
        self.merged.bias = nn.Parameter(bias * scale)
        if isinstance(self.residual, nn.Conv2d):
            fuse_into(self.residual, self.bn)
        else:
            self.residual = ChannelAffine(scale, shift)
        self.transform = self.bn = nn.Identity()


class ChannelAffine(FusedNorm):
    """Scale and shift of every channel, not in place: what a fused batch norm leaves of an identity."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.shift, x, cast(Tensor, self.scale))
