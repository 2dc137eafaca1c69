"""Graph convolutions over several distances at once, within a frame and across a window of frames."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asea_mm.skeletons import Skeleton

from .common import ConvBN, FusedNorm, scale_and_shift


def disentangled_adjacency(skeleton: Skeleton, num_scales: int, window: int = 1) -> Tensor:
    r"""k-adjacencies of a skeleton, k = 0, 1, ..., normalised; of its copies in a window of frames if asked for.

    .. math::
        [\tilde A_{(k)}]_{ij} = [d(i, j) = k] + [i = j, k \ne 0], \qquad
        \hat A_{(k)} = \tilde D_{(k)}^{-1/2} \tilde A_{(k)} \tilde D_{(k)}^{-1/2}

    MS-G3D, Eq. 4-6 and 8. In a window every joint is linked to itself and its neighbours in all frames, so d is the
    distance along the bones, and 1 between a joint and itself in another frame. A scale that no pair of joints
    has (larger than the graph's diameter) would only repeat scale 0; it is left out.

    Shapes:
        returns ``(K, W*V, W*V)`` for windows of W frames, float32, K at most ``num_scales``
    """
    linked = np.tile(skeleton.adjacency().sum(axis=0) > 0, (window, window))
    itself = np.eye(len(linked), dtype=bool)
    scales, within = [itself], itself
    while len(scales) < num_scales:
        reached = within @ linked
        if (reached == within).all():
            break
        scales.append((reached & ~within) | itself)
        within = reached
    adjacency = np.stack(scales).astype(np.float32)
    degree = adjacency.sum(axis=2) ** -0.5
    return torch.from_numpy(degree[:, :, None] * adjacency * degree[:, None, :])


class MultiScaleGC(nn.Module):
    r"""Disentangled multi-scale graph convolution over windows of frames, batch norm, ReLU.

    .. math::
        y_t = \mathrm{ReLU}\bigl(\mathrm{BN}(\textstyle\sum_k (\hat A_{(k)} + A^{res}_{(k)}) X_t \Theta_{(k)})\bigr)

    MS-G3D, Eq. 5 (a window of one frame: the multi-scale graph convolution) and Eq. 9 (G3D). :math:`X_t` are the
    joints of the frames around t, those outside the clip zero, and the output has all of them, too.

    The exact rewriting that makes it fast: aggregation over a window is one convolution of the clip with a kernel
    of the window's size, all scales in it, so windows are never copied out; and :math:`\Theta` is applied to every
    frame once, not once for every window that it is in (where the channels grow, aggregation goes first and is
    cheaper so).

    Args:
        in_channels, out_channels: Channels of input and output.
        adjacency: K scales ``(K, W*V, W*V)``, see :func:`disentangled_adjacency`; row i gathers from columns j.
        window: Frames W of a window, odd.
        stride: Frames from window to window.

    Shapes:
        x ``(N*M, C_in, T, V)``, zero in absent frames; returns ``(N*M, C_out, W*V, ceil(T/stride))``
    """

    adjacency: Tensor

    def __init__(
        self, in_channels: int, out_channels: int, adjacency: Tensor, window: int = 1, stride: int = 1
    ) -> None:
        super().__init__()
        self.window, self.stride = window, stride
        self.register_buffer('adjacency', adjacency.clone())
        self.mask = nn.Parameter(torch.empty_like(adjacency).uniform_(-1e-6, 1e-6))  # A_res, around zero
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, len(adjacency)))
        # He, by the incoming ones: batch norm follows, so only the proportions matter
        nn.init.normal_(self.weight, std=math.sqrt(2 / (in_channels * len(adjacency))))
        self.bn: nn.Module = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        total, channels, frames, joints = x.shape
        width, _, scales = self.weight.shape
        # from the joints of a window's frames to the joints of the window, frames last: (K, W*V, V, W)
        kernel = (self.adjacency + self.mask).unflatten(2, (self.window, joints)).transpose(2, 3)
        # every channel is aggregated by itself: channels go into the batch, frames last in memory
        x = x.transpose(2, 3).contiguous()
        if channels < width:
            y = self._aggregate(x.view(total * channels, joints, frames), kernel.flatten(0, 1))
            y = y.view(total, channels * scales, kernel.shape[1], y.shape[2])
            y = F.conv2d(y, self.weight.flatten(1)[:, :, None, None])
        else:
            y = F.conv2d(x, self.weight.transpose(1, 2).flatten(0, 1)[:, :, None, None]).contiguous()
            y = self._aggregate(y.view(total * width, scales * joints, frames), kernel.transpose(0, 1).flatten(1, 2))
            y = y.view(total, width, kernel.shape[1], y.shape[2])
        return F.relu_(self.bn(y))

    def _aggregate(self, x: Tensor, kernel: Tensor) -> Tensor:
        """Convolution over windows, ``(..., I, T)`` and ``(O, I, W)`` to ``(..., O, T')``."""
        return F.conv1d(x, kernel, stride=self.stride, padding=self.window // 2).contiguous()

    @torch.no_grad()
    def fuse(self) -> None:
        """Fuse the batch norm: its scale commutes with the graph, its shift stays."""
        if isinstance(self.bn, nn.BatchNorm2d):
            scale, shift = scale_and_shift(self.bn)
            self.weight *= scale[:, None, None]
            self.bn = FusedNorm(None, shift)


class WindowedGC(nn.Module):
    """G3D: multi-scale graph convolution over windows of frames, each window then read out into one frame.

    MS-G3D, section 3.3: the read-out is a fully connected layer over the window's frames, and batch norm.

    Args:
        in_channels, window_channels, out_channels: Channels of the input, inside the window and of the output.
        adjacency, window, stride: See :class:`MultiScaleGC`.

    Shapes:
        x ``(N*M, C_in, T, V)``, zero in absent frames; returns ``(N*M, C_out, ceil(T/stride), V)``
    """

    def __init__(
        self, in_channels: int, window_channels: int, out_channels: int, adjacency: Tensor, window: int, stride: int
    ) -> None:
        super().__init__()
        self.window = window
        self.graph = MultiScaleGC(in_channels, window_channels, adjacency, window, stride)
        self.collapse = ConvBN(window_channels * window, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.graph(x)
        y = y.view(x.shape[0], y.shape[1] * self.window, x.shape[3], y.shape[3])  # (N*M, C*W, V, T')
        return self.collapse(y).transpose(2, 3)
