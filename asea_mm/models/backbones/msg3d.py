"""MS-G3D."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from torch import Tensor, nn

from asea_mm.skeletons import Skeleton

from ...errors import InputError
from ..layers.branched_tcn import BranchedTCN
from ..layers.common import mask_frames
from ..layers.multi_scale import MultiScaleGC, WindowedGC, disentangled_adjacency
from .skeleton_backbone import SkeletonBackbone

WINDOWS = (3, 5)  # frames of the windows of the pathways over windows


class Pathways(nn.Module):
    """The pathways of an MS-G3D block, summed, and ReLU; MS-G3D, Fig. 3a.

    The factorised one is a multi-scale graph convolution and two multi-scale temporal convolutions, the first with
    the stride; the others are graph convolutions over windows, see :class:`WindowedGC`. ``graph_channels`` are those
    behind all graph convolutions, and inside the windows.

    Shapes:
        x ``(N*M, C_in, T, V)``, presence ``(N*M, T)`` bool or None; returns ``(N*M, C_out, ceil(T/stride), V)``
    """

    def __init__(
        self,
        in_channels: int,
        graph_channels: int,
        out_channels: int,
        skeleton: Skeleton,
        stride: int,
        num_scales: int,
        window_scales: int,
    ) -> None:
        super().__init__()
        self.stride = stride
        self.graph = MultiScaleGC(in_channels, graph_channels, disentangled_adjacency(skeleton, num_scales))
        first = BranchedTCN(graph_channels, out_channels, stride)
        self.temporal = nn.ModuleList([first, BranchedTCN(out_channels, out_channels)])
        self.windows = nn.ModuleList()
        for window in WINDOWS:
            adjacency = disentangled_adjacency(skeleton, window_scales, window)
            self.windows.append(WindowedGC(in_channels, graph_channels, out_channels, adjacency, window, stride))

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        kept = presence if presence is None else presence[:, :: self.stride]
        first, second = self.temporal
        y = self.graph(x).transpose(2, 3).contiguous(memory_format=torch.channels_last)
        y = second(F.relu_(first(y, presence)), kept)
        for windowed in self.windows:
            y = y.add_(windowed(x))
        return mask_frames(F.relu_(y), kept)


class MSG3DBlock(nn.Module):
    """Pathways, with the stride, and behind them a multi-scale temporal convolution; MS-G3D, Fig. 3a.

    Shapes:
        x ``(N*M, C_in, T, V)``, presence ``(N*M, T)`` bool or None; returns ``(N*M, C_out, ceil(T/stride), V)``
    """

    def __init__(self, spatial: Pathways, channels: int) -> None:
        super().__init__()
        self.stride = spatial.stride
        self.spatial, self.temporal = spatial, BranchedTCN(channels, channels)

    def forward(self, x: Tensor, num_person: int, presence: Tensor | None = None) -> Tensor:
        kept = presence if presence is None else presence[:, :: self.stride]
        return mask_frames(F.relu_(self.temporal(self.spatial(x, presence), kept)), kept)


@MODELS.register_module()
class MSG3D(SkeletonBackbone):
    """Multi-scale graph convolutions, within frames and across windows of frames.

    Liu et al., "Disentangling and Unifying Graph Convolutions for Skeleton-Based Action Recognition", CVPR 2020:
    three blocks of three pathways: within a frame, and over windows of three and of five frames. Graph convolutions
    keep the channels and what follows them widens; only in the first block, whose input are coordinates, they go to
    the block's width at once.

    A number of scales above the diameter of the skeleton plus one means all there are: 12 of the paper's 13 with
    NTU's 25 joints, 8 with SBU's 15. With Kinetics' joints the paper has 8 scales both within frames and in windows.

    Args:
        channels: Output channels of every block, multiples of six.
        num_scales, window_scales: Largest number of scales within a frame and in a window, positive.
        layout, in_channels, strides, data_bn, init_cfg: See :class:`SkeletonBackbone`, as for shapes and errors.
    """

    def __init__(
        self,
        layout: str | Mapping | Skeleton = 'nturgbd25',
        in_channels: int = 3,
        channels: Sequence[int] = (96, 192, 384),
        strides: Sequence[int] | None = None,
        num_scales: int = 13,
        window_scales: int = 6,
        data_bn: bool = True,
        init_cfg: Mapping | None = None,
    ) -> None:
        if num_scales < 1 or window_scales < 1:
            raise InputError(f'MSG3D: numbers of scales must be positive, got {num_scales} and {window_scales}')
        self.scales = (num_scales, window_scales)
        super().__init__(layout, in_channels, data_bn, channels, strides, init_cfg)

    def block(self, k: int, in_channels: int, out_channels: int, stride: int) -> MSG3DBlock:
        channels = (in_channels, in_channels if k else out_channels, out_channels)
        return MSG3DBlock(Pathways(*channels, self.skeleton, stride, *self.scales), out_channels)
