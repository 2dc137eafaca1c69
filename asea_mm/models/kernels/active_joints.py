"""The selection of active joints as one operator of PyTorch, for GPUs."""

import torch
from torch import Tensor

from .support import compiled_types

BLOCK_FRAMES, BLOCK_CHANNELS, WARPS = 4, 16, 4


def select_joints(
    x: Tensor, presence: Tensor | None, alpha: Tensor, gamma: float, velocity: bool, rounding: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    r"""Mask, score and threshold of Eq. 3-8 of ASEA in one launch, in which the features are read once.

    No gradients: what the straight-through mask has with respect to alpha is the slope that is returned.

    Args:
        x: Features, of any floating type; all is computed in float32 (float64 for features in float64).
        presence: Frames in which the persons are there, or None: all.
        alpha: The threshold parameter of Eq. 7.
        gamma: Sharpness of the temporal weights, Eq. 5.
        velocity: Whether the features' change between frames is scored instead of their amplitude.
        rounding: Share of the highest score up to which scores count as equal.

    Shapes:
        x ``(N*M, C, T, V)``, presence ``(N*M, T)`` bool, alpha scalar; returns mask ``(N*M, V)`` bool, score
        ``(N*M, V)``, threshold ``(N*M,)``, and slope ``(N*M, V)``: of active joints the derivative of
        :math:`\mathrm{sigmoid}((S - \tau) / \sigma)` with respect to alpha, of others zero
    """
    return _select(x.detach().permute(0, 2, 3, 1), presence, alpha.detach(), gamma, velocity, rounding)


@torch.library.custom_op('asea_mm::select_joints', mutates_args=())
def _select(
    x: Tensor, presence: Tensor | None, alpha: Tensor, gamma: float, velocity: bool, rounding: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    from .joint_kernels import select

    persons, frames, joints, channels = x.shape
    mask, score, threshold, slope = _results(x)
    if not persons:
        return mask, score, threshold, slope
    x = x.contiguous()
    there = x if presence is None else presence.contiguous().view(torch.int8)
    limits = torch.finfo(score.dtype)
    block_joints = max(16, 1 << (joints - 1).bit_length())
    with torch.cuda.device_of(x):
        select[(persons,)](
            *(x, there, alpha, mask.view(torch.int8), score, threshold, slope, frames, joints, channels),
            gamma=gamma,
            rounding=rounding,
            lowest=limits.min,
            tiny=limits.tiny,
            number=compiled_types(x.dtype)['number'],
            velocity=velocity,
            everywhere=presence is None,
            block_frames=BLOCK_FRAMES,
            block_joints=block_joints,
            block_channels=BLOCK_CHANNELS,
            num_warps=WARPS,
        )
    return mask, score, threshold, slope


@_select.register_fake
def _results(x, *_):
    score = x.new_empty(x.shape[0], x.shape[2], dtype=torch.promote_types(x.dtype, torch.float32))
    return torch.empty_like(score, dtype=torch.bool), score, score.new_empty(x.shape[0]), torch.empty_like(score)
