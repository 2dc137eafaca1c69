"""Which files and folders are recordings, and reading one of them, whatever its form."""

import os
import unicodedata
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from ...errors import InputError
from ...skeletons import Skeleton
from .arrays import read_numpy
from .clip_arrays import Clip, clips_of
from .frame_folders import INNER_FOLDERS, OF_FRAMES, is_frame_folder, read_frame_folder
from .json_forms import read_json
from .notes import Note
from .ntu_skeleton import read_ntu_skeleton_file
from .recording import Recording
from .sbu_text import is_sbu_file, read_sbu_file
from .tables import read_csv

READERS: dict[str, Callable[[Path, Skeleton], Recording]] = {
    '.npy': read_numpy,
    '.npz': read_numpy,
    '.csv': read_csv,
    '.json': read_json,
    '.skeleton': read_ntu_skeleton_file,
}
EXTENSIONS = f"{', '.join(READERS)}, SBU's .txt"


def reader_of(path: Path) -> Callable[[Path, Skeleton], Recording] | None:
    """What reads this file, or folder of files of frames, as one recording; None if it is none."""
    if path.is_dir():
        return read_frame_folder if is_frame_folder(path) else None
    if path.suffix.lower() == '.txt':
        return read_sbu_file if path.is_file() and is_sbu_file(path) else None
    return READERS.get(path.suffix.lower())


def find_recordings(root: str | os.PathLike, other: Collection[Path] = ()) -> dict[str, Path | Clip]:
    """Recordings of a folder and all folders in it: files of all forms, and folders of files of frames.

    Hidden files and folders, files of other kinds, and what is beside files of frames in the same form are left alone.

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
        of_frames = {*OF_FRAMES} if is_frame_folder(folder) else set()
        for entry in sorted(entry for entry in folder.iterdir() if not entry.name.startswith('.')):
            if entry.suffix.lower() not in of_frames and entry.resolve() not in ignored and reader_of(entry):
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
        recording.notes.append(Note('shares of the image became pixels', f'{width} x {height}'))
    elif recording.shares == 'kept':
        recording.notes.append(
            Note('coordinates are shares of the image, 0 to 1; --img-shape HEIGHT WIDTH makes pixels of them')
        )
    elif recording.shares:
        raise InputError(
            f'{source}: expected the size of the image, as coordinates are shares of it; give --img-shape HEIGHT WIDTH '
            f'(img_shape), e.g. 720 1280'
        )
    return recording
