"""Every way in: recordings in files and in memory, annotations and their files, all of them to samples.

A recording passes these rooms: its reader here below, :mod:`.recording` and :mod:`.tracks` where it is bodies of single
frames, :mod:`.finish`, :mod:`.persons`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...skeletons import Skeleton, get_skeleton
from ..files.annotations import load_annotations, select_split, validate_annotation
from .arrays import read_array, read_npy, read_npz
from .bodies import as_array
from .finish import Sample, finish_recording
from .json_forms import OPENPOSE_FILE, read_json, read_openpose
from .ntu_skeleton import read_ntu_skeleton_file
from .recording import UNITS, UP_AXES, Recording
from .tables import read_csv

# By form: the extension of a file, a folder of OpenPose's files, or an array in memory.
READERS = {
    '.npy': read_npy,
    '.npz': read_npz,
    '.csv': read_csv,
    '.json': read_json,
    '.skeleton': read_ntu_skeleton_file,
    'folder': read_openpose,
    'array': read_array,
}
EXTENSIONS = ', '.join(form for form in READERS if form.startswith('.'))
EXPECTED = (
    f'an array (persons, frames, joints, coordinates), an annotation dict, or a file: .pkl, {EXTENSIONS} or a '
    'folder of these'
)
# What an annotation has besides keypoints that transforms may read.
_EXTRA = ('img_shape', 'original_shape')
# Of ReadOptions: what is for annotation files only, and for recordings only.
_OF_ANNOTATIONS, _OF_RECORDINGS = ('split', 'fold'), ('units', 'up', 'fill')


@dataclass(frozen=True)
class ReadOptions:
    """How inputs are read.

    Args:
        split: Split of an annotation file; default all of it.
        fold: Fold of cross-validation; with it ``split`` is ``'train'`` or ``'val'`` (default).
        units: Of recordings, see :func:`~.finish.finish_recording`; as the two that follow.
        up: Axis that points up.
        fill: Whether missing joints are interpolated.

    Raises:
        InputError: If units or axis are unknown.
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
            InputError: Names the option.
        """
        for name in names:
            if getattr(self, name) not in (None, False):
                kind = 'annotation files' if name in _OF_ANNOTATIONS else 'recordings'
                title = 'fill_missing' if name == 'fill' else name
                raise InputError(f'{source}: {title}: expected for {kind} only, got {getattr(self, name)!r} for this')


def form_of(source: Any) -> str | None:
    """The form of a recording, a key of :data:`READERS`; None of a path to something else."""
    if not isinstance(source, (str, os.PathLike)):
        return 'array'
    path = Path(source)
    if path.is_dir():
        is_openpose = any(OPENPOSE_FILE.fullmatch(entry.name) for entry in path.iterdir())
        return 'folder' if is_openpose else None
    return path.suffix.lower() if path.suffix.lower() in READERS else None


def find_recordings(root: str | os.PathLike, other: Collection[Path] = ()) -> dict[str, Path]:
    """Recordings of a folder and all folders in it: files of all forms, and folders of OpenPose's files.

    Hidden files and folders, and files of other kinds, are left alone.

    Args:
        root: The folder.
        other: Files that are no recordings, such as the table of labels.

    Returns:
        Name to path, in order; the name is the path below ``root`` without extension, with ``/`` between folders.

    Raises:
        FileNotFoundError: If there is no such folder.
        InputError: If it holds no recordings, or two of the same name.
    """
    root = Path(root)
    expected = f'a folder of recordings ({EXTENSIONS}, or folders of OpenPose files)'
    if not root.is_dir():
        raise FileNotFoundError(f'{root}: no such folder; expected {expected}')
    if form_of(root):
        raise InputError(f'{root}: expected a folder for each recording, got the OpenPose files of one itself')
    ignored = {path.resolve() for path in other}
    recordings: dict[str, Path] = {}

    def walk(folder: Path, above: tuple[Path, ...]) -> None:
        if folder.resolve() in above:  # a link to a folder above
            return
        for entry in sorted(entry for entry in folder.iterdir() if not entry.name.startswith('.')):
            if form_of(entry) and not OPENPOSE_FILE.fullmatch(entry.name) and entry.resolve() not in ignored:
                name = (entry if entry.is_dir() else entry.with_suffix('')).relative_to(root).as_posix()
                if name in recordings:
                    raise InputError(
                        f'{entry}: expected every name once, got {recordings[name]} too; rename one of the two'
                    )
                recordings[name] = entry
            if entry.is_dir():
                walk(entry, (*above, folder.resolve()))

    walk(root, ())
    if not recordings:
        raise InputError(f'{root}: expected {expected}, got none')
    return recordings


def read_recording(source: Any, layout: str | Mapping | Skeleton) -> Recording:
    """Read one recording.

    Args:
        source: A file, whose extension tells the form, a folder of OpenPose's files, or an array in memory.
        layout: The skeleton.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is wrong; names the file and the place, what was expected and what came.
    """
    form = form_of(source)
    if form != 'array':
        source = Path(source)
        if not source.exists():
            raise FileNotFoundError(f'{source}: no such recording')
        if form is None:
            raise InputError(f'{source}: expected one of {EXTENSIONS} or a folder of OpenPose files')
    try:
        return READERS[form](source, get_skeleton(layout))
    except (RecursionError, MemoryError) as error:
        raise InputError(f'{source}: expected a recording, got something too large ({type(error).__name__})') from None


def is_single(source: Any) -> bool:
    """Whether a source is one sample: an array, an annotation, a file of one recording."""
    if isinstance(source, (str, os.PathLike)):
        return form_of(source) is not None
    return not isinstance(source, (list, tuple))


def read_samples(
    source: Any,
    skeleton: Skeleton,
    options: ReadOptions = ReadOptions(),
    num_person: int = 2,
    on_error: Callable[[InputError | OSError], object] | None = None,
) -> Iterator[Sample]:
    """The samples of a source, each read when it is asked for.

    Args:
        source: An array, an annotation (``keypoint``, maybe ``keypoint_score`` and ``frame_dir``), a path, or a list
            of any of these; also a sample, which is given back.
        skeleton: Layout that the model takes.
        options: How inputs are read.
        num_person: Persons that are chosen of a recording.
        on_error: Called with what is wrong with an input, which is then left out; None raises it.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If anything is not as expected; the message names the sample.
    """
    for name, item, where in _items(source, skeleton, options, 'input'):
        try:
            sample = _read(name, item, where, skeleton, options, num_person)
        except (InputError, OSError) as error:
            if on_error is None:
                raise
            on_error(error)
        else:
            yield sample


def _items(
    source: Any, skeleton: Skeleton, options: ReadOptions, name: str
) -> Iterator[tuple[str, Any, str | os.PathLike]]:
    """What lists, folders and annotation files hold: name, one source or the error of what cannot be opened, place."""
    try:
        if isinstance(source, (list, tuple)):
            if not source:
                raise InputError(f'{name}: expected at least one of {EXPECTED}, got an empty {type(source).__name__}')
            for index, item in enumerate(source):
                yield from _items(item, skeleton, options, f'{name} {index}')
        elif not isinstance(source, (str, os.PathLike)):
            yield name, source, name
        elif not (path := Path(source)).exists():
            raise FileNotFoundError(f'{path}: no such file; expected {EXPECTED}')
        elif form_of(path) is not None:
            yield path.stem, path, path
        elif path.suffix.lower() in ('.pkl', '.pickle'):
            options.require_unused(_OF_RECORDINGS, str(path))
            for annotation in _annotations(path, skeleton, options):
                yield annotation['frame_dir'], annotation, path
        elif path.is_dir():
            for title, file in find_recordings(path).items():
                yield title, file, file
        else:
            raise InputError(f'{path}: expected {EXPECTED}')
    except (InputError, OSError) as error:
        yield name, error, name


def _annotations(path: Path, skeleton: Skeleton, options: ReadOptions) -> Sequence[Mapping]:
    """The annotations of a file, or of one of its splits."""
    content = load_annotations(path, lazy=True)
    layout = content['meta'].get('layout')
    if layout is not None and (known := get_skeleton(layout)).joints != skeleton.joints:
        raise InputError(
            f'{path}: expected the layout {skeleton.name!r} that the model was trained on ({skeleton.num_joints} '
            f'joints), got {known.name!r} ({known.num_joints} joints)'
        )
    split = options.split if options.fold is None else f'fold{options.fold}_{options.split or "val"}'
    annotations = content['annotations'] if split is None else select_split(content, split, path)
    if not len(annotations):
        raise InputError(f'{path}: expected at least one sample, got none')
    return annotations


def _read(
    name: str, item: Any, where: str | os.PathLike, skeleton: Skeleton, options: ReadOptions, num_person: int
) -> Sample:
    if isinstance(item, Exception):
        raise item
    if isinstance(item, Sample):
        return item
    if isinstance(item, Mapping):
        if not isinstance(where, Path):
            options.require_unused(_OF_ANNOTATIONS + _OF_RECORDINGS, str(item.get('frame_dir', name)))
        return _from_annotation(item, str(item.get('frame_dir', name)), where, skeleton)
    options.require_unused(_OF_ANNOTATIONS, str(where))
    recording = read_recording(item, skeleton)
    sample = finish_recording(recording, skeleton, str(where), num_person, options.units, options.up, options.fill)
    return replace(sample, name=name)


def _from_annotation(fields: Mapping, name: str, where: str | os.PathLike, skeleton: Skeleton) -> Sample:
    if 'keypoint' not in fields:
        raise InputError(f"{name}: expected an annotation with 'keypoint', got the keys {sorted(map(str, fields))[:8]}")
    keypoint, score = _single(fields['keypoint']), _single(fields.get('keypoint_score'))
    if isinstance(keypoint, np.ndarray) and keypoint.ndim == 3:  # one person
        keypoint, score = keypoint[None], None if score is None else score[None]
    total = keypoint.shape[1] if getattr(keypoint, 'ndim', 0) > 1 else 0
    checked = {'frame_dir': name, 'label': 0, 'total_frames': total, 'keypoint': keypoint, 'keypoint_score': score}
    validate_annotation(checked, skeleton.num_joints, None, where)
    extra = {key: fields[key] for key in _EXTRA if fields.get(key) is not None}
    return Sample(name, keypoint, score, [str(person) for person in range(len(keypoint))], extra=extra)


def _single(values: Any) -> Any:
    """As float32, if it is numbers; what it is else, the check of the annotation says."""
    try:
        array = as_array(values)
        with np.errstate(over='ignore'):  # infinite then, which is refused
            return array.astype(np.float32) if array.dtype.kind in 'fiu' else values
    except (TypeError, ValueError):
        return values
