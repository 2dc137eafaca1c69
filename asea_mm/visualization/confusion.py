"""The confusion matrix as a picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from .drawing import new_figure
from .fonts import legible_name


def draw_confusion(confusion: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw a confusion matrix: shares of the true class as shade, counts as numbers.

    Shapes:
        confusion ``(classes, classes)``, true classes in rows, predicted ones in columns
    """
    classes = [legible_name(label, name) for label, name in enumerate(classes)]
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    size = max(4.0, 0.42 * len(classes) + 2)
    figure = new_figure(size + 0.8, size)
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap='Blues', vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label='share of the true class', shrink=0.8)
    ticks = range(len(classes))
    axes.set_xticks(ticks, classes, rotation=45, ha='right', rotation_mode='anchor')
    axes.set_yticks(ticks, classes)
    axes.set_xlabel('predicted')
    axes.set_ylabel('true')
    correct, total = np.trace(confusion), int(confusion.sum())
    axes.set_title(f'top-1 {correct / max(total, 1):.1%} ({correct} of {total})')
    for true, predicted in zip(*np.nonzero(confusion), strict=False):
        colour = 'white' if share[true, predicted] > 0.55 else 'black'
        style: Any = dict(ha='center', va='center', fontsize=8, color=colour)
        axes.text(predicted, true, str(confusion[true, predicted]), **style)
    return figure
