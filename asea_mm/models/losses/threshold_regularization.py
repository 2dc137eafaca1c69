"""The regularisation of the selection threshold."""

from collections.abc import Sequence

import torch
from mmaction.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError


@MODELS.register_module()
class ThresholdRegularization(nn.Module):
    r"""Keeps the threshold parameters of AT-NAC near their target: :math:`\lambda \sum (\alpha - \alpha_{target})^2`.

    ASEA, Eq. 11, summed over all AEA of a model.

    Args:
        loss_weight: The paper's :math:`\lambda`; it gives no value.
        target: The paper's :math:`\alpha_{target}`.

    Shapes:
        alphas: scalars; returns a scalar
    """

    def __init__(self, loss_weight: float = 0.1, target: float = 0.5) -> None:
        super().__init__()
        if loss_weight < 0:
            raise InputError(f'ThresholdRegularization: loss_weight must not be negative, got {loss_weight}')
        self.loss_weight, self.target = loss_weight, target

    def forward(self, alphas: Sequence[Tensor]) -> Tensor:
        return self.loss_weight * (torch.stack(list(alphas)) - self.target).square().sum()
