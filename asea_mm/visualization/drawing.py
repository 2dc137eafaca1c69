"""What all pictures share: figures and their files, colours and markers of persons, skeletons on axes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..datasets.files.whole import written_whole
from ..errors import InputError
from ..skeletons import Skeleton
from .clips import strongest_lines
from .fonts import make_legible

# Of the palette of Okabe and Ito, which colour-blind people can tell apart.
COLOURS = ('#0072B2', '#E69F00', '#009E73', '#CC79A7')
PART_COLOURS = ('#000000', '#0072B2', '#56B4E9', '#D55E00', '#E69F00', '#009E73', '#CC79A7')
MARKERS = ('o', 's', '^', 'D')  # persons differ in marker, too, not in colour alone
YAW, PITCH = np.deg2rad(25), np.deg2rad(12)  # a little from the side and from above, so that depth shows
LEAST_BONE = 13  # points; skeletons with shorter bones have smaller dots
FORMATS = ('.png', '.svg', '.pdf', '.jpg')


def new_figure(width: float, height: float, layout: str | None = 'constrained') -> Figure:
    """A figure in inches that needs no display."""
    return Figure(figsize=(width, height), layout=layout)  # type: ignore[arg-type]


def add_captions(figure: Figure, title: str, handles: Sequence[Line2D]) -> None:
    """Title above, legend below."""
    figure.suptitle(title, fontsize=10)
    ncols = min(len(handles), 7)
    figure.legend(handles=handles, loc='outside lower center', ncols=ncols, frameon=False, fontsize=8.5)


def save_figure(figure: Figure, path: str | Path, dpi: int = 100) -> None:
    """Write a figure, whole or not at all; the suffix says the format. Its folder is made when missing.

    Raises:
        InputError: If the format is not one of PNG, SVG, PDF and JPEG.
    """
    if Path(path).suffix.lower() not in FORMATS:
        raise InputError(f'{path}: expected a picture that ends in one of {", ".join(FORMATS)}')
    make_legible(figure)
    with written_whole(path) as part:
        figure.savefig(part, dpi=dpi)


def as_image(figure: Figure) -> np.ndarray:
    """The figure's pixels, ``(height, width, 3)`` uint8, RGB."""
    make_legible(figure)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def person_colour(person: int) -> str:
    """Colour of a person."""
    return COLOURS[person % len(COLOURS)]


def darker(colour: str) -> str:
    """The colour at two thirds of its brightness, so that lines of attention do not look like bones."""
    return '#' + ''.join(f'{int(colour[k : k + 2], 16) * 2 // 3:02x}' for k in (1, 3, 5))


def short(joint: str) -> str:
    """Name of a joint or body part for ticks: ``left_hand`` is ``l. hand``."""
    return joint.replace('left_', 'l. ').replace('right_', 'r. ').replace('_', ' ')


def moments(seen: np.ndarray, count: int) -> list[int]:
    """Frames at equal distances in time, of those in which somebody is there.

    Shapes:
        seen ``(M, T, V)`` bool
    """
    frames = np.flatnonzero(seen.any(axis=(0, 2)))
    frames = frames if len(frames) else np.arange(seen.shape[1])
    return [int(frame) for frame in frames[np.linspace(0, len(frames) - 1, count).round().astype(int)]]


def person_handles(persons: int, active: bool = False) -> list[Line2D]:
    """Entries of a legend: persons, and what a large dot says."""
    handles = [
        Line2D([], [], color=person_colour(p), marker=MARKERS[p % 4], markersize=4, lw=1.5, label=f'person {p + 1}')
        for p in range(persons)
    ]
    if active:
        style: Any = dict(ls='', marker='o', markersize=7, markerfacecolor='0.75', markeredgecolor='black')
        handles.append(Line2D([], [], **style, label='active joint'))
    return handles


def view_turn(keypoint: np.ndarray, skeleton: Skeleton) -> float:
    """Angle of the view about the vertical axis: the line between the first two persons nearly from left to right."""
    present = np.any(keypoint, axis=(2, 3))
    turn = -float(YAW)
    if len(keypoint) > 1 and (both := present[0] & present[1]).any():
        centre = skeleton.centres(keypoint[:2, both]).mean(axis=1)
        along = centre[1] - centre[0]
        turn += float(np.arctan2(along[2], along[0]))
    return turn


def project(keypoint: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Picture coordinates ``(M, T, V, 2)``, to the right and up.

    Three-dimensional samples (y up) are seen from where the line between the first two persons runs from left to
    right, a little from above and the side. Two-dimensional ones are drawn as in the image (y down).

    Shapes:
        keypoint ``(M, T, V, C)``, C = 2 or 3
    """
    keypoint = np.asarray(keypoint, dtype=np.float64)
    if keypoint.shape[-1] == 2:
        return keypoint * (1, -1)
    turn = view_turn(keypoint, skeleton)
    x, y, z = np.moveaxis(keypoint, -1, 0)
    right, depth = np.cos(turn) * x + np.sin(turn) * z, np.cos(turn) * z - np.sin(turn) * x
    return np.stack([right, np.cos(PITCH) * y - np.sin(PITCH) * depth], axis=-1)


class Scene:
    """A clip on axes, with the same view and scale in every frame; joints that are all zero are not drawn.

    Args:
        keypoint: The clip.
        skeleton: Its layout.
        square: Whether the axes shall be as high as wide.
        frames: The only frames to be drawn; default all. Where they are one, or in an image, whose camera may move,
            the view is centred on whom each of them shows, so that persons are as large as can be.

    Shapes:
        keypoint ``(M, T, V, C)``, C = 2 or 3
    """

    def __init__(
        self, keypoint: np.ndarray, skeleton: Skeleton, square: bool = False, frames: Sequence[int] | None = None
    ) -> None:
        self.skeleton, self.seen = skeleton, np.any(keypoint, axis=-1)
        self.points = project(keypoint, skeleton)
        used = self.seen[..., None]
        low = self.points.min(axis=(0, 2), where=used, initial=np.inf)  # of every frame
        high = self.points.max(axis=(0, 2), where=used, initial=-np.inf)
        somebody = self.seen.any(axis=(0, 2))
        bounds = (low[somebody].min(axis=0), high[somebody].max(axis=0)) if somebody.any() else np.zeros((2, 2))
        follow = frames is not None and (keypoint.shape[-1] == 2 or len(frames) == 1)
        low[~somebody] = high[~somebody] = np.mean(bounds, axis=0)
        if not follow:
            low[:], high[:] = bounds
        self.middle = (low + high) / 2
        size = (high - low)[frames if follow else slice(None)].max(axis=0)
        self.extent = 0.54 * np.maximum(size, (1.0 if square else 0.3) * max(float(size.max()), 1e-6))
        ends = np.array(skeleton.bone_indices)
        seen_bones = self.seen[..., ends].all(axis=-1)
        lengths = np.linalg.norm(self.points[..., ends[:, 0], :] - self.points[..., ends[:, 1], :], axis=-1)
        self.bone = float(np.quantile(lengths[seen_bones], 0.75)) if seen_bones.any() else 0.0

    @property
    def aspect(self) -> float:
        """Height by width."""
        return float(self.extent[1] / self.extent[0])

    def bones(self, person: int, frame: int) -> list[np.ndarray]:
        """The bones both of whose joints were seen, as lines."""
        points, seen = self.points[person, frame], self.seen[person, frame]
        return [points[list(bone)] for bone in self.skeleton.bone_indices if seen[list(bone)].all()]

    def draw(self, axes: Axes, frame: int, share: np.ndarray | None = None, size: float = 1.0) -> None:
        """Bones, small dots for inactive joints, large ones for active joints, within an unobtrusive border.

        Shapes:
            share ``(M, V)``: 0 for inactive joints; otherwise the area of the dot grows with it, up to 1. None: none
            is active
        """
        shrunk = self._smaller(axes)
        size *= shrunk
        low, high = self.middle[frame] - self.extent, self.middle[frame] + self.extent
        axes.set_xlim(low[0], high[0])
        axes.set_ylim(low[1], high[1])
        axes.set_aspect('equal')
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_color('0.85')
        for person, (points, seen) in enumerate(zip(self.points[:, frame], self.seen[:, frame], strict=True)):
            style: Any = dict(c=person_colour(person), marker=MARKERS[person % len(MARKERS)])
            opacity = 0.9 if share is None else 0.55
            line: Any = dict(linewidths=1.3 * size / shrunk**0.5, alpha=opacity, capstyle='round', zorder=1)
            axes.add_collection(LineCollection(self.bones(person, frame), colors=style['c'], **line))
            active = seen & (share[person] > 0) if share is not None else np.zeros_like(seen)
            axes.scatter(*points[seen & ~active].T, s=5 * size**2, linewidths=0, zorder=3, **style)
            if share is not None:
                area = (10 + 38 * share[person][active]) * size**2
                axes.scatter(*points[active].T, s=area, edgecolors='black', linewidths=0.7 * size, zorder=4, **style)

    def _smaller(self, axes: Axes) -> float:
        """What dots and lines shrink by where the skeletons are so small that they would run into each other."""
        box = axes.get_window_extent()
        scale = min(box.width / self.extent[0], box.height / self.extent[1]) / 2  # pixels
        return float(np.clip(self.bone * scale * 72 / axes.figure.dpi / LEAST_BONE, 0.5, 1.0))

    def draw_attention(self, axes: Axes, frame: int, attention: np.ndarray, person: int) -> None:
        """The strongest lines from joints of a person to the joints of others that they attend to.

        Shapes:
            attention ``(M, V, M, V)``
        """
        lines = [
            (self.points[person, frame, own], self.points[other, frame, theirs], value)
            for own, other, theirs, value in strongest_lines(attention[person])
            if self.seen[person, frame, own] and self.seen[other, frame, theirs]
        ]
        if lines:
            relative = np.array([value for *_, value in lines]) / attention[person].max()
            widths = (0.4 + 2.2 * relative) * self._smaller(axes)
            style: Any = dict(linewidths=widths, alpha=0.15 + 0.6 * relative, zorder=2)
            segments = [line[:2] for line in lines]
            axes.add_collection(LineCollection(segments, colors=darker(person_colour(person)), **style))


def strip(
    axes: Sequence[Axes], scene: Scene, frames: Sequence[int], share: np.ndarray | None = None, size: float = 1.0
) -> None:
    """Moments of a clip, one on each of the axes, labelled with their frames."""
    for place, frame in zip(axes, frames, strict=True):
        scene.draw(place, frame, share, size)
        place.set_xlabel(f'frame {frame}', fontsize=7.5, color='0.35', labelpad=1)
