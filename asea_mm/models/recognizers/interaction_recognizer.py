"""The recognizer that knows about persons, necks and the threshold regularisation."""

import inspect
from collections.abc import Mapping
from types import MappingProxyType

from mmaction.models.recognizers import RecognizerGCN
from mmaction.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError
from ..backbones.interaction_backbone import temporal_stride
from ..layers.common import check_option, presence_of
from ..layers.interaction import AEA, ATNAC

STAGES = ('backbone', 'neck', 'head')


@MODELS.register_module()
class InteractionRecognizer(RecognizerGCN):
    """Recognizer of interactions: backbone, optional neck, head, and the loss of ASEA, Eq. 12.

    Beyond mmaction2's ``RecognizerGCN`` it runs the neck, passes the presence of persons to those parts that take
    it, and adds ``loss_reg`` over every AT-NAC in backbone and neck. Any GCN backbone and head fit; a backbone that is
    neither ours nor mmaction2's and makes frames fewer says by which stride, in an attribute ``temporal_stride``.

    Args:
        loss_reg: Config of the threshold regularisation, or None for none; default
            :class:`ThresholdRegularization` with its defaults.
        backbone, cls_head, neck, train_cfg, test_cfg, data_preprocessor: Configs, as in mmaction2.

    Shapes:
        inputs ``(B, clips, M, T, V, C)``; features ``(B * clips, M, C', T', V)``
    """

    def __init__(
        self,
        backbone: dict,
        cls_head: dict | None = None,
        neck: dict | None = None,
        loss_reg: Mapping | None = MappingProxyType({'type': 'ThresholdRegularization'}),
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        data_preprocessor: dict | None = None,
    ) -> None:
        super().__init__(backbone, cls_head, neck, train_cfg, test_cfg, data_preprocessor)
        self.loss_reg: nn.Module | None = None if loss_reg is None else MODELS.build(dict(loss_reg))
        self._take_presence = {
            name for name, part in self.named_children() if 'presence' in inspect.signature(part.forward).parameters
        }
        self.temporal_stride = temporal_stride(self.backbone)
        for layer in self.neck.modules() if self.with_neck else ():
            if isinstance(layer, AEA):
                layer.step = self.temporal_stride or 1

    def thresholds(self) -> dict[str, ATNAC]:
        """Every AT-NAC with a threshold to learn, by the name of its module."""
        selections = {name: module for name, module in self.named_modules() if isinstance(module, ATNAC)}
        return {name: module for name, module in selections.items() if module.alpha is not None}

    def extract_feat(
        self, inputs: Tensor, stage: str = 'neck', data_samples: list | None = None, test_mode: bool = False
    ) -> tuple[Tensor, dict]:
        """Features after a stage, and what the head takes besides them: the presence in the frames that are left.

        Args:
            inputs: ``(B, clips, M, T, V, C)``.
            stage: ``'backbone'``, ``'neck'`` (the backbone's where there is no neck) or ``'head'``.
            data_samples, test_mode: Not used; mmaction2 gives them.
        """
        check_option('InteractionRecognizer: stage', stage, STAGES)
        if inputs.ndim != 6:
            raise InputError(
                f'InteractionRecognizer: expected inputs (B, clips, M, T, V, C), got {tuple(inputs.shape)}'
            )
        inputs = inputs.flatten(0, 1)
        presence = presence_of(inputs)
        x = self.backbone(inputs, **self._given('backbone', presence))
        if self.temporal_stride is not None:
            presence = presence[..., :: self.temporal_stride]
        elif x.ndim == 5 and x.shape[3] != inputs.shape[2]:  # of several strides that leave so many frames, which?
            raise InputError(
                f'InteractionRecognizer: {type(self.backbone).__name__} makes {x.shape[3]} frames of '
                f'{inputs.shape[2]}; give it an attribute temporal_stride'
            )
        if stage != 'backbone' and self.with_neck:
            x = self.neck(x, **self._given('neck', presence))
        kwargs = self._given('cls_head', presence)
        if stage == 'head' and self.with_cls_head:
            x = self.cls_head(x, **kwargs)
        return x, kwargs

    def _given(self, part: str, presence: Tensor) -> dict[str, Tensor]:
        """What a part takes besides features."""
        return {'presence': presence} if part in self._take_presence else {}

    def loss(self, inputs: Tensor, data_samples: list) -> dict[str, Tensor]:
        """``loss_cls`` (and the head's accuracies) and ``loss_reg``, Eq. 12."""
        feats, kwargs = self.extract_feat(inputs)
        losses = self.cls_head.loss(feats, data_samples, **kwargs)
        if self.loss_reg is not None and (thresholds := self.thresholds()):
            losses['loss_reg'] = self.loss_reg([module.alpha for module in thresholds.values()])
        return losses
