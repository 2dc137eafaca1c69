"""Layers that mix joints."""

import math
from collections.abc import Iterator
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..kernels import graph_convolution, takes_kernels
from .common import fuse_across, init_conv, mask_frames, quiet_norm, shortcut
from .products import sum_of_products

# Values of a feature map that a CPU's cache holds together with what is computed from it: 2 MiB of float32.
CACHED_NUMBERS = 2**19


def mean_over_time(x: Tensor, presence: Tensor | None = None) -> Tensor:
    """Mean over the frames in which the person is there; absent frames are zero in x.

    Shapes:
        x ``(N*M, C, T, V)``, presence ``(N*M, T)`` bool or None (all present); returns ``(N*M, C, 1, V)``
    """
    # in this order of axes several times as fast for channels-last memory, and no slower for others
    pooled = x.permute(0, 2, 3, 1).mean(dim=1, keepdim=True).permute(0, 3, 1, 2)
    if presence is None:
        return pooled
    share = presence.to(x.dtype).mean(dim=1).clamp(min=1 / presence.shape[1])
    return pooled / share[:, None, None, None]


class CTRGC(nn.Module):
    r"""Channel-wise topology refinement graph convolution over all graph subsets, with its residual.

    .. math::
        q_{ij} &= \delta(\tanh(\partial(x_i) - \varphi(x_j))), \qquad R^k = A^k + \alpha Q^k \\
        y &= \mathrm{ReLU}\bigl(\mathrm{BN}(\textstyle\sum_k R^k W^k x) + \mathrm{residual}(x)\bigr)

    ASEA, Eq. 1-2; Chen et al., "Channel-wise Topology Refinement Graph Convolution", ICCV 2021.

    The exact rewriting that makes it fast: the relations depend on x only through its mean over time, and the
    projections are linear, so x is averaged first and projected afterwards, on one frame instead of T, all
    subsets at once; :math:`\alpha` scales the weights of :math:`\delta` instead of its output; the sum over the
    subsets accumulates inside the matrix product. On a GPU all of the sum is one kernel, see
    :func:`graph_convolution`; ``kernels`` says whether it is taken, see :func:`set_kernels`.

    Args:
        in_channels, out_channels: Channels of input and output.
        adjacency: Graph subsets ``(K, V, V)`` that the learned ones start from; row i gathers from columns j.

    Shapes:
        x ``(N*M, C_in, T, V)``, presence ``(N*M, T)`` bool or None; returns ``(N*M, C_out, T, V)``
    """

    def __init__(self, in_channels: int, out_channels: int, adjacency: Tensor) -> None:
        super().__init__()
        self.num_subsets = adjacency.shape[0]
        # whether AT-NAC scores the output: in half precision the sum below would have it select other joints
        self.is_scored = False
        self.kernels = 'auto'
        relation = max(8, in_channels // 8)
        # the paper's two transformations of all subsets, one after the other
        self.relation = init_conv(nn.Conv2d(in_channels, 2 * self.num_subsets * relation, 1))
        # all subsets in one parameter each; forward takes them one after the other
        self.delta = nn.Conv2d(self.num_subsets * relation, self.num_subsets * out_channels, 1, groups=self.num_subsets)
        self.value = nn.Conv2d(in_channels, self.num_subsets * out_channels, 1)
        for conv in (self.delta, self.value):
            nn.init.normal_(conv.weight, std=math.sqrt(2 / out_channels))  # He, by the outgoing ones of a subset
            nn.init.constant_(cast(Tensor, conv.bias), 0)
        self.adjacency = nn.Parameter(adjacency.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.bn: nn.Module = quiet_norm(out_channels)
        self.residual = shortcut(in_channels, out_channels)

    def _queries_and_keys(self, x: Tensor, presence: Tensor | None) -> tuple[Tensor, ...]:
        """The paper's two transformations of the features' mean, ``(N*M, K*R, 1, V)`` each."""
        return self.relation(mean_over_time(x, presence)).chunk(2, dim=1)

    def relations(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        """What the topologies are made of, tanh(query - key), ``(N*M, K*R, V, V)``."""
        query, key = self._queries_and_keys(x, presence)
        return (query.transpose(2, 3) - key).tanh_()

    def topologies(self, relations: Tensor) -> Iterator[Tensor]:
        """The K refined topologies R of Eq. 2, each ``(N*M, C_out, V, V)``.

        One after the other: where channels are many and frames few they are larger than the features.
        """
        # A enters as one more channel of the relations with weight one: R comes out of a single convolution
        weights = (self.delta.weight * self.alpha).chunk(self.num_subsets)
        biases = (cast(Tensor, self.delta.bias) * self.alpha).chunk(self.num_subsets)
        one = torch.ones_like(weights[0][:, :1])
        parts = relations.chunk(self.num_subsets, dim=1)
        for relation, adjacency, weight, bias in zip(parts, self.adjacency, weights, biases, strict=True):
            adjacency = adjacency.to(relation.dtype).expand(relation.shape[0], 1, -1, -1)
            yield F.conv2d(torch.cat([relation, adjacency], dim=1), torch.cat([weight, one], dim=1), bias)

    def _products(self, x: Tensor, relations: Tensor) -> Tensor:
        """The sum over subsets of R W x, ``(N*M, C_out, T, V)``."""
        # the products run per channel, so every channel's frames and joints must lie together
        x = x.contiguous()
        weights = self.value.weight.chunk(self.num_subsets)
        biases = cast(Tensor, self.value.bias).chunk(self.num_subsets)

        def pairs() -> Iterator[tuple[Tensor, Tensor]]:
            for topology, weight, bias in zip(self.topologies(relations), weights, biases, strict=True):
                z = F.conv2d(x, weight, bias)
                yield z.flatten(0, 1), topology.flatten(0, 1).transpose(1, 2).to(z.dtype)

        return sum_of_products(pairs()).view(x.shape[0], weights[0].shape[0], *x.shape[2:])

    def _fused(self, x: Tensor, presence: Tensor | None) -> Tensor:
        """The sum over subsets of R W x by one kernel."""
        subsets = self.num_subsets
        query, key = (y.view(y.shape[0], subsets, 1, -1, y.shape[3]) for y in self._queries_and_keys(x, presence))
        weight, bias = self.value.weight.view(subsets, -1, x.shape[1]), cast(Tensor, self.value.bias).view(subsets, -1)
        delta = self.delta.weight.view(*bias.shape, -1).transpose(1, 2) * self.alpha
        delta_bias = cast(Tensor, self.delta.bias).view_as(bias) * self.alpha
        return graph_convolution(x, weight, bias, query, key, delta, delta_bias, self.adjacency[:, None])

    def aggregate(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        """The sum over subsets of R W x, ``(N*M, C_out, T, V)`` in channels-last memory."""
        if takes_kernels(self.kernels, x, 'CTRGC'):
            return self._fused(x, presence)
        relations = self.relations(x, presence)
        total, _, frames, joints = x.shape
        channels = self.value.out_channels // self.num_subsets
        together = max(1, CACHED_NUMBERS // (channels * frames * joints))
        if torch.is_grad_enabled() or torch.compiler.is_compiling() or x.device.type != 'cpu' or together >= total:
            return self._products(x, relations).contiguous(memory_format=torch.channels_last)
        # without gradients nothing needs to be kept: a few samples at a time stay within the cache of a CPU
        y: Tensor | None = None
        for start in range(0, total, together):
            part = slice(start, start + together)
            products = self._products(x[part], relations[part])
            if y is None:
                y = products.new_empty(total, frames, joints, channels).permute(0, 3, 1, 2)
            y[part] = products
        return cast(Tensor, y)

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        y = self.bn(self.aggregate(x, presence))
        if self.is_scored:
            y = y.to(torch.promote_types(y.dtype, torch.float32))
        return mask_frames(F.relu_(y.add_(self.residual(x))), presence)

    @torch.no_grad()
    def fuse(self) -> None:
        """Fuse the batch norm: its scale commutes with the channel-wise topology, its shift stays."""
        self.bn = fuse_across(self.value, self.bn, self.num_subsets)
