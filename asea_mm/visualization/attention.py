"""Who attends to whom: external attention as lines between skeletons and as matrices (ASEA, Fig. 4)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import InputError
from .clips import ProbedClip
from .drawing import Scene, add_captions, moments, new_figure, person_handles, short


def draw_attention(clip: ProbedClip, frame: int | None = None, layers: Sequence[int] | None = None) -> Figure:
    """Attention from each person's side: the skeletons with lines to what is attended to, and the matrix below.

    Args:
        clip: The clip, probed with its attention.
        frame: Frame of the clip; default the mean over the frames, drawn on the middle one.
        layers: Layers (AEA), from 0, whose mean is taken; default all.

    Raises:
        InputError: If there is no such layer or frame.
    """
    numbers = clip.numbers(layers)
    persons, total = clip.keypoint.shape[:2]
    if frame is not None and not 0 <= frame < total:
        raise InputError(f'draw_attention: expected a frame from 0 to {total - 1}, got {frame}')
    attention = clip.attention(frame, numbers)
    shown = moments(clip.seen, 3)[1] if frame is None else frame
    share = clip.active_share(numbers)
    scene = Scene(clip.keypoint, clip.skeleton, frames=[shown])
    queries = [np.flatnonzero(attention[person].any(axis=(1, 2))) for person in range(persons)]
    keys = [list(zip(*np.nonzero(attention[person].any(axis=0)), strict=True)) for person in range(persons)]
    width = max(4.6, 0.2 * max(map(len, keys)) + 2.2)
    tall = max(1.2, 0.17 * max(map(len, queries)) + 1.1)
    above = min(width * scene.aspect, 4.6)
    figure = new_figure(width * persons, above + tall + 0.9)
    grid = figure.subplots(2, persons, squeeze=False, height_ratios=[above, tall])
    for person in range(persons):
        axes = grid[0, person]
        scene.draw(axes, shown, share, size=1.5)
        scene.draw_attention(axes, shown, attention, person)
        axes.set_title(f'person {person + 1} attends', fontsize=10)
        axes.set_xlabel(f'frame {shown}' + (', lines: mean over time' if frame is None else ''), fontsize=8)
        _matrix(grid[1, person], clip, attention[person], person, queries[person], keys[person])
    when = 'mean over time' if frame is None else f'frame {frame}'
    what = clip.layer_title(numbers[0]) if len(numbers) == 1 else f'mean of {len(numbers)} layers'
    title = f'External attention, {what}, {when}: {clip.title}'
    add_captions(figure, title, person_handles(persons, active=True))
    return figure


def _matrix(
    axes: Axes, clip: ProbedClip, attention: np.ndarray, person: int, queries: np.ndarray, keys: list[tuple[int, int]]
) -> None:
    if not len(queries):
        axes.set_axis_off()
        axes.text(0.5, 0.5, f'person {person + 1} attends to nobody', ha='center', va='center', fontsize=9)
        return
    names = [short(joint) for joint in clip.skeleton.joints]
    values = np.array([[attention[query, other, key] for other, key in keys] for query in queries])
    image = axes.imshow(values, cmap='viridis', vmin=0, aspect='auto')
    several = len({other for other, _ in keys}) > 1
    labels = [f'{names[key]} ({other + 1})' if several else names[key] for other, key in keys]
    axes.set_xticks(range(len(keys)), labels, rotation=60, ha='right', rotation_mode='anchor', fontsize=7.5)
    axes.set_yticks(range(len(queries)), [names[query] for query in queries], fontsize=7.5)
    to = 'the others' if several else f'person {keys[0][0] + 1}'
    axes.set_ylabel(f'joint of person {person + 1}', fontsize=8)
    axes.set_xlabel(f'joint of {to} that is attended to', fontsize=8)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.9)
    bar.ax.tick_params(labelsize=7)
    bar.set_label('attention', fontsize=8)
