"""Classification head that averages over those who are there."""

import torch
from mmaction.models.heads import GCNHead
from mmaction.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class InteractionHead(GCNHead):
    """mmaction2's ``GCNHead`` with an average over present persons and frames only.

    Where everybody is present in every frame the two agree, and so do their checkpoints. With ``GCNHead`` an absent
    person or padded frames pull the pooled features towards zero.

    Arguments are those of ``GCNHead``: ``num_classes``, ``in_channels``, ``loss_cls``, ``dropout`` before the
    classifier, ``average_clips`` (``'prob'``, ``'score'`` or None), ``label_smooth_eps`` and ``init_cfg``.

    Shapes:
        x ``(N, M, C, T', V)``, presence ``(N, M, T')`` bool or None (all present); returns ``(N, num_classes)``
    """

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        pooled = x.mean(dim=4)  # (N, M, C, T')
        if presence is None:
            pooled = pooled.mean(dim=(1, 3))
        else:  # zero where nobody ever is
            weight = presence.to(x.dtype)
            pooled = (pooled * weight[:, :, None]).sum(dim=(1, 3)) / weight.sum(dim=(1, 2)).clamp(min=1)[:, None]
        if self.dropout is not None:
            pooled = self.dropout(pooled)
        scores = self.fc(pooled)
        # mmaction2's accuracy goes through NumPy, which has no bfloat16
        return scores.to(torch.promote_types(scores.dtype, torch.float32))
