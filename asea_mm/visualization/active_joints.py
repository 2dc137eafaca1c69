"""Which joints are active: film strips (ASEA, Fig. 3)."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from .clips import ProbedClip
from .drawing import Scene, add_captions, moments, new_figure, person_handles, strip


def draw_active_joints(clip: ProbedClip, frames: int = 6, layers: Sequence[int] | None = None) -> Figure:
    """Active joints on the skeletons over time: a strip over all layers, then one of each layer.

    AT-NAC chooses a person's joints once per clip, so within a strip only the pose changes. In the strip over all
    layers the dot of a joint is the larger, the more of them it is active in.

    Args:
        clip: The clip.
        frames: Moments in a strip.
        layers: Layers (AEA), from 0, that get a strip of their own; default each, ``[]`` for none.

    Raises:
        InputError: If there is no such layer.
    """
    singles = [] if layers is not None and not layers else clip.numbers(layers)
    rows = {f'all {len(clip.layers)} layers: dots grow with the share of layers': clip.active_share()}
    rows |= {_layer_line(clip, number): clip.active_share([number]) for number in singles}
    shown = moments(clip.seen, frames)
    scene = Scene(clip.keypoint, clip.skeleton, frames=shown)
    width = min(max(1.5, 1.15 / scene.aspect), 2.2)
    height = min(max(width * scene.aspect, 0.8), 2.3)
    figure = new_figure(max(width * frames, 6.0), (height + 0.4) * len(rows) + 0.6)
    for part, (title, share) in zip(figure.subfigures(len(rows), squeeze=False).flat, rows.items(), strict=True):
        strip(part.subplots(1, frames, squeeze=False)[0], scene, shown, share)
        part.suptitle(title, x=0.01, ha='left', fontsize=8.5)
    add_captions(figure, f'Active joints: {clip.title}', person_handles(len(clip.keypoint), active=True))
    return figure


def _layer_line(clip: ProbedClip, number: int) -> str:
    layer = clip.layers[number]
    counts = ', '.join(
        f'person {person + 1}: {mask.sum()} of {len(mask)}' + ('' if layer.present[person].any() else ' (absent)')
        for person, mask in enumerate(layer.mask)
    )
    return f'{clip.layer_title(number)}, {counts}'
