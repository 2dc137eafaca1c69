"""Several models as one: the recognizer that asks all of them, and the checkpoint that holds them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from ..errors import InputError
from ..evaluation.calibration import calibrated
from ..evaluation.fusion import fuse_scores, shares_of
from .allowed_parts import check_registered
from .checkpoints import blamed_on, parse_config
from .configs import nodes
from .tensor_files import BoundedTensors

KEY = 'members'  # in the meta of a checkpoint: file and meta of each


@MODELS.register_module()
class FusedRecognizer(BaseModel):
    """Late fusion of several recognizers as a recognizer: scores are the weighted mean of theirs, class by class.

    Each has a pipeline of its own (:class:`~asea_mm.datasets.transforms.member_pipelines.MemberPipelines`). It is for
    tests and inference; its members are trained on their own. A member of weight 0 is not asked.

    Args:
        members: Of each its config ``model`` and ``weight``; ``temperature`` of its scores, if it was calibrated;
            ``order``, its own numbers of the classes in the order of the first, if it has another.
        rule: ``'sum'`` or ``'product'``, see :func:`~asea_mm.evaluation.fusion.fuse`.

    Shapes:
        ``inputs`` of a batch: for each member the list of its samples ``(clips, M, T, V, C)``

    Raises:
        InputError: If the weights or the rule are not as of :func:`~asea_mm.evaluation.fusion.shares_of`; if it is to
            be trained; if a member gives no scores.
    """

    def __init__(self, members: Sequence[Mapping[str, Any]], rule: str = 'sum') -> None:
        super().__init__()
        self.weights = [member['weight'] for member in members]
        shares_of(self.weights, rule, len(members))
        self.rule = rule
        self.temperatures = [member.get('temperature') for member in members]
        self.orders = [member.get('order') for member in members]
        self.members = nn.ModuleList(MODELS.build(dict(member['model'])) for member in members)

    @property
    def cls_head(self) -> Any:
        """The head of the first member, which says how many classes there are."""
        return self.members[0].cls_head

    def forward(self, inputs: Any, data_samples: list | None = None, mode: str = 'tensor') -> Any:
        raise InputError('FusedRecognizer: several trained models as one are not trained; train each on its own')

    def val_step(self, data: Mapping[str, Any]) -> list:
        return self.test_step(data)

    @torch.no_grad()
    def test_step(self, data: Mapping[str, Any]) -> list:
        """Predictions for a batch as its pipelines made it."""
        of_members, asked, samples = [], [], []
        for number, weight in enumerate(self.weights):
            if weight:
                own = [sample.clone() for sample in data['data_samples']]  # a member writes its scores into them
                member: Any = self.members[number]
                samples = member.test_step({'inputs': list(data['inputs'][number]), 'data_samples': own})
                scores = torch.stack([_scores(sample) for sample in samples]).double().cpu().numpy()
                of_members.append(self._brought_together(scores, number))
                asked.append(weight)
        stacked = np.stack(of_members)
        finite = np.isfinite(stacked).all(axis=(0, 2))
        fused = np.full(stacked.shape[1:], np.nan)  # whoever reads scores says which sample has none
        fused[finite] = fuse_scores(stacked[:, finite], asked, self.rule)
        for sample, scores in zip(samples, torch.from_numpy(fused).float(), strict=True):
            sample.set_pred_score(scores.to(sample.pred_score.device))
            sample.set_pred_label(sample.pred_score.argmax(dim=0, keepdim=True))
        return samples

    def _brought_together(self, scores: np.ndarray, number: int) -> np.ndarray:
        """Scores of a member at its temperature, its classes in the order of all."""
        temperature, order = self.temperatures[number], self.orders[number]
        if temperature is not None:
            scores = np.stack([calibrated(row, temperature) for row in scores])
        return scores if order is None else scores[:, list(order)]


def _scores(sample: Any) -> Tensor:
    if not isinstance(getattr(sample, 'pred_score', None), Tensor):
        raise InputError('FusedRecognizer: expected members that give each sample one row of scores')
    return sample.pred_score


def members_of(meta: Mapping[str, Any], path: str) -> list[tuple[str, Mapping[str, Any]]]:
    """File and meta of each member of a checkpoint that holds several models; of an ordinary one nothing.

    Raises:
        InputError: If they are of another form.
    """
    members = meta.get(KEY, [])
    is_right = isinstance(members, list) and all(
        isinstance(member, dict) and isinstance(member.get('file'), str) and isinstance(member.get('meta'), dict)
        for member in members
    )
    if not is_right:
        raise InputError(f'checkpoint {path}: expected the file and meta of every member, got {str(members):.100}')
    return [(member['file'], member['meta']) for member in members]


def take_model(cfg: Config, checkpoint: Mapping[str, Any], path: str) -> None:
    """Have a config test the models of a fused checkpoint, each with its own pipeline, on the data that it names.

    Args:
        cfg: The config; changed in place. Modules that it imports, the config in the checkpoint may name.
        checkpoint: The content of the checkpoint.
        path: Its file, for messages.

    Raises:
        InputError: If the checkpoint asks for anything but registered parts, or its parts cannot be built.
    """
    imports = (cfg.get('custom_imports') or {}).get('imports') or ()
    source = f'checkpoint {path}'
    fused = parse_config(str(checkpoint['meta'].get('cfg')), source, imports)
    pipelines = _with_pipeline(fused.get('test_dataloader'))
    check_registered([fused.model, pipelines], source)
    with blamed_on(source), DefaultScope.overwrite_default_scope('mmaction'):
        (pipeline,) = (dataset['pipeline'] for dataset in pipelines)
        with BoundedTensors(sum(weight.nbytes for weight in checkpoint['state_dict'].values())):
            MODELS.build(fused.model)  # on trial: the runner builds it without bounds
    cfg.model = fused.model
    for dataset in _with_pipeline(cfg.test_dataloader):
        dataset['pipeline'] = pipeline


def _with_pipeline(loader: Any) -> list[Any]:
    """The datasets of a loader that have a pipeline of their own, at any depth."""
    return [node for node in nodes(loader) if isinstance(node, Mapping) and 'pipeline' in node]
