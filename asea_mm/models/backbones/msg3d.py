"""MS-G3D."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from torch import Tensor, nn

from asea_mm.skeletons import Skeleton

from ...errors import InputError
from ..layers.branched_tcn import dilated_tcn
from ..layers.common import mask_frames
from ..layers.multi_scale import MultiScaleGC, WindowedGC, disentangled_adjacency
from .skeleton_backbone import SkeletonBackbone


class Pathways(nn.Module):
    """The pathways of an MS-G3D block, summed, and ReLU; MS-G3D, Fig. 3a.

    The factorised one is a multi-scale graph convolution and two multi-scale temporal convolutions, the first with
    the stride; the others are graph convolutions over windows, see :class:`WindowedGC`.

    Args:
        in_channels: Channels of the input.
        graph_channels: Channels behind the graph convolutions, within frames and within windows.
        out_channels: Channels of the output.
        skeleton: Skeleton layout.
        stride: Temporal stride.
        num_scales: Largest number of scales within a frame.
        windows: Frames of the windows of each further pathway.
        window_scales: Largest number of scales in a window.

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
        windows: Sequence[int],
        window_scales: int,
    ) -> None:
        super().__init__()
        self.stride = stride
        bones, joints = skeleton.bone_indices, skeleton.num_joints
        self.graph = MultiScaleGC(in_channels, graph_channels, disentangled_adjacency(bones, joints, num_scales))
        self.temporal = nn.ModuleList(
            [dilated_tcn(graph_channels, out_channels, stride), dilated_tcn(out_channels, out_channels)]
        )
        self.windows = nn.ModuleList(
            WindowedGC(
                in_channels,
                graph_channels,
                out_channels,
                disentangled_adjacency(bones, joints, window_scales, window),
                window,
                stride,
            )
            for window in windows
        )

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        kept = presence if presence is None else presence[:, :: self.stride]
        first, second = self.temporal
        y = self.graph(x).transpose(2, 3).contiguous(memory_format=torch.channels_last)
        y = second(F.relu_(first(y, presence)), kept)
        for windowed in self.windows:
            y = y.add_(windowed(x))
        return mask_frames(F.relu_(y), kept)


class MSG3DBlock(nn.Module):
    """Pathways and a multi-scale temporal convolution; MS-G3D, Fig. 3a.

    Args:
        spatial: The pathways, with the stride: what follows them already runs on fewer frames.
        channels: Channels behind the pathways and of the output.

    Shapes:
        x ``(N*M, C_in, T, V)``, presence ``(N*M, T)`` bool or None; returns ``(N*M, C_out, ceil(T/stride), V)``
    """

    def __init__(self, spatial: Pathways, channels: int) -> None:
        super().__init__()
        self.stride = spatial.stride
        self.spatial = spatial
        self.temporal = dilated_tcn(channels, channels)

    def forward(self, x: Tensor, num_person: int, presence: Tensor | None = None) -> Tensor:
        kept = presence if presence is None else presence[:, :: self.stride]
        return mask_frames(F.relu_(self.temporal(self.spatial(x, presence), kept)), kept)


@MODELS.register_module()
class MSG3D(SkeletonBackbone):
    """Multi-scale graph convolutions, within frames and across windows of frames.

    Liu et al., "Disentangling and Unifying Graph Convolutions for Skeleton-Based Action Recognition", CVPR 2020:
    three blocks of three pathways. Graph convolutions keep the channels and what follows them widens; only in the
    first block, whose input are coordinates, they go to the block's width at once.

    A number of scales above the diameter of the skeleton plus one means all there are: 12 of the paper's 13 with
    NTU's 25 joints, 8 with SBU's 15. With Kinetics' joints the paper has 8 scales both within frames and in windows.

    Args:
        channels: Output channels of every block, multiples of six.
        num_scales: Largest number of scales within a frame.
        windows: Frames of the windows of each pathway over windows, odd; none leaves the factorised pathway.
        window_scales: Largest number of scales in a window.
        layout, in_channels, strides, data_bn, init_cfg: See :class:`SkeletonBackbone`.

    Shapes:
        as of :class:`SkeletonBackbone`

    Raises:
        InputError: If lists do not fit each other, a number of scales is not positive or a window is even, channels
            are no multiples of six, or the input's joints are not the layout's.
    """

    def __init__(
        self,
        layout: str | Mapping | Skeleton = 'nturgbd25',
        in_channels: int = 3,
        channels: Sequence[int] = (96, 192, 384),
        strides: Sequence[int] | None = None,
        num_scales: int = 13,
        windows: Sequence[int] = (3, 5),
        window_scales: int = 6,
        data_bn: bool = True,
        init_cfg: Mapping | None = None,
    ) -> None:
        if num_scales < 1 or window_scales < 1:
            raise InputError(f'MSG3D: numbers of scales must be positive, got {num_scales} and {window_scales}')
        self.num_scales, self.windows, self.window_scales = num_scales, tuple(windows), window_scales
        super().__init__(layout, in_channels, data_bn, channels, strides, init_cfg)

    def block(self, k: int, in_channels: int, out_channels: int, stride: int) -> MSG3DBlock:
        graph_channels = in_channels if k else out_channels
        scales = (self.num_scales, self.windows, self.window_scales)
        return MSG3DBlock(
            Pathways(in_channels, graph_channels, out_channels, self.skeleton, stride, *scales), out_channels
        )
