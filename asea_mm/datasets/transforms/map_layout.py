"""Samples of one layout for a model of another."""

from collections.abc import Mapping
from typing import Any

from mmaction.registry import TRANSFORMS

from ...layout_mapping import LayoutMapping
from ...skeletons import Skeleton, get_skeleton
from .common import KeypointTransform


@TRANSFORMS.register_module()
class MapLayout(KeypointTransform):
    """Give a sample the joints of another layout: by name, or derived as :mod:`asea_mm.layout_mapping` says.

    Samples of several layouts become alike, and a model of one takes those of others. Use it first, before coordinates
    move, since a joint at exactly zero is missing; one of which joints are missing is missing, too, and its score is
    the least of theirs. A sample that has the layout is left as it is.

    Args:
        layout: The layout to have: a name or a dictionary of fields. ``'common13'`` is one that all reach.

    Attributes:
        target: The layout itself.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit -> ``(M, T, W, C)``, W joints of the layout; keypoint_score
        ``(M, T, V)`` -> ``(M, T, W)``

    Raises:
        InputError: If the layout is unknown, or the joints of a sample do not give its joints.
    """

    def __init__(self, layout: str | Mapping | Skeleton) -> None:
        self.layout = layout
        self.target = get_skeleton(layout)
        self._mapping: LayoutMapping | None = None

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        keypoint, score = self._read(results)
        source = self._skeleton(results)
        if source.joints != self.target.joints:
            if self._mapping is None or self._mapping.source is not source:
                self._mapping = LayoutMapping(source, self.target)
            results['keypoint'], score = self._mapping.apply(keypoint, score)
            if score is not None:
                results['keypoint_score'] = score
        results['layout'] = self.target
        return results
