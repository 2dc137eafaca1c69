"""Several annotation files as one dataset."""

from collections.abc import Callable, Mapping
from typing import Any

from mmaction.registry import DATASETS
from mmengine.config import ConfigDict
from mmengine.dataset import ConcatDataset

from ..errors import InputError
from ..skeletons import get_skeleton
from .interaction_dataset import InteractionPoseDataset


@DATASETS.register_module()
class CombinedInteractionDataset(ConcatDataset):
    """Annotation files of several sources as one dataset, with common classes.

    Each keeps its own names of classes, layout and frame rate: ``classes`` of each maps its names to common ones
    (:class:`InteractionPoseDataset`), and ``MapLayout`` and ``ResampleFrameRate`` in the pipeline bring the samples
    together. Ids of samples begin with the name of their source, ``sbu/s01s02_01_001``, and the report of a test has
    the accuracies of each source, too.

    Args:
        datasets: Name of each source to the arguments of :class:`InteractionPoseDataset` but ``pipeline`` and
            ``test_mode``.
        pipeline: Transforms, for all of them.
        test_mode: For testing and validation.

    Raises:
        InputError: If classes or units differ, or one of them is wrong; the message names the file.
    """

    def __init__(
        self,
        datasets: Mapping[str, Mapping[str, Any]],
        pipeline: list[dict | ConfigDict | Callable],
        test_mode: bool = False,
    ) -> None:
        if not isinstance(datasets, Mapping) or not datasets:
            raise InputError(
                'CombinedInteractionDataset: expected datasets as {name: dict(ann_file=..., classes=...)}, '
                f'got {datasets!r:.100}'
            )
        made = []
        for name, arguments in datasets.items():
            dataset = InteractionPoseDataset(**arguments, pipeline=pipeline, test_mode=test_mode)
            dataset.source_name = str(name)
            made.append(dataset)
        first = made[0]
        for other in made[1:]:
            for fact in ('classes', 'units'):
                expected, got = first.metainfo[fact], other.metainfo[fact]
                if expected != got:
                    raise InputError(
                        f'{other.ann_file}: expected the {fact} of {first.ann_file}, {str(expected)[:150]}, got '
                        f'{str(got)[:150]}' + ('; classes=dict(...) maps them' if fact == 'classes' else '')
                    )
        super().__init__(made, ignore_keys=['layout'])
        self._metainfo['sources'] = {dataset.source_name: len(dataset) for dataset in made}
        if len({get_skeleton(dataset.metainfo['layout']).joints for dataset in made}) > 1:
            del self._metainfo['layout']

    def get_cat_ids(self, idx: int) -> list[int]:
        """Labels of a sample, for mmengine's ``ClassBalancedDataset``."""
        number, inner = self._get_ori_dataset_idx(idx)
        return self.datasets[number].get_cat_ids(inner)
