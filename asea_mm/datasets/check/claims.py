"""What a file says of a sample against what its numbers say: the unit, the image, the order of the joints."""

from typing import Any

import numpy as np

from ...keypoints import is_image_shape, share_outside
from ...skeletons import SKELETONS, Skeleton, plain_name

LARGEST_SHARE = 2.0  # how large a body can be in shares of the image; in pixels it is larger
# Estimators put a joint a little outside now and then: so far, as a share of the longer side, and so many.
MARGIN, OUTSIDE = 0.05, 0.02
# A layout fits so much better. Bones of the right one are short, as they join neighbours, and alike on the left and the
# right; of two layouts that share no bones, either can mislead: COCO's face makes short bones of Human3.6M's trunk.
BETTER = 0.6
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
    misfits = {other.name: _misfit(bodies, seen, other) for other in (skeleton, *others)}
    best = min(misfits, key=lambda name: misfits[name])
    return best if misfits[best] < BETTER * misfits[skeleton.name] else None


def is_lopsided(bodies: np.ndarray, seen: np.ndarray, skeleton: Skeleton) -> bool:
    """Whether bones of the left and the right have very different lengths, as if the joints were in another order.

    Shapes:
        bodies ``(bodies, V, C)``; seen ``(bodies, V)``
    """
    ratios = _left_to_right(_bone_lengths(bodies, seen, skeleton), skeleton)
    return len(ratios) >= LEAST_PAIRS and float(np.median(ratios)) > LOPSIDED


def _misfit(bodies: np.ndarray, seen: np.ndarray, skeleton: Skeleton) -> float:
    """Mean length of the bones, times how different the left ones are from the right ones; infinite if none is seen."""
    lengths = _bone_lengths(bodies, seen, skeleton)
    if not lengths.any():
        return np.inf
    ratios = _left_to_right(lengths, skeleton)
    return float(lengths[lengths > 0].mean() * (np.median(ratios) if ratios else 1))


def _left_to_right(lengths: np.ndarray, skeleton: Skeleton) -> list[float]:
    """The longer over the shorter bone of every pair of left and right that is seen."""
    bones = dict(zip((child for child, _ in skeleton.bone_indices), lengths, strict=True))
    pairs = [(bones.get(left, 0), bones.get(right, 0)) for left, right in skeleton.mirrored_indices]
    return [max(pair) / min(pair) for pair in pairs if min(pair) > 0]


def _bone_lengths(bodies: np.ndarray, seen: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Mean length of every bone over some of the bodies, zero where it is never seen."""
    step = -(-len(bodies) // MOST_BODIES)
    bodies, seen = bodies[::step], seen[::step]
    child, parent = np.array(skeleton.bone_indices).T
    length = np.linalg.norm(bodies[:, child] - bodies[:, parent], axis=-1)
    known = seen[:, child] & seen[:, parent]
    return (length * known).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
