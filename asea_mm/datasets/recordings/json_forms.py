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
from .recording import Detection, Recording, assemble, read_fps

OPENPOSE_FILE = re.compile(r'(?P<video>.*?)_?(?P<frame>\d+)_keypoints\.json')
_IN_IMAGES = ('coco17', 'openpose18', 'body25')
_FORMS = (
    '{"frames": [...]}, mmpose\'s {"instance_info": [...]} or [{"instances": [...]}], '
    'or COCO results [{"image_id", "keypoints"}]'
)


def load_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: If it is not JSON; names the file and the line.
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
        InputError: If it has none of the forms or something is wrong; names the file and the place in it.
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
    got = _shown(content)
    if isinstance(content, dict):
        got = f'an object with the keys {list(content)[:6]}'
    elif isinstance(first, dict):
        got = f'a list of objects with the keys {list(first)[:6]}'
    raise InputError(f'{path}: expected {_FORMS}, got {got}')


def _value(container: Any, key: str, where: str) -> Any:
    """What an object has under a key."""
    if not isinstance(container, dict) or key not in container:
        got = f'the keys {list(container)[:6]}' if isinstance(container, dict) else _shown(container)
        raise InputError(f'{where}: expected an object with {key!r}, got {got}')
    return container[key]


def _items(value: Any, where: str, count: int | None = None, what: str = 'items') -> list:
    """A list, maybe of so many items."""
    if not isinstance(value, list):
        raise InputError(f'{where}: expected a list, got {_shown(value)}')
    if count is not None and len(value) != count:
        raise InputError(f'{where}: expected {count} {what}, got {len(value)}')
    return value


def _shown(value: Any) -> str:
    return f'{type(value).__name__} {value!r:.40}'


def _numbers(values: list, where: str) -> np.ndarray:
    """A list of numbers, null for NaN."""
    for index, value in enumerate(values):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise InputError(f'{where}[{index}]: expected a number or null, got {_shown(value)}')
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:
        raise InputError(f'{where}: expected finite numbers, got one of hundreds of digits') from None


def _whole(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f'{where}: expected a whole number, got {value!r:.40}')
    return value


def _points(value: Any, where: str, skeleton: Skeleton) -> np.ndarray:
    """Joints as ``[[x, y], ...]`` or ``[[x, y, z], ...]``."""
    points = _items(value, where, skeleton.num_joints, f'joints of {skeleton.name!r}')
    channels = len(points[0]) if isinstance(points[0], list) else 0
    for joint, point in enumerate(points):
        if not isinstance(point, list) or len(point) not in (2, 3) or len(point) != channels:
            raise InputError(f'{where}[{joint}]: expected [x, y] or [x, y, z], alike for all joints, got {point!r:.60}')
    return np.stack([_numbers(point, f'{where}[{joint}]') for joint, point in enumerate(points)])


def _scores(value: Any, where: str, skeleton: Skeleton) -> np.ndarray | None:
    if value is None:
        return None
    return _numbers(_items(value, where, skeleton.num_joints, 'scores, one a joint'), where)


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
    """An id; None where there is none, or it is negative: not tracked."""
    if isinstance(value, float) and value.is_integer():  # a table's numbers often are
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str | None):
        raise InputError(f'{where}: expected an id, a whole number or a text, got {value!r:.40}')
    return None if value is None or (isinstance(value, int) and value < 0) else str(value)


def _body(
    person: Any, keys: tuple[str, str, str], frame: int, place: str, skeleton: Skeleton, source: str
) -> Detection:
    """A body with points, maybe scores and maybe an id, under these keys."""
    where = f'{source}, {place}'
    keypoint = _points(_value(person, keys[0], where), f'{where}.{keys[0]}', skeleton)
    score = _scores(person.get(keys[1]), f'{where}.{keys[1]}', skeleton)
    return Detection(frame, _identity(person.get(keys[2]), f'{where}.{keys[2]}'), keypoint, score, place)


def _read_own(content: dict, skeleton: Skeleton, source: str) -> Recording:
    frames = _items(content['frames'], f'{source}, frames')
    detections = []
    for number, frame in enumerate(frames):
        where = f'{source}, frames[{number}]'
        for index, person in enumerate(_items(_value(frame, 'persons', where), f'{where}, persons')):
            place = f'frames[{number}].persons[{index}]'
            detections.append(_body(person, ('keypoint', 'score', 'id'), number, place, skeleton, source))
    return assemble(detections, range(len(frames)), skeleton, source, read_fps(content.get('fps'), source))


def _read_mmpose(content: Any, key: str, skeleton: Skeleton, source: str) -> Recording:
    keys = ('keypoints', 'keypoint_scores', 'track_id')
    detections: list[Detection] = []
    seen: set[int] = set()
    for position, frame in enumerate(_items(content, f'{source}, {key}' if key else source)):
        place = f'{key}[{position}]'
        instances = _items(_value(frame, 'instances', f'{source}, {place}'), f'{source}, {place}, instances')
        number = _whole(frame.get('frame_id', position), f'{source}, {place}.frame_id')
        if number in seen:
            raise InputError(f'{source}, {place}.frame_id: expected every frame once, got {number} again')
        seen.add(number)
        for index, person in enumerate(instances):
            detections.append(_body(person, keys, number, f'{place}.instances[{index}]', skeleton, source))
    return assemble(detections, seen, skeleton, source)


def _read_coco(content: Sequence[Any], skeleton: Skeleton, source: str) -> Recording:
    detections = []
    numbers: dict[int | str, int] = {}
    for index, body in enumerate(content):
        place = f'[{index}]'
        where = f'{source}, {place}'
        image = _value(body, 'image_id', where)
        if not isinstance(image, int | str) or image not in numbers:
            numbers[image] = _image_number(image, f'{where}.image_id')
        keypoint, score = _triples(_value(body, 'keypoints', where), f'{where}.keypoints', skeleton)
        identity = _identity(body.get('track_id'), f'{where}.track_id')
        detections.append(Detection(numbers[image], identity, keypoint, score, place))
    if len(set(numbers.values())) < len(numbers):
        raise InputError(
            f'{source}: expected the images of one video, got different image_id with the same number; '
            f'write one file for each video'
        )
    return assemble(detections, (), skeleton, source)


def _image_number(image: Any, where: str) -> int:
    """The frame of an image: its number, or the last number in its name, as in ``video/000012.jpg``."""
    if isinstance(image, int) and not isinstance(image, bool):
        return image
    if isinstance(image, str) and (digits := re.findall(r'[0-9]{1,18}', Path(image).stem)):
        return int(digits[-1])
    raise InputError(f'{where}: expected a number or a file name with the number of the frame, got {image!r:.60}')


def read_openpose(folder: Path, skeleton: Skeleton) -> Recording:
    """Read a folder of OpenPose's files, one a frame: ``NAME_000000000012_keypoints.json``.

    Persons are told apart by ``person_id`` where they have one that is not -1, else linked from frame to frame.

    Raises:
        InputError: If a file is wrong, or they are of more than one video; names the file.
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
        for index, person in enumerate(_items(_value(load_json(path), 'people', str(path)), f'{path}, people')):
            place = f'people[{index}]'
            triples = _value(person, 'pose_keypoints_2d', f'{path}, {place}')
            keypoint, score = _triples(triples, f'{path}, {place}.pose_keypoints_2d', skeleton)
            identity = person.get('person_id')
            if isinstance(identity, list) and len(identity) == 1:
                identity = identity[0]
            if isinstance(identity, bool) or not isinstance(identity, int) or not 0 <= identity < 10**9:
                identity = None
            detections.append(Detection(frame, _identity(identity, ''), keypoint, score, f'{path.name}, {place}'))
    if len(videos) > 1:
        raise InputError(f'{folder}: expected the frames of one video, got {sorted(videos)[:3]}; give each its folder')
    return assemble(detections, numbers, skeleton, str(folder))
