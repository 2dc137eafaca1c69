"""Which joints of a person are active."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError
from ..kernels import select_joints, takes_kernels
from .common import check_option

SCORES = ('amplitude', 'velocity', 'all')
THRESHOLD_GRADS = ('ste', 'none')
ROUNDING = 64  # units in the last place that the scores of equal joints may differ by


class ActiveJoints(NamedTuple):
    """What :class:`ATNAC` found, per person.

    Shapes:
        mask ``(N*M, V)`` bool: M of Eq. 8.
        weight ``(N*M, V)``: the mask as numbers, which carry the gradient to alpha.
        score ``(N*M, V)``: S of Eq. 6.
        threshold ``(N*M,)``: tau of Eq. 7.
    """

    mask: Tensor
    weight: Tensor
    score: Tensor
    threshold: Tensor


@MODELS.register_module()
class ATNAC(nn.Module):
    r"""Adaptive temporal node amplitude calculation: selects the active joints of every person.

    .. math::
        E_{t,n} &= \lVert x_{:,t,n} \rVert_2, \quad V_t = \mathrm{Var}_n(E_{t,n}), \quad
        W_t = \mathrm{softmax}_t(\gamma V_t), \quad S_n = \textstyle\sum_t W_t E_{t,n} \\
        \tau &= \mu(S) + \alpha \sigma(S), \qquad M_n = [S_n > \tau]

    ASEA, Eq. 3-8, with population variance and deviation. If no joint passes, the one with the highest S is taken;
    if all score the same but for rounding, the first. Frames in which the person is absent carry no weight; of a
    person who is never present no joint is active.

    The mask is a step, so the task's loss gives :math:`\alpha` no gradient. With ``threshold_grad='ste'`` the mask
    is exact in the forward pass, and in the backward pass that of an active joint has the gradient of
    :math:`\mathrm{sigmoid}((S - \tau) / \sigma)` with respect to :math:`\alpha`. That of an inactive joint has none,
    as nothing is computed from it (our choice), and the features are not pushed towards or away from the threshold.
    With ``'none'``, the paper to the letter, only :class:`ThresholdRegularization` moves :math:`\alpha`; its gradient
    of the task is zero.

    On a GPU all of it is one kernel; ``kernels`` says whether it is taken, see :func:`set_kernels`.

    Args:
        gamma: Sharpness of the temporal weights, Eq. 5, above 0.
        alpha: Start of the trainable threshold parameter, Eq. 7.
        score: ``'amplitude'`` (Eq. 3), ``'velocity'`` (the features' change between frames instead of their
            amplitude; Table 5's "node velocity" may as well be that of the keypoints) or ``'all'`` (every joint of a
            present person, Table 4 "w/o AT-NAC").
        threshold_grad: ``'ste'`` or ``'none'``.

    Shapes:
        x ``(N*M, C, T, V)``, presence ``(N*M, T)`` bool or None (all present); returns :class:`ActiveJoints`

    Raises:
        InputError: On an unknown score or threshold_grad, or a gamma that is not positive.
    """

    def __init__(
        self, gamma: float = 1.0, alpha: float = 0.5, score: str = 'amplitude', threshold_grad: str = 'ste'
    ) -> None:
        super().__init__()
        check_option('ATNAC: score', score, SCORES)
        check_option('ATNAC: threshold_grad', threshold_grad, THRESHOLD_GRADS)
        if gamma <= 0:
            raise InputError(f'ATNAC: gamma must be positive, got {gamma}')
        self.gamma, self.score, self.threshold_grad = gamma, score, threshold_grad
        self.kernels = 'auto'
        # without selection there is no threshold to learn
        self.alpha = nn.Parameter(torch.tensor(float(alpha))) if score != 'all' else None

    @torch.no_grad()
    def node_score(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        """S of Eq. 3-6, ``(N*M, V)``; sums run in float32 at least, also under autocast."""
        dtype = torch.promote_types(x.dtype, torch.float32)
        if self.score == 'velocity':
            moved = x[:, :, 1:] - x[:, :, :-1]
            x = F.pad(moved, (0, 0, 0, 1))
            if presence is not None:
                both = presence[:, 1:] & presence[:, :-1]
                x = x * F.pad(both, (0, 1))[:, None, :, None]
        energy = torch.linalg.vector_norm(x, dim=1, dtype=dtype)
        # several times as fast as var() over so few numbers
        variance = (energy - energy.mean(dim=2, keepdim=True)).square().mean(dim=2)
        logits = self.gamma * variance
        if presence is not None:  # finite, so that the softmax of a person who is never present is no NaN
            logits = logits.masked_fill(~presence, torch.finfo(dtype).min)
        weight = torch.softmax(logits, dim=1)
        return (weight[:, :, None] * energy).sum(dim=1)  # no matrix product: autocast would take it in half precision

    def _fused(self, x: Tensor, presence: Tensor | None, alpha: Tensor) -> ActiveJoints:
        """All of it by one kernel."""
        rounding = ROUNDING * torch.finfo(torch.promote_types(x.dtype, torch.float32)).eps
        velocity = self.score == 'velocity'
        mask, score, threshold, slope = select_joints(x, presence, alpha, self.gamma, velocity, rounding)
        # the difference is exactly zero
        slope = slope if self.threshold_grad == 'ste' else torch.zeros_like(slope)
        weight = mask.to(score.dtype) + slope * (alpha - alpha.detach()).to(score.dtype)
        return ActiveJoints(mask, weight, score, threshold)

    def forward(self, x: Tensor, presence: Tensor | None = None) -> ActiveJoints:
        if self.alpha is not None and takes_kernels(self.kernels, x, 'ATNAC'):
            return self._fused(x, presence, self.alpha)
        score = self.node_score(x, presence)
        highest = score.amax(dim=1)
        differ = highest - score.amin(dim=1) > ROUNDING * torch.finfo(score.dtype).eps * highest
        sigma = score.std(dim=1, correction=0) * differ
        if self.alpha is None:
            mask, threshold = torch.ones_like(score, dtype=torch.bool), torch.full_like(sigma, -math.inf)
        else:
            alpha = self.alpha if self.threshold_grad == 'ste' else self.alpha.detach()
            threshold = score.mean(dim=1) + alpha.to(score.dtype) * sigma
            mask = (score > threshold[:, None]) & differ[:, None]
            top = F.one_hot((score * differ[:, None]).argmax(dim=1), score.shape[1]).bool()
            mask = mask | (top & ~mask.any(dim=1, keepdim=True))
        if presence is not None:
            mask = mask & presence.any(dim=1)[:, None]
        weight = mask.to(score.dtype)
        if self.alpha is not None and self.threshold_grad == 'ste' and torch.is_grad_enabled():
            # (S - tau) / sigma, and alpha is not divided: its gradient stays finite where all joints score the same
            scale = sigma.clamp(min=torch.finfo(sigma.dtype).tiny)
            distance = (score - score.mean(dim=1, keepdim=True)) / scale[:, None] - alpha * (sigma / scale)[:, None]
            soft = torch.sigmoid(distance)
            weight = weight * (1 + (soft - soft.detach()))  # the bracket is exactly zero
        elif self.alpha is not None:
            weight = weight + 0 * self.alpha  # a gradient of zero: see AEA
        return ActiveJoints(mask, weight, score, threshold.detach())
