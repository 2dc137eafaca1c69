"""A clip as the quantiles of its channels over time: features without parameters."""

from collections.abc import Mapping, Sequence

import torch
from mmaction.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from asea_mm.skeletons import Skeleton, get_skeleton

from ...errors import InputError
from ..layers.common import check_keypoints, presence_of


@MODELS.register_module()
class ClipStatistics(BaseModule):
    """Quantiles over time of every channel of every joint of every person, side by side in one vector.

    What happened when is left out, so that clips need not be aligned in time: of a punch it is kept how far and how
    fast the hand went, not in which frame. There is nothing to learn. Frames in which a person is absent do not count;
    a person who never appears has zeros. Put :class:`KernelRidgeHead` behind it.

    Args:
        layout: Skeleton layout, as of :class:`SkeletonBackbone`.
        in_channels: Channels of the input.
        quantiles: Which quantiles, from 0 (the minimum) to 1 (the maximum). The extremes are where a sensor that
            lost a limb for a frame or two shows most.

    Shapes:
        x ``(N, M, T, V, C)`` (N is batch times clips), presence ``(N, M, T)`` bool, default: where x is not all zero;
        returns ``(N, M * V * C * quantiles)``, in the units of the input

    Raises:
        InputError: If there is no quantile, or one outside of 0 to 1; if the input has other joints or channels.
    """

    def __init__(
        self,
        layout: str | Mapping | Skeleton = 'nturgbd25',
        in_channels: int = 3,
        quantiles: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
    ) -> None:
        super().__init__()
        if not quantiles or not all(0 <= quantile <= 1 for quantile in quantiles):
            raise InputError(f'ClipStatistics: expected quantiles from 0 to 1, got {quantiles}')
        self.skeleton = get_skeleton(layout)
        self.in_channels = in_channels
        self.register_buffer('quantiles', torch.tensor(quantiles, dtype=torch.float32), persistent=False)

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        check_keypoints(x, self.skeleton, self.in_channels, 'ClipStatistics')
        presence = presence_of(x) if presence is None else presence
        # torch.nanquantile is slow and does not survive an export
        ordered = x.float().masked_fill(~presence[..., None, None], torch.inf).sort(dim=2).values
        count = presence.sum(dim=2)
        place = self.quantiles * (count[..., None] - 1).clamp(min=0)  # (N, M, quantiles), in frames
        below, above = (_take(ordered, index) for index in (place.floor(), place.ceil()))
        # not lerp, which makes NaN of two infinities
        between = below * (1 - place.frac())[..., None, None] + above * place.frac()[..., None, None]
        between = torch.where(count[..., None, None, None] > 0, between, 0)
        return between.movedim(2, -1).flatten(1)


def _take(ordered: Tensor, index: Tensor) -> Tensor:
    """Frames of each person, (N, M, quantiles, V, C) of (N, M, T, V, C)."""
    wanted = index.long()[..., None, None].expand(*index.shape, *ordered.shape[3:])
    return ordered.gather(2, wanted)
