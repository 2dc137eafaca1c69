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
# Bones of the left are as long as those of the right: of the pairs, the median ratio is 1.06 in space at most, and 1.3
# in most images.
LOPSIDED, LEAST_PAIRS = 1.35, 2
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
    lengths = {other.name: _mean_bone(bodies, seen, other) for other in (skeleton, *others)}
    best = min(lengths, key=lambda name: lengths[name])
    return best if lengths[best] < SHORTER * lengths[skeleton.name] else None


def is_lopsided(bodies: np.ndarray, seen: np.ndarray, skeleton: Skeleton) -> bool:
    """Whether bones of the left and the right have very different lengths, as if the joints were in another order.

    Shapes:
        bodies ``(bodies, V, C)``; seen ``(bodies, V)``
    """
    bones = dict(zip((child for child, _ in skeleton.bone_indices), _bone_lengths(bodies, seen, skeleton), strict=True))
    pairs = [(bones.get(left, 0), bones.get(right, 0)) for left, right in skeleton.mirrored_indices]
    ratios = [max(pair) / min(pair) for pair in pairs if min(pair) > 0]
    return len(ratios) >= LEAST_PAIRS and float(np.median(ratios)) > LOPSIDED


def _mean_bone(bodies: np.ndarray, seen: np.ndarray, skeleton: Skeleton) -> float:
    """Mean length of the bones; infinite if none is seen."""
    lengths = _bone_lengths(bodies, seen, skeleton)
    return float(lengths[lengths > 0].mean()) if lengths.any() else np.inf


def _bone_lengths(bodies: np.ndarray, seen: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Mean length of every bone over some of the bodies, zero where it is never seen."""
    step = -(-len(bodies) // MOST_BODIES)
    bodies, seen = bodies[::step], seen[::step]
    child, parent = np.array(skeleton.bone_indices).T
    length = np.linalg.norm(bodies[:, child] - bodies[:, parent], axis=-1)
    known = seen[:, child] & seen[:, parent]
    return (length * known).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
