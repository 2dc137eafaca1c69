"""Pairs of skeletons as film strips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..skeletons import Skeleton, get_skeleton
from .drawing import Scene, new_figure, person_handles, save_figure, strip


def plot_pairs(
    keypoints: Sequence[np.ndarray],
    layout: str | Mapping | Skeleton,
    path: str | Path,
    frames: int = 6,
    titles: Sequence[str] | None = None,
) -> None:
    """Draw several samples, each as a row of moments at equal distances in time.

    Args:
        keypoints: The samples; joints that are all zero are missing and not drawn.
        layout: Skeleton layout of all of them.
        path: Picture to write; its folder is made when missing.
        frames: Moments in a row.
        titles: One title a sample.

    Shapes:
        every keypoint ``(M, T, V, C)``, C = 2 or 3

    Raises:
        InputError: If a sample has another shape, there is none, or titles and samples are not as many.
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
    figure = new_figure(1.5 * frames, 1.75 * rows + 0.35)
    grid = figure.subplots(rows, frames, squeeze=False)
    for row, keypoint in enumerate(keypoints):
        strip(grid[row], Scene(keypoint, skeleton, square=True), size=1.4)
        if titles is not None:
            grid[row, 0].set_title(titles[row], loc='left', fontsize=10)
    handles = person_handles(max(len(keypoint) for keypoint in keypoints))
    figure.legend(handles=handles, loc='outside upper right', ncols=len(handles), frameon=False, fontsize=10)
    save_figure(figure, path)
