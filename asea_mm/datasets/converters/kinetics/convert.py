"""Kinetics-10: the two-person classes of Kinetics-400 from ST-GCN's skeletons or PYSKL's HRNet poses.

Ten classes as in ASEA, section 4.1. The skeletons of ST-GCN (Yan et al., AAAI 2018) are OpenPose's, those of PYSKL
(Duan et al., ACM MM 2022) are HRNet's.
"""

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import InputError
from ...recordings.json_forms.nodes import Node, load_json
from ...recordings.json_forms.sensors import KINETICS_JOINTS, kinetics_frames
from ...recordings.persons import persons_in_film
from ..protocol import Conversion, Converter, Progress, convert_each, no_progress
from .pyskl import list_pyskl, read_pyskl

# Label of Kinetics-400, from 0 in alphabetical order, to class; new labels count from 0 in this order.
K400_CLASSES = {
    44: 'carrying baby',
    158: 'hugging',
    176: 'kissing',
    193: 'massaging back',
    194: 'massaging feet',
    195: 'massaging legs',
    196: "massaging person's head",
    288: 'shaking hands',
    314: 'slapping',
    359: 'tickling',
}
CLASSES = tuple(K400_CLASSES.values())
PARTS = ('train', 'val')


def read_kinetics_skeleton(path: Path, label: int) -> list[np.ndarray]:
    """Read one JSON file of ST-GCN's kinetics-skeleton.

    See :func:`~asea_mm.datasets.recordings.json_forms.sensors.kinetics_frames`; the first frame listed is frame 0.

    Shapes:
        returns T arrays ``(P_t, 18, 3)``: x, y and score, which is 0 where a joint is missing

    Raises:
        FileNotFoundError, InputError: If there is no such file, it is not of this structure, or of another label.
    """
    root = Node(load_json(path), str(path))
    if (got := root.get('label_index', label).value) != label:
        raise InputError(f'{path}: expected label_index {label} as in the label file, got {got!r:.60}')
    frames = kinetics_frames(root)
    nobody = np.zeros((0, KINETICS_JOINTS, 3))
    return [frames.get(index, nobody) for index in range(min(frames), max(frames) + 1)]


def _list_stgcn(root: Path, part: str) -> list[tuple[Path, int]]:
    """Skeletons and labels of the recordings of the ten classes in a part; ST-GCN's label file says which have one."""
    file = root / f'kinetics_{part}_label.json'
    if not file.is_file():
        raise FileNotFoundError(
            f'{file}: not found; expected it and the folder kinetics_{part}, as ST-GCN publishes them'
        )
    content = load_json(file)
    if not isinstance(content, dict) or not all(isinstance(entry, dict) for entry in content.values()):
        raise InputError(f'{file}: expected {{id: {{has_skeleton, label, label_index}}}}, got {content!r:.60}')
    recordings = []
    for name, entry in content.items():
        label, title = entry.get('label_index'), entry.get('label')
        if not isinstance(label, int) or isinstance(label, bool):
            raise InputError(f"{file}: {name!r}: expected a number 'label_index', got {entry!r:.60}")
        # Numbers from 1, or in another order, must not become other classes unseen.
        expected = K400_CLASSES.get(label, '')
        if title and _letters(title) != _letters(expected) and (expected or _letters(title) in map(_letters, CLASSES)):
            raise InputError(
                f'{file}: {name!r}: label {title!r} has label_index {label}; expected the labels of Kinetics-400 in '
                f'alphabetical order, from 0, {K400_CLASSES}'
            )
        if label in K400_CLASSES and entry.get('has_skeleton', True):
            recordings.append((root / f'kinetics_{part}' / f'{name}.json', label))
    return recordings


def _letters(title: object) -> str:
    return ''.join(filter(str.isalpha, str(title).lower()))


def convert_kinetics10(
    source: str | os.PathLike, progress: Progress = no_progress, skip_bad: bool = False
) -> Conversion:
    """Convert the ten classes to annotations of the two persons who most likely interact.

    Args:
        source: ST-GCN's folder of ``kinetics_train_label.json``, ``kinetics_val_label.json``, which say ``{id:
            {"has_skeleton", "label", "label_index"}}``, and the skeletons ``kinetics_train/{id}.json`` and
            ``kinetics_val/{id}.json``; or PYSKL's ``k400_hrnet.pkl``, see :mod:`.pyskl`.
        progress, skip_bad: See :class:`~..protocol.Converter`.

    Returns:
        The splits are ``train`` and ``val``. ``keypoint_score`` is 0 where a joint is missing, and its coordinates
        are 0, too.

    Raises:
        FileNotFoundError: If the data is not there.
        InputError: If it is not of either format, numbers the classes otherwise, or has none of the ten.
    """
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"{path}: not found; expected ST-GCN's folder or PYSKL's k400_hrnet.pkl")
    parts: dict[str, list[Any]]
    if path.is_dir():
        title, layout, units = "ST-GCN's kinetics-skeleton (OpenPose)", 'openpose18', 'image share'
        parts, convert = {part: _list_stgcn(path, part) for part in PARTS}, _from_stgcn
        split = {part: [file.stem for file, _ in parts[part]] for part in PARTS}
    else:
        title, layout, units = "PYSKL's k400_hrnet.pkl (HRNet)", 'coco17', 'pixel'
        parts = {part: list_pyskl(path, part, set(K400_CLASSES)) for part in PARTS}
        convert = partial(_from_pyskl, path)
        split = {part: [item['frame_dir'] for item in parts[part]] for part in PARTS}
    items = [item for part in PARTS for item in parts[part]]
    if not items:
        raise InputError(f'{path}: expected recordings of the ten classes {K400_CLASSES}, got none')
    meta = {'layout': layout, 'classes': list(CLASSES), 'source': f'Kinetics-400, {title}', 'units': units}
    conversion = Conversion(split, meta)
    conversion.annotations = convert_each(items, convert, conversion, path, progress, skip_bad)
    return conversion


def _from_stgcn(recording: tuple[Path, int]) -> dict:
    file, label = recording
    return _sample(file.stem, label, read_kinetics_skeleton(file, label))


def _from_pyskl(path: Path, annotation: dict) -> dict:
    poses, img_shape = read_pyskl(path, annotation)
    sample = _sample(annotation['frame_dir'], annotation['label'], poses)
    return {**sample, 'img_shape': img_shape, 'original_shape': img_shape}


def _sample(name: str, label: int, poses: list[np.ndarray]) -> dict:
    """The two persons who most likely interact, and the new label."""
    keypoint, score = persons_in_film(poses)
    new_label = list(K400_CLASSES).index(label)
    arrays = {'keypoint': keypoint, 'keypoint_score': score}
    return {'frame_dir': name, 'label': new_label, 'total_frames': len(poses), **arrays}


CONVERTER = Converter(
    title='Kinetics-10, of Kinetics-400',
    source="ST-GCN's folder that holds kinetics_train, or PYSKL's k400_hrnet.pkl",
    out='data/kinetics/kinetics10.pkl',
    convert=convert_kinetics10,
    skip_bad=True,
)
