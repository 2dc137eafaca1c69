"""What the picture of a table shows, read from its axes."""

import pytest

from ..pictures.comparison import draw_comparison
from ..statistics.comparison_page import Row


def runs(accuracies, best=0.99, seeds=(0, 1)):
    """One accuracy for each fold; the second seed is a tenth of a point above the first."""
    return [
        {
            'fold': fold,
            'seed': seed,
            'num_samples': 50,
            'last_top1': accuracy + 0.001 * seed,
            'best_top1': best,
            'last_cross_entropy': None,
            'epochs': 60,
        }
        for fold, accuracy in enumerate(accuracies, 1)
        for seed in seeds
    ]


ROWS = {
    'plain': Row('Plain', runs([0.90, 0.92, 0.94]), '', '', 'plain'),
    'better': Row('Better', runs([0.92, 0.94, 0.96]), '', '', 'plain'),
    'absent': Row('Absent', [], 'not run', '', 'plain'),
    'few': Row('Few', runs([0.89, 0.90, 0.92], seeds=[0]), '', '', 'better', own_reference=True),
    'alone': Row('Alone', runs([0.5], seeds=[7]), '', '', 'plain'),
}


@pytest.fixture(scope='module')
def panels():
    return draw_comparison('Title', ROWS, 'plain').axes


def marks(axes, row):
    """Where the marks of a row are, from left to right, without the line at zero."""
    return sorted(
        float(x) for line in axes.lines if line.get_marker() in 'oD' for x, y in line.get_xydata() if y == row
    )


def test_rows_are_those_that_were_run_in_the_order_of_the_table(panels):
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ['Plain', 'Better', 'Few', 'Alone']
    bottom, top = panels[0].get_ylim()
    assert bottom > 3 > 0 > top, 'the first row is on top'


@pytest.mark.parametrize(('row', 'last'), [(0, 92.05), (1, 94.05), (2, 100 * (0.89 + 0.90 + 0.92) / 3), (3, 50.7)])
def test_accuracies_are_means_of_the_folds(panels, row, last):
    assert marks(panels[0], row) == pytest.approx([last, 99])


def test_differences_are_of_pairs_and_named_by_their_verdict(panels):
    texts = {text.xy[1]: text.get_text() for text in panels[1].texts}
    assert texts == {
        1: 'better (p = 0.031)',
        2: 'to Better: too few pairs (p = 0.250)',
        3: 'no pairs',
    }
    assert marks(panels[1], 0) == marks(panels[1], 3) == []
    assert marks(panels[1], 1) == pytest.approx([2])
    assert marks(panels[1], 2) == pytest.approx([-11 / 3])
