"""A probed clip as an interactive page that needs no network."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.files.whole import write_whole
from ..errors import InputError
from .clips import ProbedClip, strongest_lines
from .drawing import darker, person_colour, short, view_turn

SYMBOLS = ('circle', 'square', 'diamond', 'cross')  # of persons; these exist in 2-D and 3-D
STRENGTHS = {'strong': (0.66, 6.0, 0.9), 'medium': (0.33, 3.5, 0.6), 'weak': (0.0, 1.5, 0.4)}  # above, width, opacity
Joint = tuple[int, int]  # person, joint


def write_page(clip: ProbedClip, path: str | Path, layers: Sequence[int] | None = None, fps: float = 10.0) -> None:
    """Write one HTML file with everything in it: skeletons that can be turned, active joints, lines of attention.

    A slider and a play button move through time; a list chooses one layer or the mean over the layers.

    Args:
        clip: The clip, probed with its attention.
        path: File to write; its folder is made when missing. About 5 MB, most of it plotly.
        layers: Layers (AEA), from 0, to choose from; default all.
        fps: Frames of the clip a second while it plays.

    Raises:
        InputError: If plotly is not installed, or there is no such layer.
    """
    try:
        import plotly.io
    except ImportError:
        raise InputError(f"{path}: an interactive page needs plotly: pip install 'asea_mm[visualize]'") from None
    body = plotly.io.to_html(
        page_figure(clip, layers, fps),
        include_plotlyjs=True,
        full_html=False,
        auto_play=False,
        validate=False,
        default_height='92vh',
        config={'displaylogo': False, 'responsive': True},
    )
    title = html.escape(f'{clip.title} - active joints and attention')
    head = f'<meta charset="utf-8"><title>{title}</title><link rel="icon" href="data:,">'  # or browsers ask for an icon
    write_whole(path, f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n')


def page_figure(clip: ProbedClip, layers: Sequence[int] | None = None, fps: float = 10.0) -> dict[str, Any]:
    """The figure of :func:`write_page` in plotly's JSON form: data, layout and a frame for every step in time.

    The traces are the persons' skeletons, then for every choice of layers and every person the active joints and the
    lines of each strength.
    """
    numbers = clip.numbers(layers)
    choices = {clip.layer_title(number): [number] for number in numbers}
    if len(numbers) > 1:
        choices = {f'mean of {len(numbers)} layers': numbers, **choices}
    persons, total = range(len(clip.keypoint)), clip.keypoint.shape[1]
    shares = [clip.active_share(choice) for choice in choices.values()]
    attentions = [[clip.attention(frame, choice) for frame in range(total)] for choice in choices.values()]
    largest = [max(float(np.max(maps)), 1e-12) for maps in attentions]

    def traces(frame: int) -> list[dict[str, Any]]:
        made = [_skeleton(clip, frame, person) for person in persons]
        for share, maps, most in zip(shares, attentions, largest, strict=True):
            for person in persons:
                made.append(_active(clip, frame, person, share[person]))
                made += _lines(clip, frame, person, maps[frame][person], most)
        return made

    first = traces(0)
    per_choice = (len(first) - len(persons)) // len(choices)
    of_choice = [None] * len(persons) + [k // per_choice for k in range(len(first) - len(persons))]
    visible = [[number in (None, choice) for number in of_choice] for choice in range(len(choices))]
    data = [{**trace, 'visible': shown} for trace, shown in zip(first, visible[0], strict=True)]
    frames = [{'name': str(frame), 'data': traces(frame)} for frame in range(total)]
    return {'data': data, 'layout': _layout(clip, dict(zip(choices, visible, strict=True)), fps), 'frames': frames}


def _trace(clip: ProbedClip, frame: int, joints: Sequence[Joint | None], **style: Any) -> dict[str, Any]:
    """Joints in this order, with a gap, which plotly does not draw, for None and those that are missing."""
    axes = 'xyz'[: clip.keypoint.shape[-1]]
    points = [
        clip.keypoint[joint[0], frame, joint[1]].tolist()
        if joint is not None and clip.seen[joint[0], frame, joint[1]]
        else [None] * len(axes)
        for joint in joints
    ]
    coordinates = {
        axis: [None if point[number] is None else round(point[number], 4) for point in points]
        for number, axis in enumerate(axes)
    }
    return {'type': 'scatter3d' if len(axes) == 3 else 'scatter', **coordinates, **style}


def _skeleton(clip: ProbedClip, frame: int, person: int) -> dict[str, Any]:
    joints: list[Joint | None] = []
    texts = []
    for bone in clip.skeleton.bone_indices:
        joints += [*((person, joint) for joint in bone), None]
        texts += [*(short(clip.skeleton.joints[joint]) for joint in bone), '']
    colour, symbol = person_colour(person), SYMBOLS[person % len(SYMBOLS)]
    return _trace(
        clip,
        frame,
        joints,
        text=texts,
        mode='lines+markers',
        name=f'person {person + 1}',
        line={'color': colour, 'width': 4 if clip.keypoint.shape[-1] == 3 else 2},
        marker={'color': colour, 'symbol': symbol, 'size': 3},
        hovertemplate=f'person {person + 1}<br>%{{text}}<extra></extra>',
    )


def _active(clip: ProbedClip, frame: int, person: int, share: np.ndarray) -> dict[str, Any]:
    joints = np.flatnonzero((share > 0) & clip.seen[person, frame]).tolist()
    return _trace(
        clip,
        frame,
        [(person, joint) for joint in joints],
        text=[f'{short(clip.skeleton.joints[joint])}: active in {share[joint]:.0%} of the layers' for joint in joints],
        mode='markers',
        name=f'person {person + 1}, active joints',
        marker={
            'color': person_colour(person),
            'symbol': SYMBOLS[person % len(SYMBOLS)],
            'line': {'color': 'black', 'width': 1},
            'size': [round(7 + 7 * float(share[joint]), 1) for joint in joints],
        },
        hovertemplate=f'person {person + 1}<br>%{{text}}<extra></extra>',
    )


def _lines(clip: ProbedClip, frame: int, person: int, attention: np.ndarray, most: float) -> list[dict[str, Any]]:
    """A trace of every strength; the strengths are relative to the largest of the clip."""
    joints: dict[str, list[Joint | None]] = {name: [] for name in STRENGTHS}
    for own, other, theirs, value in strongest_lines(attention):
        strength = next(name for name, (above, _, _) in STRENGTHS.items() if value > above * most)
        joints[strength] += [(person, own), (other, theirs), None]
    return [
        _trace(
            clip,
            frame,
            joints[name],
            mode='lines',
            name=f'person {person + 1} attends, {name}',
            line={'color': darker(person_colour(person)), 'width': width},
            opacity=opacity,
            hoverinfo='skip',
        )
        for name, (_, width, opacity) in STRENGTHS.items()
    ]


def _layout(clip: ProbedClip, choices: dict[str, list[bool]], fps: float) -> dict[str, Any]:
    total, dimensions = clip.keypoint.shape[1], clip.keypoint.shape[-1]
    step = {'mode': 'immediate', 'transition': {'duration': 0}}
    play = {**step, 'fromcurrent': True, 'frame': {'duration': round(1000 / fps), 'redraw': dimensions == 3}}
    show = {**step, 'frame': {'duration': 0, 'redraw': dimensions == 3}}
    buttons = {
        'type': 'buttons',
        'direction': 'left',
        **{'x': 0, 'y': 0, 'xanchor': 'left', 'yanchor': 'top', 'pad': {'t': 30, 'l': 5}},
        'buttons': [
            {'label': '▶ play', 'method': 'animate', 'args': [None, play]},
            {'label': '❚❚ pause', 'method': 'animate', 'args': [[None], show]},
        ],
    }
    choose = {
        'type': 'dropdown',
        **{'x': 0, 'y': 1, 'xanchor': 'left', 'yanchor': 'bottom', 'pad': {'b': 5, 'l': 5}},
        'buttons': [
            {'label': html.escape(name), 'method': 'restyle', 'args': [{'visible': visible}]}
            for name, visible in choices.items()
        ],
    }
    steps = [{'label': str(frame), 'method': 'animate', 'args': [[str(frame)], show]} for frame in range(total)]
    slider = {'x': 0.2, 'y': 0, 'len': 0.78, 'pad': {'t': 20}, 'currentvalue': {'prefix': 'frame '}, 'steps': steps}
    return {
        'title': {'text': html.escape(clip.title), 'font': {'size': 16}},
        'margin': {'l': 10, 'r': 10, 't': 60, 'b': 10},
        'legend': {'itemsizing': 'trace', 'title': {'text': 'click to hide or show'}},
        'updatemenus': [buttons, choose],
        'sliders': [slider],
        **_axes(clip),
    }


def _axes(clip: ProbedClip) -> dict[str, Any]:
    """Axes of space, y up, seen as in the other pictures; or of an image, y down."""
    visible = clip.keypoint[clip.seen] if clip.seen.any() else np.zeros((1, clip.keypoint.shape[-1]))
    low, high = visible.min(axis=0), visible.max(axis=0)
    margin = 0.06 * max(float((high - low).max()), 1e-6)
    axes: dict[str, Any] = {
        f'{axis}axis': {
            'title': {'text': f'{axis} ({html.escape(clip.unit)})'},
            'range': [float(start) - margin, float(end) + margin],
        }
        for axis, start, end in zip('xyz', low, high, strict=False)
    }
    if len(axes) == 2:
        axes['yaxis'] |= {'range': axes['yaxis']['range'][::-1], 'scaleanchor': 'x'}
        return {name: {**axis, 'zeroline': False} for name, axis in axes.items()}
    turn = view_turn(clip.keypoint, clip.skeleton)
    eye = {'x': -2.2 * float(np.sin(turn)), 'y': 0.45, 'z': 2.2 * float(np.cos(turn))}
    grid = {name: {**axis, 'gridcolor': '#dddddd'} for name, axis in axes.items()}
    return {'scene': {**grid, 'aspectmode': 'data', 'camera': {'up': {'x': 0, 'y': 1, 'z': 0}, 'eye': eye}}}
