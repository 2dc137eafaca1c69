"""Every way in: recordings in files and in memory, annotations and their files, all of them to samples.

A recording passes these rooms: its reader here below, :mod:`.recording` and :mod:`.tracks` where it is bodies of single
frames, :mod:`.finish`, :mod:`.persons`.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...layout_mapping import map_recordings
from ...skeletons import Skeleton, get_skeleton
from ..files.annotations import SUFFIXES, load_annotations, select_split, validate_annotation
from .arrays import as_keypoint, read_array, read_numpy
from .compressed import decompress
from .finish import Sample, check_axes, finish_recording
from .json_forms import OPENPOSE_FILE, read_json, read_openpose
from .ntu_skeleton import read_ntu_skeleton_file
from .recording import Recording
from .tables import read_csv

READERS: dict[str, Callable[[Path, Skeleton], Recording]] = {
    '.npy': read_numpy,
    '.npz': read_numpy,
    '.csv': read_csv,
    '.json': read_json,
    '.skeleton': read_ntu_skeleton_file,
}
EXTENSIONS = ', '.join(READERS)
_EXPECTED = (
    f'an array (persons, frames, joints, coordinates), an annotation dict, or a file: .pkl, {EXTENSIONS} or a '
    'folder of these'
)
# What an annotation has besides keypoints that transforms may read.
_EXTRA = ('img_shape', 'original_shape')


def reader_of(path: Path) -> Callable[[Path, Skeleton], Recording] | None:
    """What reads this file, or folder of OpenPose's files, as one recording; None if it is none."""
    if path.is_dir():
        return read_openpose if any(OPENPOSE_FILE.fullmatch(entry.name) for entry in path.iterdir()) else None
    return READERS.get(path.suffix.lower())


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
    if reader_of(root):
        raise InputError(f'{root}: expected a folder for each recording, got the OpenPose files of one itself')
    ignored = {path.resolve() for path in other}
    recordings: dict[str, Path] = {}

    def walk(folder: Path, above: tuple[Path, ...]) -> None:
        if folder.resolve() in above:  # a link to a folder above
            return
        for entry in sorted(entry for entry in folder.iterdir() if not entry.name.startswith('.')):
            if reader_of(entry) and not OPENPOSE_FILE.fullmatch(entry.name) and entry.resolve() not in ignored:
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


def read_recording(path: str | os.PathLike, skeleton: Skeleton) -> Recording:
    """Read one recording: a file, whose extension tells the form, or a folder of OpenPose's files.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is wrong; names the file and the place, what was expected and what came.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f'{path}: no such recording')
    reader = reader_of(path)
    if reader is None:
        raise InputError(f'{path}: expected one of {EXTENSIONS} or a folder of OpenPose files')
    try:
        return reader(path, skeleton)
    except (RecursionError, MemoryError) as error:
        raise InputError(f'{path}: expected a recording, got something too large ({type(error).__name__})') from None


def is_single(source: Any) -> bool:
    """Whether a source is one sample: an array, an annotation, a file of one recording."""
    if isinstance(source, (str, os.PathLike)):
        return reader_of(Path(source)) is not None
    return not isinstance(source, (list, tuple))


def read_samples(
    source: Any,
    skeleton: Skeleton,
    num_person: int = 2,
    subset: Mapping[str, Any] = {},
    axes: Mapping[str, Any] = {},
    on_error: Callable[[InputError | OSError], object] | None = None,
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
                if isinstance(item, Path):
                    item = read_recording(item, skeleton)
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
        elif not isinstance(source, (str, os.PathLike)):
            yield name, source, name
        elif not (path := Path(source)).exists():
            raise FileNotFoundError(f'{path}: no such file; expected {_EXPECTED}')
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
    return Sample(name, keypoint, score, [str(person) for person in range(len(keypoint))], extra=extra)
