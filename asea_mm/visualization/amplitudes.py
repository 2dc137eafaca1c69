"""How the joints' velocity and their amplitude inside the model go over time (ASEA, Fig. 5)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .clips import ProbedClip
from .drawing import PART_COLOURS, add_captions, new_figure

STYLES = ('-', '--', ':', '-.')  # of persons


def draw_amplitudes(clips: Sequence[ProbedClip], layer: int = -1) -> Figure:
    """Curves of all joints for several samples, e.g. of one class: a column each.

    Above the velocity of the joints; below their amplitude E in a layer (Eq. 3), and last the addends of their score
    (Eq. 6), amplitude times temporal weight. Colours are body parts, line styles persons.

    Args:
        clips: Samples.
        layer: The layer (AEA), from 0; negative counts from the last.

    Raises:
        InputError: If there is no such layer.
    """
    (number,) = clips[0].numbers([layer % len(clips[0].layers) if layer < 0 else layer])
    figure = new_figure(max(3.4 * len(clips), 6.0), 7.0)
    grid = figure.subplots(3, len(clips), squeeze=False, sharey='row', sharex='col')
    for column, clip in zip(grid.T, clips, strict=True):
        reading = clip.layers[number]
        moved = np.linalg.norm(np.diff(clip.keypoint.astype(np.float64), axis=1), axis=-1)
        velocity = np.where(clip.seen[:, 1:] & clip.seen[:, :-1], moved, np.nan)
        amplitude = np.where(reading.present[..., None], reading.amplitude, np.nan)
        time = np.arange(clip.keypoint.shape[1])
        _curves(column[0], clip, time[:-1] + 0.5, velocity)
        _curves(column[1], clip, reading.frames, amplitude)
        _curves(column[2], clip, reading.frames, amplitude * reading.weight[..., None])
        column[0].set_title('\n'.join(clip.title.rsplit(', ', 1)), fontsize=8)
        column[2].set_xlabel('frame', fontsize=8.5)
        column[2].set_xlim(0, max(len(time) - 1, 1))
    units = ' / '.join(sorted({clip.unit for clip in clips}))
    labels = (f'velocity of joints\n({units} per frame)', 'amplitude E (Eq. 3)', 'amplitude × temporal\nweight (Eq. 6)')
    for axes, label in zip(grid[:, 0], labels, strict=True):
        axes.set_ylabel(label, fontsize=8.5)
        axes.set_ylim(bottom=0)  # last: it ends the automatic limits
    parts = zip(PART_COLOURS, clips[0].skeleton.parts, strict=False)
    handles = [Line2D([], [], color=colour, lw=2, label=part.replace('_', ' ')) for colour, part in parts]
    persons = max(len(clip.keypoint) for clip in clips)
    handles += [Line2D([], [], color='0.3', ls=STYLES[p % 4], lw=1.2, label=f'person {p + 1}') for p in range(persons)]
    add_captions(figure, f'Velocity of joints and amplitude in {clips[0].layer_title(number)}', handles)
    return figure


def _curves(axes: Axes, clip: ProbedClip, time: np.ndarray, values: np.ndarray) -> None:
    """Values ``(M, T, V)`` over time."""
    for person in range(len(values)):
        style: Any = dict(ls=STYLES[person % len(STYLES)], lw=0.8, alpha=0.8, marker='.' if len(time) == 1 else '')
        for colour, joints in zip(PART_COLOURS, clip.skeleton.part_indices.values(), strict=False):
            axes.plot(time, values[person][:, list(joints)], color=colour, **style)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.25)
