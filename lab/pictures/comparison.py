"""Cross-validations beside each other: their accuracies, and what each run differs by from the same of a reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asea_mm.errors import InputError
from asea_mm.visualization.drawing import new_figure

from ..statistics.comparison import compare, mean_of_folds
from ..statistics.comparison_page import Row

# Of outcomes: colours of Okabe and Ito, or greys. The verdict is beside its mark in words, too.
COLOURS = {'better': '#009E73', 'worse': '#D55E00', 'within noise': '0.2', 'too few pairs': '0.5', 'no pairs': '0.5'}
BLUE = '#0072B2'
WIDTH = 40  # of texts beside the panels, in letters; longer ones, in one line, would leave the panels no room


def draw_comparison(title: str, rows: Mapping[str, Row], reference: str) -> Figure:
    """Draw the rows of a table that were run.

    Left: mean of the folds after the last epoch, with the standard deviation over seeds, and of the best epochs.
    Right: differences of the last epoch to the reference; a dot for each pair of runs, larger where several are equal,
    and their mean, with the verdict of :class:`~lab.statistics.comparison.Comparison`.

    Args:
        title: What is drawn.
        rows: The rows by name, as of :func:`~lab.statistics.comparison_page.comparison_page`.
        reference: Name of the row that most are compared with.

    Raises:
        InputError: If none of the rows was run.
    """
    run = {name: row for name, row in rows.items() if row.runs}
    if not run:
        raise InputError(f'draw_comparison: none of the rows {list(rows)} was run')
    labels = [fill(row.label, WIDTH) for row in run.values()]
    figure = new_figure(11, sum(0.19 + 0.13 * (1 + label.count('\n')) for label in labels) + 1.8)
    left, right = figure.subplots(1, 2, sharey=True)
    for height, (name, row) in enumerate(run.items()):
        _accuracies(left, height, row)
        if name != row.reference:
            _differences(right, height, row, rows[row.reference])
    left.set_yticks(range(len(run)), labels)
    left.set_ylim(len(run) - 0.4, -0.6)
    left.set_xlabel('top-1 in %', fontsize=9)
    right.set_xlabel(fill(f'last epoch, difference in points to {rows[reference].label}', 50), fontsize=9)
    right.axvline(0, color='0.5', lw=0.8, zorder=1)
    right.margins(x=0.1)
    for axes in (left, right):
        axes.tick_params(labelsize=8)
        axes.tick_params(axis='y', length=0)
        axes.grid(color='0.92')
        axes.set_axisbelow(True)
        axes.spines[['top', 'right', 'left']].set_visible(False)
    left.legend(fontsize=8, ncols=2, frameon=False, loc='lower left', bbox_to_anchor=(0, 1))
    figure.suptitle(title, fontsize=10)
    return figure


def _accuracies(axes: Axes, height: int, row: Row) -> None:
    last, best = (mean_of_folds(row.runs, key) for key in ('last_top1', 'best_top1'))
    names = ('last epoch, ± over seeds', 'best epoch') if height == 0 else (None, None)  # once in the legend
    spread = 100 * (last['std'] or 0.0)
    axes.errorbar(
        100 * last['mean'], height, xerr=spread, fmt='o', color=BLUE, ms=5, capsize=3, label=names[0], zorder=3
    )
    axes.plot(100 * best['mean'], height, 'D', ms=8, mfc='none', mec=BLUE, ls='', label=names[1], zorder=2)


def _differences(axes: Axes, height: int, row: Row, reference: Row) -> None:
    """Differences of a row to its reference, which is named if it is its own, not that of the table."""
    comparison = compare(row.runs, reference.runs)
    text, colour = comparison.outcome, COLOURS[comparison.outcome]
    if comparison.differences:
        text = comparison.verdict
        counts = Counter(round(100 * value, 2) for value in comparison.differences.values())
        axes.scatter(
            list(counts), [height] * len(counts), [14 * n for n in counts.values()], color='0.8', lw=0, zorder=2
        )
        axes.plot(100 * comparison.summary['mean'], height, 'o', color=colour, ms=7, zorder=3)
    axes.annotate(
        fill(f'to {reference.label}: {text}', WIDTH) if row.own_reference else text,
        xy=(1.02, height),
        xycoords=('axes fraction', 'data'),
        va='center',
        fontsize=8,
        color=colour,
        annotation_clip=False,
    )
