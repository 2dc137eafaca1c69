"""Pairs of skeletons as film strips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..errors import InputError
from ..skeletons import Skeleton, get_skeleton

# Of the palette of Okabe and Ito, which colour-blind people can tell apart.
COLOURS = ('#0072B2', '#E69F00', '#009E73', '#CC79A7')
YAW, PITCH = np.deg2rad(25), np.deg2rad(12)  # a little from the side and from above, so that depth shows


def plot_pair(
    keypoint: np.ndarray,
    layout: str | Mapping | Skeleton,
    path: str | Path,
    frames: int = 6,
    title: str | None = None,
) -> None:
    """Draw the persons of one sample at several moments, left to right; see :func:`plot_pairs`."""
    plot_pairs([keypoint], layout, path, frames, None if title is None else [title])


def plot_pairs(
    keypoints: Sequence[np.ndarray],
    layout: str | Mapping | Skeleton,
    path: str | Path,
    frames: int = 6,
    titles: Sequence[str] | None = None,
) -> None:
    """Draw several samples, each as a row of moments at equal distances in time.

    Three-dimensional samples (y up) are seen from where the line between the first two persons runs from left to
    right, a little from above and the side. Two-dimensional ones are drawn as in the image (y down). Joints that are
    all zero are missing and not drawn.

    Args:
        keypoints: The samples.
        layout: Skeleton layout of all of them.
        path: Picture to write; its folder is made when missing.
        frames: Moments in a row.
        titles: One title a sample.

    Shapes:
        every keypoint ``(M, T, V, C)``, C = 2 or 3

    Raises:
        ValueError: If a sample has another shape, there is none, or titles and samples are not as many.
    """
    skeleton = get_skeleton(layout)
    if not len(keypoints) or frames < 1 or (titles is not None and len(titles) != len(keypoints)):
        raise InputError(
            f'plot_pairs: expected samples, a title for each or none, and a frame at least; got {len(keypoints)} '
            f'samples, {"no" if titles is None else len(titles)} titles and {frames} frames'
        )
    for keypoint in keypoints:
        if keypoint.ndim != 4 or keypoint.shape[2] != skeleton.num_joints or keypoint.shape[3] not in (2, 3):
            raise InputError(
                f'plot_pairs: expected samples (persons, frames, {skeleton.num_joints}, 2 or 3), got {keypoint.shape}'
            )
    rows = len(keypoints)
    figure = Figure(figsize=(1.5 * frames, 1.75 * rows + 0.35), layout='constrained')
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, frames, squeeze=False)
    for row, keypoint in enumerate(keypoints):
        draw_row(list(grid[row]), np.asarray(keypoint, dtype=np.float64), skeleton)
        if titles is not None:
            grid[row, 0].set_title(titles[row], loc='left', fontsize=10)
    persons = max(keypoint.shape[0] for keypoint in keypoints)
    handles = [Line2D([], [], color=_colour(person), lw=2, label=f'person {person + 1}') for person in range(persons)]
    figure.legend(handles=handles, loc='outside upper right', ncols=persons, frameon=False, fontsize=10)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def _colour(person: int) -> str:
    return COLOURS[person % len(COLOURS)]


def view_turn(keypoint: np.ndarray, skeleton: Skeleton) -> float:
    """Angle of the view about the vertical axis: the line between the first two persons nearly from left to right."""
    present = np.any(keypoint, axis=(2, 3))
    turn = -float(YAW)
    if len(keypoint) > 1 and (both := present[0] & present[1]).any():
        centre = keypoint[:2, both, skeleton.centre_index].mean(axis=1)
        along = centre[1] - centre[0]
        turn += float(np.arctan2(along[2], along[0]))
    return turn


def _project(keypoint: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Picture coordinates ``(M, T, V, 2)``, to the right and up."""
    if keypoint.shape[-1] == 2:
        return keypoint * (1, -1)
    turn = view_turn(keypoint, skeleton)
    x, y, z = np.moveaxis(keypoint, -1, 0)
    right, depth = np.cos(turn) * x + np.sin(turn) * z, np.cos(turn) * z - np.sin(turn) * x
    return np.stack([right, np.cos(PITCH) * y - np.sin(PITCH) * depth], axis=-1)


def draw_row(row: list[Axes], keypoint: np.ndarray, skeleton: Skeleton) -> None:
    """Draw a clip at evenly spaced moments, one for each of the axes; who is absent is not drawn.

    Shapes:
        keypoint: ``(M, T, V, C)``, any unit
    """
    seen = np.any(keypoint, axis=-1)
    points = _project(keypoint, skeleton)
    visible = points[seen] if seen.any() else np.zeros((1, 2))
    low, high = visible.min(axis=0), visible.max(axis=0)
    middle, extent = (low + high) / 2, 0.55 * max(float((high - low).max()), 1e-6)
    moments = np.linspace(0, keypoint.shape[1] - 1, len(row)).round().astype(int)
    for axes, moment in zip(row, moments, strict=True):
        for person in range(len(keypoint)):
            where, there = points[person, moment], seen[person, moment]
            bones = [where[list(bone)] for bone in skeleton.bone_indices if there[list(bone)].all()]
            axes.add_collection(LineCollection(bones, colors=_colour(person), linewidths=1.8, capstyle='round'))
            axes.plot(*where[there].T, '.', color=_colour(person), markersize=3)
        axes.set_xlim(middle[0] - extent, middle[0] + extent)
        axes.set_ylim(middle[1] - extent, middle[1] + extent)
        axes.set_aspect('equal')
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_color('0.85')
        axes.set_xlabel(f'frame {moment}', fontsize=7, color='0.4', labelpad=1)
