"""A user's recording as JSON: our own form, and those of pose estimators and sensors, told apart by their structure."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....skeletons import Skeleton
from ..recording import Recording
from .frames import frame_form
from .nodes import Node, load_json
from .sensors import read_azure_kinect, read_deepstream, read_kinetics, read_mediapipe
from .videos import (
    holds_frame_list,
    holds_frames_by_image,
    holds_tracks,
    read_frame_list,
    read_frames_by_image,
    read_mmpose,
    read_own,
    read_results,
    read_tracks,
)

__all__ = ['FORMS', 'Node', 'load_json', 'read_json', 'read_json_file']


@dataclass(frozen=True)
class Form:
    """How a recording in one file is known, and read."""

    title: str  # what it looks like, for messages
    matches: Callable[[Any], bool]
    read: Callable[[Node, Skeleton], Recording]


def _has(*keys: str) -> Callable[[Any], bool]:
    return lambda content: isinstance(content, dict) and {*keys} <= {*content}


def _first_has(key: str) -> Callable[[Any], bool]:
    """Whether it is a list, also one below ``"frames"``, whose first object has this key."""

    def matches(content: Any) -> bool:
        rows = content.get('frames') if isinstance(content, dict) else content
        return isinstance(rows, list) and bool(rows) and isinstance(rows[0], dict) and key in rows[0]

    return matches


# The first that matches reads.
FORMS = (
    Form("Azure Kinect's", _has('joint_names', 'frames'), read_azure_kinect),
    Form("MediaPipe's [{pose_landmarks}]", _first_has('pose_landmarks'), read_mediapipe),
    Form('{"frames": [{"persons"}]}', _has('frames'), read_own),
    Form('mmpose\'s {"instance_info"} or [{instances}]', _has('instance_info'), read_mmpose),
    Form('mmpose\'s [{"instances"}]', _first_has('instances'), read_mmpose),
    Form('COCO results or AlphaPose [{image_id, keypoints}]', _first_has('image_id'), read_results),
    Form("DeepStream's [{batches}]", _first_has('batches'), read_deepstream),
    Form('Kinetics-skeleton {data}', _has('data'), read_kinetics),
    Form('{"image": frame}', holds_frames_by_image, read_frames_by_image),
    Form('{person: {frame: joints}}', holds_tracks, read_tracks),
    Form('[frame, ...]', holds_frame_list, read_frame_list),
)


def read_json(path: Path, skeleton: Skeleton) -> Recording:
    """Read a recording in one JSON file, in whichever form.

    Raises:
        InputError: If it has none of the forms or something is wrong; names the file and the place in it.
    """
    root = Node(load_json(path), str(path))
    form = next((form for form in FORMS if form.matches(root.value)), None)
    if form is None:
        if root.value and frame_form(root.value):
            root.fail('a recording, not one frame: OpenPose files and others of frames named NAME_000000000000.json')
        root.fail(f'one of these forms: {", ".join(dict.fromkeys(form.title for form in FORMS))}')
    recording = form.read(root, skeleton)
    recording.notes += root.notes
    return recording
