"""Classification head that averages over those who are there."""

from __future__ import annotations

import torch
from mmaction.models.heads import GCNHead
from mmaction.registry import MODELS
from torch import Tensor

from ...errors import InputError
from ..layers.common import stride_presence

POOLINGS = ('average', 'average_and_max')


@MODELS.register_module()
class InteractionHead(GCNHead):
    """mmaction2's ``GCNHead`` with an average over present persons and frames only.

    Where everybody is present in every frame the two agree, and so do their checkpoints. With ``GCNHead`` an absent
    person or padded frames pull the pooled features towards zero.

    In an average over time what is short counts little: a punch is over in a few frames. ``pooling='average_and_max'``,
    which is not of our papers, puts beside it each joint's maximum over time, averaged over joints and persons.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the features.
        loss_cls: Config of the classification loss.
        dropout: Probability of dropout before the classifier.
        average_clips: How clips of a sample are averaged: ``'prob'``, ``'score'`` or None.
        label_smooth_eps: Label smoothing of the classification loss.
        init_cfg: As of mmengine's ``BaseModule``.
        pooling: ``'average'`` over persons, frames and joints, or ``'average_and_max'``: the classifier sees both.

    Shapes:
        x ``(N, M, C, T', V)``, presence ``(N, M, T)`` bool or None (all present); returns ``(N, num_classes)``

    Raises:
        ValueError: If the pooling is unknown.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        loss_cls: dict | None = None,
        dropout: float = 0.0,
        average_clips: str | None = 'prob',
        label_smooth_eps: float = 0.0,
        init_cfg: dict | None = None,
        pooling: str = 'average',
    ) -> None:
        if pooling not in POOLINGS:
            raise InputError(f'InteractionHead: pooling must be one of {POOLINGS}, got {pooling!r}')
        super().__init__(
            num_classes,
            in_channels * (2 if pooling == 'average_and_max' else 1),
            loss_cls=loss_cls or {'type': 'CrossEntropyLoss'},
            dropout=dropout,
            average_clips=average_clips,
            label_smooth_eps=label_smooth_eps,
            init_cfg=init_cfg or {'type': 'Normal', 'layer': 'Linear', 'std': 0.01},
        )
        self.pooling = pooling

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        present = None if presence is None else stride_presence(presence, x.shape[3])  # (N, M, T')
        pooled = _average(x.mean(dim=4), present)
        if self.pooling == 'average_and_max':
            pooled = torch.cat([pooled, _average_of_max(x, present)], dim=1)
        if self.dropout is not None:
            pooled = self.dropout(pooled)
        scores = self.fc(pooled)
        # mmaction2's accuracy goes through NumPy, which has no bfloat16
        return scores.to(torch.promote_types(scores.dtype, torch.float32))


def _average(x: Tensor, present: Tensor | None) -> Tensor:
    """Mean over the present persons and frames; zero where nobody ever is.

    Shapes:
        x ``(N, M, C, T')``, present ``(N, M, T')`` bool or None (all present); returns ``(N, C)``
    """
    if present is None:
        return x.mean(dim=(1, 3))
    weight = present.to(x.dtype)
    return (x * weight[:, :, None]).sum(dim=(1, 3)) / weight.sum(dim=(1, 2)).clamp(min=1)[:, None]


def _average_of_max(x: Tensor, present: Tensor | None) -> Tensor:
    """Maximum over the frames in which a person is present, averaged over joints and those persons who ever are.

    Shapes:
        x ``(N, M, C, T', V)``, present ``(N, M, T')`` bool or None (all present); returns ``(N, C)``
    """
    if present is None:
        return x.amax(dim=3).mean(dim=(1, 3))
    ever = present.any(dim=2, keepdim=True)  # (N, M, 1)
    hidden = (ever & ~present)[:, :, None, :, None]  # of one who never is nothing is hidden: the weight is zero
    largest = x.masked_fill(hidden, -torch.inf).amax(dim=3).mean(dim=3)
    return _average(largest[..., None], ever)
