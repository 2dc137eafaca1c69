"""How the joints' velocity and their amplitude inside the model go over time (ASEA, Fig. 5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..errors import InputError
from .clips import ProbedClip
from .drawing import PART_COLOURS, new_figure, stage_title

STYLES = ('-', '--', ':', '-.')  # of persons


def joint_velocity(clip: ProbedClip) -> np.ndarray:
    """How far every joint moves to the next frame, in the clip's unit; NaN where it is missing in either.

    Shapes:
        returns ``(M, T - 1, V)``
    """
    moved = np.linalg.norm(np.diff(clip.keypoint.astype(np.float64), axis=1), axis=-1)
    return np.where(clip.seen[:, 1:] & clip.seen[:, :-1], moved, np.nan)


def draw_amplitudes(clips: Sequence[ProbedClip], stage: int = -1) -> Figure:
    """Curves of all joints for several samples, e.g. of one class: a column each.

    Above the velocity of the joints; below their amplitude E in a stage (Eq. 3), and last the addends of their score
    (Eq. 6), amplitude times temporal weight. Colours are body parts, line styles persons.

    Args:
        clips: Samples.
        stage: The stage, from 0; negative counts from the last.

    Raises:
        ValueError: If there are no samples, or no such stage.
    """
    if not clips:
        raise InputError('draw_amplitudes: expected a sample at least, got none')
    for clip in clips:
        if not -len(clip.stages) <= stage < len(clip.stages):
            raise InputError(f'expected a stage from 1 to {len(clip.stages)}, got {stage + 1}')
    figure = new_figure(max(3.4 * len(clips), 6.0), 7.0)
    grid = figure.subplots(3, len(clips), squeeze=False, sharey='row', sharex='col')
    for column, clip in enumerate(clips):
        found = clip.stages[stage]
        amplitude = np.where(found.present[..., None], found.amplitude, np.nan)
        time = np.arange(clip.keypoint.shape[1])
        _curves(grid[0, column], clip, time[:-1] + 0.5, joint_velocity(clip))
        _curves(grid[1, column], clip, found.frames, amplitude)
        _curves(grid[2, column], clip, found.frames, amplitude * found.weight[..., None])
        grid[0, column].set_title('\n'.join(clip.title.rsplit(', ', 1)), fontsize=8)
        grid[2, column].set_xlabel('frame', fontsize=8.5)
        grid[2, column].set_xlim(0, max(len(time) - 1, 1))
    units = ' / '.join(sorted({clip.unit for clip in clips}))
    for axes, label in zip(
        grid[:, 0],
        (f'velocity of joints\n({units} per frame)', 'amplitude E (Eq. 3)', 'amplitude × temporal\nweight (Eq. 6)'),
        strict=True,
    ):
        axes.set_ylabel(label, fontsize=8.5)
        axes.set_ylim(bottom=0)  # last: it ends the automatic limits
    number = range(len(clips[0].stages))[stage]
    figure.suptitle(f'Velocity of joints and amplitude in {stage_title(clips[0], number)}', fontsize=10)
    parts = list(clips[0].skeleton.parts)
    handles = [Line2D([], [], color=part_colour(k), lw=2, label=short_part(part)) for k, part in enumerate(parts)]
    persons = max(len(clip.keypoint) for clip in clips)
    handles += [Line2D([], [], color='0.3', ls=STYLES[p % 4], lw=1.2, label=f'person {p + 1}') for p in range(persons)]
    figure.legend(handles=handles, loc='outside lower center', ncols=min(len(handles), 7), frameon=False, fontsize=8)
    return figure


def part_colour(number: int) -> str:
    """Colour of a body part."""
    return PART_COLOURS[number % len(PART_COLOURS)]


def short_part(part: str) -> str:
    """Name of a body part for legends."""
    return part.replace('_', ' ')


def _curves(axes: Axes, clip: ProbedClip, time: np.ndarray, values: np.ndarray) -> None:
    """Values ``(M, T, V)`` over time."""
    for person in range(len(values)):
        for number, joints in enumerate(clip.skeleton.part_indices.values()):
            axes.plot(
                time,
                values[person][:, list(joints)],
                color=part_colour(number),
                ls=STYLES[person % len(STYLES)],
                lw=0.8,
                alpha=0.8,
                marker='.' if len(time) == 1 else '',
            )
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.25)
