"""Users' own recordings to annotations: any mixture of arrays, CSV, JSON and what pose estimators write."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import InputError
from ....skeletons import get_skeleton
from ...files.annotations import validate_annotation
from ...recordings.finish import finish_recording
from ...recordings.layout_file import load_layout
from ...recordings.recording import UNITS, UP_AXES, read_fps
from ...recordings.samples import find_recordings, read_recording
from .labels import labels_from_folders, labels_from_table, number_classes, read_classes
from .splits import make_split

_MOST_MESSAGES = 20


def convert_custom(
    root: str | os.PathLike,
    layout: str | os.PathLike,
    labels: str | os.PathLike,
    split: str,
    classes: str | os.PathLike | None = None,
    num_person: int = 2,
    units: str | None = None,
    up: str | None = None,
    fps: float | None = None,
    fill: bool = False,
    seed: int = 0,
    skip: Callable[[str], None] | None = None,
    track: Callable[[Sequence], Iterable] = iter,
) -> tuple[list[dict], dict[str, list[str]], dict[str, Any]]:
    """Convert a folder of recordings to annotations.

    Args:
        root: Folder of recordings, see :func:`~.custom_find.find_recordings`.
        layout: Name of a layout or a JSON file of one, see :func:`~.custom_find.load_layout`.
        labels: ``'folders'`` or a table, see :mod:`~.custom_labels`.
        split: ``'column'``, ``'ratio:0.8'``, ``'subject:3,7'`` or ``'kfold:5'``, see
            :func:`~.custom_splits.make_split`.
        classes: Text file of class names, one a line, in the order of their numbers.
        num_person, units, up, fill: See :func:`~asea_mm.datasets.recordings.finish.finish_recording`.
        fps: Frames per second of recordings that do not say; noted with the samples, nothing is resampled.
        seed: Of random splits.
        skip: Called with the message of every bad recording, which is left out; None makes them an error.
        track: Wraps the list of recordings, to show progress.

    Returns:
        ``(annotations, split, meta)``

    Raises:
        FileNotFoundError: If a file or folder is not there.
        ValueError: If anything is wrong. Of bad recordings and lines the first 20 are named, one a line.
    """
    if num_person < 1 or units not in (None, *UNITS) or up not in (None, *UP_AXES):
        raise InputError(
            f'convert_custom: expected num_person from 1, units of {list(UNITS)} and up of {list(UP_AXES)}, '
            f'got {num_person}, {units!r} and {up!r}'
        )
    fps = read_fps(fps, '--fps')
    fields = load_layout(layout)
    skeleton = get_skeleton(fields)
    names = None if classes is None else read_classes(Path(classes))
    table = None if str(labels) == 'folders' else Path(labels)
    recordings = find_recordings(root, [Path(path) for path in (table, classes, layout) if path])
    problems: list[str] = []
    if table is None:
        entries = labels_from_folders(recordings, problems.append)
    else:
        entries = labels_from_table(table, recordings, problems.append)
    numbers, class_names = number_classes(entries, names, problems.append)
    if numbers:
        try:
            make_split(split, entries, numbers, seed, problems.append)
        except ValueError as error:  # shows before the long part
            raise InputError(_listing([*problems, f'{error}'])) from None

    samples: dict[str, dict] = {}
    for name in track(sorted(numbers)):
        path = recordings[name]
        try:
            recording = read_recording(path, skeleton)
            recording.fps = recording.fps or fps
            finished = finish_recording(recording, skeleton, str(path), num_person, units, up, fill)
            sample = {'frame_dir': name, 'label': numbers[name], **finished.annotation(num_person)}
            validate_annotation(sample, skeleton.num_joints, len(class_names), path)
            samples[name] = sample
        except (ValueError, OSError) as error:
            problems.append(f'{error}')
    channels = _require_same_channels(samples, recordings, problems.append)
    if problems and (skip is None or not samples):
        raise InputError(_listing(problems))
    for problem in problems:
        skip(problem)  # type: ignore[misc]  # without it they have been raised

    numbers = {name: numbers[name] for name in samples}
    ids = make_split(split, entries, numbers, seed, lambda _: None)  # said above
    used = {name for members in ids.values() for name in members}
    annotations = [sample for name, sample in samples.items() if name in used]
    if any('keypoint_score' in sample for sample in annotations):  # a batch has them all or none
        for sample in annotations:
            present = sample['keypoint'].any(axis=(-1, -2))[..., None]
            everywhere = np.broadcast_to(present, sample['keypoint'].shape[:3]).astype(np.float32)
            sample.setdefault('keypoint_score', everywhere)
    meta = {
        'layout': fields,
        'classes': class_names,
        'source': Path(root).resolve().name,
        'units': 'metre' if channels == 3 else 'pixel',
    }
    return annotations, ids, meta


def _listing(problems: Sequence[str]) -> str:
    """The first problems, one a line, and how many there are."""
    shown = list(problems[:_MOST_MESSAGES])
    if len(problems) > len(shown):
        shown.append(f'and {len(problems) - len(shown)} more')
    if len(problems) > 1:
        shown.append(f'{len(problems)} problems, nothing is written; --skip-bad leaves bad recordings out')
    return '\n'.join(shown)


def _require_same_channels(
    samples: dict[str, dict], recordings: Mapping[str, Path], bad: Callable[[str], None]
) -> int | None:
    """All samples must have 2 coordinates or all 3; the fewer ones are taken out. Returns how many the others have."""
    kinds = Counter(sample['keypoint'].shape[-1] for sample in samples.values())
    if not kinds:
        return None
    channels, count = kinds.most_common(1)[0]
    for name in [name for name, sample in samples.items() if sample['keypoint'].shape[-1] != channels]:
        bad(
            f'{recordings[name]}: expected {channels} coordinates as {count} other recordings have, got {5 - channels}'
            f'; convert the two kinds apart'
        )
        del samples[name]
    return channels
