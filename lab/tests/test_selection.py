"""A choice on the other folds, by hand; a fold has no say in its own."""

import pytest

from ..statistics.selection import select_on_other_folds
from .runs import run


def row(*folds, **changed):
    return [run(fold, 0, value, **changed) for fold, value in enumerate(folds, 1)]


def test_the_best_on_the_other_folds_is_chosen():
    selection = select_on_other_folds({'a': row(0.9, 0.2, 0.2), 'b': row(0.1, 0.3, 0.3)})
    assert selection.chosen == {1: 'b', 2: 'a', 3: 'a'}
    assert selection.mean_of_folds['mean'] == pytest.approx((0.1 + 0.2 + 0.2) / 3)


def test_a_fold_has_no_say_in_its_own_choice():
    rows = {'a': row(0.5, 0.5, 0.6), 'b': row(0.4, 0.6, 0.5)}
    for value in (0.0, 1.0):
        chosen = select_on_other_folds({**rows, 'b': row(value, 0.6, 0.5)}).chosen
        assert chosen[1] == 'a', 'on folds 2 and 3 both are equal, and the first is taken'
    assert select_on_other_folds({'a': row(0.1, 0.2, 0.3), 'b': row(0.3, 0.1, 0.2)}).chosen[1] == 'a'


@pytest.mark.parametrize(
    ('rows', 'message'),
    [
        ({'a': row(0.5)}, r'at least two, got folds \[1\]'),
        ({}, r'at least two, got folds \[\]'),
        ({'a': row(0.5, 0.5), 'b': row(0.5, 0.5, 0.5)}, r"\['b'\] have others than a"),
        ({'a': row(0.5, 0.5), 'b': [run(1, 1), run(2, 1)]}, r"\['b'\] have others than a"),
    ],
)
def test_rows_must_have_the_same_folds_and_seeds(rows, message):
    with pytest.raises(ValueError, match=message):
        select_on_other_folds(rows)
