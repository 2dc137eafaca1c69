"""Which joints are active: film strips (ASEA, Fig. 3)."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ..errors import InputError
from .clips import ProbedClip
from .drawing import Scene, new_figure, person_handles, strip


def draw_active_joints(
    clip: ProbedClip, frames: int = 6, layers: Sequence[int] | None = None, shown: Sequence[int] | None = None
) -> Figure:
    """Active joints on the skeletons over time: a strip over all layers, then one of each layer.

    AT-NAC chooses a person's joints once per clip, so within a strip only the pose changes. In the strip over the
    layers the dot of a joint is the larger, the more of the layers it is active in.

    Args:
        clip: The clip.
        frames: Moments in a strip.
        layers: Layers (AEA), from 0, that the first strip is over; default all.
        shown: Those of them that get a strip of their own; default each, ``[]`` for none.

    Raises:
        InputError: If there is no such layer or nothing to draw.
    """
    numbers = clip.numbers(layers)
    if frames < 1:
        raise InputError(f'draw_active_joints: expected a frame at least, got {frames}')
    singles = numbers if shown is None else clip.numbers(shown) if len(shown) else []
    rows: list[tuple[str, list[int]]] = [(_layer_line(clip, number), [number]) for number in singles]
    if len(numbers) > 1 or not rows:
        some = ', '.join(str(number + 1) for number in numbers)
        which = f'all {len(numbers)} layers' if layers is None else f'layers {some}'
        rows.insert(0, (f'{which}: dots grow with the share of layers', numbers))
    scene = Scene(clip.keypoint, clip.skeleton)
    width, line, head, foot = 1.5, 0.26, 0.35, 0.6  # inches: of a panel, and above, at the top and at the bottom
    height = min(max(width * scene.aspect, 0.8), 2.3)
    high = (height + line) * len(rows) + head + foot
    figure = new_figure(max(width * frames, 6.0), high, layout=None)
    place = dict(left=0.01, right=0.99, bottom=foot / high, top=1 - (head + line) / high)
    spaces = dict(wspace=0.03, hspace=line / height)
    grid = figure.subplots(len(rows), frames, squeeze=False, gridspec_kw={**place, **spaces})
    for number, (title, chosen) in enumerate(rows):
        strip(grid[number], scene, clip.active_share(chosen))
        grid[number, 0].set_title(title, loc='left', fontsize=8.5, pad=3)
        if number < len(rows) - 1:
            for axes in grid[number]:
                axes.set_xlabel('')
    figure.suptitle(f'Active joints: {clip.title}', fontsize=10, y=1 - 0.08 / high, va='top')
    handles = person_handles(len(clip.keypoint), 'active joint')
    figure.legend(handles=handles, loc='lower center', ncols=len(handles), frameon=False, fontsize=8.5)
    return figure


def _layer_line(clip: ProbedClip, number: int) -> str:
    layer = clip.layers[number]
    counts = ', '.join(
        f'person {person + 1}: {mask.sum()} of {len(mask)}' + ('' if layer.present[person].any() else ' (absent)')
        for person, mask in enumerate(layer.mask)
    )
    return f'{clip.layer_title(number)}, {counts}'
