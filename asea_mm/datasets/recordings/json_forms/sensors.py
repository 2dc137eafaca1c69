"""What sensors and toolkits write of a recording in one JSON file: Azure Kinect, DeepStream, MediaPipe, Kinetics."""

from typing import Any

import numpy as np

from ....errors import InputError
from ....skeletons import Skeleton
from ..recording import Detection, Recording, assemble
from .joints import flat, per_joint, points
from .nodes import Node

KINETICS_JOINTS = 18  # openpose18
MILLIMETRES_Y_DOWN = ('millimetre', '-y')
MOST_KINETICS_FRAMES = 3000  # recordings have at most 300; far beyond is a damaged file, and would fill the memory


def read_azure_kinect(root: Node, skeleton: Skeleton) -> Recording:
    """The Azure Kinect body tracker's ``offline_processor``: millimetres, x right, y down, z forward.

    ``{"joint_names", "frames": [{"frame_id", "timestamp_usec", "bodies": [{"body_id", "joint_positions"}]}]}``. Where
    the names of the layout's joints are all in ``joint_names`` they are found by these, else by their order.
    """
    names = [str(name.value).casefold() for name in root.get('joint_names', [])]
    wanted = [joint.casefold() for joint in skeleton.joints]
    by_name = [names.index(joint) for joint in wanted] if {*wanted} <= {*names} else None
    detections: list[Detection] = []
    numbers: list[int] = []
    stamps: list[float] = []
    for position, frame in enumerate(root['frames']):
        number = frame.get('frame_id', position).whole_number()
        stamp = frame.get('timestamp_usec').value
        stamps += [stamp] if isinstance(stamp, int | float) and 0 <= stamp < 2**62 else []
        numbers.append(number)
        for body in frame['bodies']:
            positions = body['joint_positions']
            if by_name is None:
                keypoint = points(positions, skeleton, channels=(3,))
            else:
                keypoint = positions.array((len(names), 3))[by_name]
            detections.append(Detection(number, body.get('body_id').identity(), keypoint, None, body.place))
    step = float(np.median(np.diff(stamps))) if len(stamps) == len(numbers) > 2 else 0.0
    recording = assemble(detections, numbers, skeleton, root.source, round(1e6 / step, 2) or None if step > 1 else None)
    recording.units, recording.up = MILLIMETRES_Y_DOWN
    return recording


def read_deepstream(root: Node, skeleton: Skeleton) -> Recording:
    """DeepStream's ``--save-pose`` of 34 joints: ``pose3d`` in millimetres, x right, y down, z forward, with scores.

    ``[{"batches": [{"batch_id", "frame_num", "objects": [{"object_id", "pose3d": [x, y, z, score, ...]}]}]}]``; frames
    that were not processed are not there.
    """
    detections: list[Detection] = []
    numbers: set[int] = set()
    streams: set[Any] = set()
    for batch in root:
        for frame in batch['batches']:
            streams.add(str(frame.get('batch_id').value))
            number = frame['frame_num'].whole_number()
            numbers.add(number)
            for body in frame.get('objects', []):
                keypoint, score = flat(body['pose3d'], skeleton, width=4)
                detections.append(Detection(number, body.get('object_id').identity(), keypoint, score, body.place))
    if len(streams) > 1:
        raise InputError(
            f'{root.source}: expected the frames of one video, got {len(streams)} batch_id; write one file for each'
        )
    recording = assemble(detections, numbers, skeleton, root.source)
    recording.units, recording.up = MILLIMETRES_Y_DOWN
    return recording


def read_mediapipe(root: Node, skeleton: Skeleton) -> Recording:
    """MediaPipe's pose landmarks, of one person or several: shares of the image, whose size must be given.

    ``[{"frame", "pose_landmarks": [[{"x", "y", "z", "visibility"}, ...33], ...]}]``, maybe below ``"frames"``. The
    depth z is a guess for every person alone and is left out.
    """
    frames = root['frames'] if isinstance(root.value, dict) else root
    detections: list[Detection] = []
    numbers: list[int] = []
    for position, frame in enumerate(frames):
        people = frame['pose_landmarks']
        number = next((frame[key] for key in ('frame', 'frame_id', 'frame_index') if key in frame.value), None)
        numbers.append(position if number is None else number.whole_number())
        if isinstance(people.value, dict):
            people = people['landmark']
        if people.value is None:
            continue
        bodies = list(people)
        if bodies and isinstance(bodies[0].value, dict) and 'x' in bodies[0].value:
            bodies = [people]  # one person
        for body in bodies:
            landmarks = list(body['landmark'] if isinstance(body.value, dict) else body)
            columns = [body.child([_value(mark, key) for mark in landmarks], '') for key in ('x', 'y', 'visibility')]
            x, y = (per_joint(column, skeleton) for column in columns[:2])
            scored = any(score is not None for score in columns[2].value)
            score = per_joint(columns[2], skeleton) if scored else None
            detections.append(Detection(numbers[-1], None, np.stack([x, y], axis=-1), score, body.place))
    recording = assemble(detections, numbers, skeleton, root.source)
    recording.shares = 'to pixels'
    return recording


def _value(landmark: Node, key: str) -> Any:
    """A value of a landmark; 0 is left out by protocol buffers."""
    if not isinstance(landmark.value, dict):
        landmark.fail('a landmark with x, y and visibility')
    return landmark.value.get(key, None if key == 'visibility' else 0.0)


def read_kinetics(root: Node, skeleton: Skeleton) -> Recording:
    """Kinetics-skeleton of ST-GCN, see :func:`kinetics_frames`: shares of the image, pixels if its size is given."""
    if skeleton.num_joints != KINETICS_JOINTS:
        raise InputError(
            f"{root.source}: expected the layout {skeleton.name!r} ({skeleton.num_joints} joints), got 'openpose18' "
            f'({KINETICS_JOINTS} joints)'
        )
    frames = kinetics_frames(root)
    first = min(frames)
    detections = [
        Detection(number, None, body[:, :2], body[:, 2], f'frame_index {number}')
        for number, bodies in frames.items()
        for body in bodies
    ]
    recording = assemble(detections, [first, *frames], skeleton, root.source)
    recording.shares = 'kept'
    return recording


def kinetics_frames(root: Node) -> dict[int, np.ndarray]:
    """The frames of Kinetics-skeleton (Yan et al., AAAI 2018), by their number.

    ``{"data": [{"frame_index": 1, "skeleton": [{"pose": [x, y, ...], "score": [...]}]}]}``: 18 joints, coordinates as
    shares of the image. A joint at (0, 0) or with score 0 is missing; frames not listed have nobody in them.

    Shapes:
        each frame ``(P, 18, 3)``: x, y and score, which is 0 where a joint is missing

    Raises:
        InputError: If it is not of this structure, or has too many frames.
    """
    frames: dict[int, np.ndarray] = {}
    for frame in root['data']:
        number, people = frame['frame_index'], []
        for person in frame['skeleton']:
            pose = person['pose'].array((2 * KINETICS_JOINTS,)).reshape(-1, 2)
            people.append(np.column_stack([pose, person['score'].array((KINETICS_JOINTS,))]))
        bodies = np.array(people).reshape(len(people), KINETICS_JOINTS, 3)
        pose, score = bodies[..., :2], bodies[..., 2:]
        if type(number.value) is not int or number.value in frames:
            number.fail('a whole number of its own')
        # Joints may lie a little outside of the image; pixels are far outside.
        if not (np.isfinite(bodies).all() and (np.abs(pose - 0.5) <= 1.5).all() and (score >= 0).all()):
            raise InputError(
                f"{root.source}, {frame.place}: expected 'pose' in shares of the image, 0 to 1, and 'score' of at "
                f'least 0, got {pose.min():g} to {pose.max():g} and {score.min():g}'
            )
        frames[number.value] = np.concatenate([pose, score * pose.any(axis=-1, keepdims=True)], axis=-1)
    if not frames:
        raise InputError(f'{root.source}, data: expected at least one frame, got none')
    if max(frames) - min(frames) >= MOST_KINETICS_FRAMES:
        raise InputError(
            f'{root.source}: expected at most {MOST_KINETICS_FRAMES} frames, got frame_index {min(frames)} to '
            f'{max(frames)}'
        )
    return frames
