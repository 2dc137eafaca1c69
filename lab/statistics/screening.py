"""Screening: the effects of many parts of a recipe from the same few runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.linalg import hadamard

from asea_mm.errors import InputError


@dataclass(frozen=True)
class Effect:
    """What a part does to a measure: the mean of the runs with it minus that of the runs without it.

    Args:
        mean: The difference.
        error: Its standard error; None if there are no more runs than parts to tell it by.
        p_value: Of a two-sided t-test that it is zero; None without an error.
    """

    mean: float
    error: float | None = None
    p_value: float | None = None

    def scaled(self, factor: float) -> Effect:
        """The same in another unit."""
        return Effect(factor * self.mean, None if self.error is None else factor * self.error, self.p_value)


def screening_design(num_parts: int, num_runs: int) -> np.ndarray:
    """Which run has which part, so that any two parts are together, apart and absent equally often.

    A two-level fractional factorial design (Box, Hunter & Hunter, 2005, chapter 6), columns of a Hadamard matrix.
    Where one part at a time is taken away, a part is told by its own runs and the reference's; here every run tells of
    every part, so that with as many runs in all the error of an effect is several times smaller. The price: a main
    effect cannot be told from those of some pairs of parts. Up to half as many parts as runs take columns that are no
    product of two others among them.

    Args:
        num_parts: How many parts there are.
        num_runs: A power of two, above the number of parts.

    Returns:
        bool, the first run with all parts.

    Shapes:
        returns ``(num_runs, num_parts)``

    Raises:
        ValueError: If the number of runs is no power of two or too small.
    """
    if num_runs < 4 or num_runs & (num_runs - 1) or num_runs <= num_parts:
        raise InputError(f'screening of {num_parts} parts: expected a power of two of more runs, got {num_runs}')
    # the product of two columns has the parity of their sum, so none of odd parity is a product of two others
    columns = sorted(range(1, num_runs), key=lambda column: (column.bit_count() % 2 == 0, column))
    return hadamard(num_runs)[:, columns[:num_parts]] > 0


def effects(design: np.ndarray, values: np.ndarray) -> list[Effect]:
    """The effect of every part by least squares, all at once.

    Args:
        design: Which run has which part, as of :func:`screening_design` or any other.
        values: A measure of each run.

    Shapes:
        design ``(runs, parts)`` bool, values ``(runs,)``

    Raises:
        ValueError: If the runs do not tell the parts apart.
    """
    runs, parts = design.shape
    model = np.column_stack([np.ones(runs), np.where(design, 0.5, -0.5)])
    if np.linalg.matrix_rank(model) <= parts:
        raise InputError(f'{runs} runs do not tell {parts} parts apart')
    inverse = np.linalg.inv(model.T @ model)
    fitted = inverse @ model.T @ values
    freedom = runs - parts - 1
    if not freedom:
        return [Effect(float(mean)) for mean in fitted[1:]]
    variance = np.square(values - model @ fitted).sum() / freedom
    errors = np.sqrt(variance * np.diag(inverse))
    with np.errstate(divide='ignore', invalid='ignore'):  # of runs that scatter not at all
        p_values = 2 * stats.t.sf(np.abs(fitted / errors), freedom)
    found = zip(fitted, errors, np.nan_to_num(p_values, nan=1.0), strict=True)
    return [Effect(float(mean), float(error), float(p)) for mean, error, p in found][1:]
