"""Models over tasks: what each has in every task, in all of them, and how it differs from a reference pair by pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from asea_mm.evaluation.statistics import over_seeds

from .comparison import Comparison, compare, mean_of_folds, measure_of, together

LEAST_PAIRS = 60  # over all tasks together, before a difference counts
ACCURACY, BALANCED, CROSS_ENTROPY = MEASURES = ('late_top1', 'late_mean_class', 'late_cross_entropy')
Runs = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Grid:
    """Runs of models over tasks.

    Args:
        models: Label of each model by its id.
        tasks: Label of each task by its name.
        runs: Runs by model and task, as of :class:`~lab.files.Result`; none of what was not run.
        reference: Id of the model that others are compared with.
    """

    models: Mapping[str, str]
    tasks: Mapping[str, str]
    runs: Mapping[tuple[str, str], Runs]
    reference: str

    def of(self, model: str, task: str, key: str) -> Runs:
        """The runs of a model in a task that have a measure."""
        runs = self.runs.get((model, task), ())
        return runs if all(measure_of(run, key) is not None for run in runs) else ()

    def summary(self, model: str, task: str, key: str) -> dict[str, Any] | None:
        """A measure of a model in a task, mean of the folds, as of :func:`over_seeds`; None if it was not run."""
        runs = self.of(model, task, key)
        return mean_of_folds(runs, key) if runs else None

    def over_tasks(self, model: str, key: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Mean of the tasks, and pooled over the test samples of all; None unless some seed has every task.

        Only seeds that every task has count.
        """
        every = [self.of(model, task, key) for task in self.tasks]
        seeds = sorted(set.intersection(*({run['seed'] for run in runs} for runs in every)))
        if not seeds:
            return None
        means, pooled = [], []
        for seed in seeds:
            chosen = [[run for run in runs if run['seed'] == seed] for runs in every]
            means.append(float(np.mean([np.mean([measure_of(run, key) for run in runs]) for runs in chosen])))
            flat = [run for runs in chosen for run in runs]
            sizes = [run['num_samples'] for run in flat]
            pooled.append(float(np.average([measure_of(run, key) for run in flat], weights=sizes)))
        return over_seeds(means), over_seeds(pooled)

    @cached_property
    def compared(self) -> list[str]:
        """The models other than the reference that have a run."""
        return [
            model
            for model in self.models
            if model != self.reference and any(self.runs.get((model, t)) for t in self.tasks)
        ]

    def difference(self, model: str, task: str, key: str) -> Comparison:
        """Differences of a model to the reference in a task, by fold and seed; epochs may differ, samples may not."""
        return compare(self.of(model, task, key), self.of(self.reference, task, key), key, alike=('num_samples',))

    @cache  # noqa: B019  (a page has one grid, which dies with it)
    def over_all(self, model: str, key: str) -> Comparison:
        """The same over all tasks together, by number of the task, fold and seed."""
        return together([self.difference(model, task, key) for task in self.tasks])

    def pairs(self, key: str) -> dict[tuple[str, int, int], dict[str, float]]:
        """Differences of every model by task, fold and seed."""
        names, pairs = list(self.tasks), dict[tuple[str, int, int], dict[str, float]]()
        for model in self.compared:
            for (number, fold, seed), value in self.over_all(model, key).differences.items():
                pairs.setdefault((names[number], fold, seed), {})[model] = value
        return {run: pairs[run] for run in sorted(pairs, key=lambda run: (names.index(run[0]), *run[1:]))}

    def seconds(self, model: str) -> float:
        return sum(run['seconds'] for task in self.tasks for run in self.runs.get((model, task), ()))


def verdict(comparison: Comparison) -> str:
    """What the pairs of all tasks together say; below :data:`LEAST_PAIRS` nothing is decided."""
    count = len(comparison.differences)
    if not count:
        return 'no pairs'
    if count < LEAST_PAIRS:
        return f'not decided, {count} of {LEAST_PAIRS} pairs (p = {comparison.p_value:.3f})'
    return f'{comparison.verdict}, {count} pairs'


def gain(accuracy: Comparison, cross_entropy: Comparison) -> str:
    """Whether a model counts as better: by late accuracy or by cross-entropy, over enough pairs."""
    enough = [each for each in (accuracy, cross_entropy) if len(each.differences) >= LEAST_PAIRS]
    if any(each.outcome == 'better' for each in enough):
        return 'gain'
    return 'no gain' if len(enough) == 2 else 'not decided'
