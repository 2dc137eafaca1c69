"""Trainings of experiments: runs of the product's cross-validation, of configs with their changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asea_mm.datasets.files.whole import write_whole
from asea_mm.engine.cross_validation import CrossValidation, finished_result, run_once
from asea_mm.engine.jobs import run_jobs
from asea_mm.evaluation.statistics import Run, run_name

from .overrides import changed_config

Task = tuple[CrossValidation, Run]


def plan(
    config: str,
    work_dir: Path,
    folds: Sequence[int],
    seeds: Sequence[int],
    cfg_options: Sequence[str] = (),
    overrides: Sequence[Mapping[str, Any]] = (),
    stream: str | None = None,
) -> CrossValidation:
    """A cross-validation of a config with changes; with overrides it is of a copy of the config in its folder.

    Args:
        config: The config.
        work_dir: Folder of the runs.
        folds: Numbers of the folds; fold 0 alone where the data has none.
        seeds: Random seeds.
        cfg_options: ``key=value`` as on a command line.
        overrides: As of :func:`~lab.overrides.override`, one after the other.
        stream: As ``asea train --stream`` takes it.
    """
    if any(overrides):
        copied = work_dir / Path(config).name
        write_whole(copied, changed_config(config, cfg_options, *overrides).pretty_text)
        config, cfg_options = str(copied), ()
    return CrossValidation(config, tuple(folds), tuple(seeds), work_dir, stream, tuple(cfg_options))


def run_all(plans: Sequence[CrossValidation], folder: Path, jobs: int) -> list[dict[str, Any]]:
    """The results of all runs of all plans, in their order; what is not finished is run, several at once.

    Args:
        plans: The cross-validations.
        folder: For the files of the jobs while they run.
        jobs: Runs at once.
    """
    tasks = [(plan, run) for plan in plans for run in plan.runs]
    results = [finished_result(plan, *run) for plan, run in tasks]
    missing = [number for number, result in enumerate(results) if result is None]
    numbered = [(number, tasks[number]) for number in missing]
    for done, ((number, (plan, run)), result) in enumerate(run_jobs(_run, numbered, folder, jobs), 1):
        results[number] = result
        text = f'{done} of {len(missing)}: {plan.work_dir.name}, {run_name(*run)}: last {result["last_top1"]:.2%}'
        print(f'{text}, best {result["best_top1"]:.2%}, {result["seconds"]} s', flush=True)
    return [result for result in results if result is not None]


def _run(task: tuple[int, Task]) -> dict[str, Any]:
    _, (plan, run) = task
    return run_once(plan, run)
