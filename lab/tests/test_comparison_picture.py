"""What the picture of a table shows, read from its axes."""

import numpy as np
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


def test_long_labels_leave_the_panels_room():
    long = 'ASEA at CPU size, joints and motion, smoothed over five frames, tests of mirror images, too'
    rows = {
        'plain': Row(long, runs([0.90, 0.92]), '', '', 'plain'),
        'other': Row(f'Another {long}', runs([0.92, 0.94]), '', '', 'plain', own_reference=True),
    }
    figure = draw_comparison('Title', rows, 'plain')
    figure.canvas.draw()
    assert all(axes.get_position().width > 0.2 for axes in figure.axes)
    assert [label.get_text().replace('\n', ' ') for label in figure.axes[0].get_yticklabels()] == [
        row.label for row in rows.values()
    ]


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


def test_spread_is_that_over_seeds(panels):
    bars = [segment for bar in panels[0].containers for segment in bar.lines[2][0].get_segments()]
    widths = [np.ptp(bar[:, 0]) / 2 for bar in bars]
    assert widths == pytest.approx([0.1 / 2**0.5, 0.1 / 2**0.5, 0, 0])


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


def test_equal_differences_are_one_larger_dot(panels):
    dots = {
        (round(float(x), 2), int(y)): float(size)
        for cloud in panels[1].collections
        for (x, y), size in zip(cloud.get_offsets(), cloud.get_sizes(), strict=True)
    }
    assert set(dots) == {(2.0, 1), (-3.0, 2), (-4.0, 2)}
    assert dots[2.0, 1] == pytest.approx(6 * dots[-3.0, 2])
    assert dots[-4.0, 2] == pytest.approx(2 * dots[-3.0, 2])


def test_nothing_run_is_an_error():
    with pytest.raises(ValueError, match="none of the rows .'absent'. was run"):
        draw_comparison('Title', {'absent': ROWS['absent']}, 'absent')
