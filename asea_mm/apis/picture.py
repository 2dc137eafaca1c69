"""A picture of what was recognised: film strip, label, and scores over time."""

from pathlib import Path

import numpy as np

from ..skeletons import Skeleton
from ..visualization.drawing import Scene, moments, new_figure, person_colour, person_handles, save_figure, strip
from ..visualization.fonts import legible_name
from .results import PairResult

MOMENTS, CURVES = 8, 4  # of the strip; classes in the plot, those with the highest scores in any window


def plot_result(keypoint: np.ndarray, skeleton: Skeleton, pair: PairResult, path: str | Path, title: str) -> None:
    """Draw the persons of a result at several moments, with its label; below, where there are windows, their scores.

    Args:
        keypoint: The persons of the pair.
        skeleton: Their layout.
        pair: What was recognised.
        path: Picture to write; its folder is made when missing.
        title: In front of the label.

    Shapes:
        keypoint ``(M, T, V, C)``, C = 2 or 3
    """
    sliding = len(pair.windows) > 1
    figure = new_figure(1.5 * MOMENTS, 4.6 if sliding else 2.3)
    above, *below = figure.subfigures(2, 1, height_ratios=(1, 1.1)) if sliding else [figure]
    shown = moments(np.any(keypoint, axis=-1), MOMENTS)
    scene = Scene(np.asarray(keypoint, np.float64), skeleton, square=True, frames=shown)
    strip(list(above.subplots(1, MOMENTS)), scene, shown, size=1.4)
    above.suptitle(f'{title}: {legible_name(pair.label, pair.label_name)} ({pair.score:.0%})', fontsize=12)
    handles = person_handles(len(pair.persons))
    for handle, name in zip(handles, pair.person_names, strict=True):
        handle.set_label(f'person {name}')
    above.legend(handles=handles, loc='upper right', ncols=len(handles), frameon=False, fontsize=9)
    if below:
        axes = below[0].subplots()
        scores = np.array([window.scores for window in pair.windows])
        middles = np.array([(window.start + window.stop - 1) / 2 for window in pair.windows])
        label_names = {window.label: window.label_name for window in pair.windows}
        label_names |= {candidate.label: candidate.label_name for candidate in pair.top_k}
        for row, label in enumerate(sorted(label_names, key=lambda label: -scores[:, label].max())[:CURVES]):
            colour = person_colour(row)
            name = legible_name(label, label_names[label])
            axes.plot(middles, scores[:, label], '.-', color=colour, label=name, lw=1.5, markersize=5)
        axes.set_xlim(0, max(pair.windows[-1].stop - 1, 1))
        axes.set_ylim(0, max(1.02, float(scores.max())))
        axes.set_xlabel('frame (middle of the window)')
        axes.set_ylabel('score')
        axes.spines[['top', 'right']].set_visible(False)
        title = f'persons {" and ".join(pair.person_names)}'
        axes.legend(frameon=False, fontsize=9, loc='center left', bbox_to_anchor=(1, 0.5), title=title)
    save_figure(figure, path)
