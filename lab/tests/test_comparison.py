"""Paired differences and p-values by hand."""

import pytest

from ..statistics.comparison import compare, mean_of_folds, measure_of, sign_flip_test
from .runs import run


@pytest.mark.parametrize(
    ('differences', 'expected'),
    [
        ([], 1),
        ([0, 0, 0], 1),
        ([2], 1),  # +2 and -2 are both as far from zero
        ([1, 2], 2 / 4),
        ([1, 2, 3], 2 / 8),  # only all signs alike give a sum of 6
        ([3, 1, -1], 6 / 8),  # sums 5 3 3 1 and their negatives: six are 3 or more away
        ([0.02, -0.01, -0.01], 1),
        ([0, 0.3, 0.2, 0, 0.1], 2 / 8),  # zeros change nothing
        ([0.1] * 5, 2 / 32),
        ([0.1] * 6, 2 / 64),
        ([0.1] * 5 + [-0.1], 14 / 64),  # at most one sign that differs: 2 * (1 + 6)
        ([-0.1] * 15, 2 / 2**15),
    ],
)
def test_p_values_by_hand(differences, expected):
    assert sign_flip_test(differences) == pytest.approx(expected)


def test_pairs_are_of_the_same_fold_seed_epochs_and_samples():
    runs = [run(1, 0, 0.9), run(2, 0, 0.8), run(3, 0, 0.7), run(4, 0, 0.6), run(1, 1, 0.5)]
    reference = [run(1, 0, 0.8), run(2, 0, 0.9), run(3, 0, 0.1, epochs=10), run(4, 0, 0.1, num_samples=9), run(2, 1)]
    comparison = compare(runs, reference)
    assert comparison.differences == pytest.approx({(1, 0): 0.1, (2, 0): -0.1})
    assert comparison.left_out == ((3, 0), (4, 0))
    assert comparison.summary['mean'] == pytest.approx(0)
    assert comparison.summary['std'] == pytest.approx(0.1 * 2**0.5)


@pytest.mark.parametrize(
    ('shift', 'folds', 'verdict'),
    [
        (0.1, 6, 'better (p = 0.031)'),
        (-0.1, 6, 'worse (p = 0.031)'),
        (0.1, 5, 'too few pairs (p = 0.062)'),
        (0, 6, 'within noise (p = 1.000)'),
        (0.1, 15, 'better (p < 0.001)'),
    ],
)
def test_verdict(shift, folds, verdict):
    reference = [run(fold, last=0.5) for fold in range(folds)]
    assert compare([run(fold, last=0.5 + shift) for fold in range(folds)], reference).verdict == verdict


def test_runs_without_a_measure_make_no_pair():
    runs = [run(1, last_cross_entropy=0.1), run(2, last_cross_entropy=None), run(3), run(4, last_cross_entropy=0.4)]
    reference = [run(fold, last_cross_entropy=0.3) for fold in (1, 2, 3, 4)]
    comparison = compare(runs, reference, 'last_cross_entropy')
    assert comparison.differences == pytest.approx({(1, 0): -0.2, (4, 0): 0.1})
    assert comparison.left_out == ()


def test_late_epochs_pair_where_both_curves_are_known():
    runs = [run(1, curve=[0.1, 0.2, 0.6]), run(2, curve=[0.1, 0.2, 0.6]), run(3, curve=[0.5])]
    reference = [run(1, curve=[0.9, 0.9, 0.5]), run(2), run(3, curve=[0.4])]
    assert compare(runs, reference, 'late_top1').differences == pytest.approx({(1, 0): 0.1})
    assert mean_of_folds(runs[:2], 'late_top1')['mean'] == pytest.approx(0.6)
    with pytest.raises(ValueError, match='mean of late_top1: not known of fold 3 seed 0'):
        mean_of_folds(runs, 'late_top1')


@pytest.mark.parametrize(
    ('curve', 'expected'),
    [
        (None, None),
        ([], None),
        ([0.5, 0.9], None),  # two validations have no third
        ([0.5, 0.7, 0.9], 0.9),
        ([0.5, 0.6, 0.7, 0.8, 0.9], 0.9),
        ([0.0, 0.0, 0.0, 0.0, 0.6, 0.8], 0.7),
        ([0] * 40 + [1, 0] * 10, 0.5),
    ],
)
def test_accuracy_of_late_epochs_by_hand(curve, expected):
    of = run() if curve is None else run(curve=curve)
    assert measure_of(of, 'late_top1') == (expected if expected is None else pytest.approx(expected))
