"""Effects of parts from a screening design: known effects come back, and what a design cannot tell is refused."""

import numpy as np
import pytest
from scipy import stats

from ..statistics.screening import Effect, effects, screening_design


@pytest.mark.parametrize(('parts', 'runs'), [(1, 4), (3, 4), (7, 8), (11, 16), (15, 16)])
def test_any_two_parts_are_together_and_apart_equally_often(parts, runs):
    design = screening_design(parts, runs)
    assert design.shape == (runs, parts)
    assert design[0].all(), 'the first run has all parts'
    for first in range(parts):
        assert design[:, first].sum() == runs // 2
        for second in range(first):
            assert (design[:, first] & design[:, second]).sum() == runs // 4
            assert (design[:, first] | design[:, second]).sum() == 3 * runs // 4


def test_few_parts_are_told_from_their_pairs():
    signs = np.where(screening_design(8, 16), 1, -1)
    products = [signs[:, a] * signs[:, b] for a in range(8) for b in range(a)]
    assert not (np.array(products) @ signs).any()


@pytest.mark.parametrize(('parts', 'runs'), [(4, 4), (3, 6), (1, 2), (1, 0), (20, 16)])
def test_designs_that_do_not_exist_are_refused(parts, runs):
    with pytest.raises(
        ValueError, match=f'screening of {parts} parts: expected a power of two of more runs, got {runs}'
    ):
        screening_design(parts, runs)


def test_known_effects_come_back():
    design = screening_design(3, 8)
    values = 5 + design @ np.array([1.0, -2.0, 0.0])
    found = effects(design, values)
    assert [effect.mean for effect in found] == pytest.approx([1, -2, 0])
    assert [effect.error for effect in found] == pytest.approx([0, 0, 0], abs=1e-9)


def test_errors_and_p_are_those_of_two_groups():
    # of one part, least squares is the t-test of the runs with it against those without
    design = np.array([[True], [True], [True], [False], [False], [False]])
    values = np.array([1.0, 2.0, 4.0, 0.0, 1.0, 0.5])
    (effect,) = effects(design, values)
    test = stats.ttest_ind(values[:3], values[3:])
    assert effect.mean == pytest.approx(values[:3].mean() - values[3:].mean())
    assert effect.p_value == pytest.approx(test.pvalue)
    assert effect.error == pytest.approx(effect.mean / test.statistic)
    assert effect.scaled(100) == Effect(100 * effect.mean, 100 * effect.error, effect.p_value)


def test_runs_that_do_not_tell_parts_apart_are_refused():
    design = screening_design(2, 4)
    with pytest.raises(ValueError, match='4 runs do not tell 2 parts apart'):
        effects(design[:, [0, 0]], np.zeros(4))
