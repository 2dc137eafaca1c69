"""Effects of the parts of a recipe, with their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from asea_mm.visualization.drawing import new_figure

from ..statistics.screening import Effect

BLUE = '#0072B2'


def draw_effects(title: str, labels: Sequence[str], effects: Mapping[str, Sequence[Effect]]) -> Figure:
    """Draw a dot for each effect, with a line of one standard error to either side.

    Args:
        title: What is drawn.
        labels: The parts.
        effects: Of each measure, named with its unit, the effect of every part; a panel each.
    """
    figure = new_figure(4 + 3.2 * len(effects), 0.32 * len(labels) + 1.4)
    panels = figure.subplots(1, len(effects), sharey=True, squeeze=False)[0]
    for axes, (name, values) in zip(panels, effects.items(), strict=True):
        axes.axvline(0, color='0.5', lw=0.8, zorder=1)
        axes.errorbar(
            [effect.mean for effect in values],
            range(len(values)),
            xerr=[effect.error or 0 for effect in values],
            fmt='o',
            ms=5,
            color=BLUE,
            elinewidth=1,
        )
        axes.set_xlabel(f'{name}: with minus without', fontsize=9)
        axes.tick_params(labelsize=8)
        axes.tick_params(axis='y', length=0)
        axes.grid(color='0.92')
        axes.set_axisbelow(True)
        axes.spines[['top', 'right', 'left']].set_visible(False)
    panels[0].set_yticks(range(len(labels)), labels)
    panels[0].set_ylim(len(labels) - 0.4, -0.6)
    figure.suptitle(title, fontsize=10)
    return figure
