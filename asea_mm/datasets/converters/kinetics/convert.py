"""Kinetics-10: the two-person classes of Kinetics-400 from ST-GCN's skeletons or PYSKL's HRNet poses.

Ten classes as in ASEA, section 4.1. The skeletons of ST-GCN (Yan et al., AAAI 2018) are OpenPose's, those of PYSKL
(Duan et al., ACM MM 2022) are HRNet's.
"""

from __future__ import annotations

import operator
import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import InputError
from ...recordings.json_forms import load_json
from ...recordings.persons import persons_in_film
from ..protocol import Conversion, Converter, Progress, convert_each, no_progress
from .pyskl import MAX_FRAMES, list_pyskl, read_pyskl

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
NUM_JOINTS = 18  # openpose18


def read_kinetics_skeleton(path: Path, label: int) -> list[np.ndarray]:
    """Read one JSON file of ST-GCN's kinetics-skeleton.

    ``{"data": [{"frame_index": 1, "skeleton": [{"pose": [x, y, ...], "score": [...]}]}], "label_index": 44}``: 18
    joints, coordinates as shares of the image. A joint at (0, 0) or with score 0 is missing. The first frame listed is
    frame 0; frames not listed have nobody in them.

    Args:
        path: The file.
        label: What the label file says; ``label_index``, if it has any, must be the same.

    Shapes:
        returns T arrays ``(P_t, 18, 3)``: x, y and score, which is 0 where a joint is missing

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is not of this structure, or of another label; the message names the file and the frame.
    """
    content = load_json(path)
    if not isinstance(content, dict) or not isinstance(content.get('data'), list):
        raise InputError(f"{path}: expected {{'data': [frames]}}, got {content!r:.60}")
    if (got := content.get('label_index', label)) != label:
        raise InputError(f'{path}: expected label_index {label} as in the label file, got {got!r:.60}')
    frames: dict[int, np.ndarray] = {}
    for position, frame in enumerate(content['data']):
        where = f'{path}: entry {position} of data'
        try:
            index = operator.index(frame['frame_index'])
            rows = [[*person['pose'], *person['score']] for person in frame['skeleton']]
            values = np.array(rows, dtype=np.float64).reshape(len(rows), 3 * NUM_JOINTS)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise InputError(
                f"{where}: expected {{'frame_index', 'skeleton': [{{'pose', 'score'}}]}} with {2 * NUM_JOINTS} and "
                f'{NUM_JOINTS} numbers, got {frame!r:.80}'
            ) from None
        if index in frames:
            raise InputError(f'{where}: expected a frame_index of its own, got {index} again')
        pose, score = values[:, : 2 * NUM_JOINTS].reshape(-1, NUM_JOINTS, 2), values[:, 2 * NUM_JOINTS :, None]
        # Joints may lie a little outside of the image; pixels are far outside.
        if not (np.isfinite(values).all() and (np.abs(pose - 0.5) <= 1.5).all() and (score >= 0).all()):
            raise InputError(
                f"{where}: expected 'pose' in shares of the image, 0 to 1, and 'score' of at least 0, got "
                f'{pose.min():g} to {pose.max():g} and {score.min():g}'
            )
        score = score * pose.any(axis=-1, keepdims=True)
        frames[index] = np.concatenate([pose, score], axis=-1)
    if not frames:
        raise InputError(f"{path}: expected at least one frame, got an empty 'data'")
    first, last = min(frames), max(frames)
    if last - first >= MAX_FRAMES:
        raise InputError(f'{path}: expected at most {MAX_FRAMES} frames, got frame_index {first} to {last}')
    nobody = np.zeros((0, NUM_JOINTS, 3))
    return [frames.get(index, nobody) for index in range(first, last + 1)]


def find_kinetics_recordings(root: Path) -> list[tuple[str, str, int]]:
    """Name, part and label of the recordings of the ten classes in ST-GCN's folder, from its two label files.

    ``kinetics_train_label.json`` and ``kinetics_val_label.json`` say ``{id: {"has_skeleton", "label",
    "label_index"}}``; the skeletons are ``kinetics_train/{id}.json`` and ``kinetics_val/{id}.json``.
    Those with ``has_skeleton`` false have none and are left out.

    Raises:
        FileNotFoundError: If a label file is missing.
        InputError: If a label file is not of this structure, or numbers the classes otherwise.
    """
    recordings = []
    for part in PARTS:
        file = root / f'kinetics_{part}_label.json'
        if not file.is_file():
            raise FileNotFoundError(
                f'{file}: not found; expected kinetics_{{train,val}}_label.json and the folders kinetics_{{train,val}} '
                f'in {root}, as in the archive of ST-GCN'
            )
        content = load_json(file)
        if not isinstance(content, dict):
            raise InputError(f'{file}: expected {{id: {{has_skeleton, label, label_index}}}}, got {content!r:.60}')
        for name, entry in content.items():
            label = _label(entry, f'{file}: {name!r}')
            if label in K400_CLASSES and entry.get('has_skeleton', True):
                recordings.append((name, part, label))
    return recordings


def _label(entry: Any, where: str) -> int:
    label = entry.get('label_index') if isinstance(entry, dict) else None
    if not isinstance(label, int) or isinstance(label, bool):
        raise InputError(f"{where}: expected {{'has_skeleton', 'label', 'label_index': number}}, got {entry!r:.60}")
    # Numbers from 1, or in another order, must not become other classes unseen.
    name, expected = _letters(entry.get('label', '')), _letters(K400_CLASSES.get(label, ''))
    if name and name != expected and (expected or name in map(_letters, CLASSES)):
        raise InputError(
            f'{where}: label {entry["label"]!r} has label_index {label}; expected the labels of Kinetics-400 from 0 in '
            f'alphabetical order, {K400_CLASSES}'
        )
    return label


def _letters(name: object) -> str:
    return ''.join(letter for letter in str(name).lower() if letter.isalpha())


def convert_kinetics10(
    source: str | os.PathLike, progress: Progress = no_progress, skip_bad: bool = False
) -> Conversion:
    """Convert the ten classes to annotations of the two persons who most likely interact.

    Args:
        source: ST-GCN's folder, see :func:`find_kinetics_recordings`, or PYSKL's ``k400_hrnet.pkl``, see :mod:`.pyskl`.
        progress, skip_bad: See :class:`~..protocol.Converter`.

    Returns:
        The splits are ``train`` and ``val``. ``keypoint_score`` is 0 where a joint is missing, and its coordinates
        are 0, too.

    Raises:
        FileNotFoundError: If the data is not there.
        InputError: If it is not of either format, or has none of the ten classes.
    """
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"{path}: not found; expected ST-GCN's folder or PYSKL's k400_hrnet.pkl")
    items: list[Any]
    if path.is_dir():
        title, layout, units = "ST-GCN's kinetics-skeleton (OpenPose)", 'openpose18', 'image share'
        items, convert = find_kinetics_recordings(path), partial(_from_stgcn, path)
        split = {part: [name for name, its_part, _ in items if its_part == part] for part in PARTS}
    else:
        title, layout, units = "PYSKL's k400_hrnet.pkl (HRNet)", 'coco17', 'pixel'
        parts = {part: list_pyskl(path, part, set(K400_CLASSES)) for part in PARTS}
        items, convert = [item for part in PARTS for item in parts[part]], partial(_from_pyskl, path)
        split = {part: [item['frame_dir'] for item in parts[part]] for part in PARTS}
    if not items:
        raise InputError(f'{path}: expected recordings of the ten classes {K400_CLASSES}, got none')
    meta = {'layout': layout, 'classes': list(CLASSES), 'source': f'Kinetics-400, {title}', 'units': units}
    conversion = Conversion(split, meta)
    conversion.annotations = convert_each(items, convert, conversion, path, progress, skip_bad)
    return conversion


def _from_stgcn(root: Path, item: tuple[str, str, int]) -> dict:
    name, part, label = item
    return _sample(name, label, read_kinetics_skeleton(root / f'kinetics_{part}' / f'{name}.json', label))


def _from_pyskl(path: Path, annotation: dict) -> dict:
    poses, img_shape = read_pyskl(path, annotation)
    sample = _sample(annotation['frame_dir'], int(annotation['label']), poses)
    return {**sample, 'img_shape': img_shape, 'original_shape': img_shape}


def _sample(name: str, label: int, poses: list[np.ndarray]) -> dict:
    """The two persons who most likely interact, and the new label."""
    keypoint, score = persons_in_film(poses)
    return {
        'frame_dir': name,
        'label': list(K400_CLASSES).index(label),
        'total_frames': len(poses),
        'keypoint': keypoint,
        'keypoint_score': score,
    }


CONVERTER = Converter(
    title='Kinetics-10, of Kinetics-400',
    source="ST-GCN's folder that holds kinetics_train, or PYSKL's k400_hrnet.pkl",
    out='data/kinetics/kinetics10.pkl',
    convert=convert_kinetics10,
    skip_bad=True,
)
