"""A probed clip as an interactive page that needs no network."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .clips import ProbedClip
from .drawing import STRONGEST, darker, short, stage_numbers, stage_title, strongest_lines
from .pairs import _colour as person_colour
from .pairs import view_turn

SYMBOLS = ('circle', 'square', 'diamond', 'cross')  # of persons; these exist in 2-D and 3-D
STRENGTHS = (
    (0.66, 'strong', 6.0, 0.9),
    (0.33, 'medium', 3.5, 0.6),
    (0.0, 'weak', 1.5, 0.4),
)  # above, name, width, opacity
DIGITS = 4


def write_page(
    clip: ProbedClip,
    path: str | Path,
    stages: Sequence[int] | None = None,
    fps: float = 10.0,
    strongest: int = STRONGEST,
) -> None:
    """Write one HTML file with everything in it: skeletons that can be turned, active joints, lines of attention.

    A slider and a play button move through time; a list chooses one stage or the mean over the stages.

    Args:
        clip: The clip, probed with its attention.
        path: File to write, ``.html``; its folder is made when missing. About 5 MB, most of it plotly.
        stages: Stages from 0 to choose from; default all.
        fps: Frames of the clip a second while it plays.
        strongest: Lines of attention of each person.

    Raises:
        ValueError: If plotly is not installed, the suffix is another, or ``fps`` is not positive.
    """
    path = Path(path)
    if path.suffix.lower() not in ('.html', '.htm'):
        raise InputError(f'{path}: expected a page that ends in .html')
    if fps <= 0:
        raise InputError(f'{path}: expected a positive number of frames a second, got {fps}')
    try:
        import plotly.io
    except ImportError:
        raise InputError(f"{path}: an interactive page needs plotly: pip install 'asea_mm[visualize]'") from None
    figure = page_figure(clip, stages, fps, strongest)
    body = plotly.io.to_html(
        figure,
        include_plotlyjs=True,
        full_html=False,
        auto_play=False,
        validate=False,
        default_height='92vh',
        config={'displaylogo': False, 'responsive': True},
    )
    title = html.escape(f'{clip.title or clip.name or "clip"} - active joints and attention')
    path.parent.mkdir(parents=True, exist_ok=True)
    head = f'<meta charset="utf-8"><title>{title}</title><link rel="icon" href="data:,">'  # or browsers ask for an icon
    path.write_text(
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n', encoding='utf-8'
    )


def page_figure(
    clip: ProbedClip, stages: Sequence[int] | None = None, fps: float = 10.0, strongest: int = STRONGEST
) -> dict[str, Any]:
    """The figure of :func:`write_page` in plotly's JSON form: data, layout and a frame for every step in time."""
    numbers = stage_numbers(clip, stages)
    choices = [*([numbers] if len(numbers) > 1 else []), *([number] for number in numbers)]
    names = [
        *([f'mean of {len(numbers)} stages'] if len(numbers) > 1 else []),
        *(stage_title(clip, n) for n in numbers),
    ]
    shares = [clip.active_share(choice) for choice in choices]
    total = clip.keypoint.shape[1]
    attentions = [[clip.attention(frame, choice) for frame in range(total)] for choice in choices]
    largest = [max(float(np.max(maps)), 1e-12) for maps in attentions]

    def traces(frame: int) -> list[dict[str, Any]]:
        made = [_skeleton(clip, frame, person) for person in range(len(clip.keypoint))]
        for share, maps, most in zip(shares, attentions, largest, strict=True):
            for person in range(len(clip.keypoint)):
                made.append(_active(clip, frame, person, share[person]))
                made += _lines(clip, frame, person, maps[frame][person], most, strongest)
        return made

    data = [{**trace, **style} for trace, style in zip(traces(0), _styles(clip, len(choices)), strict=True)]
    frames = [{'name': str(frame), 'data': traces(frame)} for frame in range(total)]
    return {'data': data, 'layout': _layout(clip, names, len(data), total, fps), 'frames': frames}


def _point(clip: ProbedClip, frame: int, person: int, joint: int) -> list[float | None]:
    """Coordinates of a joint; None for one that is missing, which plotly leaves out."""
    if not clip.keypoint[person, frame, joint].any():
        return [None] * clip.keypoint.shape[-1]
    return [round(float(value), DIGITS) for value in clip.keypoint[person, frame, joint]]


def _coordinates(clip: ProbedClip, points: list[list[float | None]]) -> dict[str, Any]:
    axes = 'xyz'[: clip.keypoint.shape[-1]]
    kind = 'scatter3d' if len(axes) == 3 else 'scatter'
    return {'type': kind, **{axis: [point[number] for point in points] for number, axis in enumerate(axes)}}


def _skeleton(clip: ProbedClip, frame: int, person: int) -> dict[str, Any]:
    points: list[list[float | None]] = []
    texts = []
    for bone in clip.skeleton.bone_indices:
        points += [*(_point(clip, frame, person, joint) for joint in bone), [None] * clip.keypoint.shape[-1]]
        texts += [*(short(clip.skeleton.joints[joint]) for joint in bone), '']
    return {**_coordinates(clip, points), 'text': texts}


def _active(clip: ProbedClip, frame: int, person: int, share: np.ndarray) -> dict[str, Any]:
    joints = [int(joint) for joint in np.flatnonzero(share) if clip.keypoint[person, frame, joint].any()]
    texts = [f'{short(clip.skeleton.joints[joint])}: active in {share[joint]:.0%} of the stages' for joint in joints]
    sizes = [round(7 + 7 * float(share[joint]), 1) for joint in joints]
    made = _coordinates(clip, [_point(clip, frame, person, joint) for joint in joints])
    return {**made, 'text': texts, 'marker': {**_marker(person), 'size': sizes}}


def _marker(person: int) -> dict[str, Any]:
    return {
        'color': person_colour(person),
        'symbol': SYMBOLS[person % len(SYMBOLS)],
        'line': {'color': 'black', 'width': 1},
    }


def _lines(
    clip: ProbedClip, frame: int, person: int, attention: np.ndarray, most: float, strongest: int
) -> list[dict[str, Any]]:
    """A trace of every strength; the strengths are relative to the largest of the clip."""
    points: list[list[list[float | None]]] = [[] for _ in STRENGTHS]
    for (own, other, theirs), value in zip(*strongest_lines(attention, strongest), strict=True):
        level = next(k for k, (above, *_) in enumerate(STRENGTHS) if value > above * most)
        ends = [_point(clip, frame, person, own), _point(clip, frame, other, theirs)]
        points[level] += [*ends, [None] * clip.keypoint.shape[-1]]
    return [_coordinates(clip, of_level) for of_level in points]


def _styles(clip: ProbedClip, choices: int) -> list[dict[str, Any]]:
    """What does not change over time, for every trace; only those of the first choice are visible."""
    persons = range(len(clip.keypoint))
    made: list[dict[str, Any]] = [
        {
            'mode': 'lines+markers',
            'name': f'person {person + 1}',
            'line': {'color': person_colour(person), 'width': 4 if clip.keypoint.shape[-1] == 3 else 2},
            'marker': {'color': person_colour(person), 'symbol': SYMBOLS[person % len(SYMBOLS)], 'size': 3},
            'hovertemplate': f'person {person + 1}<br>%{{text}}<extra></extra>',
        }
        for person in persons
    ]
    for choice in range(choices):
        for person in persons:
            made.append(
                {
                    'mode': 'markers',
                    'name': f'person {person + 1}, active joints',
                    'hovertemplate': f'person {person + 1}<br>%{{text}}<extra></extra>',
                    'visible': choice == 0,
                }
            )
            made += [
                {
                    'mode': 'lines',
                    'name': f'person {person + 1} attends, {name}',
                    'line': {'color': darker(person_colour(person)), 'width': width},
                    'opacity': opacity,
                    'hoverinfo': 'skip',
                    'visible': choice == 0,
                }
                for _, name, width, opacity in STRENGTHS
            ]
    return made


def _layout(clip: ProbedClip, names: list[str], traces: int, total: int, fps: float) -> dict[str, Any]:
    persons, dims = len(clip.keypoint), clip.keypoint.shape[-1]
    step = {'mode': 'immediate', 'transition': {'duration': 0}}
    play = {**step, 'fromcurrent': True, 'frame': {'duration': round(1000 / fps), 'redraw': dims == 3}}
    show = {**step, 'frame': {'duration': 0, 'redraw': dims == 3}}
    per_choice = (traces - persons) // len(names)
    choices = [
        [True] * persons + [k // per_choice == number for k in range(traces - persons)] for number in range(len(names))
    ]
    layout: dict[str, Any] = {
        'title': {'text': html.escape(clip.title or clip.name), 'font': {'size': 16}},
        'margin': {'l': 10, 'r': 10, 't': 60, 'b': 10},
        'legend': {'itemsizing': 'trace', 'title': {'text': 'click to hide or show'}},
        'updatemenus': [
            {
                'type': 'buttons',
                'direction': 'left',
                **{'x': 0, 'y': 0, 'xanchor': 'left', 'yanchor': 'top', 'pad': {'t': 30, 'l': 5}},
                'buttons': [
                    {'label': '▶ play', 'method': 'animate', 'args': [None, play]},
                    {'label': '❚❚ pause', 'method': 'animate', 'args': [[None], show]},
                ],
            },
            {
                'type': 'dropdown',
                **{'x': 0, 'y': 1, 'xanchor': 'left', 'yanchor': 'bottom', 'pad': {'b': 5, 'l': 5}},
                'buttons': [
                    {'label': html.escape(name), 'method': 'restyle', 'args': [{'visible': shown}]}
                    for name, shown in zip(names, choices, strict=True)
                ],
            },
        ],
        'sliders': [
            {
                **{'x': 0.2, 'y': 0, 'len': 0.78, 'pad': {'t': 20}},
                'currentvalue': {'prefix': 'frame '},
                'steps': [
                    {'label': str(frame), 'method': 'animate', 'args': [[str(frame)], show]} for frame in range(total)
                ],
            }
        ],
    }
    return {**layout, **(_space(clip) if dims == 3 else _plane(clip))}


def _ranges(clip: ProbedClip) -> list[list[float]]:
    visible = clip.keypoint[clip.seen] if clip.seen.any() else np.zeros((1, clip.keypoint.shape[-1]))
    low, high = visible.min(axis=0), visible.max(axis=0)
    margin = 0.06 * max(float((high - low).max()), 1e-6)
    return [[float(a) - margin, float(b) + margin] for a, b in zip(low, high, strict=True)]


def _space(clip: ProbedClip) -> dict[str, Any]:
    """Axes of space, y up, seen as in the other pictures."""
    turn = view_turn(clip.keypoint, clip.skeleton)
    eye = {'x': -2.2 * float(np.sin(turn)), 'y': 0.45, 'z': 2.2 * float(np.cos(turn))}
    axes = {
        f'{axis}axis': {'title': {'text': f'{axis} ({clip.unit})'}, 'range': limits, 'gridcolor': '#dddddd'}
        for axis, limits in zip('xyz', _ranges(clip), strict=True)
    }
    return {'scene': {**axes, 'aspectmode': 'data', 'camera': {'up': {'x': 0, 'y': 1, 'z': 0}, 'eye': eye}}}


def _plane(clip: ProbedClip) -> dict[str, Any]:
    """Axes of an image, y down."""
    (left, right), (low, high) = _ranges(clip)
    unit = html.escape(clip.unit)
    return {
        'xaxis': {'title': {'text': f'x ({unit})'}, 'range': [left, right], 'zeroline': False},
        'yaxis': {'title': {'text': f'y ({unit})'}, 'range': [high, low], 'scaleanchor': 'x', 'zeroline': False},
    }
