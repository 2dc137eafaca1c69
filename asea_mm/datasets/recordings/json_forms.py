"""A user's recording as JSON: our own form, and the forms of pose estimators, told apart by their structure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...skeletons import SKELETONS, Skeleton
from .recording import UNTRACKED, Detection, Recording, assemble, read_fps

OPENPOSE_FILE = re.compile(r'(?P<video>.*?)_?(?P<frame>\d+)_keypoints\.json')
_IN_IMAGES = ('coco17', 'openpose18', 'body25')
_FORMS = (
    '{"frames": [...]}, mmpose\'s {"instance_info": [...]} or [{"instances": [...]}], '
    'or COCO results [{"image_id", "keypoints"}]'
)


def load_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        ValueError: If it is not JSON; names the file and the line.
    """
    try:
        return json.loads(path.read_text(encoding='utf-8-sig'))
    except json.JSONDecodeError as error:
        raise InputError(f'{path}, line {error.lineno}: expected JSON, got an error: {error.msg}') from None
    except UnicodeDecodeError:
        raise InputError(f'{path}: expected JSON in UTF-8, got other or binary data') from None
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, thousands of brackets
        raise InputError(f'{path}: expected JSON of keypoints, got {f"{error}"[:80]}') from None


def read_json(path: Path, skeleton: Skeleton) -> Recording:
    """Read a recording in one JSON file, in whichever form.

    Raises:
        ValueError: If it has none of the forms or something is wrong; names the file and the place in it.
    """
    content = load_json(path)
    if isinstance(content, dict) and 'frames' in content:
        return _read_own(content, skeleton, str(path))
    if isinstance(content, dict) and 'instance_info' in content:
        return _read_mmpose(content['instance_info'], 'instance_info', skeleton, str(path))
    if isinstance(content, dict) and 'people' in content:
        raise InputError(
            f'{path}: expected OpenPose files named NAME_000000000000_keypoints.json, all frames of a recording '
            f'in a folder of their own, got one file of another name'
        )
    first = content[0] if isinstance(content, list) and content else None
    if isinstance(first, dict) and 'instances' in first:
        return _read_mmpose(content, '', skeleton, str(path))
    if isinstance(first, dict) and 'image_id' in first:
        return _read_coco(content, skeleton, str(path))
    if isinstance(content, dict):
        found = f'an object with the keys {list(content)[:6]}'
    elif isinstance(first, dict):
        found = f'a list of objects with the keys {list(first)[:6]}'
    else:
        found = f'{type(content).__name__} {content!r:.40}'
    raise InputError(f'{path}: expected {_FORMS}, got {found}')


def _items(value: Any, where: str, key: str = '') -> list:
    """A list, of ``value`` or of what it has under a key."""
    if key:
        if not isinstance(value, dict) or key not in value:
            found = f'the keys {list(value)[:6]}' if isinstance(value, dict) else type(value).__name__
            raise InputError(f'{where}: expected an object with {key!r}, got {found}')
        value, where = value[key], f'{where}, {key}'
    if not isinstance(value, list):
        raise InputError(f'{where}: expected a list, got {type(value).__name__} {value!r:.40}')
    return value


def _numbers(values: list, where: str) -> np.ndarray:
    """A list of numbers, null for NaN."""
    for index, value in enumerate(values):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise InputError(f'{where}[{index}]: expected a number or null, got {type(value).__name__} {value!r:.40}')
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:
        raise InputError(f'{where}: expected finite numbers, got one of hundreds of digits') from None


def _points(value: Any, where: str, skeleton: Skeleton) -> np.ndarray:
    """Joints as ``[[x, y], ...]`` or ``[[x, y, z], ...]``."""
    points = _items(value, where)
    if len(points) != skeleton.num_joints:
        raise InputError(f'{where}: expected {skeleton.num_joints} joints of {skeleton.name!r}, got {len(points)}')
    channels = len(points[0]) if isinstance(points[0], list) else 0
    for joint, point in enumerate(points):
        if not isinstance(point, list) or len(point) not in (2, 3) or len(point) != channels:
            raise InputError(f'{where}[{joint}]: expected [x, y] or [x, y, z], alike for all joints, got {point!r:.60}')
    return np.stack([_numbers(point, f'{where}[{joint}]') for joint, point in enumerate(points)])


def _scores(value: Any, where: str, skeleton: Skeleton) -> np.ndarray | None:
    if value is None:
        return None
    scores = _items(value, where)
    if len(scores) != skeleton.num_joints:
        raise InputError(f'{where}: expected {skeleton.num_joints} scores, one a joint, got {len(scores)}')
    return _numbers(scores, where)


def _triples(value: Any, where: str, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Joints as one list x, y, score, x, y, score, ..."""
    numbers = _items(value, where)
    if len(numbers) != 3 * skeleton.num_joints:
        others = [name for name in _IN_IMAGES if len(numbers) == 3 * SKELETONS[name].num_joints]
        fix = f'; --layout {others[0]} has as many' if others else ''
        raise InputError(
            f'{where}: expected {3 * skeleton.num_joints} numbers, x, y, score of {skeleton.num_joints} joints of '
            f'{skeleton.name!r}, got {len(numbers)}{fix}'
        )
    values = _numbers(numbers, where).reshape(-1, 3)
    return values[:, :2], values[:, 2]


def _identity(value: Any, where: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():  # a table's numbers often are
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise InputError(f'{where}: expected an id, a whole number or a text, got {value!r:.40}')
    return UNTRACKED if isinstance(value, int) and value < 0 else str(value)


def _read_own(content: dict, skeleton: Skeleton, source: str) -> Recording:
    frames = _items(content, source, 'frames')
    detections = []
    for number, frame in enumerate(frames):
        for index, person in enumerate(_items(frame, f'{source}, frames[{number}]', 'persons')):
            place = f'frames[{number}].persons[{index}]'
            where = f'{source}, {place}'
            if not isinstance(person, dict) or 'keypoint' not in person:
                raise InputError(f"{where}: expected an object with 'keypoint', got {person!r:.60}")
            keypoint = _points(person['keypoint'], f'{where}.keypoint', skeleton)
            score = _scores(person.get('score'), f'{where}.score', skeleton)
            detections.append(Detection(number, _identity(person.get('id'), f'{where}.id'), keypoint, score, place))
    return assemble(detections, range(len(frames)), source, read_fps(content.get('fps'), source))


def _read_mmpose(content: Any, key: str, skeleton: Skeleton, source: str) -> Recording:
    frames = _items(content, f'{source}, {key}' if key else source)
    detections: list[Detection] = []
    seen: set[int] = set()
    for position, frame in enumerate(frames):
        place = f'{key}[{position}]'
        instances = _items(frame, f'{source}, {place}', 'instances')
        number = frame.get('frame_id', position)
        if isinstance(number, bool) or not isinstance(number, int):
            raise InputError(f'{source}, {place}.frame_id: expected a whole number, got {number!r:.40}')
        if number in seen:
            raise InputError(f'{source}, {place}.frame_id: expected every frame once, got {number} again')
        seen.add(number)
        for index, person in enumerate(instances):
            where = f'{source}, {place}.instances[{index}]'
            if not isinstance(person, dict) or 'keypoints' not in person:
                raise InputError(f"{where}: expected an object with 'keypoints', got {person!r:.60}")
            keypoint = _points(person['keypoints'], f'{where}.keypoints', skeleton)
            score = _scores(person.get('keypoint_scores'), f'{where}.keypoint_scores', skeleton)
            identity = _identity(person.get('track_id'), f'{where}.track_id')
            detections.append(Detection(number, identity, keypoint, score, f'{place}.instances[{index}]'))
    return assemble(detections, seen, source)


def _read_coco(content: Sequence[Any], skeleton: Skeleton, source: str) -> Recording:
    detections = []
    numbers: dict[int | str, int] = {}
    for index, result in enumerate(content):
        place = f'[{index}]'
        where = f'{source}, {place}'
        if not isinstance(result, dict) or 'image_id' not in result or 'keypoints' not in result:
            raise InputError(f"{where}: expected an object with 'image_id' and 'keypoints', got {result!r:.60}")
        image = result['image_id']
        if not isinstance(image, int | str) or image not in numbers:
            numbers[image] = _image_number(image, f'{where}.image_id')
        keypoint, score = _triples(result['keypoints'], f'{where}.keypoints', skeleton)
        identity = _identity(result.get('track_id'), f'{where}.track_id')
        detections.append(Detection(numbers[image], identity, keypoint, score, place))
    if len(set(numbers.values())) < len(numbers):
        raise InputError(
            f'{source}: expected the images of one video, got different image_id with the same number; '
            f'write one file for each video'
        )
    return assemble(detections, (), source)


def _image_number(image: Any, where: str) -> int:
    """The frame of an image: its number, or the last number in its name, as in ``video/000012.jpg``."""
    if isinstance(image, int) and not isinstance(image, bool):
        return image
    if isinstance(image, str) and (digits := re.findall(r'[0-9]{1,18}', Path(image).stem)):
        return int(digits[-1])
    raise InputError(f'{where}: expected a number or a file name with the number of the frame, got {image!r:.60}')


def read_openpose(folder: Path, skeleton: Skeleton) -> Recording:
    """Read a folder of OpenPose's files, one a frame: ``NAME_000000000012_keypoints.json``.

    Persons are told apart by ``person_id`` where all have one, else linked from frame to frame.

    Raises:
        ValueError: If a file is wrong, or they are of more than one video; names the file.
    """
    detections: list[Detection] = []
    numbers: dict[int, Path] = {}
    videos: set[str] = set()
    for path in sorted(folder.iterdir()):
        if not (match := OPENPOSE_FILE.fullmatch(path.name)):
            continue
        frame = int(match['frame'][-18:])
        videos.add(match['video'])
        if (before := numbers.setdefault(frame, path)) != path:
            fix = 'give each video its folder' if len(videos) > 1 else 'every frame may be there once'
            raise InputError(f'{path}: frame {frame} is also in {before.name}; {fix}')
        for index, person in enumerate(_items(load_json(path), str(path), 'people')):
            where = f'{path}, people[{index}]'
            if not isinstance(person, dict) or 'pose_keypoints_2d' not in person:
                raise InputError(f"{where}: expected an object with 'pose_keypoints_2d', got {person!r:.60}")
            keypoint, score = _triples(person['pose_keypoints_2d'], f'{where}.pose_keypoints_2d', skeleton)
            place = f'{path.name}, people[{index}]'
            detections.append(Detection(frame, _openpose_person(person), keypoint, score, place))
    if len(videos) > 1:
        raise InputError(f'{folder}: expected the frames of one video, got {sorted(videos)[:3]}; give each its folder')
    return assemble(detections, numbers, str(folder))


def _openpose_person(person: dict) -> str:
    identity = person.get('person_id')
    if isinstance(identity, list) and len(identity) == 1:
        identity = identity[0]
    known = isinstance(identity, int) and not isinstance(identity, bool) and 0 <= identity < 10**9
    return str(identity) if known else UNTRACKED
