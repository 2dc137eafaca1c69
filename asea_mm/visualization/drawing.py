"""What the pictures of probed clips share: skeletons on axes, colours and markers of persons, files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..errors import InputError
from .clips import ProbedClip
from .pairs import _colour as person_colour
from .pairs import _project as project

MARKERS = ('o', 's', '^', 'D')  # persons differ in marker, too, not in colour alone
PART_COLOURS = ('#000000', '#0072B2', '#56B4E9', '#D55E00', '#E69F00', '#009E73', '#CC79A7')  # Okabe and Ito
STRONGEST = 12  # lines of attention from a person
FORMATS = ('.png', '.svg', '.pdf', '.jpg')


def new_figure(width: float, height: float) -> Figure:
    """A figure in inches that needs no display."""
    figure = Figure(figsize=(width, height), layout='constrained')
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: str | Path, dpi: int = 100) -> None:
    """Write a figure; the suffix says the format. Its folder is made when missing.

    Raises:
        ValueError: If the format is not one of PNG, SVG, PDF and JPEG.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise InputError(f'{path}: expected a picture that ends in one of {", ".join(FORMATS)}')
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=dpi)


def as_image(figure: Figure, dpi: int = 100) -> np.ndarray:
    """The figure's pixels, ``(height, width, 3)`` uint8, RGB."""
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(dpi)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def marker(person: int) -> str:
    """Marker of a person."""
    return MARKERS[person % len(MARKERS)]


def darker(colour: str) -> str:
    """The colour at two thirds of its brightness, so that lines of attention do not look like bones."""
    return '#' + ''.join(f'{int(colour[k : k + 2], 16) * 2 // 3:02x}' for k in (1, 3, 5))


def short(joint: str) -> str:
    """Name of a joint for ticks: ``left_hand`` is ``l. hand``."""
    return joint.replace('left_', 'l. ').replace('right_', 'r. ').replace('_', ' ')


def moments(clip: ProbedClip, count: int) -> list[int]:
    """Frames at equal distances in time, of those in which somebody is there."""
    there = np.flatnonzero(clip.seen.any(axis=(0, 2)))
    there = there if len(there) else np.arange(clip.keypoint.shape[1])
    return [int(frame) for frame in there[np.linspace(0, len(there) - 1, count).round().astype(int)]]


class Scene:
    """The clip as seen by :func:`~asea_mm.visualization.plot_pairs`, with the same limits in every frame.

    Args:
        clip: The clip.
    """

    def __init__(self, clip: ProbedClip) -> None:
        self.clip = clip
        self.points = project(np.asarray(clip.keypoint, dtype=np.float64), clip.skeleton)  # (M, T, V, 2)
        visible = self.points[clip.seen] if clip.seen.any() else np.zeros((1, 2))
        low, high = visible.min(axis=0), visible.max(axis=0)
        self.middle = (low + high) / 2
        self.extent = 0.54 * np.maximum(high - low, 0.3 * max(float((high - low).max()), 1e-6))

    @property
    def aspect(self) -> float:
        """Height by width."""
        return float(self.extent[1] / self.extent[0])

    def frame(self, axes: Axes) -> None:
        """Limits and an unobtrusive border."""
        axes.set_xlim(self.middle[0] - self.extent[0], self.middle[0] + self.extent[0])
        axes.set_ylim(self.middle[1] - self.extent[1], self.middle[1] + self.extent[1])
        axes.set_aspect('equal')
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_color('0.85')

    def skeletons(self, axes: Axes, frame: int, share: np.ndarray, size: float = 1.0) -> None:
        """Bones, small dots for inactive joints, large ones for active joints.

        Shapes:
            share ``(M, V)``: 0 for inactive joints; otherwise the area of the dot grows with it, up to 1
        """
        for person in range(len(self.points)):
            where, there = self.points[person, frame], self.clip.seen[person, frame]
            colour = person_colour(person)
            bones = [where[list(bone)] for bone in self.clip.skeleton.bone_indices if there[list(bone)].all()]
            axes.add_collection(
                LineCollection(bones, colors=colour, linewidths=1.3 * size, alpha=0.55, capstyle='round', zorder=1)
            )
            idle, active = there & (share[person] == 0), there & (share[person] > 0)
            axes.scatter(*where[idle].T, s=5 * size**2, c=colour, marker=marker(person), linewidths=0, zorder=3)
            axes.scatter(
                *where[active].T,
                s=(10 + 38 * share[person][active]) * size**2,
                c=colour,
                marker=marker(person),
                edgecolors='black',
                linewidths=0.7,
                zorder=4,
            )

    def attention(self, axes: Axes, frame: int, attention: np.ndarray, person: int, strongest: int = STRONGEST) -> None:
        """The strongest lines from joints of a person to the joints of others that they attend to.

        Shapes:
            attention ``(M, V, M, V)``
        """
        lines, shares = strongest_lines(attention[person], strongest)
        lines_there = [
            (v, o, u) for v, o, u in lines if self.clip.seen[person, frame, v] and self.clip.seen[o, frame, u]
        ]
        if not lines_there:
            return
        strength = dict(zip(lines, shares, strict=True))
        relative = np.array([strength[line] for line in lines_there]) / max(shares)
        segments = [(self.points[person, frame, v], self.points[o, frame, u]) for v, o, u in lines_there]
        axes.add_collection(
            LineCollection(
                segments,
                colors=darker(person_colour(person)),
                linewidths=0.4 + 2.2 * relative,
                alpha=0.15 + 0.6 * relative,
                zorder=2,
            )
        )


def strongest_lines(attention: np.ndarray, count: int) -> tuple[list[tuple[int, int, int]], list[float]]:
    """The largest entries above zero: (own joint, other person, their joint), and their values, largest first.

    Shapes:
        attention ``(V, M, V)``
    """
    order = np.argsort(-attention, axis=None, kind='stable')[:count]
    chosen = [tuple(int(number) for number in np.unravel_index(place, attention.shape)) for place in order]
    kept = [line for line in chosen if attention[line] > 0]
    return kept, [float(attention[line]) for line in kept]  # type: ignore[return-value]


def person_handles(persons: int, active: str | None = None) -> list[Line2D]:
    """Entries of a legend: persons, and what a large dot says."""
    handles = [
        Line2D([], [], color=person_colour(p), marker=marker(p), markersize=4, lw=1.5, label=f'person {p + 1}')
        for p in range(persons)
    ]
    if active:
        style = dict(ls='', marker='o', markersize=7, markerfacecolor='0.75', markeredgecolor='black')
        handles.append(Line2D([], [], **style, label=active))  # type: ignore[arg-type]
    return handles


def stage_title(clip: ProbedClip, number: int) -> str:
    """Number of a stage, from 1, and the name of its module."""
    return f'stage {number + 1}: {clip.stages[number].name}'


def stage_numbers(clip: ProbedClip, stages: Sequence[int] | None) -> list[int]:
    """Check numbers of stages, from 0; None is all of them.

    Raises:
        ValueError: If there is no such stage.
    """
    if stages is None:
        return list(range(len(clip.stages)))
    if not stages or not all(0 <= number < len(clip.stages) for number in stages):
        raise InputError(f'expected stages from 1 to {len(clip.stages)}, got {[number + 1 for number in stages]}')
    return list(stages)
