"""The backbone of the first paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from torch import Tensor, nn

from asea_mm.skeletons import Skeleton

from ..layers.common import ConvBN, mask_frames
from ..layers.interaction import AEA
from ..layers.spatial import CTRGC
from ..layers.temporal import MultiScaleTCN, max_over_time
from .skeleton_backbone import SkeletonBackbone, strides_of

DOWNSAMPLES = ('pool', 'conv')
INTERACTION_OPTIONS = ('qk_channels', 'gamma', 'alpha', 'score', 'threshold_grad', 'form')


class ASEABlock(nn.Module):
    """Spatial graph convolution, attention between persons if any, temporal convolution, residual; ASEA, Fig. 2.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        adjacency: Graph subsets ``(K, V, V)``.
        stride: Temporal stride.
        residual: Whether the block has a residual around it.
        interaction: Options of :class:`AEA`, or None for a block that treats persons apart.
        temporal_form: Form of :class:`MultiScaleTCN`.
        downsample: Where frames become fewer, see :class:`ASEA`.

    Shapes:
        x ``(N*M, C_in, T, V)``, not negative if ``stride`` is not 1; presence ``(N*M, T)`` bool or None;
        returns ``(N*M, C_out, ceil(T/stride), V)``
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        adjacency: Tensor,
        stride: int,
        residual: bool,
        interaction: Mapping | None,
        temporal_form: str,
        downsample: str,
    ) -> None:
        super().__init__()
        self.stride = stride
        self.pools = stride != 1 and downsample == 'pool'
        if self.pools:
            stride = 1
        self.spatial = CTRGC(in_channels, out_channels, adjacency)
        self.interaction = AEA(out_channels, **interaction) if interaction is not None else None
        self.temporal = MultiScaleTCN(out_channels, out_channels, stride, temporal_form)
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


@MODELS.register_module()
class ASEA(SkeletonBackbone):
    """Active node selection with external attention: the backbone of the first paper (Fig. 2).

    Ten blocks of CTR-GC, AEA and multi-scale temporal convolution.

    Args:
        layout: Skeleton layout: a name, or a dictionary of :class:`asea_mm.skeletons.Skeleton` fields.
        in_channels: Channels of the input, 3 for a 3-D stream, more for early-fused streams.
        channels: Output channels of every block.
        strides: Temporal stride of every block, as many as ``channels``; default 2 where the channels grow.
        interaction: Options of :class:`AEA` without its ``channels``; None is the paper's "Baseline".
        interaction_blocks: Blocks, from 0, that have AEA; default all.
        temporal_form: Form of :class:`MultiScaleTCN`, ``'pool'`` or ``'stacked'``.
        downsample: Where a block with a stride makes frames fewer; the paper does not say. ``'pool'``: max-pooling
            over three frames at its start, so that all of it runs on fewer frames. ``'conv'``: stride of the temporal
            convolution at its end, as in CTR-GCN. By Table 3 of the paper, ASEA without its AEA needs about half
            the arithmetic of CTR-GCN, so it must be leaner somewhere.
        init_cfg: As of mmengine's ``BaseModule``.

    Shapes:
        as of :class:`SkeletonBackbone`

    Raises:
        ValueError: If lists do not fit each other, an option is unknown, or the input's joints are not the layout's.
    """

    def __init__(
        self,
        layout: str | Mapping | Skeleton = 'nturgbd25',
        in_channels: int = 3,
        channels: Sequence[int] = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256),
        strides: Sequence[int] | None = None,
        interaction: Mapping | None = MappingProxyType({}),
        interaction_blocks: Sequence[int] | None = None,
        temporal_form: str = 'pool',
        downsample: str = 'pool',
        init_cfg: Mapping | None = None,
    ) -> None:
        super().__init__(layout, in_channels, init_cfg)
        inputs = [in_channels, *channels[:-1]]
        strides = strides_of(channels, strides, 'ASEA')
        if interaction is not None:
            interaction = dict(interaction)
            if unknown := sorted(set(interaction) - set(INTERACTION_OPTIONS)):
                raise ValueError(f'ASEA: unknown interaction options {unknown}; known are {INTERACTION_OPTIONS}')
        if downsample not in DOWNSAMPLES:
            raise ValueError(f'ASEA: downsample must be one of {DOWNSAMPLES}, got {downsample!r}')
        blocks = range(len(channels))
        chosen = set(blocks if interaction_blocks is None else interaction_blocks)
        if not chosen <= set(blocks):
            raise ValueError(f'ASEA: interaction_blocks must be within 0..{len(channels) - 1}, got {sorted(chosen)}')
        adjacency = torch.from_numpy(self.skeleton.adjacency())
        self.blocks = nn.ModuleList(
            ASEABlock(
                inputs[k],
                channels[k],
                adjacency,
                strides[k],
                residual=k > 0,
                interaction=interaction if k in chosen else None,
                temporal_form=temporal_form,
                downsample=downsample,
            )
            for k in blocks
        )
