"""A recording in one JSON file, as our own form and as pose estimators and trackers write it."""

import re
from pathlib import Path
from typing import Any

from ....errors import InputError
from ....skeletons import Skeleton
from ..notes import Note
from ..recording import Detection, Recording, assemble, read_fps
from .frames import frame_form
from .joints import body_of, flat, points
from .nodes import Node


def read_own(root: Node, skeleton: Skeleton) -> Recording:
    """``{"frames": [{"persons": [{"keypoint", "score", "id"}]}], "fps"}``."""
    frames = [frame['persons'] for frame in root['frames']]
    keys = ('keypoint', 'score', 'id')
    detections = [
        body_of(person, keys, number, skeleton) for number, persons in enumerate(frames) for person in persons
    ]
    fps = read_fps(root.get('fps').value, root.source)
    return assemble(detections, range(len(frames)), skeleton, root.source, fps)


def read_mmpose(root: Node, skeleton: Skeleton) -> Recording:
    """``[{"frame_id", "instances": [{"keypoints", "keypoint_scores", "track_id"}]}]``, maybe as ``instance_info``."""
    if isinstance(root.value, dict):
        root = root['instance_info']
    keys = ('keypoints', 'keypoint_scores', 'track_id')
    detections: list[Detection] = []
    seen: set[int] = set()
    for position, frame in enumerate(root):
        instances, number = frame['instances'], frame.get('frame_id', position)
        if type(number.value) is not int or number.value in seen:
            number.fail('every frame once, a whole number')
        seen.add(number.value)
        detections += [body_of(person, keys, number.value, skeleton) for person in instances]
    return assemble(detections, seen, skeleton, root.source)


def read_results(root: Node, skeleton: Skeleton) -> Recording:
    """COCO results and AlphaPose: ``[{"image_id", "keypoints": [x, y, score, ...], "track_id" or "idx"}]``."""
    detections = []
    images = _ImageNumbers(root.source)
    for body in root:
        number = images.number(body['image_id'])
        keypoint, score = flat(body['keypoints'], skeleton)
        identity = body.get('track_id' if 'track_id' in body.value else 'idx').identity()
        detections.append(Detection(number, identity, keypoint, score, body.place))
    # AlphaPose without tracking gives everybody the idx 0.
    named = [(each.frame, each.person) for each in detections if each.person is not None]
    if len({*named}) < len(named) and not any('track_id' in body.value for body in root):
        root.notes[Note('"idx" is the same for several bodies of a frame and not looked at')] = None
        for detection in detections:
            detection.person = None
    return assemble(detections, (), skeleton, root.source)


def read_frames_by_image(root: Node, skeleton: Skeleton) -> Recording:
    """AlphaPose with ``--format cmu`` and ``open``, and PoseFlow: ``{"12.jpg": frame}``."""
    detections: list[Detection] = []
    images = _ImageNumbers(root.source)
    frames = [images.number(frame.child(image, '')) for image, frame in root.items()]
    for number, (_, frame) in zip(frames, root.items(), strict=True):
        detections += read_frame(frame, number, skeleton)
    return assemble(detections, frames, skeleton, root.source)


def read_frame_list(root: Node, skeleton: Skeleton) -> Recording:
    """A list of frames, each of a form in :mod:`.frames`."""
    frames = list(root)
    detections = [body for number, frame in enumerate(frames) for body in read_frame(frame, number, skeleton)]
    return assemble(detections, range(len(frames)), skeleton, root.source)


def read_frame(root: Node, number: int, skeleton: Skeleton) -> list[Detection]:
    """The bodies of one frame, of whichever form.

    Raises:
        InputError: If it is of none, or something is wrong.
    """
    form = frame_form(root.value)
    if form is None:
        root.fail('the bodies of one frame')
    return form.read(root, number, skeleton)


def read_tracks(root: Node, skeleton: Skeleton) -> Recording:
    """``{person: {frame: joints}}`` or ``{frame: {person: joints}}``.

    Joints are ``[[x, y, score], ...]``, or ``{"keypoints": [x, y, score, ...]}`` as tracked by AlphaPose.
    """
    bodies = [(outer, inner, body) for outer, members in root.items() for inner, body in members.items()]
    outers, inners = {outer for outer, _, _ in bodies}, {inner for _, inner, _ in bodies}
    by_person = len(outers) <= len(inners)  # there are fewer persons than frames
    root.notes[Note(f'read as {"{person: {frame: joints}}" if by_person else "{frame: {person: joints}}"}')] = None
    detections = []
    for outer, inner, body in bodies:
        person, frame = (outer, inner) if by_person else (inner, outer)
        number = body.child(frame, '').whole_number()
        if isinstance(body.value, dict):
            keypoint, score = flat(body['keypoints'], skeleton)
        else:
            keypoint, score = points(body, skeleton), None
        detections.append(Detection(number, person, keypoint, score, body.place))
    return assemble(_scores_apart(detections), (), skeleton, root.source)


def _scores_apart(detections: list[Detection]) -> list[Detection]:
    """Bodies of x, y, score instead of x, y, z, where the third value of all is a share and the others are pixels."""
    rows = [body for body in detections if body.score is None and body.keypoint.shape[-1] == 3]
    thirds = [abs(body.keypoint[:, 2] - 0.5).max(initial=0) for body in rows]
    widest = max((abs(body.keypoint[:, :2]).max(initial=0) for body in rows), default=0)
    if len(rows) == len(detections) and max(thirds, default=1) <= 0.5 and widest > 20:
        for body in detections:
            body.keypoint, body.score = body.keypoint[:, :2], body.keypoint[:, 2]
    return detections


class _ImageNumbers:
    """The frame of an image: its number, or the last number in its name, as in ``video/000012.jpg``."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.known: dict[int | str, int] = {}
        self.taken: set[int] = set()

    def number(self, image: Node) -> int:
        """Raises InputError if there is none, or another image has the same."""
        if isinstance(image.value, int | str) and image.value in self.known:
            return self.known[image.value]
        number = _last_number(image)
        if number in self.taken:
            raise InputError(
                f'{self.source}: expected the images of one video, got different image_id with the same number; '
                f'write one file for each video'
            )
        self.taken.add(number)
        self.known[image.value] = number
        return number


def _last_number(image: Node) -> int:
    if type(image.value) is int:
        return image.value
    if isinstance(image.value, str) and (digits := re.findall(r'[0-9]{1,18}', Path(image.value).stem)):
        return int(digits[-1])
    image.fail('a number or a file name with the number of the frame')


def _is_number(key: Any) -> bool:
    return isinstance(key, str) and re.fullmatch(r'-?[0-9]{1,18}', key) is not None


def holds_tracks(content: Any) -> bool:
    """Whether this may be ``{person: {frame: joints}}`` or the other way round: numbers in one or both."""
    if not isinstance(content, dict) or not content:
        return False
    members = list(content.values())
    if not all(isinstance(member, dict) for member in members):
        return False
    inner = [key for member in members for key in member]
    return bool(inner) and (all(map(_is_number, inner)) or all(map(_is_number, content)))


def holds_frames_by_image(content: Any) -> bool:
    """Whether this is ``{image: frame}``: names of images or numbers, each with a frame."""
    return (
        isinstance(content, dict)
        and bool(content)
        and all(re.search(r'[0-9]', str(Path(image).stem)) for image in content)
        and all(frame_form(frame) is not None for frame in content.values())
    )


def holds_frame_list(content: Any) -> bool:
    """Whether this is a list of frames."""
    return isinstance(content, list) and bool(content) and all(frame_form(frame) is not None for frame in content)
