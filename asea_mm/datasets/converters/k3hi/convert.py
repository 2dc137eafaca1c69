"""K3HI, Kinect-based human-human interactions: MATLAB files of skeletons to annotations.

Hu et al., "Efficient interaction recognition through positive action representation", Mathematical Problems in
Engineering 2013. Sensor, joints and normalisation are those of SBU, and so are seven of the eight classes, which have
SBU's names here.
"""

import os
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from ....errors import InputError
from ....skeletons import SKELETONS
from ...recordings.sbu_text import OFFSET, SCALE
from ..protocol import Conversion, Converter, Progress, convert_each, no_progress

# Folder of a class to its name and number of clips; clips are numbered from 1.
CLASSES = {
    'approaching': ('approaching', 41),
    'departing': ('departing', 36),
    'exchanging': ('exchanging objects', 32),
    'kicking': ('kicking', 51),
    'pointing': ('pointing', 49),
    'punching': ('punching', 45),
    'pushing': ('pushing', 36),
    'shaking': ('shaking hands', 22),
}
# The authors have no folds. Neighbours were recorded together, so each fold tests a block of each class.
NUM_FOLDS = 5
JOINTS = (  # of the files, in their order
    *('head', 'neck', 'left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow', 'left_hand', 'right_hand'),
    *('torso', 'left_hip', 'right_hip', 'left_knee', 'right_knee', 'left_foot', 'right_foot'),
)
LAYOUT = 'sbu15'
PERSON_FILES = ('skeleton_A.mat', 'skeleton_B.mat')
LISTS = ('Train.txt', 'Test.txt')
_ORDER = [JOINTS.index(joint) for joint in SKELETONS[LAYOUT].joints]
_FOLD_OF = {  # of a clip: class folder and number
    (folder, int(number)): fold
    for folder, (_, count) in CLASSES.items()
    for fold, block in enumerate(np.array_split(np.arange(1, count + 1), NUM_FOLDS), 1)
    for number in block
}

Clip = tuple[str, int]  # class folder and number


def read_k3hi_skeleton(path: str | os.PathLike) -> np.ndarray:
    """Read one person of a clip.

    The file's variable ``curve_B`` has a column a frame; its rows are x of the joints in the order :data:`JOINTS`, then
    their y, then their z.

    Args:
        path: The file, in MATLAB's format 5.

    Shapes:
        returns ``(T, V, C)`` = ``(T, 15, 3)``, float32, layout ``sbu15``, metres, y up

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is no such file, or values are not finite; names the file.
    """
    rows = 3 * len(JOINTS)
    expected = f'a MATLAB file whose variable curve_B holds {rows} rows of finite numbers'
    with Path(path).open('rb') as file:
        try:
            curve = np.asarray(loadmat(file)['curve_B'], dtype=np.float64)
        except Exception as error:  # SciPy raises almost anything for a file that is damaged or another
            raise InputError(f'{path}: expected {expected}, got an error: {str(error)[:120]}') from None
    if curve.ndim != 2 or len(curve) != rows or not curve.size:
        raise InputError(f'{path}: expected {expected}, got shape {curve.shape}')
    if not np.isfinite(curve).all():
        raise InputError(f'{path}: expected {expected}, got NaN or infinity')
    joints = curve.reshape(3, len(JOINTS), -1).transpose(2, 1, 0)[:, _ORDER]
    return (joints * SCALE + OFFSET).astype(np.float32)


def convert_k3hi(source: str | os.PathLike, progress: Progress = no_progress, skip_bad: bool = False) -> Conversion:
    """Convert K3HI to annotations, with five folds of consecutive clips of each class.

    Args:
        source: Folder that holds ``Skeletons/approaching/1/skeleton_A.mat`` and so on, and ``Train.txt`` and
            ``Test.txt``, which name the files of each clip, that of the acting person first.
        progress, skip_bad: See :class:`~..protocol.Converter`.

    Returns:
        The persons of a sample are A and B. ``acting`` is the index of the one who acts, in clips that the lists name.
        The splits are ``fold1_train``, ``fold1_val``, ... ``fold5_val``; the notes say how large they are.

    Raises:
        FileNotFoundError: If ``source`` is not a folder.
        InputError: If it does not hold such clips, or a line of a list is wrong.
    """
    root = Path(source)
    expected = 'Skeletons/approaching/1/skeleton_A.mat and so on'
    if not root.is_dir():
        raise FileNotFoundError(f'{root}: no such folder; expected one with {expected}')
    present = {path.parent for name in PERSON_FILES for path in root.glob(f'Skeletons/*/*/{name}')}
    folders = {_clip(path): path for path in sorted(present)}
    if unknown := [str(path) for clip, path in folders.items() if clip not in _FOLD_OF]:
        raise InputError(f'{unknown[0]}: expected a clip of {", ".join(CLASSES)}, numbered from 1, as in {expected}')
    if not folders:
        raise InputError(f'{root}: expected {expected}, got no clip')
    clips = [clip for clip in _FOLD_OF if clip in folders]
    acting = read_acting(root)

    def convert(clip: Clip) -> dict:
        folder = folders[clip]
        persons = [read_k3hi_skeleton(folder / name) for name in PERSON_FILES]
        lengths = [len(person) for person in persons]
        if lengths[0] != lengths[1]:
            raise InputError(f'{folder}: expected as many frames of A as of B, got {lengths[0]} and {lengths[1]}')
        sample = {
            'frame_dir': _name(clip),
            'label': list(CLASSES).index(clip[0]),
            'total_frames': lengths[0],
            'keypoint': np.stack(persons),
        }
        return {**sample, 'acting': acting[clip]} if clip in acting else sample

    split = {
        f'fold{fold}_{part}': [_name(clip) for clip in clips if (_FOLD_OF[clip] == fold) == (part == 'val')]
        for fold in range(1, NUM_FOLDS + 1)
        for part in ('train', 'val')
    }
    sizes = [len(split[f'fold{fold}_val']) for fold in range(1, NUM_FOLDS + 1)]
    notes = [f'folds of {", ".join(map(str, sizes))} clips; who acts is known of {len(acting)}']
    if len(clips) < len(_FOLD_OF):
        notes.append(f'{len(clips)} clips, expected {len(_FOLD_OF)}')
    classes = [name for name, _ in CLASSES.values()]
    meta = {'layout': LAYOUT, 'classes': classes, 'source': CONVERTER.title, 'units': 'metre'}
    conversion = Conversion(split, meta, notes)
    conversion.annotations = convert_each(clips, convert, conversion, source, progress, skip_bad)
    return conversion


def read_acting(root: Path) -> dict[Clip, int]:
    """Clip to the index of the person who acts, A or B, from the lists that are there.

    Raises:
        InputError: If a line is not the two files of a clip; names file and line.
    """
    acting = {}
    for path in [root / name for name in LISTS if (root / name).is_file()]:
        lines = path.read_text(encoding='utf-8-sig', errors='replace').splitlines()
        for number, line in enumerate(lines, 1):
            files = [Path(name) for name in line.replace('\\', '/').split()]
            if not files:
                continue
            if sorted(file.name for file in files) != [*PERSON_FILES] or files[0].parent != files[1].parent:
                raise InputError(f'{path}, line {number}: expected the two files of a clip, got {line[:100]!r}')
            acting[_clip(files[0].parent)] = PERSON_FILES.index(files[0].name)
    return acting


def _clip(folder: Path) -> Clip:
    """Class folder and number; number 0 is no clip's."""
    name = folder.name
    return folder.parent.name, int(name) if name.isdecimal() and len(name) < 5 else 0


def _name(clip: Clip) -> str:
    """E.g. ``approaching_01``."""
    return f'{clip[0]}_{clip[1]:02d}'


CONVERTER = Converter(
    title='K3HI, interactions before a Kinect',
    source='folder that holds Skeletons, Train.txt and Test.txt',
    out='data/k3hi/k3hi.pkl',
    convert=convert_k3hi,
)
