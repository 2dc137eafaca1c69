"""The block that several backbones share: joints are mixed, then persons if asked for, then frames."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..layers.common import ConvBN, mask_frames
from ..layers.temporal import max_over_time


class GraphBlock(nn.Module):
    """Spatial graph convolution, attention between persons if any, temporal convolution, residual; ASEA, Fig. 2.

    Without attention between persons it is the block of CTR-GCN.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        stride: Temporal stride.
        spatial: Mixes joints, ``in_channels`` to ``out_channels``; called with x and presence.
        temporal: Mixes frames, with the stride unless ``pools``; called with x and presence.
        interaction: :class:`AEA` or None, for a block that treats persons apart.
        residual: Whether the block has a residual around it.
        pools: Whether frames become fewer by max-pooling at the block's start instead of in ``temporal``.

    Shapes:
        x ``(N*M, C_in, T, V)``, not negative if the block pools; presence ``(N*M, T)`` bool or None;
        returns ``(N*M, C_out, ceil(T/stride), V)``
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        spatial: nn.Module,
        temporal: nn.Module,
        interaction: nn.Module | None = None,
        residual: bool = True,
        pools: bool = False,
    ) -> None:
        super().__init__()
        self.stride, self.pools = stride, pools
        if self.pools:
            stride = 1
        self.spatial = spatial
        self.interaction = interaction
        self.temporal = temporal
        self.residual: nn.Module | None = nn.Identity() if residual else None
        if residual and (in_channels != out_channels or stride != 1):
            self.residual = ConvBN(in_channels, out_channels, 1, stride)

    def forward(self, x: Tensor, num_person: int, presence: Tensor | None = None) -> Tensor:
        kept = presence if presence is None else presence[:, :: self.stride]
        if self.pools:
            x, presence = mask_frames(max_over_time(x, self.stride), kept), kept
        y = self.spatial(x, presence)
        if self.interaction is not None:
            y = self.interaction(y, num_person, presence, inplace=not torch.is_grad_enabled())
        y = self.temporal(y, presence)
        if self.residual is not None:
            y = y.add_(self.residual(x))
        return mask_frames(F.relu_(y), kept)
