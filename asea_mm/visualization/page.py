"""Interactive pages that need no network: one HTML file with everything in it.

``page.html`` shows a probed clip, ``events.html`` the events of a recording; ``skeletons.js`` is in both.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.files.whole import write_whole
from ..errors import InputError
from ..skeletons import Skeleton, get_skeleton
from .clips import ProbedClip, strongest_lines
from .drawing import PART_COLOURS, PITCH, darker, person_colour, short, view_turn

EVENT_KEYS = {'start', 'end', 'persons', 'acts', 'label', 'score'}
CURVES = len(PART_COLOURS)  # as many as have a colour of their own


def write_page(clip: ProbedClip, path: str | Path, layers: Sequence[int] | None = None, fps: float = 10.0) -> None:
    """Write a clip: skeletons that can be turned, active joints, lines of attention.

    A slider and a play button move through time; a list chooses one layer or the mean over the layers.

    Args:
        clip: The clip, probed with its attention.
        path: File to write; its folder is made when missing.
        layers: Layers (AEA), from 0, to choose from; default all.
        fps: Frames of the clip a second while it plays.

    Raises:
        InputError: If there is no such layer.
    """
    _write('page.html', path, {**page_content(clip, layers), 'fps': fps})


def write_events_page(
    path: str | Path,
    keypoint: np.ndarray,
    layout: str | Mapping | Skeleton,
    events: Sequence[Mapping[str, Any]],
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
    *,
    fps: float,
    title: str = 'Events',
    names: Sequence[str] | None = None,
) -> None:
    """Write a recording and what happens in it: skeletons, events as bars over time, scores as curves.

    A click on an event, on its line in the list or on the time axis goes there; a play button runs through it.

    Args:
        path: File to write; its folder is made when missing.
        keypoint: Everybody in the recording; joints that are all zero are missing.
        layout: Layout of the joints.
        events: Each with ``start`` and ``end`` in seconds, ``persons`` (their places in ``keypoint``, from 0), ``acts``
            (which of them acts, None if that is not known or both do), ``label`` (a name) and ``score``.
        curves: Times in seconds and scores from 0 to 1 by the name of a class. Those of the events' labels are shown
            first, then those with the highest peaks, seven at most.
        fps: Frames of the recording a second.
        title: Of the page.
        names: Names of the persons; default ``person 1`` and so on.

    Shapes:
        keypoint ``(M, T, V, C)``, C = 2 or 3

    Raises:
        InputError: If the keypoints, an event or a curve are not as described.
    """
    _write('events.html', path, events_content(keypoint, layout, events, curves or {}, fps, title, names))


def _write(template: str, path: str | Path, content: Mapping[str, Any]) -> None:
    folder = Path(__file__).parent
    text = json.dumps(content, allow_nan=False, ensure_ascii=False).replace('<', '\\u003c')  # no tag ends early
    page = (folder / template).read_text(encoding='utf-8')
    script = (folder / 'skeletons.js').read_text(encoding='utf-8')
    write_whole(path, page.replace('THE_SKELETONS', script).replace('THE_CLIP', text))


def page_content(clip: ProbedClip, layers: Sequence[int] | None = None) -> dict[str, Any]:
    """What the page of a clip draws.

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

    return {
        'title': clip.title,
        **_skeletons(clip.keypoint, clip.skeleton),
        'darker': [darker(person_colour(person)) for person in persons],
        'choices': [choice(name, chosen) for name, chosen in choices.items()],
    }


def events_content(
    keypoint: np.ndarray,
    layout: str | Mapping | Skeleton,
    events: Sequence[Mapping[str, Any]],
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    fps: float,
    title: str,
    names: Sequence[str] | None,
) -> dict[str, Any]:
    """What the page of events draws; arguments as of :func:`write_events_page`.

    Events are in the order of their start and have a ``lane``, so that no two of a lane overlap, and the ``colour`` of
    their label, which is that of its curve.
    """
    skeleton, keypoint = get_skeleton(layout), np.asarray(keypoint)
    if keypoint.ndim != 4 or not keypoint.shape[1] or keypoint.shape[2] != skeleton.num_joints or fps <= 0:
        raise InputError(
            f'{title}: expected keypoints (M, T, V, C) of {skeleton.num_joints} joints ({skeleton.name}) and frames a '
            f'second above 0, got {keypoint.shape} and {fps}'
        )
    if not np.isfinite(keypoint).all():
        raise InputError(f'{title}: expected finite keypoints, missing joints as zeros')
    names = [f'person {number + 1}' for number in range(len(keypoint))] if names is None else [*map(str, names)]
    if len(names) != len(keypoint):
        raise InputError(f'{title}: expected a name for each of {len(keypoint)} persons, got {len(names)}')
    labels = dict.fromkeys(str(event['label']) for event in (_checked(event, len(keypoint), title) for event in events))
    shown = [name for name in labels if name in curves]
    shown += sorted(set(curves) - labels.keys(), key=lambda name: -max([*curves[name][1], 0.0]))
    named = dict.fromkeys([*labels, *shown])
    colours = {name: PART_COLOURS[-1 - number % CURVES] for number, name in enumerate(named)}
    ends: list[float] = []  # of the last event in every lane
    bars = []
    for event in sorted(events, key=lambda event: event['start']):
        lane = next((lane for lane, end in enumerate(ends) if end <= event['start']), len(ends))
        ends[lane : lane + 1] = [event['end']]
        place = {'persons': [*map(int, event['persons'])], 'lane': lane, 'colour': colours[str(event['label'])]}
        acts = None if event['acts'] is None else int(event['acts'])
        values = {key: round(float(event[key]), 3) for key in ('start', 'end', 'score')}
        bars.append({'label': str(event['label']), **values, **place, 'acts': acts})
    return {
        'title': title,
        **_skeletons(keypoint, skeleton),
        'names': names,
        'fps': float(fps),
        'duration': keypoint.shape[1] / fps,
        'events': bars,
        'curves': [{'name': name, **_curve(name, curves[name]), 'colour': colours[name]} for name in shown[:CURVES]],
    }


def _checked(event: Mapping[str, Any], persons: int, title: str) -> Mapping[str, Any]:
    if missing := EVENT_KEYS - event.keys():
        raise InputError(f'{title}: an event lacks {", ".join(sorted(missing))}: {event}')
    places = set(event['persons']) | ({event['acts']} - {None})
    if not event['start'] <= event['end'] or not places <= set(range(persons)) or not np.isfinite(event['score']):
        raise InputError(
            f'{title}: expected an event that ends after its start, of persons 0 to {persons - 1}, got {dict(event)}'
        )
    return event


def _curve(name: str, curve: tuple[Sequence[float], Sequence[float]]) -> dict[str, list[float]]:
    times, scores = (np.asarray(values, dtype=np.float64) for values in curve)
    if times.shape != scores.shape or times.ndim != 1 or not np.isfinite([times, scores]).all():
        raise InputError(f'curve {name!r}: expected as many times as scores, got {times.shape} and {scores.shape}')
    return {'times': times.round(3).tolist(), 'scores': scores.clip(0, 1).round(4).tolist()}


def _skeletons(keypoint: np.ndarray, skeleton: Skeleton) -> dict[str, Any]:
    """What ``skeletons.js`` takes; coordinates to a ten-thousandth of the scene."""
    seen = np.any(keypoint, axis=-1)
    size = float(np.ptp(keypoint[seen], axis=0).max()) if seen.any() else 1.0
    digits = int(np.clip(4 - np.floor(np.log10(max(size, 1e-9))), 0, 9))
    ends = np.array(skeleton.bone_indices)
    lengths = np.linalg.norm(keypoint[:, :, ends[:, 0]] - keypoint[:, :, ends[:, 1]], axis=-1)
    lengths = lengths[seen[..., ends].all(axis=-1)]
    points: Any = keypoint.astype(np.float64).round(digits).tolist()
    for person, frame, joint in zip(*(~seen).nonzero(), strict=True):
        points[person][frame][joint] = None
    return {
        'dimensions': keypoint.shape[-1],
        'joints': [short(joint) for joint in skeleton.joints],
        'bones': [list(bone) for bone in skeleton.bone_indices],
        'colours': [person_colour(person) for person in range(len(keypoint))],
        'turn': view_turn(keypoint, skeleton) if keypoint.shape[-1] == 3 else 0.0,
        'pitch': float(PITCH),
        'bone': float(np.quantile(lengths, 0.75)) if len(lengths) else 0.0,
        'keypoint': points,
    }
