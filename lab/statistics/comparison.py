"""Cross-validations beside each other: differences of the runs that both have, and whether they are noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import stats

from asea_mm.errors import InputError
from asea_mm.evaluation.statistics import Run, over_seeds, run_name, summarise_runs

from ..files import by_run

SIGNIFICANT = 0.05
ENOUGH_PAIRS = 6  # p is at least 2 of 2^6 sign choices; with five it is at least 0.0625
EXACT_UP_TO = 16  # differences that are not zero: 65,536 ways to choose their signs


def measure_of(run: Mapping[str, Any], key: str) -> float | None:
    """A measure of a run: what its result has under a key, or what follows from its curve.

    Args:
        run: As of :func:`read_result`.
        key: ``last_top1``, ``best_top1``, ``last_cross_entropy``, ``late_top1``, ``late_mean_class`` (balanced
            accuracy) or ``late_cross_entropy``. The late ones are means over the validations of the last third of the
            epochs: no epoch is chosen, and they wander less than that of the last one.

    Returns:
        The measure; None where the result lacks it. Of results without late measures that of the curve is known; fewer
        than three validations have no third.
    """
    if key != 'late_top1' or run.get(key) is not None:
        return run.get(key)
    curve = run.get('curve') or ()
    third = len(curve) // 3
    return float(np.mean(curve[-third:])) if third else None


def summary_of(runs: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    """One measure of the runs by fold, mean of the folds, and pooled, as of :func:`summarise_runs`."""
    of_run = by_run(runs)
    values = {numbers: value for numbers, run in of_run.items() if (value := measure_of(run, key)) is not None}
    if lacking := [run_name(*numbers) for numbers in of_run if numbers not in values]:
        raise InputError(f'mean of {key}: not known of {", ".join(lacking)}')
    return summarise_runs(values, {numbers: run['num_samples'] for numbers, run in of_run.items()})


def mean_of_folds(runs: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    """Mean of the folds of one measure of the runs, with its spread over seeds, as of :func:`over_seeds`."""
    return summary_of(runs, key)['mean_of_folds']


@dataclass(frozen=True)
class Comparison:
    """Paired differences of two experiments.

    Args:
        differences: For each fold and seed that both have, the measure of the one minus that of the reference. Those of
            :func:`together` have the number of the comparison before fold and seed.
        left_out: Folds and seeds that both have, but of another number of epochs or of other samples.
        lower_is_better: Whether the measure is an error, not an accuracy.
    """

    differences: Mapping[tuple, float]
    left_out: tuple[Run, ...] = ()
    lower_is_better: bool = False

    @property
    def summary(self) -> dict[str, Any]:
        """Mean and standard deviation over the pairs, as of :func:`over_seeds`."""
        return over_seeds(list(self.differences.values()))

    @cached_property
    def p_value(self) -> float:
        return sign_flip_test(list(self.differences.values()))

    @property
    def outcome(self) -> str:
        """``better``, ``worse``, ``within noise``, ``too few pairs`` or ``no pairs``."""
        if not self.differences:
            return 'no pairs'
        if self.p_value < SIGNIFICANT:
            return 'better' if (self.summary['mean'] > 0) != self.lower_is_better else 'worse'
        return 'within noise' if len(self.differences) >= ENOUGH_PAIRS else 'too few pairs'

    @property
    def verdict(self) -> str:
        """The outcome with the p-value; a dash without pairs."""
        if not self.differences:
            return '-'
        p = self.p_value
        return f'{self.outcome} (p = {p:.3f})' if p >= 0.001 else f'{self.outcome} (p < 0.001)'


def compare(
    runs: Sequence[Mapping[str, Any]],
    reference: Sequence[Mapping[str, Any]],
    key: str = 'last_top1',
    alike: Sequence[str] = ('epochs', 'num_samples'),
) -> Comparison:
    """Pair the runs of two experiments by fold and seed.

    Only runs of the same number of epochs and of test samples make a pair.

    Args:
        runs: Runs of the one, as of :class:`~lab.files.Result`.
        reference: Runs of the other.
        key: The measure to compare, as of :func:`measure_of`; runs that lack it make no pair.
        alike: What two runs must have alike to make a pair.
    """
    first, second = by_run(runs), by_run(reference)
    shared = sorted(set(first) & set(second))
    paired = [run for run in shared if all(first[run][part] == second[run][part] for part in alike)]
    values = {run: (measure_of(first[run], key), measure_of(second[run], key)) for run in paired}
    return Comparison(
        {run: one - other for run, (one, other) in values.items() if one is not None and other is not None},
        tuple(run for run in shared if run not in paired),
        lower_is_better=key.endswith('cross_entropy'),
    )


def together(comparisons: Sequence[Comparison]) -> Comparison:
    """The pairs of several comparisons of one measure as those of one."""
    return Comparison(
        {(n, *run): value for n, comparison in enumerate(comparisons) for run, value in comparison.differences.items()},
        lower_is_better=any(comparison.lower_is_better for comparison in comparisons),
    )


def sign_flip_test(differences: Sequence[float]) -> float:
    """Two-sided paired permutation test of a mean of zero: p over all ways to choose the signs of the differences.

    Differences of zero do not change it. With up to 16 others it is exact, else it is estimated from 65,535 random
    choices with a fixed seed. It needs no distribution and stands ties and zeros, which small test folds have many of;
    Wilcoxon's test has no exact form there.

    Args:
        differences: One for each pair.

    Returns:
        The p-value; 1 without any difference.
    """
    values = np.array([value for value in differences if abs(value) > 1e-12])
    if len(values) < 2:  # scipy wants two; of one both signs are as far from zero
        return 1.0
    exact = len(values) <= EXACT_UP_TO
    test = stats.permutation_test(
        (values,),
        lambda sample, axis: sample.mean(axis=axis),
        permutation_type='samples',
        vectorized=True,
        n_resamples=2**EXACT_UP_TO if exact else 2**EXACT_UP_TO - 1,
        batch=4096,
        random_state=np.random.default_rng(0),
    )
    return min(1.0, float(test.pvalue))
