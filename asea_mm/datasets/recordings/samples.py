"""Every way in: recordings in files and in memory, annotations and their files, all of them to samples.

A recording passes these rooms: its reader here below, :mod:`.recording` and :mod:`.tracks` where it is bodies of single
frames, :mod:`.finish`, :mod:`.persons`.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...layout_mapping import map_recordings
from ...skeletons import Skeleton, get_skeleton
from ..files.annotations import SUFFIXES, load_annotations, select_split, validate_annotation
from .arrays import as_keypoint, read_array
from .clip_arrays import Clip, clips_of
from .compressed import decompress
from .finish import Sample, check_axes, count_persons, finish_recording
from .reading import EXTENSIONS, find_recordings, read_recording, reader_of
from .recording import Recording

_EXPECTED = (
    f'an array (persons, frames, joints, coordinates), an annotation dict, or a file: .pkl, {EXTENSIONS} or a '
    'folder of these'
)
# What an annotation has besides keypoints that transforms may read.
_EXTRA = ('img_shape', 'original_shape')


def is_single(source: Any) -> bool:
    """Whether a source is one sample: an array, an annotation, a file of one recording."""
    if isinstance(source, (str, os.PathLike)):
        return reader_of(Path(source)) is not None and not (Path(source).is_file() and clips_of(Path(source)))
    return not isinstance(source, (list, tuple)) and getattr(source, 'ndim', 0) != 5


def read_samples(
    source: Any,
    skeleton: Skeleton,
    num_person: int = 2,
    subset: Mapping[str, Any] = {},
    axes: Mapping[str, Any] = {},
    on_error: Callable[[InputError | OSError], object] | None = None,
    img_shape: Sequence[int] | None = None,
) -> Iterator[Sample]:
    """The samples of a source, each read when it is asked for.

    Args:
        source: An array, a :class:`Recording`, an annotation (``keypoint``, maybe ``keypoint_score`` and
            ``frame_dir``), a path, or a list of any of these.
        skeleton: Layout that the model takes.
        num_person: Persons that are chosen of a recording.
        subset: Of annotation files: ``fold``, and ``split``, with a fold ``'train'`` or ``'val'`` (default).
        axes: Of recordings: ``units``, ``up``, ``fill_missing``, see :func:`~.finish.finish_recording`.
        on_error: Called with what is wrong with an input, which is then left out; None raises it.
        img_shape: Of recordings, see :func:`read_recording`.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If anything is not as expected; the message names the sample.
    """
    check_axes(axes.get('units'), axes.get('up'))
    for name, item, place in _items(source, skeleton, subset, axes, 'input'):
        try:
            if isinstance(item, Exception):
                raise item
            if isinstance(item, Mapping):
                sample = _from_annotation(item, str(item.get('frame_dir', name)), place, skeleton)
            else:
                _refuse(subset, place, 'annotation files')
                if isinstance(item, (Path, Clip)):
                    item = read_recording(item, skeleton, img_shape)
                elif not isinstance(item, Recording):
                    item = read_array(item, skeleton, place)
                sample = replace(finish_recording(item, skeleton, place, num_person, **axes), name=name)
        except (InputError, OSError) as error:
            if on_error is None:
                raise
            on_error(error)
        else:
            yield sample


def _items(
    source: Any, skeleton: Skeleton, subset: Mapping[str, Any], axes: Mapping[str, Any], name: str
) -> Iterator[tuple[str, Any, str]]:
    """What lists, folders and annotation files hold: name, one source or the error of what cannot be opened, place."""
    try:
        if isinstance(source, (list, tuple)):
            if not source:
                raise InputError(f'{name}: expected at least one of {_EXPECTED}, got an empty {type(source).__name__}')
            for index, item in enumerate(source):
                yield from _items(item, skeleton, subset, axes, f'{name} {index}')
        elif isinstance(source, Mapping):
            _refuse({**subset, **axes}, str(source.get('frame_dir', name)), 'files')
            yield name, source, name
        elif getattr(source, 'ndim', 0) == 5:
            for index, item in enumerate(source):
                yield f'{name} {index}', item, f'{name} {index}'
        elif not isinstance(source, (str, os.PathLike)):
            yield name, source, name
        elif not (path := Path(source)).exists():
            raise FileNotFoundError(f'{path}: no such file; expected {_EXPECTED}')
        elif path.is_file() and (clips := clips_of(path)):
            for clip in clips:
                yield clip.name, clip, str(clip)
        elif reader_of(path):
            yield path.stem, path, str(path)
        elif path.name.lower().endswith(SUFFIXES):
            _refuse(axes, str(path), 'recordings')
            annotations, layout = _annotations(path, skeleton, **subset)
            for annotation in annotations:
                yield annotation['frame_dir'], {**decompress(annotation, str(path)), 'layout': layout}, str(path)
        elif path.is_dir():
            for title, file in find_recordings(path).items():
                yield title, file, str(file)
        else:
            raise InputError(f'{path}: expected {_EXPECTED}')
    except (InputError, OSError) as error:
        yield name, error, name


def _refuse(options: Mapping[str, Any], source: str, kind: str) -> None:
    """Raise if an option was given that this source has no use for."""
    for name, value in options.items():
        if value not in (None, False):
            raise InputError(f'{source}: {name}: expected for {kind} only, got {value!r}')


def _annotations(
    path: Path, skeleton: Skeleton, split: str | None = None, fold: int | None = None
) -> tuple[Sequence[Mapping], Skeleton]:
    """The annotations of a file, or of one of its splits, and their layout, by default the one given."""
    content = load_annotations(path, lazy=True)
    split = split if fold is None else f'fold{fold}_{split or "val"}'
    annotations = content['annotations'] if split is None else select_split(content, split, path)
    if not len(annotations):
        raise InputError(f'{path}: expected at least one sample, got none')
    return annotations, get_skeleton(content['meta'].get('layout') or skeleton)


def _from_annotation(fields: Mapping, name: str, place: str, skeleton: Skeleton) -> Sample:
    if 'keypoint' not in fields:
        raise InputError(f"{name}: expected an annotation with 'keypoint', got the keys {sorted(map(str, fields))[:8]}")
    layout = get_skeleton(fields.get('layout') or skeleton)
    keypoint, score = as_keypoint(fields['keypoint'], fields.get('keypoint_score'), layout, name)
    if keypoint.ndim == 3:  # one person
        keypoint, score = keypoint[None], None if score is None else score[None]
    with np.errstate(over='ignore'):  # infinite then, which is refused
        keypoint, score = keypoint.astype(np.float32), None if score is None else score.astype(np.float32)
    checked = {'frame_dir': name, 'label': 0, 'total_frames': keypoint.shape[1], 'keypoint': keypoint}
    validate_annotation({**checked, 'keypoint_score': score}, layout.num_joints, None, place)
    if layout.joints != skeleton.joints:
        keypoint, score = map_recordings(layout, skeleton).apply(keypoint, score)
    extra = {key: fields[key] for key in _EXTRA if fields.get(key) is not None}
    return Sample(name, keypoint, score, count_persons(len(keypoint)), extra=extra)
