"""Layers that mix joints."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .common import ConvBN, init_conv, mask_frames


class CTRGC(nn.Module):
    r"""Channel-wise topology refinement graph convolution over all graph subsets, with its residual.

    .. math::
        q_{ij} &= \delta(\tanh(\partial(x_i) - \varphi(x_j))), \qquad R^k = A^k + \alpha Q^k \\
        y &= \mathrm{ReLU}\bigl(\mathrm{BN}(\textstyle\sum_k R^k W^k x) + \mathrm{residual}(x)\bigr)

    ASEA, Eq. 1-2; Chen et al., "Channel-wise Topology Refinement Graph Convolution", ICCV 2021.

    The exact rewriting that makes it fast: the relations depend on x only through its mean over time, and the
    projections are linear, so x is averaged first and projected afterwards, on one frame instead of T, all
    subsets at once; :math:`\alpha` scales the weights of :math:`\delta` instead of its output; the sum over the
    subsets accumulates inside the matrix product.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        adjacency: Graph subsets ``(K, V, V)`` that the learned ones start from; row i gathers from columns j.
        relation_channels: Channels of the relations; default ``max(8, in_channels // 8)``.

    Shapes:
        x ``(N*M, C_in, T, V)``, presence ``(N*M, T)`` bool or None; returns ``(N*M, C_out, T, V)``
    """

    def __init__(
        self, in_channels: int, out_channels: int, adjacency: Tensor, relation_channels: int | None = None
    ) -> None:
        super().__init__()
        self.num_subsets = adjacency.shape[0]
        relation = relation_channels or max(8, in_channels // 8)
        # the paper's two transformations of all subsets, one after the other
        self.relation = init_conv(nn.Conv2d(in_channels, 2 * self.num_subsets * relation, 1))
        self.delta = nn.ModuleList(init_conv(nn.Conv2d(relation, out_channels, 1)) for _ in adjacency)
        self.value = nn.ModuleList(init_conv(nn.Conv2d(in_channels, out_channels, 1)) for _ in adjacency)
        self.adjacency = nn.Parameter(adjacency.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.bn: nn.Module = nn.BatchNorm2d(out_channels)
        # the block starts as its residual, as in CTR-GCN
        nn.init.constant_(self.bn.weight, 1e-6)
        self.residual: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.residual = ConvBN(in_channels, out_channels)

    def topology(self, x: Tensor, presence: Tensor | None = None) -> list[Tensor]:
        """The K refined topologies R of Eq. 2, each ``(N*M, C_out, V, V)``."""
        pooled = x.mean(dim=2, keepdim=True)
        if presence is not None:  # absent frames are zero: divide by the present ones only
            share = presence.to(x.dtype).mean(dim=1).clamp(min=1 / presence.shape[1])
            pooled = pooled / share[:, None, None, None]
        # (N*M, K*R, 1, V) each
        query, key = self.relation(pooled).chunk(2, dim=1)
        relations = torch.tanh(query.transpose(2, 3) - key).unflatten(1, (self.num_subsets, -1))
        # A enters as one more channel of the relations with weight one: R comes out of a single convolution
        adjacency = self.adjacency[:, None].to(relations.dtype).expand(len(x), -1, -1, -1, -1)
        relations = torch.cat([relations, adjacency], dim=2)
        one = self.alpha.new_ones(self.value[0].out_channels, 1, 1, 1)
        return [
            F.conv2d(relations[:, k], torch.cat([delta.weight * self.alpha, one], dim=1), delta.bias * self.alpha)
            for k, delta in enumerate(self.delta)
        ]

    def aggregate(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        """The sum over subsets of R W x, ``(N*M, C_out, T, V)``."""
        # the products run per channel, so every channel's frames and joints must lie together
        x = x.contiguous()
        topologies = self.topology(x, presence)
        y = None
        for topology, value in zip(topologies, self.value, strict=True):
            z = value(x)
            shape = z.shape
            z, topology = z.flatten(0, 1), topology.flatten(0, 1).transpose(1, 2).to(z.dtype)
            y = torch.bmm(z, topology) if y is None else y.baddbmm_(z, topology)
        return y.view(shape)

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        y = self.aggregate(x, presence).contiguous(memory_format=torch.channels_last)
        return mask_frames(F.relu_(self.bn(y).add_(self.residual(x))), presence)

    @torch.no_grad()
    def fold(self) -> None:
        """Fold the batch norm: its scale commutes with the channel-wise topology, its shift stays."""
        if isinstance(self.bn, ChannelShift):
            return
        scale = self.bn.weight / torch.sqrt(self.bn.running_var + self.bn.eps)
        for value in self.value:
            value.weight *= scale[:, None, None, None]
            value.bias *= scale
        self.bn = ChannelShift(self.bn.bias - self.bn.running_mean * scale)


class ChannelShift(nn.Module):
    """Adds a constant to every channel: what remains of a folded batch norm."""

    def __init__(self, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer('shift', shift.detach().clone()[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return x.add_(self.shift)  # x is the fresh output of the graph convolution
