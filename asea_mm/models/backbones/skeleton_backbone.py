"""What the graph convolutional backbones share: the way from keypoints to blocks, for any number of persons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from asea_mm.skeletons import Skeleton, get_skeleton

from ...errors import InputError
from ..layers.common import mask_frames, presence_of


def strides_of(channels: Sequence[int], strides: Sequence[int] | None, name: str) -> list[int]:
    """Temporal strides of the blocks; by default 2 where the channels grow.

    Raises:
        ValueError: If there are not as many strides as channels; ``name`` is the backbone's, for the message.
    """
    if strides is None:
        return [2 if k > 0 and channels[k] > channels[k - 1] else 1 for k in range(len(channels))]
    if len(strides) != len(channels):
        raise InputError(f'{name}: expected as many strides as channels, {len(channels)}, got {len(strides)}')
    return list(strides)


class SkeletonBackbone(BaseModule):
    """Batch norm of the keypoints, then blocks in which persons are fused into the batch.

    Subclasses set ``blocks``. A block is called with ``(x, num_person, presence)``, has the attribute ``stride``,
    and leaves absent frames zero; the module that mixes its joints is its attribute ``spatial``, after whose output
    other parts may be put.

    Persons share all weights and statistics, so the model is equivariant to their order. Persons and frames that are
    absent (all-zero keypoints) leave the features of the others unchanged and are zero in the output.

    Args:
        layout: Skeleton layout: a name, or a dictionary of :class:`asea_mm.skeletons.Skeleton` fields.
        in_channels: Channels of the input, 3 for a 3-D stream, more for early-fused streams.
        data_bn: Batch norm of the input, every channel of every joint on its own, as the papers have it. It brings what
            hardly moves to the size of what moves most, noise of the hips to that of the hands. Without it the input
            keeps its proportions; keypoints should then be in metres or normalised.
        init_cfg: As of mmengine's ``BaseModule``.

    Shapes:
        x ``(N, M, T, V, C)`` (N is batch times clips), presence ``(N, M, T)`` bool, default: where x is not all zero;
        returns ``(N, M, C', T', V)``, which mmaction2's ``GCNHead`` takes

    Raises:
        ValueError: If the input's joints are not the layout's or its channels are others.
    """

    blocks: nn.ModuleList

    def __init__(
        self,
        layout: str | Mapping | Skeleton,
        in_channels: int = 3,
        data_bn: bool = True,
        init_cfg: Mapping | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.skeleton = get_skeleton(layout)
        self.in_channels = in_channels
        self.data_bn = nn.BatchNorm1d(in_channels * self.skeleton.num_joints) if data_bn else nn.Identity()

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        n, m, t, v, c = x.shape
        if v != self.skeleton.num_joints or c != self.in_channels:
            raise InputError(
                f'{type(self).__name__}: expected {self.skeleton.num_joints} joints ({self.skeleton.name}) and '
                f'{self.in_channels} channels, got {v} and {c}'
            )
        presence = presence_of(x) if presence is None else presence
        presence = presence.reshape(n * m, t)
        if not torch.compiler.is_compiling() and bool(presence.all()):
            presence = None  # the common case, without masks
        # Channels come last in memory, from here to the end: batch norm, gathering of joints and most convolutions
        # are faster so.
        x = self.data_bn(x.reshape(n * m * t, v * c)).view(n * m, t, v, c).permute(0, 3, 1, 2)
        x = mask_frames(x, presence)
        for block in self.blocks:
            x = block(x, m, presence)
            presence = presence if presence is None else presence[:, :: block.stride]
        return x.view(n, m, *x.shape[1:])
