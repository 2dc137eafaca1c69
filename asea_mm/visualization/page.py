"""A probed clip as an interactive page that needs no network: ``page.html`` with the clip in it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..datasets.files.whole import write_whole
from .clips import ProbedClip, strongest_lines
from .drawing import PITCH, darker, person_colour, short, view_turn


def write_page(clip: ProbedClip, path: str | Path, layers: Sequence[int] | None = None, fps: float = 10.0) -> None:
    """Write one HTML file with everything in it: skeletons that can be turned, active joints, lines of attention.

    A slider and a play button move through time; a list chooses one layer or the mean over the layers.

    Args:
        clip: The clip, probed with its attention.
        path: File to write; its folder is made when missing.
        layers: Layers (AEA), from 0, to choose from; default all.
        fps: Frames of the clip a second while it plays.

    Raises:
        InputError: If there is no such layer.
    """
    content = json.dumps({**page_content(clip, layers), 'fps': fps}).replace('<', '\\u003c')  # no tag ends early
    template = Path(__file__).with_suffix('.html').read_text(encoding='utf-8')
    write_whole(path, template.replace('THE_CLIP', content))


def page_content(clip: ProbedClip, layers: Sequence[int] | None = None) -> dict[str, Any]:
    """What the page draws.

    ``keypoint[person][frame][joint]`` are coordinates or None; every one of the ``choices`` of layers has ``share``
    ``(M, V)`` and for every frame ``lines``: person, joint, other person, their joint, attention from 0 to 1, which is
    the largest of the clip.
    """
    numbers = clip.numbers(layers)
    choices = {clip.layer_title(number): [number] for number in numbers}
    if len(numbers) > 1:
        choices = {f'mean of {len(numbers)} layers': numbers, **choices}
    persons, total = range(len(clip.keypoint)), clip.keypoint.shape[1]

    def choice(name: str, chosen: list[int]) -> dict[str, Any]:
        maps = [clip.attention(frame, chosen) for frame in range(total)]
        most = max(max(float(attention.max()) for attention in maps), 1e-12)
        lines = [
            [
                (person, own, other, theirs, round(value / most, 3))
                for person in persons
                for own, other, theirs, value in strongest_lines(attention[person])
            ]
            for attention in maps
        ]
        return {'name': name, 'share': clip.active_share(chosen).tolist(), 'lines': lines}

    points: Any = clip.keypoint.astype(float).round(4).tolist()
    for person, frame, joint in zip(*(~clip.seen).nonzero(), strict=True):
        points[person][frame][joint] = None
    return {
        'title': clip.title,
        'dimensions': clip.keypoint.shape[-1],
        'joints': [short(joint) for joint in clip.skeleton.joints],
        'bones': [list(bone) for bone in clip.skeleton.bone_indices],
        'colours': [person_colour(person) for person in persons],
        'darker': [darker(person_colour(person)) for person in persons],
        'turn': view_turn(clip.keypoint, clip.skeleton) if clip.keypoint.shape[-1] == 3 else 0.0,
        'pitch': float(PITCH),
        'keypoint': points,
        'choices': [choice(name, chosen) for name, chosen in choices.items()],
    }
