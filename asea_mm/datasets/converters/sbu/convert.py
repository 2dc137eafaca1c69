"""SBU Kinect Interaction v2 (clean): skeleton text files to annotations.

Yun et al., "Two-person Interaction Detection Using Body-Pose Features and Multiple Instance Learning", CVPRW 2012.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import InputError

CLASSES = (
    *('approaching', 'departing', 'kicking', 'pushing'),
    *('shaking hands', 'hugging', 'exchanging objects', 'punching'),
)
# The five folds of the authors: whole sets (pairs of subjects), so nobody's pair is in two folds.
FOLD_SETS = {
    1: ('s01s02', 's03s04', 's05s02', 's06s04'),
    2: ('s02s03', 's02s07', 's03s05', 's05s03'),
    3: ('s01s03', 's01s07', 's07s01', 's07s03'),
    4: ('s02s01', 's02s06', 's03s02', 's03s06'),
    5: ('s04s02', 's04s03', 's04s06', 's06s02', 's06s03'),
}
FOLD_SIZES = {1: 55, 2: 52, 3: 56, 4: 54, 5: 65}
NUM_JOINTS = 15
VALUES_PER_LINE = 1 + 2 * NUM_JOINTS * 3
# Published as x = (1280 - x_mm) / 2560, y = (960 - y_mm) / 1920, z = z_mm / 1280: anisotropic, so neither rotations
# nor bone lengths make sense before this is undone. Here in metres, and y points up.
SCALE = np.array([-2.56, -1.92, 1.28])
OFFSET = np.array([1.28, 0.96, 0.0])

_FOLD_OF_SET = {name: fold for fold, names in FOLD_SETS.items() for name in names}
_FOLD_OF_FOLDER = {f'fold{fold}': fold for fold in FOLD_SETS}
_CLASS_FOLDERS = {f'{number:02d}': number - 1 for number in range(1, len(CLASSES) + 1)}
_FILE = 'skeleton_pos.txt'


def read_sbu_skeleton(path: str | os.PathLike) -> np.ndarray:
    """Read one ``skeleton_pos.txt``.

    A line is a frame: frame number, then x, y, z of the 15 joints of person 1 and of person 2, comma-separated.
    Either line ending, blanks around values and empty lines at the end are fine.

    Args:
        path: The file.

    Shapes:
        returns ``(M, T, V, C)`` = ``(2, T, 15, 3)``, float32, metres, y up

    Raises:
        ValueError: If the file is empty or a line is not 91 finite numbers; the message names file and line.
    """
    try:
        text = Path(path).read_text(encoding='utf-8-sig')
    except UnicodeDecodeError:
        raise InputError(f'{path}: expected a text file of comma-separated numbers, got binary data') from None
    lines = text.rstrip().splitlines()
    if not lines:
        raise InputError(f'{path}: expected one line of {VALUES_PER_LINE} values per frame, got an empty file')
    frames = np.array([_numbers(line, f'{path}, line {number}') for number, line in enumerate(lines, 1)])
    joints = frames[:, 1:].reshape(-1, 2, NUM_JOINTS, 3)
    return (joints * SCALE + OFFSET).transpose(1, 0, 2, 3).astype(np.float32)


def _numbers(line: str, where: str) -> list[float]:
    values = line.split(',')
    if len(values) != VALUES_PER_LINE:
        raise InputError(
            f'{where}: expected {VALUES_PER_LINE} comma-separated values (frame, 2 persons x 15 joints x 3), '
            f'got {len(values)}'
        )
    numbers = []
    for column, value in enumerate(values, 1):
        try:
            number = float(value)
        except ValueError:
            raise InputError(f'{where}, value {column}: expected a number, got {value.strip()!r}') from None
        if not math.isfinite(number):
            raise InputError(f'{where}, value {column}: expected a finite number, got {value.strip()!r}')
        numbers.append(number)
    return numbers


def _folders(path: Path, known: Iterable[str] | None, what: str) -> list[Path]:
    """Sub-folders in order; hidden ones and what archives leave behind are not data."""
    folders = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith(('.', '__')))
    for folder in folders:
        if known is not None and folder.name not in known:
            raise InputError(f'{folder}: unknown {what} folder {folder.name!r}; expected one of {sorted(known)}')
        if known is None and not re.fullmatch(r'\d+', folder.name):
            raise InputError(f'{folder}: unknown {what} folder {folder.name!r}; expected a number such as 001')
    return folders


def find_sbu_sequences(root: str | os.PathLike) -> list[tuple[str, int, int, Path]]:
    """List the sequences of either tree: ``s01s02/01/001/skeleton_pos.txt`` or ``fold1/01/001/skeleton_pos.txt``.

    Args:
        root: The folder that holds the set folders (official) or the fold folders.

    Returns:
        ``(id, fold, label, file)`` of every sequence, e.g. ``('s01s02_01_001', 1, 0, Path(...))``.

    Raises:
        FileNotFoundError: If ``root`` is not a folder or a sequence has no ``skeleton_pos.txt``.
        ValueError: If ``root`` holds neither tree, or a set, fold, class or sequence folder is unknown.
    """
    root = Path(root)
    expected = 'set folders (s01s02/01/001/skeleton_pos.txt) or fold folders (fold1/01/001/skeleton_pos.txt)'
    if not root.is_dir():
        raise FileNotFoundError(f'{root}: no such folder; expected one with {expected}')
    names = {path.name for path in root.iterdir() if path.is_dir()}
    official, folds = bool(names & set(_FOLD_OF_SET)), bool(names & set(_FOLD_OF_FOLDER))
    if official == folds:
        found = 'both' if official else f'neither: {sorted(names)[:5] or "no folders"}'
        raise InputError(f'{root}: expected {expected}, got {found}')
    fold_of = _FOLD_OF_SET if official else _FOLD_OF_FOLDER
    sequences = []
    for group in _folders(root, fold_of, 'set' if official else 'fold'):
        for action in _folders(group, _CLASS_FOLDERS, 'class'):
            for sequence in _folders(action, None, 'sequence'):
                file = sequence / _FILE
                if not file.is_file():
                    raise FileNotFoundError(f'{file}: no such file; every sequence folder needs one')
                sample_id = f'{group.name}_{action.name}_{sequence.name}'
                sequences.append((sample_id, fold_of[group.name], _CLASS_FOLDERS[action.name], file))
    if not sequences:
        raise InputError(f'{root}: expected {expected}, got folders without any sequence')
    return sequences


def convert_sbu(
    root: str | os.PathLike, track: Callable[[Sequence], Iterable] = iter
) -> tuple[list[dict], dict[str, list[str]], dict[str, Any]]:
    """Convert SBU Kinect Interaction v2 (clean) to annotations with its five cross-validation folds.

    Args:
        root: Folder of the data, see :func:`find_sbu_sequences`.
        track: Wraps the list of sequences, to show progress.

    Returns:
        ``(annotations, split, meta)``; the splits are ``fold1_train``, ``fold1_val``, ... ``fold5_val``. A tree
        that lacks sequences is converted as it is; compare with :data:`FOLD_SIZES`.

    Raises:
        FileNotFoundError, ValueError: As :func:`find_sbu_sequences` and :func:`read_sbu_skeleton`.
    """
    annotations: list[dict] = []
    split: dict[str, list[str]] = {f'fold{fold}_{part}': [] for fold in FOLD_SETS for part in ('train', 'val')}
    for sample_id, sample_fold, label, file in track(find_sbu_sequences(root)):
        keypoint = read_sbu_skeleton(file)
        annotations.append(
            {'frame_dir': sample_id, 'label': label, 'total_frames': keypoint.shape[1], 'keypoint': keypoint}
        )
        for fold in FOLD_SETS:
            split[f'fold{fold}_{"val" if fold == sample_fold else "train"}'].append(sample_id)
    meta = {
        'layout': 'sbu15',
        'classes': list(CLASSES),
        'source': 'SBU Kinect Interaction v2 (clean)',
        'units': 'metre',
    }
    return annotations, split, meta
