"""A page with a few skeletons of every class."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from ..skeletons import Skeleton, get_skeleton
from .drawing import Scene, new_figure, person_colour, person_handles, save_figure
from .fonts import legible_name

CELL = 1.0  # inches
TITLE = 0.28  # of a cell


def plot_contact_sheet(
    moments: Mapping[str, Sequence[np.ndarray]], layout: str | Mapping | Skeleton, path: str | Path
) -> None:
    """Draw a few samples of every class, one moment of each, side by side under the name of the class.

    Each fills its cell, so sizes of different samples do not compare. The page is about as wide as high.

    Args:
        moments: Class title to moments of its samples, in the order of labels; classes without any keep their place.
        layout: Skeleton layout of all of them.
        path: Picture to write; its folder is made when missing.

    Shapes:
        every moment ``(M, V, C)``, C = 2 or 3; joints and persons that are all zero are not drawn
    """
    skeleton = get_skeleton(layout)
    width = max(1, *(len(samples) for samples in moments.values()))
    columns = max(1, min(len(moments), round(np.sqrt(len(moments) * (1 + TITLE) / width))))
    rows, block = -(-len(moments) // columns), width + 0.25
    high = CELL * (1 + TITLE) * rows + 0.5
    figure = new_figure(CELL * block * columns + 0.2, high, layout=None)
    axes = figure.add_axes((0, 0, 1, 1 - 0.4 / high))
    axes.set_xlim(-0.1, block * columns)
    axes.set_ylim(-(1 + TITLE) * rows, 0)
    axes.set_aspect('equal')
    axes.set_axis_off()
    lines: dict[int, list] = defaultdict(list)  # of every person: one collection draws them all at once
    dots: dict[int, list] = defaultdict(list)
    for number, (name, samples) in enumerate(moments.items()):
        left, top = block * (number % columns), -(1 + TITLE) * (number // columns)
        title = legible_name(number, name)
        text = title if len(title) <= 14 * width else f'{title[: 14 * width - 1]}…'
        axes.text(left + 0.05, top - 0.06, text, fontsize=8, va='top')
        if not samples:
            axes.text(left + 0.05, top - TITLE - 0.5, 'no samples', fontsize=7, color='0.5', va='center')
        for place, sample in enumerate(samples):
            corner = (left + place + 0.02, top - TITLE - 0.98)
            axes.add_patch(Rectangle(corner, 0.96, 0.96, facecolor='0.96', edgecolor='none', zorder=0))
            scene = Scene(sample[:, None], skeleton)
            centre = (left + place + 0.5, top - TITLE - 0.5)
            scene.points = (scene.points - scene.middle) * 0.486 / scene.extent.max() + centre  # nine tenths of a cell
            for person in np.flatnonzero(scene.seen.any(axis=(1, 2))).tolist():
                lines[person] += scene.bones(person, 0)
                dots[person].append(scene.points[person][scene.seen[person]])
    for person in lines:
        colour = person_colour(person)
        axes.add_collection(LineCollection(lines[person], colors=colour, linewidths=1.2, capstyle='round'))
        axes.plot(*np.concatenate(dots[person]).T, '.', color=colour, markersize=2)
    if lines:
        handles = person_handles(max(lines) + 1)
        figure.legend(handles=handles, loc='upper right', ncols=min(len(handles), 4), frameon=False, fontsize=8)
    save_figure(figure, path)
