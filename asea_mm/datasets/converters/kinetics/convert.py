"""Kinetics-10: the two-person classes of Kinetics-400 from ST-GCN's skeletons or PYSKL's HRNet poses.

Ten classes as in ASEA, section 4.1. The skeletons of ST-GCN (Yan et al., AAAI 2018) are OpenPose's, those of PYSKL
(Duan et al., ACM MM 2022) are HRNet's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import InputError
from ...recordings.persons import persons_in_film
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
# ST-GCN's clips have at most 300 frames; a frame number far beyond is a damaged file and would fill the memory.
MAX_FRAMES = 3000

_NEW_LABELS = {old: new for new, old in enumerate(K400_CLASSES)}


@dataclass(frozen=True)
class Clip:
    """A clip still to be read: to its poses, one array ``(P_t, V, 3)`` per frame, and the image's shape if known."""

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
        ValueError: If it is not of this structure, or of another label; the message names the file and the frame.
    """
    content = _read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get('data'), list):
        raise InputError(f"{path}: expected {{'data': [frames]}}, got {_shown(content)}")
    found_label = content.get('label_index', label)
    if label is not None and found_label != label:
        raise InputError(f'{path}: expected label_index {label} as in the label file, got {_shown(found_label)}')
    frames: dict[int, np.ndarray] = {}
    for position, frame in enumerate(content['data']):
        where = f'{path}: entry {position} of data'
        if not isinstance(frame, dict) or not isinstance(frame.get('skeleton'), list):
            raise InputError(f"{where}: expected {{'frame_index', 'skeleton': [...]}}, got {_shown(frame)}")
        index = frame.get('frame_index')
        if not isinstance(index, int) or isinstance(index, bool) or index in frames:
            raise InputError(f'{where}: expected a frame_index of its own, got {_shown(index)}')
        poses = [_pose(person, f'{where}, skeleton {number}') for number, person in enumerate(frame['skeleton'])]
        frames[index] = np.stack(poses) if poses else np.zeros((0, NUM_JOINTS, 3))
    if not frames:
        raise InputError(f"{path}: expected at least one frame, got an empty 'data'")
    first, last = min(frames), max(frames)
    if last - first >= MAX_FRAMES:
        raise InputError(f'{path}: expected at most {MAX_FRAMES} frames, got frame_index {first} to {last}')
    nobody = np.zeros((0, NUM_JOINTS, 3))
    return [frames.get(index, nobody) for index in range(first, last + 1)]


def _read_json(path: str | os.PathLike) -> Any:
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file')
    try:
        return json.loads(path.read_text(encoding='utf-8-sig'))
    except UnicodeDecodeError:
        raise InputError(f'{path}: expected JSON, got binary data') from None
    except (ValueError, RecursionError) as error:
        raise InputError(f'{path}: expected JSON, got a damaged or truncated file ({error})') from None


def _shown(value: Any) -> str:
    text = f'{type(value).__name__} {value!r}' if not isinstance(value, dict) else f'a dict with the keys {list(value)}'
    return text if len(text) <= 80 else f'{text[:80]}...'


def _pose(person: Any, where: str) -> np.ndarray:
    if not isinstance(person, dict):
        raise InputError(f"{where}: expected {{'pose', 'score'}}, got {_shown(person)}")
    pose = _numbers(person, 'pose', 2 * NUM_JOINTS, where).reshape(NUM_JOINTS, 2)
    score = _numbers(person, 'score', NUM_JOINTS, where)
    # Joints may lie a little outside of the image; pixels are far outside.
    if pose.min() < -1 or pose.max() > 2:
        raise InputError(
            f"{where}: expected 'pose' in shares of the image, 0 to 1, got {pose.min():g} to {pose.max():g}"
        )
    if score.min() < 0:
        raise InputError(f"{where}: expected 'score' of at least 0, got {score.min():g}")
    missing = (score == 0) | (pose == 0).all(axis=1)
    return np.where(missing[:, None], 0, np.column_stack([pose, score]))


def _numbers(person: dict, key: str, count: int, where: str) -> np.ndarray:
    values = person.get(key)
    if not isinstance(values, list) or len(values) != count:
        got = f'{len(values)}' if isinstance(values, list) else _shown(values)
        raise InputError(f'{where}: expected {count} numbers in {key!r} ({NUM_JOINTS} joints), got {got}')
    for index, value in enumerate(values):
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e6:  # NaN is not, either
            raise InputError(f'{where}: expected a finite number at {key}[{index}], got {_shown(value)}')
    return np.array(values, dtype=np.float64)


def find_kinetics_clips(root: str | os.PathLike) -> list[Clip]:
    """List the clips of the ten classes in ST-GCN's folder, from its two label files.

    ``kinetics_train_label.json`` and ``kinetics_val_label.json`` say ``{id: {"has_skeleton", "label",
    "label_index"}}``; the skeletons are ``kinetics_train/{id}.json`` and ``kinetics_val/{id}.json``. Clips with
    ``has_skeleton`` false have none and are left out.

    Raises:
        FileNotFoundError: If the folder, a label file or a folder of skeletons is missing.
        ValueError: If a label file is not of this structure, numbers the classes otherwise, or has none of the ten.
    """
    root = Path(root)
    clips = []
    for part in PARTS:
        labels, folder = root / f'kinetics_{part}_label.json', root / f'kinetics_{part}'
        for path, there in ((labels, labels.is_file()), (folder, folder.is_dir())):
            if not there:
                raise FileNotFoundError(
                    f'{path}: not found; expected kinetics_{{train,val}}_label.json and the folders '
                    f'kinetics_{{train,val}} in {root}, as in the archive of ST-GCN'
                )
        content = _read_json(labels)
        if not isinstance(content, dict):
            raise InputError(f'{labels}: expected {{id: {{has_skeleton, label, label_index}}}}, got {_shown(content)}')
        for name, entry in content.items():
            label = _label(entry, f'{labels}: {name!r}')
            if label in K400_CLASSES and entry.get('has_skeleton', True):
                if not _is_file_name(name):
                    raise InputError(f'{labels}: expected the id of a clip, got {name!r}')
                read = partial(_read_stgcn, folder / f'{name}.json', label)
                clips.append(Clip(name, part, _NEW_LABELS[label], read))
    if not clips:
        raise InputError(f'{root}: none of the clips in the label files is of the ten classes {list(CLASSES)}')
    return clips


def _is_file_name(name: str) -> bool:
    return bool(name) and '\0' not in name and Path(name).name == name


def _read_stgcn(path: Path, label: int) -> tuple[list[np.ndarray], None]:
    return read_kinetics_skeleton(path, label), None


def _label(entry: Any, where: str) -> int:
    label = entry.get('label_index') if isinstance(entry, dict) else None
    if not isinstance(label, int) or isinstance(label, bool):
        raise InputError(f"{where}: expected {{'has_skeleton', 'label', 'label_index': number}}, got {_shown(entry)}")
    name = entry.get('label')
    if isinstance(name, str):  # numbers from 1, or in another order, must not become other classes unseen
        known = {_letters(K400_CLASSES.get(label, '')), _letters(name)}
        if len(known) > 1 and known & {_letters(each) for each in CLASSES}:
            raise InputError(
                f'{where}: label {name!r} has label_index {label}; expected the labels of Kinetics-400 from 0 in '
                f'alphabetical order, {K400_CLASSES}'
            )
    return label


def _letters(name: str) -> str:
    return ''.join(letter for letter in name.lower() if letter.isalpha())


def _pyskl_clips(poses: PysklPoses) -> Iterator[Clip]:
    for part in PARTS:
        for annotation in poses.annotations(part, set(K400_CLASSES)):
            new_label = _NEW_LABELS[int(annotation['label'])]
            yield Clip(annotation['frame_dir'], part, new_label, partial(poses.read, annotation))


def convert_kinetics10(
    path: str | os.PathLike,
    track: Callable[[Sequence], Iterable] = iter,
    report: Callable[[str], object] | None = None,
) -> tuple[list[dict], dict[str, list[str]], dict[str, Any]]:
    """Convert the ten classes to annotations of the two persons with the highest summed score in every clip.

    Args:
        path: ST-GCN's folder, see :func:`find_kinetics_clips`, or PYSKL's ``k400_hrnet.pkl``, see
            :class:`~.pyskl_kinetics.PysklPoses`.
        track: Wraps the list of clips, to show progress.
        report: Takes one message for every clip that cannot be read, which is then left out; None: the first such
            clip is an error.

    Returns:
        ``(annotations, split, meta)``; the splits are ``train`` and ``val``. ``keypoint_score`` is 0 where a joint is
        missing, and its coordinates are 0, too.

    Raises:
        FileNotFoundError: If the data is not there.
        ValueError: If it is not of either format, or no clip can be converted.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: not found; expected ST-GCN's folder or PYSKL's k400_hrnet.pkl")
    if path.is_dir():
        clips, layout, units = find_kinetics_clips(path), 'openpose18', 'image share'
        source = "Kinetics-400, ST-GCN's kinetics-skeleton (OpenPose)"
    else:
        clips, layout, units = list(_pyskl_clips(PysklPoses(path))), 'coco17', 'pixel'
        source = "Kinetics-400, PYSKL's k400_hrnet.pkl (HRNet)"
        if not clips:
            raise InputError(f'{path}: no clip of train and val is of the ten classes {K400_CLASSES}')
    annotations: list[dict] = []
    split: dict[str, list[str]] = {part: [] for part in PARTS}
    problems: list[str] = []
    taken: set[str] = set()
    for clip in track(clips):
        try:
            if clip.name in taken:
                raise InputError(f'{path}: clip {clip.name!r} is there more than once')
            poses, img_shape = clip.read()
            keypoint, score = persons_in_film(poses)
            if not keypoint.any():
                raise InputError(f'{path}: clip {clip.name!r}: nobody is in any frame')
        except (ValueError, OSError) as error:
            if report is None:
                raise
            problems.append(str(error))
            report(str(error))
            continue
        taken.add(clip.name)
        annotation = {
            'frame_dir': clip.name,
            'label': clip.label,
            'total_frames': keypoint.shape[1],
            'keypoint': keypoint,
            'keypoint_score': score,
        }
        if img_shape is not None:
            annotation.update(img_shape=img_shape, original_shape=img_shape)
        annotations.append(annotation)
        split[clip.part].append(clip.name)
    if not annotations:
        raise InputError(f'{path}: none of {len(clips)} clips could be converted; the first: {problems[0]}')
    meta = {'layout': layout, 'classes': list(CLASSES), 'source': source, 'units': units}
    return annotations, split, meta
