"""The confusion matrix as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def plot_confusion(confusion: np.ndarray, classes: Sequence[str], path: str | Path) -> None:
    """Write the picture of :func:`draw_confusion` to a file."""
    draw_confusion(confusion, classes).savefig(path, dpi=120)


def draw_confusion(confusion: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw a confusion matrix: shares of the true class as shade, counts as numbers.

    Shapes:
        confusion ``(classes, classes)``, true classes in rows, predicted ones in columns
    """
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    size = max(4.0, 0.42 * len(classes) + 2)
    figure = Figure(figsize=(size + 0.8, size), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap='Blues', vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label='share of the true class', shrink=0.8)
    ticks = range(len(classes))
    axes.set_xticks(ticks, classes, rotation=45, ha='right', rotation_mode='anchor')
    axes.set_yticks(ticks, classes)
    axes.set_xlabel('predicted')
    axes.set_ylabel('true')
    correct = np.trace(confusion)
    total = int(confusion.sum())
    axes.set_title(f'top-1 {correct / max(total, 1):.1%} ({correct} of {total})')
    for true, predicted in zip(*np.nonzero(confusion), strict=False):
        axes.text(
            *(predicted, true, str(confusion[true, predicted])),
            ha='center',
            va='center',
            fontsize=8,
            color='white' if share[true, predicted] > 0.55 else 'black',
        )
    return figure
