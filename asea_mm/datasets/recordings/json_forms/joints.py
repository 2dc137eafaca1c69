"""The joints of one body in JSON: rows of coordinates, or one list x, y, score, x, y, score, ..."""

from collections.abc import Sequence

import numpy as np

from ....errors import InputError
from ....skeletons import SKELETONS, Skeleton
from ..notes import Note
from ..recording import Detection
from .nodes import Node

# Layouts of joints that are found in pictures.
IN_IMAGES = ('coco17', 'openpose18', 'body25', 'halpe26', 'coco133')
# Larger sets of joints that hold those of a layout: number of joints and layout to the joints.
BODY_PARTS: dict[tuple[int, str], Sequence[int]] = {
    (133, 'coco17'): range(17),  # COCO-WholeBody
    (136, 'coco17'): range(17),  # Halpe-136
    (136, 'halpe26'): range(26),
    (26, 'coco17'): range(17),  # Halpe-26
    (33, 'coco17'): (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28),  # MediaPipe's pose
}


def joint_counts(skeleton: Skeleton) -> list[int]:
    """Numbers of joints that a body in a file may have."""
    return [skeleton.num_joints, *(count for count, layout in BODY_PARTS if layout == skeleton.name)]


def take_joints(values: np.ndarray, skeleton: Skeleton, node: Node) -> np.ndarray:
    """Those joints of :func:`joint_counts` that the layout has.

    Shapes:
        values: ``(J, ...)``; returns ``(V, ...)``
    """
    if len(values) == skeleton.num_joints:
        return values
    part = BODY_PARTS[len(values), skeleton.name]
    which = f'{part[0]} to {part[-1]}' if isinstance(part, range) else ', '.join(map(str, part))
    node.notes[Note(f'joints {which} of the {len(values)} in the file are taken for {skeleton.name}')] = None
    return values[list(part)]


def points(node: Node, skeleton: Skeleton, channels: Sequence[int] = (2, 3)) -> np.ndarray:
    """A list of each joint's coordinates.

    Shapes:
        returns ``(V, C)``
    """
    shapes = [(count, channel) for count in joint_counts(skeleton) for channel in channels]
    return take_joints(node.array(*shapes), skeleton, node)


def per_joint(node: Node, skeleton: Skeleton) -> np.ndarray:
    """A list of a number for each joint.

    Shapes:
        returns ``(V,)``
    """
    return take_joints(node.array(*((count,) for count in joint_counts(skeleton))), skeleton, node)


def flat(node: Node, skeleton: Skeleton, width: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates and score of all joints as one list, ``width`` numbers a joint, the score last.

    Shapes:
        returns ``(V, width - 1)`` and ``(V,)``
    """
    count = len(node)
    names = ('x, y, score', 'x, y, z, score')[width - 3]
    if count not in [width * joints for joints in joint_counts(skeleton)]:
        others = [name for name in SKELETONS if count == width * SKELETONS[name].num_joints]
        likely = next((name for name in others if name in IN_IMAGES), others[0] if others else None)
        raise InputError(
            f'{node.source}, {node.place}: expected {width * skeleton.num_joints} numbers, {names} of '
            f'{skeleton.num_joints} joints of {skeleton.name!r}, got {count}'
            f'{f"; --layout {likely} has as many" if likely else ""}'
        )
    values = take_joints(node.array((count,)).reshape(-1, width), skeleton, node)
    return values[:, :-1], values[:, -1]


def body_of(person: Node, keys: tuple[str, str, str], frame: int, skeleton: Skeleton) -> Detection:
    """A body with points, maybe scores and maybe an id, under these keys."""
    keypoint, score = points(person[keys[0]], skeleton), person.get(keys[1])
    scores = None if score.value is None else per_joint(score, skeleton)
    return Detection(frame, person.get(keys[2]).identity(), keypoint, scores, person.place)
