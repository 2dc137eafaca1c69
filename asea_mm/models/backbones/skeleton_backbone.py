"""What the graph convolutional backbones share: the way from keypoints to blocks, for any number of persons."""

import math
from collections.abc import Mapping, Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from asea_mm.skeletons import Skeleton, get_skeleton

from ...errors import InputError
from ..layers.common import check_keypoints, mask_frames, partial_presence, presence_of
from .graph_block import GraphBlock

WIDTHS = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256)  # of CTR-GCN, ASEA and the networks that follow them


class SkeletonBackbone(BaseModule):
    """Batch norm of the keypoints, then blocks in which persons are fused into the batch.

    Subclasses give :meth:`spatial` and :meth:`temporal`, or :meth:`block`. A block is called with
    ``(x, num_person, presence)``, has the attribute ``stride``, and leaves absent frames zero; the module that mixes
    its joints is its attribute ``spatial``, after whose output other parts may be put. A subclass whose blocks want to
    know where the joints are says how many ``coordinates`` its input begins with; the blocks are then given these, too.

    Persons share all weights and statistics, so the model is equivariant to their order. Persons and frames that are
    absent (all-zero keypoints) are zero in the output, and in evaluation leave the features of the others unchanged.
    In training the statistics of batch norms count their zeros, as those of mmaction2's networks do.

    Args:
        layout: Skeleton layout: a name, or a dictionary of :class:`asea_mm.skeletons.Skeleton` fields.
        in_channels: Channels of the input, 3 for a 3-D stream, more for early-fused streams.
        data_bn: Batch norm of the input, every channel of every joint on its own, as the papers have it. It brings what
            hardly moves to the size of what moves most, noise of the hips to that of the hands. Without it the input
            keeps its proportions; keypoints should then be in metres or normalised.
        channels: Output channels of every block.
        strides: Temporal stride of every block, as many as ``channels``; default 2 where the channels grow.
        init_cfg: As of mmengine's ``BaseModule``.

    Shapes:
        x ``(N, M, T, V, C)`` (N is batch times clips), presence ``(N, M, T)`` bool, default: where x is not all zero;
        returns ``(N, M, C', T', V)``, which mmaction2's ``GCNHead`` takes

    Raises:
        InputError: If there are not as many strides as channels, or the input has other joints or channels.
    """

    coordinates = 0

    def __init__(
        self,
        layout: str | Mapping | Skeleton = 'nturgbd25',
        in_channels: int = 3,
        data_bn: bool = True,
        channels: Sequence[int] = WIDTHS,
        strides: Sequence[int] | None = None,
        init_cfg: Mapping | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.skeleton = get_skeleton(layout)
        self.in_channels = in_channels
        self.data_bn = nn.BatchNorm1d(in_channels * self.skeleton.num_joints) if data_bn else nn.Identity()
        if strides is None:
            strides = [2 if k > 0 and channels[k] > channels[k - 1] else 1 for k in range(len(channels))]
        if len(strides) != len(channels):
            name = type(self).__name__
            raise InputError(f'{name}: expected as many strides as channels, {len(channels)}, got {len(strides)}')
        self.strides, self.temporal_stride = list(strides), math.prod(strides)
        sizes = zip([in_channels, *channels[:-1]], channels, strides, strict=True)
        self.blocks = nn.ModuleList(self.block(k, *size) for k, size in enumerate(sizes))

    def block(self, k: int, in_channels: int, out_channels: int, stride: int) -> nn.Module:
        """Block k, from 0, of a spatial and a temporal part."""
        spatial, temporal = self.spatial(in_channels, out_channels), self.temporal(out_channels, stride)
        return GraphBlock(in_channels, out_channels, stride, spatial, temporal, residual=k > 0)

    def spatial(self, in_channels: int, out_channels: int) -> nn.Module:
        """What mixes the joints in a block, see :class:`GraphBlock`."""
        raise NotImplementedError

    def temporal(self, channels: int, stride: int) -> nn.Module:
        """What mixes the frames in a block."""
        raise NotImplementedError

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        check_keypoints(x, self.skeleton, self.in_channels, type(self).__name__)
        n, m, t, v, c = x.shape
        presence = partial_presence(presence_of(x) if presence is None else presence)
        presence = presence if presence is None else presence.reshape(n * m, t)
        places = [x[..., : self.coordinates].reshape(n * m, t, v, -1)] if self.coordinates else []
        # Channels come last in memory, from here to the end: batch norm, gathering of joints and most convolutions
        # are faster so.
        x = self.data_bn(x.reshape(n * m * t, v * c)).view(n * m, t, v, c).permute(0, 3, 1, 2)
        x = mask_frames(x, presence)
        for block in self.blocks:
            x = block(x, m, presence, *places)
            presence = presence if presence is None else presence[:, :: block.stride]
            places = [positions[:, :: block.stride] for positions in places]
        return x.view(n, m, *x.shape[1:])
