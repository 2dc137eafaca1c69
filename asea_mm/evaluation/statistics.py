"""Accuracies of several folds and seeds in one: mean of folds and pooled over samples, with their spread over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Run = tuple[int, int]  # fold and seed


def over_seeds(values: Sequence[float]) -> dict[str, Any]:
    """Mean and sample standard deviation; None as that of a single value."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {'mean': float(np.mean(values)), 'std': spread, 'values': list(values)}


def summarise_runs(accuracy: Mapping[Run, float], num_samples: Mapping[Run, int]) -> dict[str, Any]:
    """Summary of one accuracy of all runs.

    Args:
        accuracy: The accuracy of each fold and seed, from 0 to 1.
        num_samples: How many samples it is of.

    Returns:
        ``per_fold``, ``mean_of_folds`` and ``pooled`` (over all samples), each as of :func:`over_seeds`.

    Raises:
        ValueError: If a fold lacks a seed that another has.
    """
    folds, seeds = sorted({fold for fold, _ in accuracy}), sorted({seed for _, seed in accuracy})
    if len(folds) * len(seeds) != len(accuracy):
        raise ValueError(f'expected every fold with every seed, got (fold, seed) {sorted(accuracy)}')
    values = np.array([[accuracy[fold, seed] for fold in folds] for seed in seeds])
    sizes = np.array([[num_samples[fold, seed] for fold in folds] for seed in seeds])
    return {
        'per_fold': {str(fold): over_seeds(column.tolist()) for fold, column in zip(folds, values.T, strict=True)},
        'mean_of_folds': over_seeds(values.mean(axis=1).tolist()),
        'pooled': over_seeds(((values * sizes).sum(axis=1) / sizes.sum(axis=1)).tolist()),
    }


def as_percent(accuracy: Mapping[str, Any]) -> str:
    """Mean and, where there are several seeds, standard deviation, e.g. ``95.89 ± 0.40``."""
    spread = '' if accuracy['std'] is None else f' ± {100 * accuracy["std"]:.2f}'
    return f'{100 * accuracy["mean"]:.2f}{spread}'
