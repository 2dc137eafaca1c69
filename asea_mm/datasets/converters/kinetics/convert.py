"""Kinetics-10: the two-person classes of Kinetics-400 from ST-GCN's skeletons or PYSKL's HRNet poses.

Ten classes as in ASEA, section 4.1. The skeletons of ST-GCN (Yan et al., AAAI 2018) are OpenPose's, those of PYSKL
(Duan et al., ACM MM 2022) are HRNet's.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import InputError
from ...recordings.json_forms import load_json
from ...recordings.persons import persons_in_film
from ..protocol import Conversion, Converter, OnProblem, Problems, Progress, convert_each, no_progress
from .pyskl import PysklPoses

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
# ST-GCN's recordings have at most 300 frames; a frame number far beyond is a damaged file and would fill the memory.
MAX_FRAMES = 3000

_NEW_LABELS = {old: new for new, old in enumerate(K400_CLASSES)}


@dataclass(frozen=True)
class KineticsRecording:
    """A recording still to be read: to its poses, ``(P_t, V, 3)`` per frame, and the image's shape if known."""

    name: str
    part: str
    label: int
    read: Callable[[], tuple[list[np.ndarray], tuple[int, int] | None]]


def read_kinetics_skeleton(path: str | os.PathLike, label: int | None = None) -> list[np.ndarray]:
    """Read one JSON file of ST-GCN's kinetics-skeleton.

    ``{"data": [{"frame_index": 1, "skeleton": [{"pose": [x, y, ...], "score": [...]}]}], "label_index": 44}``: 18
    joints, coordinates as shares of the image. A joint at (0, 0) or with score 0 is missing. The first frame listed is
    frame 0; frames not listed have nobody in them.

    Args:
        path: The file.
        label: Its ``label_index`` must be this one, if it has any.

    Shapes:
        returns T arrays ``(P_t, 18, 3)``: x, y and score, all 0 where a joint is missing

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is not of this structure, or of another label; the message names the file and the frame.
    """
    content = load_json(Path(path))
    if not isinstance(content, dict) or not isinstance(content.get('data'), list):
        raise InputError(f"{path}: expected {{'data': [frames]}}, got {content!r:.60}")
    if label is not None and content.get('label_index', label) != label:
        got = content['label_index']
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
        missing = (score == 0) | (pose == 0).all(axis=-1, keepdims=True)
        frames[index] = np.where(missing, 0, np.concatenate([pose, score], axis=-1))
    if not frames:
        raise InputError(f"{path}: expected at least one frame, got an empty 'data'")
    first, last = min(frames), max(frames)
    if last - first >= MAX_FRAMES:
        raise InputError(f'{path}: expected at most {MAX_FRAMES} frames, got frame_index {first} to {last}')
    nobody = np.zeros((0, NUM_JOINTS, 3))
    return [frames.get(index, nobody) for index in range(first, last + 1)]


def find_kinetics_recordings(root: str | os.PathLike) -> list[KineticsRecording]:
    """List the recordings of the ten classes in ST-GCN's folder, from its two label files.

    ``kinetics_train_label.json`` and ``kinetics_val_label.json`` say ``{id: {"has_skeleton", "label",
    "label_index"}}``; the skeletons are ``kinetics_train/{id}.json`` and ``kinetics_val/{id}.json``.
    Those with ``has_skeleton`` false have none and are left out.

    Raises:
        FileNotFoundError: If a label file is missing.
        InputError: If a label file is not of this structure, numbers the classes otherwise, or has none of the ten.
    """
    root = Path(root)
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
                read = partial(_read_stgcn, root / f'kinetics_{part}' / f'{name}.json', label)
                recordings.append(KineticsRecording(name, part, _NEW_LABELS[label], read))
    if not recordings:
        raise InputError(f'{root}: none of the recordings in the label files is of the ten classes {list(CLASSES)}')
    return recordings


def _read_stgcn(path: Path, label: int) -> tuple[list[np.ndarray], None]:
    return read_kinetics_skeleton(path, label), None


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


def _pyskl_recordings(poses: PysklPoses) -> Iterator[KineticsRecording]:
    for part in PARTS:
        for annotation in poses.annotations(part, set(K400_CLASSES)):
            new_label = _NEW_LABELS[int(annotation['label'])]
            yield KineticsRecording(annotation['frame_dir'], part, new_label, partial(poses.read, annotation))


def convert_kinetics10(
    source: str | os.PathLike, progress: Progress = no_progress, on_problem: OnProblem | None = None
) -> Conversion:
    """Convert the ten classes to annotations of the two persons who most likely interact.

    Args:
        source: ST-GCN's folder, see :func:`find_kinetics_recordings`, or PYSKL's ``k400_hrnet.pkl``, see
            :class:`~.pyskl.PysklPoses`.
        progress, on_problem: See :class:`~..protocol.Converter`.

    Returns:
        The splits are ``train`` and ``val``. ``keypoint_score`` is 0 where a joint is missing, and its coordinates
        are 0, too.

    Raises:
        FileNotFoundError: If the data is not there.
        InputError: If it is not of either format.
    """
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"{path}: not found; expected ST-GCN's folder or PYSKL's k400_hrnet.pkl")
    if path.is_dir():
        recordings, layout, units = find_kinetics_recordings(path), 'openpose18', 'image share'
        title = "Kinetics-400, ST-GCN's kinetics-skeleton (OpenPose)"
    else:
        recordings, layout, units = list(_pyskl_recordings(PysklPoses(path))), 'coco17', 'pixel'
        title = "Kinetics-400, PYSKL's k400_hrnet.pkl (HRNet)"
        if not recordings:
            raise InputError(f'{path}: no recording of train and val is of the ten classes {K400_CLASSES}')
    problems = Problems(path, on_problem)
    by_name: dict[str, KineticsRecording] = {}
    for recording in recordings:
        if by_name.setdefault(recording.name, recording) is not recording:
            problems.add(f'{path}: expected every recording once, got {recording.name!r} again')
    split = {part: [name for name in by_name if by_name[name].part == part] for part in PARTS}
    meta = {'layout': layout, 'classes': list(CLASSES), 'source': title, 'units': units}
    return convert_each([*by_name.values()], partial(_convert_recording, path), split, meta, problems, progress)


def _convert_recording(path: Path, recording: KineticsRecording) -> dict:
    poses, img_shape = recording.read()
    keypoint, score = persons_in_film(poses)
    if not keypoint.any():
        raise InputError(f'{path}: recording {recording.name!r}: nobody is in any frame')
    sample = {
        'frame_dir': recording.name,
        'label': recording.label,
        'total_frames': keypoint.shape[1],
        'keypoint': keypoint,
        'keypoint_score': score,
    }
    return sample if img_shape is None else {**sample, 'img_shape': img_shape, 'original_shape': img_shape}


CONVERTER = Converter(
    title='Kinetics-10, of Kinetics-400',
    source="ST-GCN's folder that holds kinetics_train, or PYSKL's k400_hrnet.pkl",
    out='data/kinetics/kinetics10.pkl',
    convert=convert_kinetics10,
    skip_bad=True,
)
