"""Convolutions whose sampling locations are learned: joints on the graph, instants between frames."""

import math
from collections.abc import Iterator
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError
from .common import fuse_across, init_conv, mask_frames, quiet_norm, shortcut
from .products import sum_of_products
from .spatial import mean_over_time


class DeformableGC(nn.Module):
    r"""Graph convolution that samples, for every joint, the few joints that tell most about it.

    .. math::
        l^{sg}_{ij} &= B^s_{ij} + \alpha \langle \theta^{sg}(\bar x_i), \varphi^{sg}(\bar x_j) \rangle / \sqrt{d},
        \qquad P^{sg}_i = \mathrm{softmax}(\mathrm{top}_\eta(l^{sg}_i)) \\
        y &= \mathrm{ReLU}\bigl(\mathrm{BN}(\textstyle\sum_s P^{sg} W^s x) + \mathrm{residual}(x)\bigr)

    The deformable spatial graph convolution of Myung et al., "DeGCN: Deformable Graph Convolutional Networks for
    Skeleton-Based Action Recognition", IEEE TIP 2024, in the reading of docs/baselines.md. A kernel has S points;
    where point s of joint i lies is a distribution over the :math:`\eta = 5` joints with the highest score (a
    location between joints), for each of four groups g of channels another one. It depends on the clip through the
    joints' mean features :math:`\bar x`, and starts at the graph's subset s.

    Args:
        in_channels, out_channels: Channels of input and output, the latter a multiple of four.
        adjacency: Graph subsets ``(S, V, V)`` that the kernel's points start from; row i gathers from columns j.

    Shapes:
        x ``(N*M, C_in, T, V)``, presence ``(N*M, T)`` bool or None; returns ``(N*M, C_out, T, V)``

    Raises:
        InputError: If four does not divide ``out_channels``.
    """

    samples = 5  # joints that a location may lie between
    groups = 4  # of channels, with locations of their own
    relation_channels = 4  # d of theta and phi, per group

    def __init__(self, in_channels: int, out_channels: int, adjacency: Tensor) -> None:
        super().__init__()
        if out_channels % self.groups:
            raise InputError(f'DeformableGC: out_channels must be a multiple of {self.groups}, got {out_channels}')
        self.points = adjacency.shape[0]
        relations = 2 * self.points * self.groups * self.relation_channels
        self.relation = init_conv(nn.Conv2d(in_channels, relations, 1))
        self.alpha = nn.Parameter(torch.zeros(1))
        self.location = nn.Parameter(location_scores(adjacency))
        # all points in one parameter; forward takes them one after the other
        self.value = nn.Conv2d(in_channels, self.points * out_channels, 1)
        nn.init.normal_(self.value.weight, std=math.sqrt(2 / out_channels))  # He, by the outgoing ones of a point
        nn.init.zeros_(cast(Tensor, self.value.bias))
        self.bn: nn.Module = quiet_norm(out_channels)
        self.residual = shortcut(in_channels, out_channels)

    def locations(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        """Where the kernel's points of every joint lie, P above: ``(N*M, S, G, V, V)``, rows sum to one."""
        sizes = (2, self.points, self.groups, self.relation_channels)
        relation = self.relation(mean_over_time(x, presence)).squeeze(2).unflatten(1, sizes)
        query, key = relation.unbind(1)  # (N*M, S, G, d, V)
        scores = query.transpose(-1, -2) @ key * (self.alpha / math.sqrt(self.relation_channels))
        scores = scores + self.location[:, None].to(scores.dtype)
        # equal scores are all in: what is taken does not depend on the order of the joints
        lowest = scores.detach().topk(min(self.samples, scores.shape[-1]), dim=-1).values[..., -1:]
        return torch.softmax(scores.masked_fill(scores < lowest, -torch.inf), dim=-1)

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        locations = self.locations(x, presence).flatten(3, 4)  # (N*M, S, G, V*V)
        weights = self.value.weight.chunk(self.points)
        biases = cast(Tensor, self.value.bias).chunk(self.points)
        # the products run per group of channels, so each group's frames and joints must lie together
        features = x.contiguous()
        total, _, frames, joints = x.shape
        width = weights[0].shape[0] // self.groups

        def pairs() -> Iterator[tuple[Tensor, Tensor]]:
            for location, weight, bias in zip(locations.unbind(1), weights, biases, strict=True):
                z = F.conv2d(features, weight, bias).contiguous().view(total * self.groups, width * frames, joints)
                yield z, location.reshape(total * self.groups, joints, joints).transpose(1, 2).to(z.dtype)

        y = sum_of_products(pairs()).view(total, self.groups * width, frames, joints)
        y = y.contiguous(memory_format=torch.channels_last)
        return mask_frames(F.relu_(self.bn(y).add_(self.residual(x))), presence)

    @torch.no_grad()
    def fuse(self) -> None:
        """Fuse the batch norm: its scale commutes with the locations, its shift stays."""
        self.bn = fuse_across(self.value, self.bn, self.points)


def location_scores(adjacency: Tensor) -> Tensor:
    """Scores whose softmax lies at the given neighbours, or at the joint itself where a subset gives it none.

    Other joints score less the more bones away from there they are.

    Shapes:
        adjacency ``(S, V, V)``; returns ``(S, V, V)``
    """
    linked = adjacency > 0
    joints = adjacency.shape[1]
    itself = torch.eye(joints, dtype=torch.bool)
    steps = (linked.any(dim=0) | linked.any(dim=0).T | itself).to(adjacency.dtype)
    within = torch.where(linked.any(dim=2, keepdim=True), linked, itself)
    distance = torch.zeros_like(adjacency)
    for _ in range(joints):
        distance += ~within
        within = within.to(adjacency.dtype) @ steps > 0
    return -3 * distance  # one bone away a weight of 5 %


class DeformableTemporalConv(nn.Conv2d):
    r"""Temporal convolution whose taps lie at learned instants, between frames where they have to.

    .. math::
        y_t = b + \sum_{k,c} W_{kc}\, x_c(t + p_{kc}), \qquad
        x(u) = (\lceil u \rceil - u)\, x_{\lfloor u \rfloor} + (u - \lfloor u \rfloor)\, x_{\lceil u \rceil}

    The deformable temporal graph convolution of DeGCN (see :class:`DeformableGC`): features are a continuous function
    of time, given by linear interpolation, zero outside the clip. The instants p are parameters, for every input
    channel its own, within one frame beyond the regular kernel, near which they start.

    The exact rewriting that makes it fast: interpolation is linear, and p is the same for all frames, so
    :math:`x(t + p)` is a sum of whole frames whose weights are the triangle :math:`\max(0, 1 - |p - m|)`; these
    weights go into W instead, and what remains is one ordinary convolution over the frames m in reach.

    Args:
        in_channels, out_channels: Channels of input and output.
        kernel: Taps, odd.
        stride: Temporal stride.
        dilation: Frames from tap to tap in the regular kernel.

    Shapes:
        x ``(N*M, C_in, T, V)``, zero in absent frames; returns ``(N*M, C_out, ceil(T/stride), V)``

    Raises:
        InputError: If the kernel is even.
    """

    grid: Tensor

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, dilation: int = 1) -> None:
        if kernel % 2 == 0:
            raise InputError(f'DeformableTemporalConv: kernel must be odd, got {kernel}')
        super().__init__(in_channels, out_channels, (kernel, 1), (stride, 1))
        init_conv(self)
        radius = kernel // 2 * dilation
        self.reach = radius + 1
        self.register_buffer('grid', torch.arange(-radius, radius + 1, dilation).float(), persistent=False)
        # off the grid, where interpolation has a kink and no derivative
        self.offset = nn.Parameter(torch.empty(in_channels, kernel).uniform_(-0.5, 0.5))

    def positions(self) -> Tensor:
        """Instants of the taps, relative to the output's frame, in frames: ``(C_in, kernel)``."""
        return (self.grid + self.offset).clamp(-self.reach, self.reach)

    def forward(self, x: Tensor) -> Tensor:
        frames = torch.arange(-self.reach, self.reach + 1, device=x.device)
        share = F.relu(1 - (self.positions()[:, :, None] - frames).abs())  # (C_in, kernel, frames)
        weight = torch.einsum('ock,ckm->ocm', self.weight.squeeze(3), share)
        return F.conv2d(x, weight.unsqueeze(3), self.bias, self.stride, (self.reach, 0))
