"""The block that several backbones share: joints are mixed, then persons if asked for, then frames."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..layers.common import mask_frames, shortcut
from ..layers.temporal import max_over_time


class GraphBlock(nn.Module):
    """Spatial graph convolution, attention between persons if any, temporal convolution, residual; ASEA, Fig. 2.

    Without attention between persons it is the block of CTR-GCN.

    Args:
        in_channels, out_channels, stride: Sizes of the block.
        spatial: Mixes joints, ``in_channels`` to ``out_channels``; called with x and presence.
        temporal: Mixes frames, with the stride unless ``pools``; called with x and presence.
        interaction: :class:`AEA`, or None for a block that treats persons apart.
        residual: Whether the block has a residual around it.
        pools: Whether frames become fewer by max-pooling at the block's start instead of in ``temporal``.
        signed: Whether the input may be negative, as keypoints are; a block that pools must know.

    Shapes:
        x ``(N*M, C_in, T, V)``, presence ``(N*M, T)`` bool or None, positions ``(N*M, T, V, D)`` or None: for an
        interaction that knows of places; returns ``(N*M, C_out, ceil(T/stride), V)``
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
        signed: bool = False,
    ) -> None:
        super().__init__()
        self.stride, self.pools, self.signed = stride, pools, signed
        self.spatial, self.interaction, self.temporal = spatial, interaction, temporal
        self.residual = shortcut(in_channels, out_channels, 1 if pools else stride) if residual else None

    def forward(
        self, x: Tensor, num_person: int, presence: Tensor | None = None, positions: Tensor | None = None
    ) -> Tensor:
        kept = presence if presence is None else presence[:, :: self.stride]
        if self.pools:
            # what is not there must not win: zeros do not, of features that are not negative
            lowest = torch.finfo(x.dtype).min if self.signed else 0.0
            if self.signed and presence is not None:
                x = x.masked_fill(~presence[:, None, :, None], lowest)
            x, presence = mask_frames(max_over_time(x, self.stride, lowest), kept), kept
            positions = positions if positions is None else positions[:, :: self.stride]
        y = self.spatial(x, presence)
        if self.interaction is not None:
            y = self.interaction(y, num_person, presence, positions, inplace=not torch.is_grad_enabled())
        y = self.temporal(y, presence)
        if self.residual is not None:
            y = y.add_(self.residual(x))
        return mask_frames(F.relu_(y), kept)
