"""Pictures of what the model does, after every validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmaction.registry import HOOKS
from mmengine.dist import collect_results, is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from ..errors import InputError
from ..models.layers.interaction import AEA
from ..visualization.active_joints import draw_active_joints
from ..visualization.clips import probe_sample
from ..visualization.confusion import draw_confusion
from ..visualization.drawing import as_image


@HOOKS.register_module()
class InteractionVisualizationHook(Hook):
    """Adds the confusion matrix and the active joints of a few samples to mmengine's visualizer after validation.

    The pictures are named ``confusion`` and ``active_joints_{sample}`` and go to every backend of the visualizer:
    files in ``vis_data/vis_image`` with ``LocalVisBackend``, the images of TensorBoard with
    ``TensorboardVisBackend``. A model without :class:`AEA` gets the confusion matrix only.

    Args:
        interval: Validations between two pictures; the first validation is number 1.
        samples: Indices of samples of the validation set whose active joints are drawn; none for none.
        frames: Moments of a sample.
        stages: Stages (AEA), from 0, that get a strip of their own under the one over all; default none.
        confusion: Whether to draw the confusion matrix.

    Raises:
        ValueError: If an option is out of range; after the first validation also if there is no such sample or stage.
    """

    priority = 'ABOVE_NORMAL'  # before EMAHook puts the weights back that were not validated

    def __init__(
        self,
        interval: int = 1,
        samples: Sequence[int] = (0, 1, 2, 3),
        frames: int = 6,
        stages: Sequence[int] = (),
        confusion: bool = True,
    ) -> None:
        if interval < 1 or frames < 1:
            raise InputError(
                f'InteractionVisualizationHook: interval and frames must be at least 1, got {interval} and {frames}'
            )
        if isinstance(samples, (str, int)) or any(not isinstance(index, int) or index < 0 for index in samples):
            raise InputError(f'InteractionVisualizationHook: samples must be a list of indices from 0, got {samples!r}')
        self.interval, self.frames, self.confusion = interval, frames, confusion
        self.samples, self.stages = list(samples), list(stages)
        self._validations = 0
        self._results: list[tuple[int, int]] = []

    @property
    def _due(self) -> bool:
        return self._validations % self.interval == 0

    def before_val_epoch(self, runner: Any) -> None:
        self._validations += 1
        self._results = []

    def after_val_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        if self._due and self.confusion:
            self._results += [(int(sample.gt_label.item()), int(sample.pred_score.argmax())) for sample in outputs]

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        if not self._due:
            return
        dataset = runner.val_loop.dataloader.dataset
        if self.confusion:
            results = collect_results(self._results, len(dataset), 'cpu')
            if is_main_process() and results:
                self._add(runner, 'confusion', draw_confusion(*_confusion(results, dataset.metainfo.get('classes'))))
        if is_main_process():
            self._add_active_joints(runner, dataset)

    def _add_active_joints(self, runner: Any, dataset: Any) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if not any(isinstance(module, AEA) for module in model.modules()):
            if self._validations == self.interval and self.samples:
                runner.logger.info('InteractionVisualizationHook: the model has no AEA, so no active joints are drawn')
            return
        for index in self.samples:
            if index >= len(dataset):
                raise InputError(
                    f'InteractionVisualizationHook: no sample {index} among the {len(dataset)} of the validation set'
                )
            clip = probe_sample(model, dataset, index)
            self._add(runner, f'active_joints_{index}', draw_active_joints(clip, self.frames, shown=self.stages))

    @staticmethod
    def _add(runner: Any, name: str, figure: Any) -> None:
        step = getattr(runner, 'epoch', 0) or getattr(runner, 'iter', 0)
        runner.visualizer.add_image(name, as_image(figure), step=step)


def _confusion(results: Sequence[tuple[int, int]], classes: Sequence[str] | None) -> tuple[np.ndarray, list[str]]:
    """Counts ``(classes, classes)``, true classes in rows, and the names of the classes."""
    true, predicted = np.array(results).T
    count = max(int(true.max()), int(predicted.max())) + 1
    names = [str(label) for label in range(count)] if classes is None else list(classes)
    counts = np.zeros((len(names), len(names)), dtype=int)
    np.add.at(counts, (true, predicted), 1)
    return counts, names
