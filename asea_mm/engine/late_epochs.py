"""Late epochs, the last third of a training: their mean chooses no epoch, and luck of the last one averages out."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmaction.registry import HOOKS
from mmengine.hooks import Hook

from ..evaluation.report import accuracies
from ..evaluation.scores import StreamScores, read_scores, write_runs

LATE_MEASURES = ('late_top1', 'late_mean_class', 'late_cross_entropy')
FOLDER = 'late'  # within the work folder


def is_late(epoch: int, epochs: int) -> bool:
    """Whether an epoch, from 1, is in the last third of a training."""
    return 3 * epoch > 2 * epochs


@HOOKS.register_module()
class LateScoresHook(Hook):
    """Keeps the scores of every validation of the last third: ``late/epoch_N.npz`` in the work folder.

    For trainings in one process, as those of a cross-validation are. The files are as of ``asea test``.
    """

    def __init__(self) -> None:
        self.samples: list[Any] = []

    def before_val_epoch(self, runner) -> None:
        self.samples = []

    def after_val_iter(self, runner, batch_idx: int, data_batch=None, outputs: Sequence | None = None) -> None:
        self.samples += outputs or ()

    def after_val_epoch(self, runner, metrics: dict[str, float] | None = None) -> None:
        if not self.samples or not is_late(runner.epoch, runner.max_epochs):
            return
        names = [sample.get('frame_dir') for sample in self.samples]
        scores = StreamScores(
            tuple(str(number if name is None else name) for number, name in enumerate(names)),
            np.stack([sample.pred_score.cpu().numpy() for sample in self.samples]),
            np.array([int(sample.gt_label.item()) for sample in self.samples]),
        )
        classes = runner.val_dataloader.dataset.metainfo.get('classes') or range(scores.scores.shape[1])
        folder = Path(runner.work_dir) / FOLDER
        write_runs(folder / f'epoch_{runner.epoch}.npz', {(0, 0): scores}, [str(name) for name in classes])


def read_late_scores(work_dir: Path, epochs: int) -> dict[int, StreamScores]:
    """Scores by epoch that :class:`LateScoresHook` has kept of a training of so many epochs, the first one first."""
    numbered = [(re.fullmatch(r'epoch_(\d+)', path.stem), path) for path in (work_dir / FOLDER).glob('epoch_*.npz')]
    late = {int(number[1]): path for number, path in numbered if number and is_late(int(number[1]), epochs)}
    return {epoch: read_scores(late[epoch]) for epoch in sorted(late)}


def late_measures(scores: Iterable[StreamScores]) -> dict[str, float | None]:
    """Means over late epochs of accuracy, balanced accuracy and cross-entropy (None of scores that are logits)."""
    of_epochs = [accuracies(each.scores, each.labels) for each in scores]
    values = {key: [measures[key] for measures in of_epochs] for key in ('top1', 'mean_class', 'cross_entropy')}
    return {f'late_{key}': None if None in column else float(np.mean(column)) for key, column in values.items()}
