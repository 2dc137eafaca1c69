"""Every way in: recordings in files and in memory, annotations and their files, all of them to samples.

A recording passes these rooms: its reader here below, :mod:`.recording` and :mod:`.tracks` where it is bodies of single
frames, :mod:`.finish`, :mod:`.persons`.
"""

import os
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...skeletons import Skeleton, get_skeleton
from ..files.annotations import load_annotations, select_split, validate_annotation
from .arrays import as_keypoint, read_array, read_numpy
from .clip_arrays import Clip, clips_of
from .finish import Sample, check_axes, finish_recording
from .frame_folders import INNER_FOLDERS, frame_files, is_frame_folder, read_frame_folder
from .json_forms import read_json
from .ntu_skeleton import read_ntu_skeleton_file
from .recording import Recording
from .sbu_text import is_sbu_file, read_sbu_file
from .tables import read_csv

ImageShape = tuple[int, int]  # height and width

READERS: dict[str, Callable[[Path, Skeleton], Recording]] = {
    '.npy': read_numpy,
    '.npz': read_numpy,
    '.csv': read_csv,
    '.json': read_json,
    '.skeleton': read_ntu_skeleton_file,
}
EXTENSIONS = f"{', '.join(READERS)}, SBU's .txt"
_EXPECTED = (
    f'an array (persons, frames, joints, coordinates), an annotation dict, or a file: .pkl, {EXTENSIONS} or a '
    'folder of these'
)
# What an annotation has besides keypoints that transforms may read.
_EXTRA = ('img_shape', 'original_shape')


def reader_of(path: Path) -> Callable[[Path, Skeleton], Recording] | None:
    """What reads this file, or folder of files of frames, as one recording; None if it is none."""
    if path.is_dir():
        return read_frame_folder if is_frame_folder(path) else None
    if path.suffix.lower() == '.txt':
        return read_sbu_file if path.is_file() and is_sbu_file(path) else None
    return READERS.get(path.suffix.lower())


def find_recordings(root: str | os.PathLike, other: Collection[Path] = ()) -> dict[str, Path | Clip]:
    """Recordings of a folder and all folders in it: files of all forms, and folders of files of frames.

    Hidden files and folders, and files of other kinds, are left alone.

    Args:
        root: The folder, or a file of many clips (:mod:`.clip_arrays`).
        other: Files that are no recordings, such as the table of labels.

    Returns:
        Name to path, or to a clip of a file of many, in order. The name is the path below ``root`` without extension,
        with ``/`` between folders, in Unicode's composed form; that of a folder ``labels``, ``predictions`` or
        ``sep-json`` of frames is its parent's.

    Raises:
        FileNotFoundError: If there is no such folder.
        InputError: If it holds no recordings, or two of the same name.
    """
    root = Path(root)
    expected = f'a folder of recordings ({EXTENSIONS}, or folders of files of frames)'
    if root.is_file() and (clips := clips_of(root)):
        return {_composed(clip.name): clip for clip in clips}
    if not root.is_dir():
        raise FileNotFoundError(f'{root}: no such folder; expected {expected}')
    if reader_of(root):
        raise InputError(f'{root}: expected a folder for each recording, got the files of frames of one itself')
    ignored = {path.resolve() for path in other}
    recordings: dict[str, Path | Clip] = {}

    def add(name: str, recording: Path | Clip) -> None:
        name = _composed(name)
        if name in recordings:
            raise InputError(
                f'{recording}: expected every name once, got {recordings[name]} too; rename one of the two'
            )
        recordings[name] = recording

    def walk(folder: Path, above: tuple[Path, ...]) -> None:
        if folder.resolve() in above:  # a link to a folder above
            return
        frames = {*frame_files(folder)}
        for entry in sorted(entry for entry in folder.iterdir() if not entry.name.startswith('.')):
            if entry not in frames and entry.resolve() not in ignored and reader_of(entry):
                named = entry if entry.is_dir() else entry.with_suffix('')
                if entry.is_dir() and entry.name in INNER_FOLDERS and folder != root:
                    named = folder
                clips = [] if entry.is_dir() else clips_of(entry)
                for clip in clips:
                    add((folder / clip.name).relative_to(root).as_posix(), clip)
                if not clips:
                    add(named.relative_to(root).as_posix(), entry)
            if entry.is_dir():
                walk(entry, (*above, folder.resolve()))

    walk(root, ())
    if not recordings:
        raise InputError(f'{root}: expected {expected}, got none')
    return recordings


def _composed(name: str) -> str:
    """Letters with marks as one character each: macOS stores names of files otherwise than people type them."""
    return unicodedata.normalize('NFC', name)


def read_recording(
    source: str | os.PathLike | Clip, skeleton: Skeleton, img_shape: Sequence[int] | None = None
) -> Recording:
    """Read one recording: a file, whose extension tells the form, a folder of files of frames, or a clip of an array.

    Args:
        source: What :func:`find_recordings` returns.
        skeleton: Layout of the joints.
        img_shape: Height and width of the image, which make pixels of coordinates that are shares of it.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is wrong; names the file and the place, what was expected and what came.
    """
    try:
        if isinstance(source, Clip):
            recording = source.read(skeleton)
        else:
            path = Path(source)
            if not path.exists():
                raise FileNotFoundError(f'{path}: no such recording')
            reader = reader_of(path)
            if reader is None:
                raise InputError(f'{path}: expected one of {EXTENSIONS} or a folder of files of frames')
            recording = reader(path, skeleton)
    except (RecursionError, MemoryError) as error:
        raise InputError(f'{source}: expected a recording, got something too large ({type(error).__name__})') from None
    return _in_pixels(recording, img_shape, str(source))


def _in_pixels(recording: Recording, img_shape: Sequence[int] | None, source: str) -> Recording:
    """The same recording; shares of an image of this height and width become pixels."""
    if img_shape is not None and not (len(img_shape) == 2 and all(side > 0 for side in img_shape)):
        raise InputError(f'img_shape: expected height and width of the image, got {img_shape!r:.60}')
    if recording.keypoint.shape[-1] == 2 and img_shape is not None:
        recording.img_shape = (int(img_shape[0]), int(img_shape[1]))
    if recording.shares and recording.img_shape:
        recording.keypoint = recording.keypoint * recording.img_shape[::-1]
        recording.shares = None
        height, width = recording.img_shape
        recording.notes.append(f'shares of the image became pixels of {width} x {height}')
    elif recording.shares == 'kept':
        recording.notes.append('coordinates are shares of the image, 0 to 1; --img-shape HEIGHT WIDTH makes pixels')
    elif recording.shares:
        raise InputError(
            f'{source}: expected the size of the image, as coordinates are shares of it; give --img-shape HEIGHT WIDTH '
            f'(img_shape), e.g. 720 1280'
        )
    return recording


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
        elif path.suffix.lower() in ('.pkl', '.pickle'):
            _refuse(axes, str(path), 'recordings')
            for annotation in _annotations(path, skeleton, **subset):
                yield annotation['frame_dir'], annotation, str(path)
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
) -> Sequence[Mapping]:
    """The annotations of a file, or of one of its splits."""
    content = load_annotations(path, lazy=True)
    layout = content['meta'].get('layout')
    if layout is not None and (known := get_skeleton(layout)).joints != skeleton.joints:
        raise InputError(
            f'{path}: expected the layout {skeleton.name!r} that the model was trained on ({skeleton.num_joints} '
            f'joints), got {known.name!r} ({known.num_joints} joints)'
        )
    split = split if fold is None else f'fold{fold}_{split or "val"}'
    annotations = content['annotations'] if split is None else select_split(content, split, path)
    if not len(annotations):
        raise InputError(f'{path}: expected at least one sample, got none')
    return annotations


def _from_annotation(fields: Mapping, name: str, place: str, skeleton: Skeleton) -> Sample:
    if 'keypoint' not in fields:
        raise InputError(f"{name}: expected an annotation with 'keypoint', got the keys {sorted(map(str, fields))[:8]}")
    keypoint, score = as_keypoint(fields['keypoint'], fields.get('keypoint_score'), skeleton, name)
    if keypoint.ndim == 3:  # one person
        keypoint, score = keypoint[None], None if score is None else score[None]
    with np.errstate(over='ignore'):  # infinite then, which is refused
        keypoint, score = keypoint.astype(np.float32), None if score is None else score.astype(np.float32)
    checked = {'frame_dir': name, 'label': 0, 'total_frames': keypoint.shape[1], 'keypoint': keypoint}
    validate_annotation({**checked, 'keypoint_score': score}, skeleton.num_joints, None, place)
    extra = {key: fields[key] for key in _EXTRA if fields.get(key) is not None}
    return Sample(name, keypoint, score, [str(person) for person in range(len(keypoint))], extra=extra)
