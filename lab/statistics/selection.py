"""A choice among several models that does not see the fold it is tested on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asea_mm.errors import InputError

from ..files import by_run
from .comparison import mean_of_folds


@dataclass(frozen=True)
class Selection:
    """What :func:`select_on_other_folds` chose.

    Args:
        chosen: Name of the row for each fold.
        mean_of_folds: The measure of the chosen rows on their folds, mean of the folds, over seeds as of
            :func:`~asea_mm.evaluation.statistics.over_seeds`.
    """

    chosen: Mapping[int, str]
    mean_of_folds: Mapping[str, Any]


def select_on_other_folds(rows: Mapping[str, Sequence[Mapping[str, Any]]], key: str = 'last_top1') -> Selection:
    """For each fold choose the row that is best on the other folds, and see how good it is on this one.

    The best of several means is too high, since it was chosen by the test samples that it is reported on (Cawley &
    Talbot, JMLR 2010). Here the test samples of a fold have no say in what is chosen for it. They are training samples
    of the other folds, as always in cross-validation, so the choice is not blind to them altogether.

    Args:
        rows: Runs of each candidate, as of :class:`~lab.files.Result`; of equally good ones the
            first is taken.
        key: The measure, of which more is better.

    Raises:
        InputError: If there are fewer than two folds, or the rows have not the same folds and seeds.
    """
    runs = {name: by_run(row) for name, row in rows.items()}
    wanted = set(next(iter(runs.values()), {}))
    folds = sorted({fold for fold, _ in wanted})
    if len(folds) < 2:
        raise InputError(f'a choice on other folds needs at least two, got folds {folds}')
    if other := [name for name in rows if set(runs[name]) != wanted]:
        raise InputError(f'expected rows of the same folds and seeds, {other} have others than {next(iter(rows))}')

    def on_others(name: str, fold: int) -> float:
        mean = mean_of_folds([run for run in rows[name] if run['fold'] != fold], key)['mean']
        return round(mean, 12)  # equal but for the order of the sum is equal

    chosen = {fold: max(rows, key=lambda name: on_others(name, fold)) for fold in folds}
    return Selection(chosen, mean_of_folds([runs[chosen[fold]][fold, seed] for fold, seed in wanted], key))
