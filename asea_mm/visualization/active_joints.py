"""Which joints are active: film strips (ASEA, Fig. 3)."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..errors import InputError
from .clips import ProbedClip
from .drawing import Scene, moments, person_handles, stage_numbers, stage_title


def draw_active_joints(
    clip: ProbedClip, frames: int = 6, stages: Sequence[int] | None = None, shown: Sequence[int] | None = None
) -> Figure:
    """Active joints on the skeletons over time: a strip over all stages, then one of each stage.

    AT-NAC chooses a person's joints once per clip, so within a strip only the pose changes. In the strip over the
    stages the dot of a joint is the larger, the more of the stages it is active in.

    Args:
        clip: The clip.
        frames: Moments in a strip.
        stages: Stages from 0 that the first strip is over; default all.
        shown: Those of them that get a strip of their own; default each, ``[]`` for none.

    Raises:
        ValueError: If there is no such stage or nothing to draw.
    """
    numbers = stage_numbers(clip, stages)
    if frames < 1:
        raise InputError(f'draw_active_joints: expected a frame at least, got {frames}')
    singles = numbers if shown is None else stage_numbers(clip, shown) if len(shown) else []
    rows: list[tuple[str, list[int]]] = [(_stage_line(clip, number), [number]) for number in singles]
    if len(numbers) > 1 or not rows:
        which = f'all {len(numbers)} stages' if stages is None else f'stages {_list(numbers)}'
        rows.insert(0, (f'{which}: dots grow with the share of stages', numbers))
    scene = Scene(clip)
    width, line, head, foot = 1.5, 0.26, 0.35, 0.6  # inches: of a panel, and above, at the top and at the bottom
    height = min(max(width * scene.aspect, 0.8), 2.3)
    high = (height + line) * len(rows) + head + foot
    figure = Figure(figsize=(max(width * frames, 6.0), high))
    FigureCanvasAgg(figure)
    place = dict(left=0.01, right=0.99, bottom=foot / high, top=1 - (head + line) / high)
    grid = figure.subplots(
        len(rows), frames, squeeze=False, gridspec_kw=dict(**place, wspace=0.03, hspace=line / height)
    )
    for row, (title, chosen) in enumerate(rows):
        share = clip.active_share(chosen)
        for axes, frame in zip(grid[row], moments(clip, frames), strict=True):
            scene.frame(axes)
            scene.skeletons(axes, frame, share)
            if row == len(rows) - 1:
                axes.set_xlabel(f'frame {frame}', fontsize=8, color='0.3', labelpad=2)
        grid[row, 0].set_title(title, loc='left', fontsize=8.5, pad=3)
    figure.suptitle(f'Active joints: {clip.title}', fontsize=10, y=1 - 0.08 / high, va='top')
    handles = person_handles(len(clip.keypoint), 'active joint')
    figure.legend(handles=handles, loc='lower center', ncols=len(handles), frameon=False, fontsize=8.5)
    return figure


def _stage_line(clip: ProbedClip, number: int) -> str:
    stage = clip.stages[number]
    joints = stage.mask.shape[1]
    counts = ', '.join(
        f'person {person + 1}: {mask.sum()} of {joints}' + ('' if stage.present[person].any() else ' (absent)')
        for person, mask in enumerate(stage.mask)
    )
    return f'{stage_title(clip, number)}, {counts}'


def _list(numbers: Sequence[int]) -> str:
    return ', '.join(str(number + 1) for number in numbers)
