"""AEA after any backbone."""

from __future__ import annotations

from mmaction.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from ...errors import InputError
from ..layers.common import stride_presence
from ..layers.interaction import AEA


@MODELS.register_module()
class ATNACNeck(BaseModule):
    """AT-NAC and external attention on the output of any graph convolutional backbone, ours or mmaction2's.

    Needs :class:`InteractionRecognizer`: mmaction2's ``RecognizerGCN`` never calls its neck.

    Args:
        in_channels: Channels of the backbone's output.
        qk_channels: See :class:`AEA`, as all that follow.
        gamma: Sharpness of the temporal weights.
        alpha: Start of the threshold parameter.
        score: ``'amplitude'``, ``'velocity'`` or ``'all'``.
        threshold_grad: ``'ste'`` or ``'none'``.
        form: ``'auto'``, ``'gathered'`` or ``'masked'``.
        inactive: ``'keep'`` or ``'drop'``.
        gate: Whether the update is scaled by a trainable factor that starts at zero.
        norm: Whether the attention's output is normalised.
        init_cfg: As of mmengine's ``BaseModule``.

    Shapes:
        x ``(N, M, C, T', V)``, presence ``(N, M, T)`` bool or None (all present); returns as x
    """

    def __init__(
        self,
        in_channels: int,
        qk_channels: int | None = None,
        gamma: float = 1.0,
        alpha: float = 0.5,
        score: str = 'amplitude',
        threshold_grad: str = 'ste',
        form: str = 'auto',
        inactive: str = 'keep',
        gate: bool = False,
        norm: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        self.in_channels = in_channels
        self.interaction = AEA(
            in_channels, qk_channels, gamma, alpha, score, threshold_grad, form, inactive, gate, norm
        )

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        if x.ndim != 5 or x.shape[2] != self.in_channels:
            raise InputError(f'ATNACNeck: expected features (N, M, {self.in_channels}, T, V), got {tuple(x.shape)}')
        if presence is not None:
            presence = stride_presence(presence, x.shape[3]).flatten(0, 1)
        return self.interaction(x.flatten(0, 1), x.shape[1], presence).view(x.shape)
