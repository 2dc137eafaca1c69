"""Which files of a folder are recordings, and reading any of them."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...skeletons import SKELETONS, Skeleton, get_skeleton
from .arrays import read_npy, read_npz
from .json_forms import OPENPOSE_FILE, load_json, read_json, read_openpose
from .ntu_skeleton import read_ntu_skeleton_file
from .recording import Recording
from .tables import read_csv

# By extension; a folder has none.
READERS = {
    '.npy': read_npy,
    '.npz': read_npz,
    '.csv': read_csv,
    '.json': read_json,
    '.skeleton': read_ntu_skeleton_file,
    'folder': read_openpose,
}
FORMS = ', '.join([*READERS][:-1])


def form_of(path: Path) -> str | None:
    """The form of a recording, a key of :data:`READERS`; None of what is no recording."""
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
    expected = f'a folder of recordings ({FORMS}, or folders of OpenPose files)'
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


def read_recording(path: str | os.PathLike, layout: str | Mapping | Skeleton) -> Recording:
    """Read one recording; the extension tells the form, a folder holds OpenPose's files.

    Args:
        path: File or folder.
        layout: The skeleton.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is wrong; names the file and the place, what was expected and what came.
    """
    path, skeleton = Path(path), get_skeleton(layout)
    if not path.exists():
        raise FileNotFoundError(f'{path}: no such recording')
    form = form_of(path)
    if form is None:
        raise InputError(f'{path}: expected one of {FORMS} or a folder of OpenPose files')
    try:
        return READERS[form](path, skeleton)
    except (RecursionError, MemoryError) as error:
        raise InputError(f'{path}: expected a recording, got something too large ({type(error).__name__})') from None


def load_layout(layout: str | os.PathLike) -> str | dict[str, Any]:
    """A layout's name as it is, or the fields of :class:`~asea_mm.skeletons.Skeleton` from a JSON file.

    Args:
        layout: A name in :data:`~asea_mm.skeletons.SKELETONS`, or a file such as
            ``{"name": "stick3", "joints": ["head", "hip", "foot"], "bones": [["head", "hip"], ["foot", "hip"]]}``.

    Raises:
        InputError: If it is neither, or a field is wrong; names the file and the field.
    """
    if str(layout) in SKELETONS:
        return str(layout)
    path = Path(layout)
    if not path.is_file():
        raise InputError(f'--layout {layout}: expected one of {sorted(SKELETONS)} or a JSON file of joints and bones')
    fields = load_json(path)
    if not isinstance(fields, dict):
        raise InputError(f'{path}: expected an object with name, joints and bones, got {type(fields).__name__}')

    def is_names(value: Any) -> bool:
        return isinstance(value, list) and bool(value) and all(isinstance(name, str) and name for name in value)

    def is_pairs(value: Any) -> bool:
        return isinstance(value, list) and all(is_names(pair) and len(pair) == 2 for pair in value)

    checks = {
        'name': (lambda value: isinstance(value, str) and bool(value), 'a name'),
        'joints': (is_names, 'a list of names'),
        'bones': (is_pairs, 'a list of [child, parent]'),
        'mirrored': (is_pairs, 'a list of [left, right]'),
        'centre': (lambda value: isinstance(value, str), 'the name of a joint'),
        'parts': (lambda value: isinstance(value, dict) and all(map(is_names, value.values())), 'names to lists'),
    }
    for field, (is_right, expected) in checks.items():
        if field in fields and not is_right(fields[field]):
            raise InputError(f'{path}, {field!r}: expected {expected}, got {json.dumps(fields[field])[:60]}')
    try:
        get_skeleton(fields)
    except ValueError as error:
        raise InputError(f'{path}: {error}') from None
    return fields
