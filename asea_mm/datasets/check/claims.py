"""What a file says of a sample against what its numbers say: the unit, the image, the order of the joints."""

from typing import Any

import numpy as np

from ...keypoints import is_image_shape, share_outside
from ...skeletons import SKELETONS, Skeleton, plain_name

LARGEST_SHARE = 2.0  # how large a body can be in shares of the image; in pixels it is larger
# Estimators put a joint a little outside now and then: so far, as a share of the longer side, and so many.
MARGIN, OUTSIDE = 0.05, 0.02
# Bones of the right layout are so much shorter: they join joints that are neighbours.
SHORTER = 0.75
MOST_BODIES = 32  # of a sample, for the lengths of bones


def check_image(points: np.ndarray, size: float | None, img_shape: Any, units: str) -> str | None:
    """The kind of finding (:mod:`.findings`) about the unit of a two-dimensional sample and its image, if any.

    Args:
        points: All joints that are there.
        size: Of the bodies; None if unknown.
        img_shape: What the sample says.
        units: What the file says.

    Shapes:
        points: ``(n, 2)``
    """
    in_shares = size < LARGEST_SHARE if size is not None else bool(points.min() >= 0 and points.max() <= 1)
    if in_shares != ('share' in units):
        if in_shares:
            return 'image shares'
        return 'image pixels'
    if img_shape is None:
        return None
    if not is_image_shape(img_shape):
        return 'image shape'
    if in_shares or share_outside(points, img_shape, MARGIN) <= OUTSIDE:
        return None
    exchanged = share_outside(points, img_shape[::-1], MARGIN) <= OUTSIDE
    return 'image exchanged' if exchanged else 'outside of the image'


def better_layout(bodies: np.ndarray, seen: np.ndarray, skeleton: Skeleton) -> str | None:
    """Another layout of as many joints, in another order, whose bones fit the bodies much better.

    Shapes:
        bodies ``(bodies, V, C)``; seen ``(bodies, V)``
    """
    joints = [plain_name(joint) for joint in skeleton.joints]
    others = [
        other
        for other in SKELETONS.values()
        if other.num_joints == len(joints)
        and sum(a != b for a, b in zip(map(plain_name, other.joints), joints, strict=True)) > len(joints) / 2
    ]
    if not others:
        return None
    step = -(-len(bodies) // MOST_BODIES)
    bodies, seen = bodies[::step], seen[::step]
    lengths = {other.name: _mean_bone(bodies, seen, other) for other in (skeleton, *others)}
    best = min(lengths, key=lambda name: lengths[name])
    return best if lengths[best] < SHORTER * lengths[skeleton.name] else None


def _mean_bone(bodies: np.ndarray, seen: np.ndarray, skeleton: Skeleton) -> float:
    """Mean length of the bones; infinite if none is seen."""
    child, parent = np.array(skeleton.bone_indices).T
    length = np.linalg.norm(bodies[:, child] - bodies[:, parent], axis=-1)
    known = seen[:, child] & seen[:, parent]
    return float(length[known].mean()) if known.any() else np.inf
