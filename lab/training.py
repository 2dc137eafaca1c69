"""Trainings of experiments: runs of the product's cross-validation, of configs with their changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from asea_mm.datasets.files.whole import write_whole
from asea_mm.engine.cross_validation import CrossValidation, finished_result, run_once
from asea_mm.engine.jobs import run_jobs
from asea_mm.errors import InputError
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


def run_all(
    tasks: Sequence[Task], folder: Path, jobs: int, seconds: float | None = None
) -> Iterator[tuple[int, dict[str, Any] | InputError]]:
    """Numbers of the tasks and their results as they are done; what is not finished is run, several at once.

    Args:
        tasks: Each a run of a cross-validation, in the order in which they are begun.
        folder: For the files of the jobs while they run.
        jobs: Runs at once.
        seconds: After these, trainings save their state and end; the next call resumes them. Default: no end.

    Yields:
        The result, or why there is none; the other runs go on.
    """
    results = [_caught(finished_result, plan, *run) for plan, run in tasks]
    yield from ((number, result) for number, result in enumerate(results) if result is not None)
    missing = [(number, tasks[number]) for number, result in enumerate(results) if result is None]
    for done, ((number, (plan, run)), result) in enumerate(run_jobs(_run, missing, folder, jobs, seconds=seconds), 1):
        text = f'{done} of {len(missing)}: {plan.work_dir.name}, {run_name(*run)}: '
        if isinstance(result, InputError):
            print(f'{text}failed, the others go on', flush=True)
        else:
            last, best, took = result['last_top1'], result['best_top1'], result['seconds']
            print(f'{text}last {last:.2%}, best {best:.2%}, {took} s', flush=True)
        yield number, result


def run_plans(plans: Sequence[CrossValidation], folder: Path, jobs: int) -> list[dict[str, Any]]:
    """The results of all runs of all plans, in their order, as of :func:`run_all`.

    Raises:
        InputError: If one fails, when the others are done.
    """
    results = dict(run_all([(plan, run) for plan in plans for run in plan.runs], folder, jobs))
    ordered = [results[number] for number in sorted(results)]
    for result in ordered:
        if isinstance(result, InputError):
            raise result
    return [result for result in ordered if not isinstance(result, InputError)]


def _run(task: tuple[int, Task]) -> dict[str, Any] | InputError:
    _, (plan, run) = task
    return _caught(run_once, plan, run)


def _caught(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns, or what its user can mend."""
    try:
        return function(*arguments)
    except (InputError, OSError) as error:
        return InputError(str(error))
