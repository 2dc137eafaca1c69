"""Pictures of what the model does, after every validation."""

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
    """Adds pictures to every backend of mmengine's visualizer after validation.

    They are named ``confusion`` and ``active_joints_{sample}``; a model without :class:`AEA` gets the first only.

    Args:
        interval: Validations between two pictures; the first validation is number 1.
        samples: Indices of samples of the validation set whose active joints are drawn; none for none.
        frames: Moments of a sample.

    Raises:
        InputError: If an option is out of range, or after the first validation if there is no such sample.
    """

    priority = 'ABOVE_NORMAL'  # before EMAHook puts the weights back that were not validated

    def __init__(self, interval: int = 1, samples: Sequence[int] = (0, 1, 2, 3), frames: int = 6) -> None:
        if interval < 1 or frames < 1 or any(index < 0 for index in samples):
            raise InputError(
                'InteractionVisualizationHook: expected interval and frames of at least 1 and samples from 0, got '
                f'{interval}, {frames} and {samples}'
            )
        self.interval, self.frames, self.samples = interval, frames, samples
        self._validations = 0
        self._results: list[tuple[int, int]] = []

    def before_val_epoch(self, runner: Any) -> None:
        self._validations += 1
        self._results = []

    def after_val_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        self._results += [(int(sample.gt_label.item()), int(sample.pred_score.argmax())) for sample in outputs]

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        if self._validations % self.interval:
            return
        dataset = runner.val_loop.dataloader.dataset
        results = collect_results(self._results, len(dataset), 'cpu')
        if not is_main_process():
            return
        from ..visualization.active_joints import draw_active_joints  # matplotlib takes a second to import
        from ..visualization.clips import probe_sample
        from ..visualization.confusion import draw_confusion

        true, predicted = np.array(results).T
        classes = dataset.metainfo.get('classes') or [str(label) for label in range(max(*true, *predicted) + 1)]
        self._add(runner, 'confusion', draw_confusion(confusion_matrix(true, predicted, len(classes)), classes))
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if not any(isinstance(module, AEA) for module in model.modules()):
            return
        for index in self.samples:
            if index >= len(dataset):
                raise InputError(
                    f'InteractionVisualizationHook: no sample {index} among the {len(dataset)} of the validation set'
                )
            clip = probe_sample(model, dataset, index)
            self._add(runner, f'active_joints_{index}', draw_active_joints(clip, self.frames, layers=[]))

    @staticmethod
    def _add(runner: Any, name: str, figure: Any) -> None:
        from ..visualization.drawing import as_image

        step = getattr(runner, 'epoch', 0) or getattr(runner, 'iter', 0)
        runner.visualizer.add_image(name, as_image(figure), step=step)
