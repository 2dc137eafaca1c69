"""SBU Kinect Interaction v2 (clean): skeleton text files to annotations.

Yun et al., "Two-person Interaction Detection Using Body-Pose Features and Multiple Instance Learning", CVPRW 2012.
"""

import os
from pathlib import Path

from ....errors import InputError
from ...recordings.sbu_text import read_sbu_skeleton
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

# Of a folder of either tree.
_FOLD_OF = {name: fold for fold, sets in FOLD_SETS.items() for name in (*sets, f'fold{fold}')}
_CLASS_FOLDERS = {f'{number:02d}': number - 1 for number in range(1, len(CLASSES) + 1)}


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
