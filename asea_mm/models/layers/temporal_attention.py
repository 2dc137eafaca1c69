"""Self-attention over the frames, alone and beside convolutions of several dilations."""

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError
from .common import ConvBN, fuse_into, mask_frames, scale_and_shift, temporal_conv

HEADS, KERNEL = 4, 3  # of the second paper


@MODELS.register_module()
class TemporalSelfAttention(nn.Module):
    r"""Multi-head self-attention over the frames of every joint on its own.

    .. math::
        Out_n = \mathrm{softmax}\Bigl(\frac{Q^n {K^n}^T}{\sqrt C}\Bigr) V^n, \quad n = 1 \dots H

    and the heads' outputs concatenated; Fang and Wang, "Multi-scale Self-Attention Convolutional Networks for
    Skeleton-Based Action Recognition", Eq. 8. C is the number of channels of the vectors that are multiplied, a
    head's. As in the paper, Q, K and V come from matrices without bias, and no projection follows the heads.

    Frames in which the person is absent carry no weight as keys and are zero in the output, as is everything of a
    person who is never present.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of Q, K, V and of the output; default ``in_channels``.
        heads: Heads H of each group.
        stride: Temporal stride: queries are every ``stride``-th frame, keys all.
        groups: Parts of the channels, input and output, that attend independently: several attentions as one.

    Shapes:
        x ``(N*M, C_in, T, V)``, presence ``(N*M, T)`` bool or None (all present);
        returns ``(N*M, C_out, ceil(T/stride), V)``

    Raises:
        InputError: If groups times heads do not divide ``out_channels``.
    """

    def __init__(
        self, in_channels: int, out_channels: int | None = None, heads: int = 4, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        out_channels = out_channels or in_channels
        if out_channels % (groups * heads):
            raise InputError(
                f'TemporalSelfAttention: out_channels must be a multiple of {groups * heads} '
                f'({heads} heads x {groups} groups), got {out_channels}'
            )
        self.heads, self.stride, self.groups = heads, stride, groups
        self.query, self.key, self.value = (
            nn.Conv2d(in_channels, out_channels, 1, (step, 1), groups=groups, bias=False) for step in (stride, 1, 1)
        )
        for conv in (self.query, self.key, self.value):
            for weight in conv.weight.detach().chunk(groups):
                nn.init.xavier_uniform_(weight)

    def _tokens(self, x: Tensor) -> Tensor:
        """Features ``(N*M, C, T, V)`` as ``(N*M, V*heads, T, D)``, a view of channels-last memory."""
        persons, channels, frames, joints = x.shape
        heads = self.groups * self.heads
        return x.permute(0, 2, 3, 1).reshape(persons, frames, joints * heads, channels // heads).transpose(1, 2)

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        joints = x.shape[3]
        mask = None
        if presence is not None:
            # A person who is never there attends to all frames: a softmax over none is no number.
            mask = (presence | ~presence.any(dim=1, keepdim=True))[:, None, None, :]
            presence = presence[:, :: self.stride]
        query, key, value = (self._tokens(conv(x)) for conv in (self.query, self.key, self.value))
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        persons, _, frames, _ = out.shape
        out = out.transpose(1, 2).reshape(persons, frames, joints, self.value.out_channels).permute(0, 3, 1, 2)
        return mask_frames(out, presence)

    @torch.no_grad()
    def absorb(self, scale: Tensor, shift: Tensor) -> None:
        """Scale and shift the output by doing so to the values (weights sum to one); absent frames stay zero."""
        self.value.weight *= scale[:, None, None, None]
        self.value.bias = nn.Parameter(shift.detach().clone())


class MultiScaleAttentionTCN(nn.Module):
    """Multi-scale temporal convolution beside temporal self-attention: the hybrid attention module.

    Fang and Wang, section 3.3 and Eq. 9: four branches of a quarter of the channels, each a 1x1 convolution and a
    temporal one, of dilation 1 to 4; in the first two the temporal convolution makes half of the quarter, and
    self-attention over the frames (Eq. 8), of four heads, of the same features the other half.

    Exact rewritings: the 1x1 convolutions and batch norms of the branches are one each, and so are the batch norms at
    the branches' ends; the two attentions are one with two groups.

    Args:
        in_channels, out_channels: Channels of input and output, the latter a multiple of 32.
        stride: Temporal stride.

    Shapes:
        x ``(N*M, C_in, T, V)``, presence ``(N*M, T)`` bool or None; returns ``(N*M, C_out, ceil(T/stride), V)``

    Raises:
        InputError: If 32 does not divide ``out_channels``.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        if out_channels % (8 * HEADS):
            raise InputError(f'MultiScaleAttentionTCN: out_channels must be a multiple of 32, got {out_channels}')
        self.width = width = out_channels // 4
        self.eighth = eighth = out_channels // 8
        self.reduce = ConvBN(in_channels, out_channels)
        self.attention = TemporalSelfAttention(2 * width, width, HEADS, stride, groups=2)
        self.dilated = nn.ModuleList(
            temporal_conv(width, channels, KERNEL, stride, dilation)
            for dilation, channels in enumerate((eighth, eighth, width, width), start=1)
        )
        self.bn: nn.Module = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        reduced = mask_frames(F.relu_(self.reduce(x)), presence)
        first, second = self.attention(reduced[:, : 2 * self.width], presence).chunk(2, dim=1)
        branches = reduced.split(self.width, dim=1)
        local = [conv(branch) for conv, branch in zip(self.dilated, branches, strict=True)]
        return self.bn(torch.cat([first, local[0], second, *local[1:]], dim=1))

    @torch.no_grad()
    def fuse(self) -> None:
        """Fuse the batch norms into the convolutions and the attention's values."""
        if not isinstance(self.bn, nn.BatchNorm2d):
            return
        self.reduce.fuse()
        # where the parts lie in the concatenation, in eighths of the channels
        first, conv_1, second, conv_2, conv_3, conv_4 = (
            slice(start * self.eighth, stop * self.eighth)
            for start, stop in ((0, 1), (1, 2), (2, 3), (3, 4), (4, 6), (6, 8))
        )
        for conv, channels in zip(self.dilated, (conv_1, conv_2, conv_3, conv_4), strict=True):
            fuse_into(conv, self.bn, channels)
        parts = [scale_and_shift(self.bn, channels) for channels in (first, second)]
        self.attention.absorb(*(torch.cat(pair) for pair in zip(*parts, strict=True)))
        self.bn = nn.Identity()
