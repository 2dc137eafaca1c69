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
from ..evaluation.report import confusion_matrix
from ..models.layers.interaction import AEA


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
        layers: Layers (AEA), from 0, that get a strip of their own under the one over all; default none.
        confusion: Whether to draw the confusion matrix.

    Raises:
        InputError: If an option is out of range; after the first validation also if there is no such sample or layer.
    """

    priority = 'ABOVE_NORMAL'  # before EMAHook puts the weights back that were not validated

    def __init__(
        self,
        interval: int = 1,
        samples: Sequence[int] = (0, 1, 2, 3),
        frames: int = 6,
        layers: Sequence[int] = (),
        confusion: bool = True,
    ) -> None:
        if interval < 1 or frames < 1:
            raise InputError(
                f'InteractionVisualizationHook: interval and frames must be at least 1, got {interval} and {frames}'
            )
        if isinstance(samples, (str, int)) or any(not isinstance(index, int) or index < 0 for index in samples):
            raise InputError(f'InteractionVisualizationHook: samples must be a list of indices from 0, got {samples!r}')
        self.interval, self.frames, self.confusion = interval, frames, confusion
        self.samples, self.layers = list(samples), list(layers)
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
                self._add_confusion(runner, dataset, *np.array(results).T)
        if is_main_process():
            self._add_active_joints(runner, dataset)

    # matplotlib takes a second to import, so only who draws does
    def _add_confusion(self, runner: Any, dataset: Any, true: np.ndarray, predicted: np.ndarray) -> None:
        from ..visualization.confusion import draw_confusion

        classes = dataset.metainfo.get('classes') or [str(label) for label in range(max(*true, *predicted) + 1)]
        self._add(runner, 'confusion', draw_confusion(confusion_matrix(true, predicted, len(classes)), classes))

    def _add_active_joints(self, runner: Any, dataset: Any) -> None:
        from ..visualization.active_joints import draw_active_joints
        from ..visualization.clips import probe_sample

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
            self._add(runner, f'active_joints_{index}', draw_active_joints(clip, self.frames, layers=self.layers))

    @staticmethod
    def _add(runner: Any, name: str, figure: Any) -> None:
        from ..visualization.drawing import as_image

        step = getattr(runner, 'epoch', 0) or getattr(runner, 'iter', 0)
        runner.visualizer.add_image(name, as_image(figure), step=step)
