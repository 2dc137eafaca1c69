"""SBU Kinect Interaction v2 (clean): skeleton text files to annotations.

Yun et al., "Two-person Interaction Detection Using Body-Pose Features and Multiple Instance Learning", CVPRW 2012.
"""

import math
import os
from pathlib import Path

import numpy as np

from ....errors import InputError
from ..protocol import Conversion, Converter, Progress, convert_each, no_progress

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

# Of a folder of either tree.
_FOLD_OF = {name: fold for fold, sets in FOLD_SETS.items() for name in (*sets, f'fold{fold}')}
_CLASS_FOLDERS = {f'{number:02d}': number - 1 for number in range(1, len(CLASSES) + 1)}


def read_sbu_skeleton(path: str | os.PathLike) -> np.ndarray:
    """Read one ``skeleton_pos.txt``.

    A line is a frame: frame number, then x, y, z of the 15 joints of person 1 and of person 2, comma-separated.
    Either line ending, blanks around values and empty lines at the end are fine.

    Args:
        path: The file.

    Shapes:
        returns ``(M, T, V, C)`` = ``(2, T, 15, 3)``, float32, metres, y up

    Raises:
        InputError: If the file is empty or a line is not 91 finite numbers; the message names file and line.
    """
    frames = []
    text = Path(path).read_text(encoding='utf-8-sig', errors='replace')
    for number, line in enumerate(text.rstrip().splitlines() or [''], 1):
        values = line.split(',')
        try:
            frames.append([float(value) for value in values])
        except ValueError:
            frames.append([])
        if len(frames[-1]) != VALUES_PER_LINE or not all(map(math.isfinite, frames[-1])):
            raise InputError(
                f'{path}, line {number}: expected {VALUES_PER_LINE} finite comma-separated numbers (frame, 2 persons x '
                f'15 joints x 3), got {len(values)}: {line!r:.60}'
            )
    joints = np.array(frames)[:, 1:].reshape(-1, 2, NUM_JOINTS, 3)
    return (joints * SCALE + OFFSET).transpose(1, 0, 2, 3).astype(np.float32)


def convert_sbu(source: str | os.PathLike, progress: Progress = no_progress, skip_bad: bool = False) -> Conversion:
    """Convert SBU Kinect Interaction v2 (clean) to annotations with its five cross-validation folds.

    Args:
        source: Folder of either tree: ``s01s02/01/001/skeleton_pos.txt`` or ``fold1/01/001/skeleton_pos.txt``. Folders
            that are hidden or left behind by archives are no data.
        progress, skip_bad: See :class:`~..protocol.Converter`.

    Returns:
        The splits are ``fold1_train``, ``fold1_val``, ... ``fold5_val``. A tree that lacks sequences is converted as
        it is; the notes say which folds are not whole.

    Raises:
        FileNotFoundError: If ``source`` is not a folder.
        InputError: If it holds neither tree or both, or a set, fold or class folder is unknown.
    """
    root = Path(source)
    expected = 'set folders (s01s02/01/001/skeleton_pos.txt) or fold folders (fold1/01/001/skeleton_pos.txt)'
    if not root.is_dir():
        raise FileNotFoundError(f'{root}: no such folder; expected one with {expected}')
    files = [file for file in sorted(root.glob('*/*/*/skeleton_pos.txt')) if _group(file)[0] not in '._']
    for file in files:
        if _group(file) not in _FOLD_OF or file.parts[-3] not in _CLASS_FOLDERS:
            raise InputError(f'{file}: expected {expected} and classes 01 to {len(CLASSES):02d}')
    trees = {_group(file).startswith('fold') for file in files}
    if len(trees) != 1:
        raise InputError(f'{root}: expected {expected}, got {"both" if trees else "no sequence of either"}')
    split = {
        f'fold{fold}_{part}': [_name(file) for file in files if (_FOLD_OF[_group(file)] == fold) == (part == 'val')]
        for fold in FOLD_SETS
        for part in ('train', 'val')
    }
    notes = [
        f'fold {fold} has {present} sequences, expected {FOLD_SIZES[fold]}'
        for fold in FOLD_SETS
        if (present := len(split[f'fold{fold}_val'])) != FOLD_SIZES[fold]
    ]
    meta = {'layout': 'sbu15', 'classes': list(CLASSES), 'source': CONVERTER.title, 'units': 'metre'}
    conversion = Conversion(split, meta, notes)
    conversion.annotations = convert_each(files, _convert_file, conversion, source, progress, skip_bad)
    return conversion


def _group(file: Path) -> str:
    return file.parts[-4]  # of a set or fold


def _name(file: Path) -> str:
    """E.g. ``s01s02_01_001``."""
    return '_'.join(file.parts[-4:-1])


def _convert_file(file: Path) -> dict:
    keypoint = read_sbu_skeleton(file)
    label = _CLASS_FOLDERS[file.parts[-3]]
    return {'frame_dir': _name(file), 'label': label, 'total_frames': keypoint.shape[1], 'keypoint': keypoint}


CONVERTER = Converter(
    title='SBU Kinect Interaction v2 (clean)',
    source='folder that holds s01s02, s01s03, ... or fold1 ... fold5',
    out='data/sbu/sbu.pkl',
    convert=convert_sbu,
)
