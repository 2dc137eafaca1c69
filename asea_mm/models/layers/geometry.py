"""What attention between persons knows of where their joints are."""

import math

import torch
from torch import Tensor, nn

from ...errors import InputError

RANGES = 5  # distances within which joints are near; each is half of the one before, whose fourth power its nearness is
REACH = 1.6  # the widest; in metres the ranges then go from a touch to more than an arm's length


def of_others(values: Tensor) -> Tensor:
    """For every person the joints of the other persons, in their order.

    Shapes:
        values ``(N, M, T, J, D)``; returns ``(N, M, T, (M-1)*J, D)``
    """
    persons = values.shape[1]
    if persons == 2:
        return values.flip(1)
    others = [[other for other in range(persons) if other != person] for person in range(persons)]
    return values[:, others].transpose(2, 3).flatten(3, 4)


class RelativeGeometry(nn.Module):
    r"""Distances and directions between the joints of different persons, for external attention.

    Where :math:`p` are positions and :math:`n_r(i, j) = \exp(-\lVert p_j - p_i \rVert^2 / 2 \sigma_r^2)`, the logits
    of Eq. 9 get :math:`\sum_r b_r n_r(i, j)`, and the values of Eq. 10 get
    :math:`U [p_j - p_i, n_1(i, j), \dots, n_5(i, j)]`, so that a joint learns which joints it touches, how far those
    that it attends to are, and in what direction. Distances between bodies are the same before any sensor, which
    features of each body by itself are not. Not in the paper.

    The biases begin at zero. Positions get no gradient.

    Args:
        channels: Channels C of the values.
        coordinates: Coordinates D of a position, 2 or 3.
        reach: The widest of the ranges :math:`\sigma_r`, each of which is half of the one before, in the unit of the
            positions: 1.6 metres, or of bodies in images about 6 bones (``NormalizeByBody``).

    Raises:
        InputError: If the reach is no number above 0.
    """

    def __init__(self, channels: int, coordinates: int, reach: float = REACH) -> None:
        super().__init__()
        if isinstance(reach, bool) or not isinstance(reach, (int, float)) or not 0 < reach < math.inf:
            raise InputError(f'reach: expected a distance above 0, got {reach!r}')
        self.reach = reach
        self.bias = nn.Parameter(torch.zeros(RANGES))
        self.values = nn.Linear(coordinates + RANGES, channels, bias=False)

    def forward(self, positions: Tensor, num_person: int) -> tuple[Tensor, list[Tensor]]:
        """Positions of the joints by person, and how near joints of the others are, of every range.

        Shapes:
            positions ``(N*M, T, J, D)``; returns ``(N, M, T, J, D)`` and tensors ``(N, M, T, (M-1)*J, J)``
        """
        exact = torch.promote_types(positions.dtype, torch.float32)  # squares of half precision would lose touches
        own = positions.detach().to(exact).unflatten(0, (-1, num_person))
        squares = (of_others(own)[..., :, None, :] - own[..., None, :, :]).square().sum(dim=-1)
        near = [torch.exp(squares / (-2 * self.reach**2))]
        while len(near) < RANGES:
            near.append(near[-1].square().square())
        return own, near

    def logits(self, near: list[Tensor]) -> Tensor:
        """What nearness adds to the logits, keys before queries, ``(N, M, T, (M-1)*J, J)``."""
        total = near[0] * self.bias[0]
        for of_range, bias in zip(near[1:], self.bias[1:], strict=True):
            total = total + of_range * bias
        return total

    def update(self, attention: Tensor, own: Tensor, near: list[Tensor]) -> Tensor:
        """What the attended joints' places add to the update.

        Shapes:
            attention ``(N, M, T, J, (M-1)*J)``, zero for joints that are no keys; own and near as of :meth:`forward`;
            returns ``(N, M, T, J, C)``
        """
        attention = attention.to(own.dtype)
        directions = attention @ of_others(own) - attention.sum(dim=-1, keepdim=True) * own
        closeness = [(attention.mT * of_range).sum(dim=-2) for of_range in near]
        places = torch.cat([directions, torch.stack(closeness, dim=-1)], dim=-1)
        return self.values(places.to(self.values.weight.dtype))
