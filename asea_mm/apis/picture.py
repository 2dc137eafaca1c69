"""A picture of what was recognised: film strip, label, and scores over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..datasets.files.whole import written_whole
from ..skeletons import Skeleton
from .results import PairResult


def plot_result(
    keypoint: np.ndarray,
    skeleton: Skeleton,
    pair: PairResult,
    path: str | Path,
    title: str = '',
    frames: int = 8,
    curves: int = 4,
) -> None:
    """Draw the persons of a result at several moments, with its label; below, where there are windows, their scores.

    Args:
        keypoint: The persons of the pair.
        skeleton: Their layout.
        pair: What was recognised.
        path: Picture to write; its folder is made when missing.
        title: In front of the label.
        frames: Moments in the strip.
        curves: Classes in the plot, those with the highest scores in any window.

    Shapes:
        keypoint ``(M, T, V, C)``, C = 2 or 3
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # only who draws waits for matplotlib
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from ..visualization.drawing import COLOURS
    from ..visualization.pairs import draw_row

    sliding = len(pair.windows) > 1
    figure = Figure(figsize=(1.5 * frames, 4.6 if sliding else 2.3), layout='constrained')
    FigureCanvasAgg(figure)
    strip, *below = figure.subfigures(2, 1, height_ratios=(1, 1.1)) if sliding else [figure]
    grid = strip.subplots(1, frames)
    draw_row(list(np.atleast_1d(grid)), np.asarray(keypoint, dtype=np.float64), skeleton)
    names = ' and '.join(pair.person_names)
    strip.suptitle(f'{title}{": " if title else ""}{pair.label_name} ({pair.score:.0%})', fontsize=12)
    handles = [
        Line2D([], [], color=COLOURS[row % len(COLOURS)], lw=2, label=f'person {name}')
        for row, name in enumerate(pair.person_names)
    ]
    strip.legend(handles=handles, loc='upper right', ncols=len(handles), frameon=False, fontsize=9)
    if below:
        axes = below[0].subplots()
        scores = np.array([window.scores for window in pair.windows])
        middles = np.array([(window.start + window.stop - 1) / 2 for window in pair.windows])
        label_names = {window.label: window.label_name for window in pair.windows}
        label_names |= {candidate.label: candidate.label_name for candidate in pair.top_k}
        shown = sorted(label_names, key=lambda label: -scores[:, label].max())[:curves]
        for row, label in enumerate(shown):
            colour = COLOURS[row % len(COLOURS)]
            axes.plot(middles, scores[:, label], '.-', color=colour, label=label_names[label], lw=1.5, markersize=5)
        axes.set_xlim(0, max(pair.windows[-1].stop - 1, 1))
        axes.set_ylim(0, max(1.02, float(scores.max())))
        axes.set_xlabel('frame (middle of the window)')
        axes.set_ylabel('score')
        axes.spines[['top', 'right']].set_visible(False)
        axes.legend(frameon=False, fontsize=9, loc='center left', bbox_to_anchor=(1, 0.5), title=f'persons {names}')
    with written_whole(path) as part:
        figure.savefig(part, dpi=100)
