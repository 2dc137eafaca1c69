"""A sample through several pipelines, for several models that are one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform, Compose


def side_by_side(prepared: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What several pipelines made of one sample as the input of one model: a list of inputs; who it is, as the first
    says."""
    return {'inputs': [one['inputs'] for one in prepared], 'data_samples': prepared[0]['data_samples']}


@TRANSFORMS.register_module()
class MemberPipelines(BaseTransform):
    """Prepare a sample for every member of a :class:`~asea_mm.engine.fused.FusedRecognizer`, each by its own pipeline.

    Args:
        pipelines: Transforms of each member, up to ``PackActionInputs``.

    Shapes:
        ``inputs`` becomes a list, of each member what its pipeline makes
    """

    def __init__(self, pipelines: Sequence[Sequence[Mapping]]) -> None:
        self.pipelines = [Compose([TRANSFORMS.build(dict(step)) for step in pipeline]) for pipeline in pipelines]

    def transform(self, results: dict[str, Any]) -> dict[str, Any] | None:
        prepared = [pipeline(_copy(results)) for pipeline in self.pipelines]
        return None if any(one is None for one in prepared) else side_by_side(prepared)


def _copy(results: Mapping[str, Any]) -> dict[str, Any]:
    """With arrays of its own, which transforms may write into; the layout stays the same object."""
    return {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in results.items()}
