"""Measures of several folds and seeds in one: mean of folds and pooled over samples, with their spread over seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError

Run = tuple[int, int]  # fold and seed; fold 0 where the data has no folds


def run_name(fold: int, seed: int) -> str:
    return f'fold {fold} seed {seed}' if fold else f'seed {seed}'


def over_seeds(values: Sequence[float]) -> dict[str, Any]:
    """Mean and sample standard deviation; None as that of a single value."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {'mean': float(np.mean(values)), 'std': spread, 'values': list(values)}


def summarise_runs(measure: Mapping[Run, float], num_samples: Mapping[Run, int]) -> dict[str, Any]:
    """Summary of one measure of all runs.

    Args:
        measure: The accuracy of each fold and seed, from 0 to 1, or another mean over samples.
        num_samples: How many samples it is of.

    Returns:
        ``per_fold``, ``mean_of_folds`` and ``pooled`` (over all samples), each as of :func:`over_seeds`.

    Raises:
        InputError: If a fold lacks a seed that another has.
    """
    folds, seeds = sorted({fold for fold, _ in measure}), sorted({seed for _, seed in measure})
    if len(folds) * len(seeds) != len(measure):
        raise InputError(f'expected every fold with every seed, got (fold, seed) {sorted(measure)}')
    values = np.array([[measure[fold, seed] for fold in folds] for seed in seeds])
    sizes = np.array([[num_samples[fold, seed] for fold in folds] for seed in seeds])
    return {
        'per_fold': {str(fold): over_seeds(column.tolist()) for fold, column in zip(folds, values.T, strict=True)},
        'mean_of_folds': over_seeds(values.mean(axis=1).tolist()),
        'pooled': over_seeds(((values * sizes).sum(axis=1) / sizes.sum(axis=1)).tolist()),
    }


def in_columns(summary: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The parts of a :func:`summarise_runs` by title, as tables show them; without folds they are all the same."""
    if set(summary['per_fold']) == {'0'}:
        return {'all samples': summary['pooled']}
    folds = {f'fold {fold}': values for fold, values in summary['per_fold'].items()}
    return {**folds, 'mean of folds': summary['mean_of_folds'], 'pooled over samples': summary['pooled']}


def with_spread(values: Mapping[str, Any], factor: float = 1, digits: int = 3) -> str:
    """Mean and, where there are several values, standard deviation, e.g. ``0.127 ± 0.015``."""
    spread = '' if values['std'] is None else f' ± {factor * values["std"]:.{digits}f}'
    return f'{factor * values["mean"]:.{digits}f}{spread}'


def as_percent(accuracy: Mapping[str, Any]) -> str:
    """The same in per cent, e.g. ``95.89 ± 0.40``."""
    return with_spread(accuracy, 100, 2)
