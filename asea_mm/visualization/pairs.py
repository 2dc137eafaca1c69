"""Pairs of skeletons as film strips."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..skeletons import Skeleton, get_skeleton
from .drawing import Scene, moments, new_figure, person_handles, save_figure, strip


def plot_pairs(
    samples: Mapping[str, np.ndarray], layout: str | Mapping | Skeleton, path: str | Path, frames: int = 6
) -> None:
    """Draw samples by their title, each as a row of moments at equal distances in time.

    Args:
        samples: Keypoints by title; joints that are all zero are missing and not drawn.
        layout: Skeleton layout of all of them.
        path: Picture to write; its folder is made when missing.
        frames: Moments in a row.

    Shapes:
        every sample ``(M, T, V, C)``, C = 2 or 3
    """
    skeleton = get_skeleton(layout)
    figure = new_figure(1.5 * frames, 1.75 * len(samples) + 0.35)
    grid = figure.subplots(len(samples), frames, squeeze=False)
    for row, (title, keypoint) in zip(grid, samples.items(), strict=True):
        shown = moments(np.any(keypoint, axis=-1), frames)
        strip(row, Scene(keypoint, skeleton, square=True, frames=shown), shown, size=1.4)
        row[0].set_title(title, loc='left', fontsize=10)
    handles = person_handles(max(map(len, samples.values())))
    figure.legend(handles=handles, loc='outside upper right', ncols=len(handles), frameon=False, fontsize=10)
    save_figure(figure, path)
