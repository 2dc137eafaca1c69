"""A page with a few skeletons of every class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from ..errors import InputError
from ..skeletons import Skeleton, get_skeleton
from .pairs import _colour, _project

CELL = 1.0  # inches
TITLE = 0.28  # of a cell


def plot_contact_sheet(
    moments: Mapping[str, Sequence[np.ndarray]],
    layout: str | Mapping | Skeleton,
    path: str | Path,
    columns: int | None = None,
) -> None:
    """Draw a few samples of every class, one moment of each, side by side under the name of the class.

    They are seen as :func:`~asea_mm.visualization.plot_pairs` sees them; each fills its cell, so sizes of different
    samples do not compare.

    Args:
        moments: Class title to moments of its samples; classes without any keep their place.
        layout: Skeleton layout of all of them.
        path: Picture to write; its folder is made when missing.
        columns: Classes side by side; by default so that the page is about as wide as high.

    Shapes:
        every moment ``(M, V, C)``, C = 2 or 3; joints and persons that are all zero are not drawn

    Raises:
        ValueError: If there is no class.
    """
    skeleton = get_skeleton(layout)
    if not moments:
        raise InputError('plot_contact_sheet: expected at least one class, got none')
    width = max(1, *(len(samples) for samples in moments.values()))
    if columns is None:
        columns = max(1, min(len(moments), round(np.sqrt(len(moments) * (1 + TITLE) / width))))
    rows = -(-len(moments) // columns)
    block = width + 0.25
    figure = Figure(figsize=(CELL * block * columns + 0.2, CELL * (1 + TITLE) * rows + 0.5))
    FigureCanvasAgg(figure)
    high = figure.get_figheight()
    axes = figure.add_axes((0, 0, 1, 1 - 0.4 / high))
    axes.set_xlim(-0.1, block * columns)
    axes.set_ylim(-(1 + TITLE) * rows, 0)
    axes.set_aspect('equal')
    axes.set_axis_off()
    lines: dict[int, list] = {}
    dots: dict[int, list] = {}
    for number, (title, samples) in enumerate(moments.items()):
        left, top = block * (number % columns), -(1 + TITLE) * (number // columns)
        most = int(14 * width)
        text = title if len(title) <= most else f'{title[: most - 1]}…'
        axes.text(left + 0.05, top - 0.06, text, fontsize=8, va='top')
        if not samples:
            axes.text(left + 0.05, top - TITLE - 0.5, 'no samples', fontsize=7, color='0.5', va='center')
        for place, sample in enumerate(samples):
            corner = (left + place + 0.02, top - TITLE - 0.98)
            axes.add_patch(Rectangle(corner, 0.96, 0.96, facecolor='0.96', edgecolor='none', zorder=0))
            _place(sample, skeleton, (left + place + 0.5, top - TITLE - 0.5), lines, dots)
    persons = sorted(lines)
    for person in persons:
        axes.add_collection(LineCollection(lines[person], colors=_colour(person), linewidths=1.2, capstyle='round'))
        axes.plot(*np.concatenate(dots[person]).T, '.', color=_colour(person), markersize=2)
    handles = [Line2D([], [], color=_colour(person), lw=2, label=f'person {person + 1}') for person in persons]
    if handles:
        figure.legend(handles=handles, loc='upper right', ncols=min(len(handles), 4), frameon=False, fontsize=8)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def _place(
    sample: np.ndarray, skeleton: Skeleton, middle: tuple[float, float], lines: dict[int, list], dots: dict[int, list]
) -> None:
    """Collect the bones and joints of every person, scaled into the cell around ``middle``."""
    sample = np.asarray(sample, dtype=np.float64)
    seen = np.any(sample, axis=-1)
    if not seen.any():
        return
    points = _project(sample[:, None], skeleton)[:, 0]
    low, high = points[seen].min(axis=0), points[seen].max(axis=0)
    points = (points - (low + high) / 2) * 0.9 / max(float((high - low).max()), 1e-6) + middle
    for person in np.flatnonzero(seen.any(axis=1)):
        there = seen[person]
        bones = [points[person, list(bone)] for bone in skeleton.bone_indices if there[list(bone)].all()]
        lines.setdefault(int(person), []).extend(bones)
        dots.setdefault(int(person), []).append(points[person, there])
