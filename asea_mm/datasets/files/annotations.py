"""Annotation files: reading untrusted pickles safely, writing, and checking samples.

The format is the one that mmaction2's ``PoseDataset`` and PYSKL read, plus ``meta``::

    {'split': {name: [id, ...]},
     'annotations': [{'frame_dir', 'label', 'total_frames', 'keypoint', 'keypoint_score'?, 'img_shape'?}, ...],
     'meta': {'layout', 'classes', 'source', 'units'}}
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ...errors import InputError
from ...skeletons import get_skeleton
from .plain_pickle import ForbiddenGlobal, PlainUnpickler, dump_stream
from .store import AnnotationStore
from .store_writing import write_store
from .whole import written_whole

STORE_SUFFIX = '.store'
EXPECTED = "a pickle of {'split': {name: [id, ...]}, 'annotations': [...]} or of a list of annotations"


def load_annotations(path: str | os.PathLike, lazy: bool = False, repeated_ids: bool = False) -> dict:
    """Read an annotation file or an annotation store, without running any code that it may contain.

    Pickles of protocol 0 to 5, written under NumPy 1 or 2, of arrays, plain containers and scalars. Nothing of the
    samples is checked but that each is a dictionary with an id of its own; see :func:`validate_annotation`.

    Args:
        path: The file: ours, mmaction2's or PYSKL's ``{'split', 'annotations'}``, or mmaction2's older plain list;
            or the folder of a store.
        lazy: Of a store, leave the samples where they are: ``annotations`` is then an
            :class:`~asea_mm.datasets.annotation_store.AnnotationStore`, which reads each when it is asked for.
        repeated_ids: Whether ids may be there more than once, for programs that look for such errors.

    Returns:
        ``{'split': {name: [id, ...]}, 'annotations': [...], 'meta': {...}}``; ``split`` and ``meta`` are empty where
        the file has none, and every annotation has ``frame_dir`` (older files say ``filename``).

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty, truncated, not a pickle, not of this structure, has an id twice, or would run
            code; the message names the file and what was found.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f'{path}: no such annotation file; expected {EXPECTED}')
    if path.is_dir():
        store = AnnotationStore(path)
        return {'split': store.split, 'annotations': store if lazy else list(store), 'meta': store.meta}
    if path.stat().st_size == 0:
        raise InputError(f'{path}: the annotation file is empty; expected {EXPECTED}')
    with path.open('rb') as file:
        start = file.read(16)
        file.seek(0)
        try:
            content = PlainUnpickler(file).load()
        except ForbiddenGlobal as error:
            raise InputError(
                f'{path}: refused, the pickle asks for {error}; an annotation file may hold only NumPy arrays of '
                f'numbers and plain containers. Anything else could run code'
            ) from None
        except Exception as error:  # a damaged pickle raises almost anything
            reason = str(error) or type(error).__name__
            if start[:1] == b'\x80':  # how pickles since protocol 2 begin
                found = f'a truncated or damaged pickle of {path.stat().st_size} bytes ({reason})'
            else:
                found = f'a file that is not a pickle, it starts with {start!r}'
            raise InputError(f'{path}: expected {EXPECTED}, got {found}') from None
    return _checked_structure(content, path, repeated_ids)


def _checked_structure(content: Any, path: Path, repeated_ids: bool) -> dict:
    def fail(message: str) -> NoReturn:
        raise InputError(f'{path}: {message}')

    if isinstance(content, list):
        content = {'annotations': content}
    if not isinstance(content, dict) or not isinstance(content.get('annotations'), (list, tuple)):
        found = f'a dict with the keys {list(content)[:8]}' if isinstance(content, dict) else type(content).__name__
        fail(f'expected {EXPECTED}, got {found}{" (no list of annotations)" if isinstance(content, dict) else ""}')
    split, meta = content.get('split') or {}, content.get('meta') or {}
    if not isinstance(split, dict) or not all(isinstance(ids, (list, tuple, set)) for ids in split.values()):
        fail(f"expected 'split' to be {{name: [id, ...]}}, got {_describe(split)}")
    if not isinstance(meta, dict):
        fail(f"expected 'meta' to be a dict, got {_describe(meta)}")
    annotations = []
    for index, annotation in enumerate(content['annotations']):
        sample_id = _sample_id(annotation, index, path)
        # A streamed file holds its keys once a sample: interned, they take memory once.
        fields = {sys.intern(name) if type(name) is str else name: value for name, value in annotation.items()}
        annotations.append({**fields, 'frame_dir': sample_id})
    if not repeated_ids and (repeated := _repeated(annotation['frame_dir'] for annotation in annotations)):
        fail(f"every 'frame_dir' must be there once; repeated are {_shorten(repeated)}")
    return {'split': {name: list(ids) for name, ids in split.items()}, 'annotations': annotations, 'meta': meta}


def _describe(value: Any) -> str:
    text = repr(value)
    return f'{type(value).__name__} {text[:60]}{"..." if len(text) > 60 else ""}'


def _repeated(items: Iterable[str]) -> list[str]:
    return [item for item, count in Counter(items).items() if count > 1]


def _shorten(items: list[str], most: int = 5) -> str:
    return ', '.join(repr(item) for item in items[:most]) + (f', ... ({len(items)})' if len(items) > most else '')


def select_split(content: Mapping, name: str, path: str | os.PathLike) -> list[dict]:
    """Annotations of one split, in the file's order.

    Args:
        content: What :func:`load_annotations` returns.
        name: Name of the split, as in the file.
        path: The file, for the messages.

    Raises:
        ValueError: If the file has no such split, or the split names a sample twice or one that is not there.
    """
    split, annotations = content['split'], content['annotations']
    if name not in split:
        known = f'it has {sorted(map(str, split))}' if split else 'it has none (use split=None for all samples)'
        raise InputError(f'{path}: no split {name!r}; {known}')
    ids = split[name]
    if repeated := _repeated(ids):
        raise InputError(f'{path}: split {name!r} names samples more than once: {_shorten(repeated)}')
    known_ids = {annotation['frame_dir'] for annotation in annotations}
    if missing := [sample_id for sample_id in ids if sample_id not in known_ids]:
        raise InputError(f'{path}: split {name!r} names samples without annotation: {_shorten(missing)}')
    wanted = set(ids)
    return [annotation for annotation in annotations if annotation['frame_dir'] in wanted]


def validate_annotation(
    annotation: Mapping,
    num_joints: int | None,
    num_classes: int | None = None,
    source: str | os.PathLike = 'annotation',
) -> None:
    """Check one sample.

    Args:
        annotation: The sample: ``frame_dir``, ``label``, ``total_frames``, ``keypoint`` and maybe ``keypoint_score``.
        num_joints: Joints V of the layout; ``None`` if unknown.
        num_classes: Labels must be below it; ``None`` if unknown.
        source: The file, for the messages.

    Shapes:
        - keypoint: ``(M, T, V, C)``, C = 2 or 3; an absent person is all zero
        - keypoint_score: ``(M, T, V)``

    Raises:
        ValueError: If something is missing, of a wrong shape or type, not finite, without any frame or person, or
            labelled outside the classes; the message names the file and the sample.
    """
    validate_header(annotation, num_joints, num_classes, source)
    score = annotation.get('keypoint_score')
    for name, values in (('keypoint', annotation['keypoint']), ('keypoint_score', score)):
        if values is not None and not (finite := np.isfinite(values)).all():
            person, frame, joint = np.argwhere(~finite)[0][:3]
            found = f'NaN or infinity (first: person {person}, frame {frame}, joint {joint})'
            raise _wrong(annotation, source, f'finite {name!r}', found)
    if not annotation['keypoint'].any():
        raise _wrong(annotation, source, 'at least one person', "an all-zero 'keypoint'")


def _wrong(annotation: Mapping, source: str | os.PathLike, expected: str, got: Any) -> InputError:
    return InputError(f'{source}: sample {annotation.get("frame_dir")!r}: expected {expected}, got {got}')


def validate_header(
    annotation: Mapping,
    num_joints: int | None,
    num_classes: int | None = None,
    source: str | os.PathLike = 'annotation',
) -> None:
    """The checks of :func:`validate_annotation` that do not need the values of the arrays, only their shapes."""

    def fail(expected: str, got: Any) -> NoReturn:
        raise _wrong(annotation, source, expected, got)

    keypoint = annotation.get('keypoint')
    if not isinstance(keypoint, np.ndarray) or keypoint.dtype.kind not in 'fiu':
        fail("'keypoint' to be an array of numbers", _describe(keypoint))
    if keypoint.ndim != 4 or keypoint.shape[-1] not in (2, 3):
        fail("'keypoint' of shape (persons, frames, joints, 2 or 3)", f'shape {keypoint.shape}')
    persons, frames, joints, _ = keypoint.shape
    if num_joints is not None and joints != num_joints:
        fail(f'{num_joints} joints as the layout has', f"{joints} ('keypoint' of shape {keypoint.shape})")
    if not persons or not frames:
        fail('at least one person and one frame', f"'keypoint' of shape {keypoint.shape}")
    if annotation.get('total_frames') != frames:
        fail(f"'total_frames' to equal the {frames} frames of 'keypoint'", annotation.get('total_frames'))
    score = annotation.get('keypoint_score')
    if score is not None:
        if not isinstance(score, np.ndarray) or score.dtype.kind not in 'fiu':
            fail("'keypoint_score' to be an array of numbers", _describe(score))
        if score.shape != keypoint.shape[:3]:
            fail(f"'keypoint_score' of shape {keypoint.shape[:3]}", f'shape {score.shape}')
    label = annotation.get('label')
    if isinstance(label, bool) or not isinstance(label, (int, np.integer)) or label < 0:
        fail("'label' to be a class number from 0", _describe(label))
    elif num_classes is not None and label >= num_classes:
        fail(f"'label' below {num_classes}, the number of classes", label)


def save_annotations(
    path: str | os.PathLike, annotations: Iterable[Mapping], split: Mapping[str, list[str]], meta: Mapping[str, Any]
) -> None:
    """Write an annotation file that mmaction2's ``PoseDataset``, PYSKL and :func:`load_annotations` read, or a store.

    The file appears whole or not at all, and missing folders are made. Annotations are taken one by one, so an
    iterator over more than the memory holds will do; ``split`` and ``meta`` are read after the last of them.

    Args:
        path: File to write; with the suffix ``.store``, a folder that only :func:`load_annotations` reads.
        annotations: The samples; those of a store are checked by :func:`validate_annotation`.
        split: Split name to the ``frame_dir`` of its samples.
        meta: ``layout``, ``classes``, ``source`` and ``units``.

    Raises:
        ValueError: If :func:`load_annotations` could not read the file: a sample is no dictionary with an id of its
            own, or something in it is neither an array of numbers nor a plain container. For a store also if a
            sample or a split is not as it should be.
    """
    path = Path(path)
    is_store = path.suffix == STORE_SUFFIX
    if path.is_symlink():  # what it names is replaced, not the link
        path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    if is_store:
        write_store(path, _validated(_with_ids(annotations, path), meta, path), split, meta)
        return
    try:
        with written_whole(path) as part, part.open('wb') as file:
            dump_stream(file, 'annotations', _with_ids(annotations, path), {'split': split, 'meta': meta})
    except ForbiddenGlobal as error:
        found, holder = error.args
        where = f'sample {holder["frame_dir"]!r}' if 'frame_dir' in holder else "'split' or 'meta'"
        raise InputError(f'{path}: {where} holds {found}; a file keeps arrays and plain containers') from None


def _with_ids(annotations: Iterable[Mapping], path: Path) -> Iterator[Mapping]:
    """The same annotations, each with an id of its own in ``frame_dir``."""
    seen: set[str] = set()
    for index, annotation in enumerate(annotations):
        sample_id = _sample_id(annotation, index, path)
        if sample_id in seen:
            raise InputError(f"{path}: every 'frame_dir' must be there once; repeated is {sample_id!r}")
        seen.add(sample_id)
        yield {**annotation, 'frame_dir': sample_id}


def _validated(annotations: Iterable[Mapping], meta: Mapping[str, Any], path: Path) -> Iterator[Mapping]:
    """The same annotations, none of which is broken; without a layout, all have as many joints as the first."""
    num_joints = num_classes = None
    for index, annotation in enumerate(annotations):
        if index == 0:  # only now: whoever makes the annotations may fill `meta` until the first is there
            num_classes = len(meta['classes']) if meta.get('classes') is not None else None
            try:
                num_joints = get_skeleton(meta['layout']).num_joints if meta.get('layout') is not None else None
            except ValueError as error:
                raise InputError(f'{path}: {error}') from None
        validate_annotation(annotation, num_joints, num_classes, path)
        num_joints = annotation['keypoint'].shape[2]
        yield annotation


def _sample_id(annotation: Any, index: int, path: Path) -> str:
    if not isinstance(annotation, Mapping):
        raise InputError(f'{path}: expected annotation {index} to be a dict, got {_describe(annotation)}')
    sample_id = annotation.get('frame_dir', annotation.get('filename'))
    if not isinstance(sample_id, str):
        raise InputError(
            f"{path}: expected annotation {index} to have a string 'frame_dir', got {_describe(sample_id)}"
        )
    return sample_id
