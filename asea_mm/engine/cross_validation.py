"""Cross-validation: a config trained and tested for every fold and seed, and what the runs say together."""

import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from ..datasets import load_annotations
from ..datasets.files.whole import write_whole
from ..errors import InputError
from ..evaluation.scores import read_scores, run_folder, write_runs
from ..evaluation.statistics import Run, summarise_runs
from .cfg_options import read_cfg_options
from .jobs import run_jobs
from .late_epochs import LATE_MEASURES, late_measures, read_late_scores
from .options import datasets_of
from .ownership import owned
from .resuming import latest_checkpoint
from .running import load_config, run_test, run_training, working_tree_commit
from .signals import GRACE

# What makes a result; the rest of a config is how it is logged.
RECIPE = (
    'model',
    'train_dataloader',
    'test_dataloader',
    'test_evaluator',
    'train_cfg',
    'optim_wrapper',
    'param_scheduler',
    'custom_hooks',
)
MEASURES = ('last_top1', 'best_top1', 'last_cross_entropy', *LATE_MEASURES)


@dataclass(frozen=True)
class CrossValidation:
    """What is cross-validated, and where its runs go.

    Args:
        config: Path or name of the config.
        folds: Numbers of the folds; fold 0 alone where the data has none.
        seeds: Random seeds.
        work_dir: Folder of the runs, each in a folder of its own (:func:`run_folder`).
        stream: As of :func:`load_config`.
        cfg_options: ``key=value`` as on a command line.

    Raises:
        InputError: If a fold or seed is there twice, or there is none.
    """

    config: str
    folds: tuple[int, ...]
    seeds: tuple[int, ...]
    work_dir: Path
    stream: str | None = None
    cfg_options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, numbers in (('--folds', self.folds), ('--seeds', self.seeds)):
            if not numbers or len(set(numbers)) < len(numbers):
                raise InputError(f'{name}: expected different numbers, got {" ".join(map(str, numbers)) or "none"}')

    @property
    def runs(self) -> list[Run]:
        """Fold and seed of every run, in the order in which they are begun."""
        return [(fold, seed) for seed in self.seeds for fold in self.folds]

    def settings(self, fold: int, seed: int) -> dict[str, Any]:
        """What a result keeps of how it was made."""
        option = self.fold_option(fold)
        options = [*([] if option is None else ['--fold', str(option)]), '--seed', str(seed)]
        options += ['--stream', self.stream] if self.stream else []
        options += ['--cfg-options', *self.cfg_options] if self.cfg_options else []
        return {'config': self.config, 'options': options}

    def load_config(self, fold: int | None = None, seed: int | None = None, work_dir: Path | None = None) -> Config:
        """The config of a run."""
        values, option = read_cfg_options(self.cfg_options), self.fold_option(fold)
        return load_config(self.config, None, option, self.stream, seed, values, work_dir=work_dir)

    def fold_option(self, fold: int | None) -> int | None:
        """What ``--fold`` says; nothing for fold 0 of data without folds."""
        return None if fold == 0 and not self._has_folds else fold

    @cached_property
    def _has_folds(self) -> bool:
        return _has_folds(load_config(self.config, cfg_options=read_cfg_options(self.cfg_options)))


def _has_folds(cfg: Config) -> bool:
    """Whether the config tests on folds; a dataset whose split is None has all samples, though it has the option."""
    return any('fold' in part and part.get('split', '') is not None for part in datasets_of(cfg.test_dataloader))


def all_folds(config: str, cfg_options: Sequence[str] = ()) -> tuple[int, ...]:
    """The folds that the annotation file of a config has; fold 0 if its dataset has no option for them."""
    cfg = load_config(config, cfg_options=read_cfg_options(cfg_options))
    if not _has_folds(cfg):
        return (0,)
    path = next((dataset['ann_file'] for dataset in datasets_of(cfg.test_dataloader) if dataset.get('ann_file')), None)
    if path is None:
        raise InputError(f'--folds all: the dataset of {config} has no annotation file; name the folds')
    split = load_annotations(path, lazy=True)['split']
    folds = sorted(int(number[1]) for name in split if (number := re.fullmatch(r'fold(\d+)_train', name)))
    if not folds:
        raise InputError(f'--folds all: expected splits fold1_train, fold2_train, ... in {path}, got {sorted(split)}')
    return tuple(folds)


def cross_validate(plan: CrossValidation, jobs: int = 1, **cluster: Any) -> Iterator[dict[str, Any]]:
    """Train and test every fold and seed in a process of its own; yields their results as they are done.

    Finished runs are not repeated, interrupted ones resume.

    Args:
        plan: What is cross-validated.
        jobs: As of :func:`run_jobs`, like the rest.

    Raises:
        InputError: If a folder of a run has another recipe, a run fails for what the user can mend, or another process
            works in the folder.
    """
    plan.load_config(plan.folds[0])  # what is wrong with all of them is said before the first is begun
    with owned(plan.work_dir):
        yield from _cross_validate(plan, jobs, cluster)


def _cross_validate(plan: CrossValidation, jobs: int, cluster: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    finished = {run: result for run in plan.runs if (result := finished_result(plan, *run)) is not None}
    yield from finished.values()
    missing = [run for run in plan.runs if run not in finished]
    function = partial(run_once, plan)
    for _, result in run_jobs(function, missing, plan.work_dir / 'jobs', jobs, **cluster):
        yield result


def finished_result(plan: CrossValidation, fold: int, seed: int) -> dict[str, Any] | None:
    """The result of a run that is finished.

    Raises:
        InputError: If the run is of other settings, or of a config that has changed since.
    """
    folder = plan.work_dir / run_folder(fold, seed)
    for dumped in folder.glob('*.py'):
        now, before = plan.load_config(fold, seed).to_dict(), Config.fromfile(dumped).to_dict()
        if other := [key for key in RECIPE if before.get(key) != now.get(key)]:
            raise InputError(f'{dumped} is of a run with another {", ".join(other)}; choose another --work-dir')
    path = folder / 'result.json'
    if not path.exists():
        return None
    result = json.loads(path.read_text())
    if result['settings'] != plan.settings(fold, seed):
        raise InputError(f'{path} is of other settings, {result["settings"]}; choose another --work-dir')
    return result


def run_once(plan: CrossValidation, run: Run) -> dict[str, Any]:
    """Train and test one fold and seed in this process; returns its result, which is also kept as ``result.json``."""
    folder = plan.work_dir / run_folder(*run)
    with owned(folder, GRACE):  # a job whose parent was killed is there a moment longer
        return _run_once(plan, run, folder)


def _run_once(plan: CrossValidation, run: Run, folder: Path) -> dict[str, Any]:
    clock = folder / 'seconds'  # of the sittings before this one
    start = time.time() - (float(clock.read_text()) if clock.exists() else 0)
    try:
        cfg = plan.load_config(*run, folder)
        if latest := latest_checkpoint(folder):
            cfg.resume, cfg.load_from = True, str(latest)
        cfg.default_hooks = {**(cfg.get('default_hooks') or {}), 'late_scores': dict(type='LateScoresHook')}
        run_training(cfg)
        checkpoint = latest_checkpoint(folder)
        if checkpoint is None:
            raise InputError(f'{folder}: training has left no checkpoint; give default_hooks.checkpoint an interval')
        tested = plan.load_config(*run, folder / 'test')
        tested.experiment_name = f'{folder.name}_test'  # mmengine's log and message hub are by name
        run_test(tested, checkpoint)
    finally:  # also when interrupted
        write_whole(clock, str(time.time() - start))
    report = json.loads((folder / 'test' / 'report.json').read_text())
    curve = validation_curve(folder)
    last = int(checkpoint.stem.rpartition('_')[2])  # not the curve's: an interruption may have cost a validation
    curve[last] = report['top1']  # with the test pipeline, which may be another
    late = {**read_late_scores(folder, last), last: read_scores(folder / 'test' / 'scores.npz')}
    best = max(curve, key=lambda epoch: (curve[epoch], epoch))
    result = {
        'settings': plan.settings(*run),
        'fold': run[0],
        'seed': run[1],
        'commit': working_tree_commit(),
        'device': torch.cuda.get_device_name() if torch.cuda.is_available() else 'CPU',
        'num_samples': report['num_samples'],
        'last_top1': report['top1'],
        'last_cross_entropy': report['cross_entropy'],
        'best_top1': curve[best],
        'best_epoch': best,
        'epochs': last,
        'seconds': round(time.time() - start),
        'classes': report['classes'],
        'confusion': report['confusion'],
        'curve': [round(curve[epoch], 4) for epoch in sorted(curve)],
        **late_measures(late.values()),
    }
    write_whole(folder / 'result.json', json.dumps(result) + '\n')
    return result


def validation_curve(folder: Path) -> dict[int, float]:
    """Top-1 accuracy of every epoch, from the logs of all sittings of a run."""
    curve = {}
    for path in sorted(folder.glob('*/vis_data/scalars.json')):
        for line in path.read_text().splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:  # cut off by an interruption
                continue
            if 'acc/top1' in record:
                curve[record['step']] = record['acc/top1']
    if not curve:
        raise InputError(f'{folder}: no validation accuracy in the logs')
    return curve


def summarise(results: Iterable[Mapping[str, Any]], keys: Iterable[str]) -> dict[str, Any]:
    """Measures of all runs, each as of :func:`summarise_runs`; one that is not known of every run is left out.

    Args:
        results: ``fold``, ``seed``, ``num_samples`` and the measures of every run.
        keys: Names of the measures.
    """
    runs = {(result['fold'], result['seed']): result for result in results}
    sizes = {run: result['num_samples'] for run, result in runs.items()}
    known = [key for key in keys if all(result.get(key) is not None for result in runs.values())]
    return {key: summarise_runs({run: result[key] for run, result in runs.items()}, sizes) for key in known}


def write_summary(out: str | os.PathLike, plan: CrossValidation, results: Sequence[dict], command: str) -> None:
    """Write ``OUT.json``: command, commits, summary and all results; and ``OUT.npz``: their scores, to be fused."""
    content = {
        'command': command,
        'config': plan.config,
        'stream': plan.stream,
        'commit': ', '.join(sorted({result['commit'] for result in results})),
        'summary': summarise(results, MEASURES),
        'runs': results,
    }
    write_whole(Path(f'{out}.json'), json.dumps(content, indent=1) + '\n')
    runs = [(result['fold'], result['seed']) for result in results]
    scores = {run: read_scores(plan.work_dir / run_folder(*run) / 'test' / 'scores.npz') for run in runs}
    write_runs(f'{out}.npz', scores, results[0]['classes'])
