"""Everything that an inferencer reads, as samples: arrays, annotations, annotation files, recordings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...skeletons import Skeleton, get_skeleton
from ..converters.custom.convert import finish_recording
from ..converters.ntu.convert import read_ntu_skeleton
from ..files.annotations import STORE_SUFFIX, load_annotations, select_split, validate_annotation
from .find import READERS, find_recordings, read_recording
from .json_forms import OPENPOSE_FILE
from .recording import UNITS, UP_AXES, choose_persons

EXPECTED = (
    'an array (persons, frames, joints, coordinates), an annotation dict, or a file: .pkl, .store, .skeleton, '
    f'{", ".join(READERS)} or a folder of these'
)
# What an annotation has besides keypoints that transforms may read.
_EXTRA = ('img_shape', 'original_shape')
# Of ReadOptions: what is for annotation files only, and for recordings only.
OF_ANNOTATIONS, OF_RECORDINGS = ('split', 'fold'), ('units', 'up', 'fill')


@dataclass
class Sample:
    """Persons over frames, checked.

    Args:
        name: Where it came from.
        keypoint: Joints; absent persons are zero.
        score: Confidences, if there are any.
        person_names: What the source calls the persons.
        extra: Other fields that transforms may read.

    Shapes:
        keypoint ``(M, T, V, C)``, float32; score ``(M, T, V)``, float32
    """

    name: str
    keypoint: np.ndarray
    score: np.ndarray | None
    person_names: list[str]
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadOptions:
    """How files are read.

    Args:
        split: Split of an annotation file; default all of it.
        fold: Fold of cross-validation; with it ``split`` is ``'train'`` or ``'val'`` (default).
        units: Of recordings, see :func:`~asea_mm.datasets.converters.custom.finish_recording`; as the two that follow.
        up: Axis that points up.
        fill: Whether missing joints are interpolated.

    Raises:
        ValueError: If units or axis are unknown.
    """

    split: str | None = None
    fold: int | None = None
    units: str | None = None
    up: str | None = None
    fill: bool = False

    def __post_init__(self) -> None:
        for option, given, known in (('units', self.units, UNITS), ('up', self.up, UP_AXES)):
            if given is not None and given not in known:
                raise InputError(f'{option}: expected one of {list(known)}, got {given!r}')

    def require_unused(self, names: Sequence[str], source: str) -> None:
        """Raise if an option was given that this source has no use for.

        Raises:
            ValueError: Names the option.
        """
        for name in names:
            if getattr(self, name) not in (None, False):
                kind = 'annotation files' if name in OF_ANNOTATIONS else 'recordings'
                title = 'fill_missing' if name == 'fill' else name
                raise InputError(f'{source}: {title}: expected for {kind} only, got {getattr(self, name)!r} for this')


def is_single(source: Any) -> bool:
    """Whether a source is one sample: an array, an annotation, a file of one recording."""
    if isinstance(source, (list, tuple)):
        return False
    if not isinstance(source, (str, os.PathLike)):
        return True
    path = Path(source)
    if path.is_dir():
        return path.suffix != STORE_SUFFIX and _is_openpose(path)
    return path.suffix.lower() == '.skeleton' or path.suffix.lower() in READERS


def read_samples(source: Any, skeleton: Skeleton, options: ReadOptions, name: str = 'input') -> Iterator[Sample]:
    """The samples of a source, one after another.

    Args:
        source: An array, an annotation (``keypoint``, maybe ``keypoint_score`` and ``frame_dir``), a path, or a list
            of any of these.
        skeleton: Layout that the model takes.
        options: How files are read.
        name: What an array is called.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If anything is not as expected; the message names the sample.
    """
    if isinstance(source, Sample):
        yield source
    elif isinstance(source, (list, tuple)):
        if not source:
            raise InputError(f'{name}: expected at least one of {EXPECTED}, got an empty {type(source).__name__}')
        for index, item in enumerate(source):
            yield from read_samples(item, skeleton, options, f'{name} {index}')
    elif isinstance(source, (str, os.PathLike)):
        yield from _read_path(Path(source), skeleton, options)
    elif isinstance(source, Mapping):
        options.require_unused(OF_ANNOTATIONS + OF_RECORDINGS, str(source.get('frame_dir', name)))
        yield _from_annotation(source, skeleton, str(source.get('frame_dir', name)))
    else:
        options.require_unused(OF_ANNOTATIONS + OF_RECORDINGS, name)
        yield make_sample(name, source, None, skeleton)


def _read_path(path: Path, skeleton: Skeleton, options: ReadOptions) -> Iterator[Sample]:
    suffix = path.suffix.lower()
    if not path.exists():
        raise FileNotFoundError(f'{path}: no such file; expected {EXPECTED}')
    if suffix in ('.pkl', '.pickle') or (path.is_dir() and suffix == STORE_SUFFIX):
        options.require_unused(OF_RECORDINGS, str(path))
        yield from _read_annotations(path, skeleton, options)
    elif suffix == '.skeleton':
        options.require_unused(OF_ANNOTATIONS + OF_RECORDINGS, str(path))
        _require_layout('nturgbd25', skeleton, path)
        yield make_sample(path.stem, read_ntu_skeleton(path), None, skeleton)
    elif suffix in READERS or (path.is_dir() and _is_openpose(path)):
        yield _from_recording(path, path.stem, skeleton, options)
    elif path.is_dir():
        skeletons = sorted(path.rglob('*.skeleton'))
        for file in skeletons:
            yield from _read_path(file, skeleton, options)
        for name, file in ({} if skeletons else find_recordings(path)).items():
            yield _from_recording(file, name, skeleton, options)
    else:
        raise InputError(f'{path}: expected {EXPECTED}')


def _is_openpose(folder: Path) -> bool:
    return any(OPENPOSE_FILE.fullmatch(entry.name) for entry in folder.iterdir())


def _read_annotations(path: Path, skeleton: Skeleton, options: ReadOptions) -> Iterator[Sample]:
    content = load_annotations(path, lazy=True)
    if content['meta'].get('layout') is not None:
        _require_layout(content['meta']['layout'], skeleton, path)
    split = options.split
    if options.fold is not None:
        split = f'fold{options.fold}_{split or "val"}'
    annotations = content['annotations'] if split is None else select_split(content, split, path)
    if not len(annotations):
        raise InputError(f'{path}: expected at least one sample, got none')
    for annotation in annotations:
        yield _from_annotation(annotation, skeleton, annotation['frame_dir'], path)


def _require_layout(layout: str | Mapping, skeleton: Skeleton, path: Path) -> None:
    found = get_skeleton(layout)
    if found.joints != skeleton.joints:
        raise InputError(
            f'{path}: expected the layout {skeleton.name!r} that the model was trained on ({skeleton.num_joints} '
            f'joints), got {found.name!r} ({found.num_joints} joints)'
        )


def _from_annotation(annotation: Mapping, skeleton: Skeleton, name: str, source: Path | None = None) -> Sample:
    if 'keypoint' not in annotation:
        raise InputError(f"{name}: expected an annotation with 'keypoint', got the keys {sorted(annotation)[:8]}")
    sample = make_sample(name, annotation['keypoint'], annotation.get('keypoint_score'), skeleton, source)
    sample.extra = {key: annotation[key] for key in _EXTRA if annotation.get(key) is not None}
    return sample


def _from_recording(path: Path, name: str, skeleton: Skeleton, options: ReadOptions) -> Sample:
    options.require_unused(OF_ANNOTATIONS, str(path))
    recording = read_recording(path, skeleton)
    persons = len(recording.persons)
    found = finish_recording(recording, skeleton, str(path), persons, options.units, options.up, options.fill)
    kept = choose_persons(recording, persons)  # who is there at all
    keypoint, score = found['keypoint'][: len(kept)], found.get('keypoint_score')
    sample = make_sample(name, keypoint, None if score is None else score[: len(kept)], skeleton, path)
    sample.person_names = [str(recording.persons[person]) for person in kept]
    return sample


def make_sample(
    name: str, keypoint: Any, score: Any, skeleton: Skeleton, source: str | os.PathLike | None = None
) -> Sample:
    """Check arrays and make a sample of them.

    Shapes:
        keypoint ``(M, T, V, C)``, or ``(T, V, C)`` of one person; score likewise without C, or None

    Raises:
        ValueError: If shape, joints or values are not as expected, or nobody is there.
    """
    arrays = [np.asarray(keypoint), None if score is None else np.asarray(score)]
    for title, array in zip(('keypoint', 'keypoint_score'), arrays, strict=True):
        if array is not None and array.dtype.kind not in 'fiu':
            raise InputError(f'{name}: expected {EXPECTED}, got {title} of {type(keypoint).__name__} ({array.dtype})')
    keypoint, score = (None if array is None else array.astype(np.float32) for array in arrays)
    if keypoint.ndim == 3:
        keypoint, score = keypoint[None], None if score is None or score.ndim != 2 else score[None]
    total = keypoint.shape[1] if keypoint.ndim > 1 else 0
    annotation = {'frame_dir': name, 'label': 0, 'total_frames': total, 'keypoint': keypoint, 'keypoint_score': score}
    validate_annotation(annotation, skeleton.num_joints, None, source or f'layout {skeleton.name!r}')
    return Sample(name, keypoint, score, [str(person) for person in range(len(keypoint))])


def stack_persons(sample: Sample, persons: Sequence[int]) -> tuple[np.ndarray, np.ndarray | None]:
    """Keypoints and scores of some persons of a sample, in this order."""
    chosen = list(persons)
    return sample.keypoint[chosen], None if sample.score is None else sample.score[chosen]
