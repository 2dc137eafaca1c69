"""A user's recording as JSON: our own form, and the forms of pose estimators, told apart by their structure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

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
    except (ValueError, RecursionError) as error:  # no UTF-8, numbers of thousands of digits, thousands of brackets
        raise InputError(f'{path}: expected JSON in UTF-8, got {f"{error}"[:80]}') from None


@dataclass(frozen=True)
class _Node:
    """A value somewhere in a file; whatever it should be and is not is an error that names the place."""

    value: Any
    source: str
    place: str = ''

    def fail(self, expected: str) -> NoReturn:
        got = f'{type(self.value).__name__} {self.value!r:.40}'
        if isinstance(self.value, dict):
            got = f'an object with the keys {list(self.value)[:6]}'
        raise InputError(f'{self.source}{", " if self.place else ""}{self.place}: expected {expected}, got {got}')

    def get(self, key: str, default: Any = None) -> _Node:
        return _Node(self.value.get(key, default), self.source, f'{self.place}.{key}'.lstrip('.'))

    def __getitem__(self, key: str) -> _Node:
        if not isinstance(self.value, dict) or key not in self.value:
            self.fail(f'an object with {key!r}')
        return self.get(key)

    def __iter__(self) -> Iterator[_Node]:
        if not isinstance(self.value, list):
            self.fail('a list')
        for index, value in enumerate(self.value):
            yield _Node(value, self.source, f'{self.place}[{index}]')

    def array(self, *shapes: tuple[int, ...]) -> np.ndarray:
        """Nested lists of numbers, null for NaN, of one of these shapes."""
        numbers = np.array(self.value, dtype=object)
        if numbers.shape not in shapes:
            raise InputError(
                f'{self.source}, {self.place}: expected numbers of shape {" or ".join(map(str, shapes))}, got '
                f'{numbers.shape}'
            )
        for index, number in np.ndenumerate(numbers):
            if number is not None and type(number) not in (int, float):
                _Node(number, self.source, f'{self.place}{[*index]}').fail('a number or null')
        try:
            return numbers.astype(np.float64)
        except OverflowError:
            self.fail('finite numbers')

    def identity(self) -> str | None:
        """An id; None where there is none, or it is negative: not tracked."""
        value = self.value
        if isinstance(value, float) and value.is_integer():  # a table's numbers often are
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int | str | None):
            self.fail('an id, a whole number or a text')
        return None if value is None or (isinstance(value, int) and value < 0) else str(value)


def read_json(path: Path, skeleton: Skeleton) -> Recording:
    """Read a recording in one JSON file, in whichever form.

    Raises:
        InputError: If it has none of the forms or something is wrong; names the file and the place in it.
    """
    content = load_json(path)
    root = _Node(content, str(path))
    if isinstance(content, dict):
        if 'frames' in content:
            return _read_own(root, skeleton)
        if 'instance_info' in content:
            return _read_mmpose(root['instance_info'], skeleton)
        if 'people' in content:
            root.fail('OpenPose files named NAME_000000000000_keypoints.json, those of a recording in their own folder')
    elif isinstance(content, list) and content and isinstance(content[0], dict):
        if 'instances' in content[0]:
            return _read_mmpose(root, skeleton)
        if 'image_id' in content[0]:
            return _read_coco(root, skeleton)
    root.fail(_FORMS)


def _body(person: _Node, keys: tuple[str, str, str], frame: int, skeleton: Skeleton) -> Detection:
    """A body with points, maybe scores and maybe an id, under these keys."""
    joints = skeleton.num_joints
    keypoint, score, identity = (
        person[keys[0]].array((joints, 2), (joints, 3)),
        person.get(keys[1]),
        person.get(keys[2]),
    )
    scores = None if score.value is None else score.array((joints,))
    return Detection(frame, identity.identity(), keypoint, scores, person.place)


def _triples(numbers: _Node, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Joints as one list x, y, score, x, y, score, ..."""
    count = sum(1 for _ in numbers)
    if count != 3 * skeleton.num_joints:
        others = [name for name in _IN_IMAGES if count == 3 * SKELETONS[name].num_joints]
        raise InputError(
            f'{numbers.source}, {numbers.place}: expected {3 * skeleton.num_joints} numbers, x, y, score of '
            f'{skeleton.num_joints} joints of {skeleton.name!r}, got {count}'
            f'{f"; --layout {others[0]} has as many" if others else ""}'
        )
    values = numbers.array((count,)).reshape(-1, 3)
    return values[:, :2], values[:, 2]


def _read_own(root: _Node, skeleton: Skeleton) -> Recording:
    """``{"frames": [{"persons": [{"keypoint", "score", "id"}]}], "fps"}``."""
    frames = [frame['persons'] for frame in root['frames']]
    keys = ('keypoint', 'score', 'id')
    detections = [_body(person, keys, number, skeleton) for number, persons in enumerate(frames) for person in persons]
    return assemble(detections, range(len(frames)), skeleton, root.source, read_fps(root.get('fps').value, root.source))


def _read_mmpose(root: _Node, skeleton: Skeleton) -> Recording:
    """``[{"frame_id", "instances": [{"keypoints", "keypoint_scores", "track_id"}]}]``."""
    keys = ('keypoints', 'keypoint_scores', 'track_id')
    detections: list[Detection] = []
    seen: set[int] = set()
    for position, frame in enumerate(root):
        instances, number = frame['instances'], frame.get('frame_id', position)
        if type(number.value) is not int or number.value in seen:
            number.fail('every frame once, a whole number')
        seen.add(number.value)
        detections += [_body(person, keys, number.value, skeleton) for person in instances]
    return assemble(detections, seen, skeleton, root.source)


def _read_coco(root: _Node, skeleton: Skeleton) -> Recording:
    """``[{"image_id", "keypoints": [x, y, score, ...], "track_id"}]``."""
    detections = []
    numbers: dict[int | str, int] = {}
    for body in root:
        image = body['image_id']
        if not isinstance(image.value, int | str) or image.value not in numbers:
            number = _image_number(image)
            numbers[image.value] = number
        keypoint, score = _triples(body['keypoints'], skeleton)
        identity = body.get('track_id').identity()
        detections.append(Detection(numbers[image.value], identity, keypoint, score, body.place))
    if len(set(numbers.values())) < len(numbers):
        raise InputError(
            f'{root.source}: expected the images of one video, got different image_id with the same number; '
            f'write one file for each video'
        )
    return assemble(detections, (), skeleton, root.source)


def _image_number(image: _Node) -> int:
    """The frame of an image: its number, or the last number in its name, as in ``video/000012.jpg``."""
    if type(image.value) is int:
        return image.value
    if isinstance(image.value, str) and (digits := re.findall(r'[0-9]{1,18}', Path(image.value).stem)):
        return int(digits[-1])
    image.fail('a number or a file name with the number of the frame')


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
        for person in _Node(load_json(path), str(path))['people']:
            keypoint, score = _triples(person['pose_keypoints_2d'], skeleton)
            identity = person.get('person_id', [None])
            identity = next(iter(identity), identity) if isinstance(identity.value, list) else identity
            detections.append(Detection(frame, identity.identity(), keypoint, score, f'{path.name}, {person.place}'))
    if len(videos) > 1:
        raise InputError(f'{folder}: expected the frames of one video, got {sorted(videos)[:3]}; give each its folder')
    return assemble(detections, numbers, skeleton, str(folder))
