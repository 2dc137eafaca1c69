"""AEA after any backbone."""

from collections.abc import Mapping
from types import MappingProxyType

from mmaction.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from ...errors import InputError
from ..layers.interaction import build_aea


@MODELS.register_module()
class ATNACNeck(BaseModule):
    """AT-NAC and external attention on the output of any graph convolutional backbone, ours or mmaction2's.

    Needs :class:`InteractionRecognizer`: mmaction2's ``RecognizerGCN`` never calls its neck.

    Args:
        in_channels: Channels of the backbone's output.
        interaction: Options of :class:`AEA` without its ``channels``.

    Shapes:
        x ``(N, M, C, T', V)``, presence ``(N, M, T')`` bool or None (all present); returns as x

    Raises:
        InputError: If an option is unknown or ``geometry``, or x has another number of axes or channels.
    """

    def __init__(self, in_channels: int, interaction: Mapping = MappingProxyType({})) -> None:
        super().__init__()
        self.in_channels = in_channels
        if interaction.get('geometry'):
            raise InputError('ATNACNeck: geometry: a neck does not see where the joints are; use InteractionBackbone')
        self.interaction = build_aea(in_channels, interaction, 'ATNACNeck')

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        if x.ndim != 5 or x.shape[2] != self.in_channels:
            raise InputError(f'ATNACNeck: expected features (N, M, {self.in_channels}, T, V), got {tuple(x.shape)}')
        presence = presence if presence is None else presence.flatten(0, 1)
        return self.interaction(x.flatten(0, 1), x.shape[1], presence).view(x.shape)
