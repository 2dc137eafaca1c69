"""Annotation files: reading untrusted pickles safely, writing, and checking samples.

The format is the one that mmaction2's ``PoseDataset`` and PYSKL read, plus ``meta``::

    {'split': {name: [id, ...]},
     'annotations': [{'frame_dir', 'label', 'total_frames', 'keypoint', 'keypoint_score'?, 'img_shape'?}, ...],
     'meta': {'layout', 'classes', 'source', 'units'}}
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...skeletons import get_skeleton
from .limits import TooMuch
from .plain_pickle import read_pickle
from .plain_unpickler import ForbiddenGlobal
from .stored_samples import NoIndex, StoredSamples, write_samples
from .validation import SHORT, described, validate_annotation
from .whole import written_whole

SUFFIXES = ('.pkl', '.pickle', '.pkl.gz', '.pickle.gz')
EXPECTED = "a pickle of {'split': {name: [id, ...]}, 'annotations': [...]}, of a list of annotations or of one"

_NO_IDS = (list, tuple, dict, set, bytearray, np.ndarray)  # which have no hash, or a slow one

_META: dict[str, tuple[tuple[type, ...], str]] = {
    'classes': ((list, tuple), 'a list of names'),
    'units': ((str,), 'a text'),
}


def load_annotations(path: str | os.PathLike, lazy: bool = False) -> dict:
    """Read an annotation file, without running any code that it may contain.

    Args:
        path: A pickle of ours, mmaction2's or PYSKL's ``{'split', 'annotations'}``, of mmaction2's older plain list, or
            of a single annotation; also compressed by gzip.
        lazy: Leave the samples of a file of ours where they are: ``annotations`` is then a
            :class:`~asea_mm.datasets.files.stored_samples.StoredSamples`, which reads each when it is asked for.

    Returns:
        ``split``, ``annotations`` and ``meta``, empty where the file has none. Every annotation has a ``frame_dir``
        (older files say ``filename``) of its own; for the rest see :func:`validate_annotation`.

    Raises:
        FileNotFoundError, InputError: If there is no such file, or it is not of this structure, has an id twice, or
            would run code; names the file.
    """
    path = Path(path)
    if not path.is_file():
        hint = '; a store becomes one by: asea prepare convert' if path.is_dir() else ''
        raise FileNotFoundError(f'{path}: no such annotation file; expected {EXPECTED}{hint}')
    if lazy:
        try:
            stored = StoredSamples(path)
        except NoIndex:
            pass
        else:
            return {**_checked_structure({**stored.others, 'annotations': []}, path), 'annotations': stored}
    content = _checked_structure(read_pickle(path, EXPECTED), path)
    annotations = content['annotations']
    for index, annotation in enumerate(annotations):
        sample_id = _sample_id(annotation, index, path)
        # A file may hold its keys once a sample: interned, they take memory once.
        fields = {sys.intern(name) if type(name) is str else name: value for name, value in annotation.items()}
        annotations[index] = {**fields, 'frame_dir': sample_id}
    if repeated := _repeated(annotation['frame_dir'] for annotation in annotations):
        raise InputError(f"{path}: every 'frame_dir' must be there once; repeated are {SHORT.repr(repeated)}")
    return content


def _checked_structure(content: Any, path: Path) -> dict:
    if isinstance(content, list):
        content = {'annotations': content}
    elif isinstance(content, dict) and 'keypoint' in content and 'annotations' not in content:  # a single one
        content = {'annotations': [{'frame_dir': path.stem, **content}]}
    if not isinstance(content, dict) or not isinstance(content.get('annotations'), (list, tuple)):
        raise InputError(f'{path}: expected {EXPECTED}, got {described(content)}')
    split, meta = ({} if content.get(part) is None else content[part] for part in ('split', 'meta'))
    if not isinstance(split, dict) or not all(isinstance(ids, (list, tuple, set)) for ids in split.values()):
        raise InputError(f"{path}: expected 'split' to be {{name: [id, ...]}}, got {described(split)}")
    if not isinstance(meta, dict):
        raise InputError(f"{path}: expected 'meta' to be a dict, got {described(meta)}")
    if isinstance(names := meta.get('classes'), np.ndarray) and names.ndim == 1:
        meta = {**meta, 'classes': names.tolist()}
    _check_meta(meta, path)
    # what can be no id becomes one that no sample has
    split = {name: [SHORT.repr(i) if isinstance(i, _NO_IDS) else i for i in ids] for name, ids in split.items()}
    return {'annotations': list(content['annotations']), 'split': split, 'meta': meta}


def _check_meta(meta: Mapping[str, Any], path: Path) -> None:
    for field, (kinds, expected) in _META.items():
        if not isinstance(meta.get(field), (*kinds, type(None))):
            raise InputError(f"{path}: expected '{field}' of 'meta' to be {expected}, got {described(meta[field])}")


def _sample_id(annotation: Any, index: int, path: Path) -> str:
    if not isinstance(annotation, Mapping):
        raise InputError(f'{path}: expected annotation {index} to be a dict, got {described(annotation)}')
    sample_id = annotation.get('frame_dir', annotation.get('filename'))
    if not isinstance(sample_id, str):
        raise InputError(
            f"{path}: expected annotation {index} to have a string 'frame_dir', got {described(sample_id)}"
        )
    return sample_id


def _repeated(ids: Iterable[str]) -> list[str]:
    return [sample_id for sample_id, count in Counter(ids).items() if count > 1]


def _check_split(name: str, ids: Iterable[str], known_ids: set[str], path: str | os.PathLike) -> None:
    if repeated := _repeated(ids):
        raise InputError(f'{path}: split {name!r} names samples more than once: {SHORT.repr(repeated)}')
    if missing := [sample_id for sample_id in ids if sample_id not in known_ids]:
        raise InputError(f'{path}: split {name!r} names samples without annotation: {SHORT.repr(missing)}')


def select_split(content: Mapping, name: str, path: str | os.PathLike) -> list[dict]:
    """Annotations of one split of what :func:`load_annotations` returns, in the file's order.

    Raises:
        InputError: If the file has no such split, or the split names a sample twice or one that is not there.
    """
    split, annotations = content['split'], content['annotations']
    if name not in split:
        known = f'it has {sorted(map(str, split))}' if split else 'it has none (use split=None for all samples)'
        raise InputError(f'{path}: no split {name!r}; {known}')
    headers = annotations.headers() if isinstance(annotations, StoredSamples) else annotations
    ids = [header['frame_dir'] for header in headers]
    _check_split(name, split[name], set(ids), path)
    wanted = set(split[name])
    return [annotations[number] for number, sample_id in enumerate(ids) if sample_id in wanted]


def save_annotations(
    path: str | os.PathLike, annotations: Iterable[Mapping], split: Mapping[str, list[str]], meta: Mapping[str, Any]
) -> None:
    """Write an annotation file that mmaction2's ``PoseDataset``, PYSKL and :func:`load_annotations` read.

    Args:
        path: File to write; it appears whole or not at all, and missing folders are made.
        annotations: The samples, each checked by :func:`validate_annotation`; taken one by one, so an iterator over
            more than the memory holds will do.
        split: Split name to the ``frame_dir`` of its samples; read after the last of them, as is ``meta``.
        meta: ``layout``, ``classes``, ``source`` and ``units``.

    Raises:
        InputError: If a sample is not as it should be, has no id of its own, or something in it is neither an array
            of numbers nor a plain container; or if a split names a sample twice or one that is not there.
    """
    checked = _checked_samples(annotations, split, meta, Path(path))
    with written_whole(path) as part, part.open('wb') as file:
        try:
            write_samples(file, checked, {'split': split, 'meta': meta})
        except (ForbiddenGlobal, TooMuch) as error:
            raise InputError(f'{path}: {error}; a file keeps arrays of numbers and plain containers') from None


def _checked_samples(
    annotations: Iterable[Mapping], split: Mapping[str, list[str]], meta: Mapping[str, Any], path: Path
) -> Iterator[Mapping]:
    """The same annotations, none of which is broken; without a layout, all have as many joints as the first."""
    num_joints = num_classes = None
    known_ids: set[str] = set()
    for index, annotation in enumerate(annotations):
        if index == 0:  # only now: whoever makes the annotations may fill `meta` until the first is there
            _check_meta(meta, path)
            num_classes = None if meta.get('classes') is None else len(meta['classes'])
            try:
                num_joints = None if meta.get('layout') is None else get_skeleton(meta['layout']).num_joints
            except InputError as error:
                raise InputError(f'{path}: {error}') from None
        sample_id = _sample_id(annotation, index, path)
        if sample_id in known_ids:
            raise InputError(f"{path}: every 'frame_dir' must be there once; repeated is {sample_id!r}")
        known_ids.add(sample_id)
        validate_annotation(annotation, num_joints, num_classes, path)
        num_joints = annotation['keypoint'].shape[2]
        yield {**annotation, 'frame_dir': sample_id}
    for name, ids in split.items():
        _check_split(name, ids, known_ids, path)
