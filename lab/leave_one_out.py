"""The recipe of a shipped model on both of its sets, and on one of them alone, to be tested on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from asea_mm.apis import InteractionInferencer
from asea_mm.apis.watching import WatchOptions
from asea_mm.datasets import load_annotations, save_annotations
from asea_mm.datasets.files.whole import write_whole
from asea_mm.datasets.transforms import ResampleFrameRate
from asea_mm.engine.configs import read_config
from asea_mm.engine.cross_validation import CrossValidation
from asea_mm.engine.late_epochs import read_late_scores
from asea_mm.evaluation.calibration import calibrated, expected_calibration_error
from asea_mm.evaluation.report import accuracies
from asea_mm.evaluation.scores import read_scores, run_folder
from asea_mm.evaluation.statistics import over_seeds
from asea_mm.keypoints import NO_INTERACTION

from .events import measure_auroc, measure_events
from .simulation import FPS
from .statistics.comparison import measure_of

DIRECTIONS = {'sbu_to_k3hi': ('sbu', 'k3hi'), 'k3hi_to_sbu': ('k3hi', 'sbu')}  # trained on, tested on
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


@dataclass(frozen=True)
class Recipe:
    """A config of a shipped model, and what it is run with.

    Args:
        model: Name of the config.
        files: The annotation file of each of its data sets, by the names in the config.
        epochs: Instead of the config's.
        work_dir: For the runs of this model.
    """

    model: str
    files: Mapping[str, str]
    epochs: int | None
    work_dir: Path

    def config(self) -> Config:
        """The config, with these files and epochs."""
        cfg = read_config(self.model)
        for loader in LOADERS:
            for name, source in cfg[loader].dataset.dataset.datasets.items():
                source.ann_file = self.files[name]
        if self.epochs is not None:
            cfg.train_cfg.max_epochs = self.epochs
        # only late epochs count; the last one is validated always
        epochs = cfg.train_cfg.max_epochs
        cfg.train_cfg.update(val_begin=min(2 * epochs // 3 + 2, epochs), val_interval=2)
        return cfg

    @property
    def shared(self) -> list[str]:
        """The classes that all of its data sets have."""
        sources = self.config().train_dataloader.dataset.dataset.datasets.values()
        first, *others = [{name for name, own in source.classes.items() if own is not None} for source in sources]
        return sorted(first.intersection(*others))


def whole_plan(recipe: Recipe, fold: int, seed: int) -> CrossValidation:
    """The run on all data sets, without a fold of each."""
    return _plan(recipe, 'both', recipe.config(), (fold,), (seed,))


def transfer_plan(recipe: Recipe, direction: str, seeds: Sequence[int]) -> CrossValidation:
    """Runs on all of one data set, tested on all clips of the other whose class both have."""
    trained, tested = DIRECTIONS[direction]
    cfg = recipe.config()
    combined = cfg.train_dataloader.dataset.dataset
    combined.datasets = {trained: _all_of(combined.datasets[trained])}
    combined = cfg.test_dataloader.dataset.dataset
    source = _all_of(combined.datasets[tested])
    # None of "no interaction" is made for the test: each such answer is an error.
    source.classes = {name: own if name in recipe.shared else None for name, own in source.classes.items()}
    source.classes[NO_INTERACTION] = None
    combined.datasets = {tested: source}
    for loader in LOADERS[1:]:
        cfg[loader].dataset = combined
    return _plan(recipe, direction, cfg, (0,), tuple(seeds))


def _all_of(source: Any) -> Any:
    """A data set without splits."""
    for key in ('split', 'fold'):
        source.pop(key)
    return source


def _plan(recipe: Recipe, name: str, cfg: Config, folds: tuple[int, ...], seeds: tuple[int, ...]) -> CrossValidation:
    path = recipe.work_dir / f'{recipe.model}_{name}.py'
    write_whole(path, cfg.pretty_text)
    return CrossValidation(str(path), folds, seeds, recipe.work_dir / name)


def summarise_direction(
    recipe: Recipe, direction: str, plan: CrossValidation, runs: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What the runs of a direction say together: late epochs, these among the shared classes, and the last one."""
    classes = runs[0]['classes']
    shared = np.array(sorted(classes.index(name) for name in recipe.shared))
    among, per_class = [], []
    for run in runs:
        folder = plan.work_dir / run_folder(run['fold'], run['seed'])
        late_scores = read_late_scores(folder, run['epochs']).values()
        among.append(np.mean([shared[one.scores[:, shared].argmax(axis=1)] == one.labels for one in late_scores]))
        last = read_scores(folder / 'test' / 'scores.npz')
        per_class.append(accuracies(last.scores, last.labels)['per_class'])
    late = [measure_of(run, 'late_top1') for run in runs]
    trained, tested = DIRECTIONS[direction]
    return {
        'trained_on': trained,
        'tested_on': tested,
        'samples': runs[0]['num_samples'],
        'seeds': [run['seed'] for run in runs],
        'commit': ', '.join(sorted({run['commit'] for run in runs})),
        'late_top1': None if None in late else over_seeds([value for value in late if value is not None]),
        'late_top1_among_shared': over_seeds([float(share) for share in among]),
        'last_top1': over_seeds([run['last_top1'] for run in runs]),
        'per_class': {
            name: float(np.mean([shares[classes.index(name)] for shares in per_class])) for name in recipe.shared
        },
    }


def measure_direction(
    recipe: Recipe, direction: str, model: Path, recordings: int, folder: Path, temperature: float
) -> dict[str, Any]:
    """Events, "no interaction" and calibration of a model on the clips of the set that it has not seen.

    Args:
        recipe, direction: Of the model.
        model: Its checkpoint, with a temperature.
        recordings: How many are simulated.
        folder: Of its run, whose test has the scores.
        temperature: As in the checkpoint.
    """
    path = recipe.work_dir / f'{direction}_clips.pkl'
    source = recipe.config().test_dataloader.dataset.dataset.datasets[DIRECTIONS[direction][1]]
    clips, classes = write_clips(source, recipe.shared, path)
    inferencer = InteractionInferencer(model, layout=load_annotations(path, lazy=True)['meta']['layout'], fuse=True)
    figures, _ = measure_events(inferencer, clips, classes, WatchOptions(fps=FPS), recordings, seed=0)
    scores = read_scores(folder / 'test' / 'scores.npz')
    return {
        **figures,
        'auroc_no_interaction': measure_auroc(inferencer, str(path), None, seed=0),
        'ece': expected_calibration_error(calibrated(scores.scores, temperature), scores.labels),
        'ece_before': expected_calibration_error(calibrated(scores.scores, 1.0), scores.labels),
    }


def write_clips(source: Mapping[str, Any], classes: Sequence[str], path: Path) -> tuple[list[dict], list[str]]:
    """An annotation file of the clips of some classes at the frame rate of simulated recordings; and what is in it.

    Args:
        source: Of the config: ``ann_file``, ``fps`` and ``classes``.
        classes: Common names of those that are kept.
        path: File to write.
    """
    content = load_annotations(source['ann_file'])
    common = {own: name for name, own in source['classes'].items() if name in classes}
    names = [common.get(name, name) for name in content['meta']['classes']]
    resample = ResampleFrameRate(FPS)
    clips = []
    for clip in content['annotations']:
        if content['meta']['classes'][clip['label']] in common:
            at_rate = resample.transform({**clip, 'fps': source['fps'], 'layout': content['meta']['layout']})
            clips.append({**clip, 'keypoint': at_rate['keypoint'], 'total_frames': at_rate['keypoint'].shape[1]})
    save_annotations(path, clips, {}, {**content['meta'], 'classes': names})
    return clips, names
