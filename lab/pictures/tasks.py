"""Models over tasks: late accuracies, and differences to a reference in every task and in all of them."""

from __future__ import annotations

from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asea_mm.visualization.drawing import new_figure

from ..statistics.tasks import ACCURACY, LEAST_PAIRS, Grid, verdict
from .comparison import COLOURS

# Of the palette of Okabe and Ito; tasks differ in marker, too.
TASK_STYLES = (('#0072B2', 'o'), ('#009E73', 's'), ('#E69F00', '^'), ('#D55E00', 'D'), ('#CC79A7', 'v'), ('0.4', 'P'))


def draw_tasks(title: str, grid: Grid) -> Figure:
    """Left: late accuracy of every model in every task, with the standard deviation over seeds. Right: mean difference
    to the reference in every task, and over all pairs, with the verdict.
    """
    shown = [model for model in grid.models if model == grid.reference or model in grid.compared]
    figure = new_figure(12, 0.62 * len(shown) + 2)
    left, right = figure.subplots(1, 2, sharey=True)
    for height, model in enumerate(shown):
        for number, task in enumerate(grid.tasks):
            colour, marker = TASK_STYLES[number % len(TASK_STYLES)]
            place = height + 0.5 * ((number + 0.5) / len(grid.tasks) - 0.5)  # one below the other, so none is hidden
            style = dict(color=colour, marker=marker, ms=5, ls='')
            if summary := grid.summary(model, task, ACCURACY):
                spread = 100 * (summary['std'] or 0.0)
                left.errorbar(100 * summary['mean'], place, xerr=spread, capsize=2, elinewidth=1, **style)
            if model != grid.reference and (differences := grid.difference(model, task, ACCURACY)).differences:
                right.plot(100 * differences.summary['mean'], place, **style)
        if model != grid.reference:
            _over_all(right, height, grid, model)
    for number, label in enumerate(grid.tasks.values()):
        colour, marker = TASK_STYLES[number % len(TASK_STYLES)]
        left.plot([], [], color=colour, marker=marker, ms=5, ls='', label=label)
    right.plot([], [], '|', color='black', ms=16, mew=2, label='all pairs')
    left.set_yticks(range(len(shown)), [fill(grid.models[model], 32) for model in shown])
    left.set_ylim(len(shown) - 0.4, -0.6)
    left.set_xlabel('late accuracy in %', fontsize=9)
    right.set_xlabel(f'late accuracy, difference in points to {grid.models[grid.reference]}', fontsize=9)
    right.axvline(0, color='0.5', lw=0.8, zorder=1)
    right.margins(x=0.1)
    for axes in (left, right):
        axes.tick_params(labelsize=8)
        axes.tick_params(axis='y', length=0)
        axes.grid(color='0.92', axis='x')
        axes.set_axisbelow(True)
        axes.spines[['top', 'right', 'left']].set_visible(False)
        axes.legend(fontsize=8, ncols=6, frameon=False, loc='lower left', bbox_to_anchor=(0, 1), handletextpad=0.1)
    figure.suptitle(title, fontsize=10)
    return figure


def _over_all(axes: Axes, height: int, grid: Grid, model: str) -> None:
    everything = grid.over_all(model, ACCURACY)
    if not everything.differences:
        return
    enough = len(everything.differences) >= LEAST_PAIRS
    colour = COLOURS[everything.outcome if enough else 'too few pairs']
    mean = 100 * everything.summary['mean']
    axes.plot(mean, height, '|', color=colour, ms=28, mew=2.5, zorder=3)
    axes.annotate(
        f'{mean:+.2f}: {fill(verdict(everything), 34)}',
        xy=(1.02, height),
        xycoords=('axes fraction', 'data'),
        va='center',
        fontsize=8,
        color=colour,
        annotation_clip=False,
    )
