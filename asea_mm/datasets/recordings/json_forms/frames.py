"""What one picture or frame holds, in the forms in which pose estimators write it: a list of bodies.

Such a frame stands in a file of its own (:mod:`..frame_folders`), or with others in one file (:mod:`.videos`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....skeletons import Skeleton
from ..recording import Detection
from .joints import body_of, flat, per_joint
from .nodes import Node


@dataclass(frozen=True)
class FrameForm:
    """How a frame is known, and its bodies are read."""

    title: str  # what it looks like, for messages
    matches: Callable[[Any], bool]
    read: Callable[[Node, int, Skeleton], list[Detection]]


def frame_form(content: Any) -> FrameForm | None:
    """The form of what may be a frame; None if it is none. An empty list is a frame, too: nobody was seen."""
    return next((form for form in FRAME_FORMS if form.matches(content)), None)


def _first(content: Any) -> dict:
    """The first object of a list, or an empty one."""
    return content[0] if isinstance(content, list) and content and isinstance(content[0], dict) else {}


def _read_openpose(root: Node, frame: int, skeleton: Skeleton) -> list[Detection]:
    """``{"people": [{"pose_keypoints_2d", "pose_keypoints_3d", "person_id"}]}``; version 1.0: ``pose_keypoints``."""
    bodies = []
    for person in root['people']:
        if not isinstance(person.value, dict):
            person.fail('an object')
        if person.value.get('pose_keypoints_3d'):
            keypoint, score = flat(person['pose_keypoints_3d'], skeleton, width=4)
        else:
            old = 'pose_keypoints' in person.value and 'pose_keypoints_2d' not in person.value
            keypoint, score = flat(person['pose_keypoints' if old else 'pose_keypoints_2d'], skeleton)
        identity = person.get('person_id').identity() if person.value.get('person_id') else None
        bodies.append(Detection(frame, identity, keypoint, score, person.place))
    return bodies


def _read_cmu(root: Node, frame: int, skeleton: Skeleton) -> list[Detection]:
    """AlphaPose with ``--format cmu``: ``{"bodies": [{"joints": [x, y, score, ...]}]}``."""
    return [Detection(frame, None, *flat(body['joints'], skeleton), body.place) for body in root['bodies']]


def _read_ultralytics(root: Node, frame: int, skeleton: Skeleton) -> list[Detection]:
    """``[{"keypoints": {"x", "y", "visible"}, "track_id"}]`` of ``Results.to_json``."""
    bodies = []
    for body in root:
        joints = body['keypoints']
        keypoint = np.stack([per_joint(joints[axis], skeleton) for axis in 'xy'], axis=-1)
        visible = joints.get('visible')
        score = None if visible.value is None else per_joint(visible, skeleton)
        bodies.append(Detection(frame, body.get('track_id').identity(), keypoint, score, body.place))
    return bodies


def _read_picture(root: Node, frame: int, skeleton: Skeleton) -> list[Detection]:
    """mmpose's of a picture, ``[{"keypoints": [[x, y], ...], "keypoint_scores"}]``, or with joints as one list."""
    bodies = []
    for body in root:
        joints = body['keypoints']
        if isinstance(joints.value, list) and joints.value and not isinstance(joints.value[0], list):
            identity = body.get('idx').identity()
            bodies.append(Detection(frame, identity, *flat(joints, skeleton), body.place))
        else:
            bodies.append(body_of(body, ('keypoints', 'keypoint_scores', 'track_id'), frame, skeleton))
    return bodies


FRAME_FORMS = (
    FrameForm(
        'OpenPose\'s {"people"}', lambda content: isinstance(content, dict) and 'people' in content, _read_openpose
    ),
    FrameForm(
        'AlphaPose\'s {"bodies": [{"joints"}]}',
        lambda content: (
            isinstance(content, dict)
            and isinstance(content.get('bodies'), list)
            and (not content['bodies'] or 'joints' in _first(content['bodies']))
        ),
        _read_cmu,
    ),
    FrameForm(
        'ultralytics\' [{"keypoints": {"x", "y"}}]',
        lambda content: isinstance(_first(content).get('keypoints'), dict),
        _read_ultralytics,
    ),
    FrameForm(
        'mmpose\'s [{"keypoints", "keypoint_scores"}] of a picture',
        lambda content: content == [] or ('keypoints' in _first(content) and 'image_id' not in _first(content)),
        _read_picture,
    ),
)
