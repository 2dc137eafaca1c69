"""What is measured on bodies: where they are, how large, how far apart; and which of their joints are there."""

from itertools import combinations

import numpy as np

from ...skeletons import Skeleton
from ..files.limits import LARGEST

_HUGE = 1e12  # beyond it squares might overflow, and nothing is true
# The origin may be a joint's place if it is at most this far, in body sizes, from the box around the other joints.
ORIGIN_BESIDE = 0.25
# Joints never stay in one place of another body by chance; half precision leaves less than this, in body sizes.
SAME_PLACE = 1e-3
LEAST_FRAMES = 3
# What a person's skeleton is like: medians over the frames, in metres.
TRUNK_LENGTH = (0.3, 0.8)  # base of the spine, its middle, shoulders
TRUNK_STRAIGHTNESS = 0.8  # the direct way from base to shoulders, as a share of that length
TRUNK_SPREAD = 0.5  # interquartile range of the length, as a share of its median
FARTHEST_JOINT = (0.4, 1.6)  # from the base of the spine
ARM_BONE, LEG_BONE = (0.12, 0.5), (0.2, 0.7)
LEAST_LIMBS = 6  # of the 8 such bones: upper arms, forearms, thighs, shins
_TRUNK = ('spine_base', 'spine_middle', 'spine_shoulder')
_LIMBS = {('elbow', 'shoulder'): ARM_BONE, ('wrist', 'elbow'): ARM_BONE}
_LIMBS |= {('knee', 'hip'): LEG_BONE, ('ankle', 'knee'): LEG_BONE}
# What came, for messages, where somebody would be there but for the scores.
NO_SCORES = 'scores of 0 or below only, which say that no joint is there; leave scores out that you do not have'


def first_absurd(keypoint: np.ndarray, score: np.ndarray | None = None) -> tuple[int, ...] | None:
    """Where the first joint is that has an infinite or absurdly large coordinate (:data:`LARGEST`) or score, if any.

    Shapes:
        keypoint: ``(..., V, C)``; score ``(..., V)``; returns an index of ``(..., V)``
    """
    wrong = (np.abs(keypoint) > LARGEST[keypoint.shape[-1]]).any(axis=-1)
    if score is not None:
        wrong |= np.abs(score) > LARGEST[2]
    places = np.argwhere(wrong)
    return tuple(places[0].tolist()) if len(places) else None


def seen_joints(keypoint: np.ndarray) -> np.ndarray:
    """Which joints are there: neither NaN nor exactly zero.

    Shapes:
        keypoint: ``(..., C)``; returns ``(...)``, bool
    """
    return np.asarray(~np.isnan(keypoint).any(axis=-1) & keypoint.any(axis=-1))


def present_bodies(keypoint: np.ndarray) -> np.ndarray:
    """Which bodies have a joint that is there.

    Shapes:
        keypoint: ``(..., V, C)``; returns ``(...)``, bool
    """
    return np.asarray(seen_joints(keypoint).any(axis=-1))


def missing_joints(keypoint: np.ndarray, score: np.ndarray | None) -> np.ndarray:
    """Which joints are missing: NaN in a coordinate, a score of NaN, 0 or below, or exactly at the origin.

    In space the origin may be a joint's place, as that of the hip of poses that are relative to it: there it is
    missing where the rest of the body is elsewhere, or nowhere.

    Shapes:
        keypoint: ``(..., V, C)``; score ``(..., V)``; returns ``(..., V)``, bool
    """
    missing = ~seen_joints(keypoint)
    if keypoint.shape[-1] == 3 and missing.any():
        low, high = _box(keypoint)
        beside = ORIGIN_BESIDE * body_sizes(keypoint)[..., None]
        has_origin = ((low - beside <= 0) & (high + beside >= 0)).all(axis=-1, keepdims=True)
        missing &= np.isnan(keypoint).any(axis=-1) | ~has_origin
    return missing if score is None else missing | ~(score > 0)


def body_centres(keypoint: np.ndarray) -> np.ndarray:
    """Means of the joints that are there; zero where none is.

    Shapes:
        keypoint: ``(..., V, C)``; returns ``(..., C)``
    """
    seen = seen_joints(keypoint)[..., None]
    return np.where(seen, keypoint, 0).sum(axis=-2) / np.maximum(seen.sum(axis=-2), 1)


def body_sizes(keypoint: np.ndarray) -> np.ndarray:
    """Diagonals of the boxes around the joints that are there, which are as long as a body, however it is turned.

    Shapes:
        keypoint: ``(..., V, C)``, any unit; returns ``(...)``, the same unit
    """
    low, high = _box(keypoint)
    extent = np.clip(high, -_HUGE, _HUGE) - np.clip(low, -_HUGE, _HUGE)
    return np.linalg.norm(np.where(low <= high, extent, 0), axis=-1)


def _box(keypoint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest coordinates of the joints that are there, infinite where none is: ``(..., C)`` each."""
    seen = seen_joints(keypoint)[..., None]
    return np.where(seen, keypoint, np.inf).min(axis=-2), np.where(seen, keypoint, -np.inf).max(axis=-2)


def common_place(one: np.ndarray, other: np.ndarray, skeleton: Skeleton | None = None) -> str:
    """What of two bodies is at the same place in all frames, while most of them is not: each is told from a place of
    its own, such as its hip, so that nobody knows how far they are apart.

    A joint, or the middle of a mirrored pair. The lowest joint of such poses may have been put on the floor, so one
    coordinate may differ.

    Args:
        one, other: The bodies, in the frames that have both.
        skeleton: Names the joints, and their pairs.

    Shapes:
        one, other: ``(F, V, C)``, NaN where missing

    Returns:
        Its name; ``''`` if the places are told, or the frames are too few to know.
    """
    if len(one) < LEAST_FRAMES:
        return ''
    num_joints = one.shape[1]
    joints = [f'joint {joint}' for joint in range(num_joints)] if skeleton is None else [*skeleton.joints]
    pairs = [] if skeleton is None else [*skeleton.mirrored_indices]
    names = [*joints, *(f'middle of {joints[left]} and {joints[right]}' for left, right in pairs)]
    weights = np.zeros((len(names), num_joints))  # of the joints in every place that is looked at
    weights[:num_joints] = np.eye(num_joints)
    for place, pair in enumerate(pairs, num_joints):
        weights[place, pair] = 0.5
    missing = np.isnan(one + other).any(axis=-1)
    known = missing @ weights.T == 0  # (F, places)
    apart = np.abs(weights @ np.where(missing[..., None], 0, one - other)) * known[..., None]
    size = float(np.median(body_sizes(np.stack([one, other]))))
    common = np.sort(apart.max(axis=0), axis=-1)[:, 1] <= SAME_PLACE * size
    common &= known.sum(axis=0) >= max(LEAST_FRAMES, len(known) / 2)
    if common[:num_joints].sum() > num_joints / 2:  # one body twice
        return ''
    return names[int(common.argmax())] if common.any() else ''


def lost_distance(frame: np.ndarray, joints: np.ndarray, skeleton: Skeleton) -> tuple[str, int] | None:
    """Whether the first two bodies of all frames have a :func:`common_place`.

    Shapes:
        frame: ``(K,)``, in order; joints ``(K, V, 3)``

    Returns:
        The place, and the number of frames with two bodies; None if there is none.
    """
    if joints.shape[-1] != 3 or len(frame) < 2:
        return None
    begins = np.flatnonzero(np.diff(frame, prepend=-1))
    (first,) = np.nonzero(np.isin(np.arange(len(frame) - 1), begins) & (frame[:-1] == frame[1:]))
    place = common_place(joints[first], joints[first + 1], skeleton)
    return (place, len(first)) if place else None


def distances(keypoint: np.ndarray, least: int = 1) -> np.ndarray:
    """Median distance of every two persons over the frames that they share; infinite below ``least`` such frames.

    Shapes:
        keypoint ``(M, T, V, C)``, any unit; returns ``(M, M)``, the same unit
    """
    centres, present = body_centres(keypoint), present_bodies(keypoint)
    apart = np.full((len(keypoint), len(keypoint)), np.inf)
    for a, b in combinations(range(len(keypoint)), 2):
        both = present[a] & present[b]
        if both.sum() >= max(least, 1):
            apart[a, b] = apart[b, a] = np.median(np.linalg.norm(centres[a, both] - centres[b, both], axis=-1))
    return apart


def motions(keypoint: np.ndarray) -> np.ndarray:
    """Way of all joints of every person, from frame to frame; who comes and goes does not move by it.

    Not in body sizes: in an image, the noise of somebody small in the background would become much motion.

    Shapes:
        keypoint ``(M, T, V, C)``, any unit; returns ``(M,)``, the same unit
    """
    seen = seen_joints(keypoint)
    way = np.linalg.norm(np.diff(np.where(seen[..., None], keypoint, 0), axis=1), axis=-1)
    return (way * (seen[:, 1:] & seen[:, :-1])).sum(axis=(1, 2))


def looks_like_a_person(joints: np.ndarray, skeleton: Skeleton) -> bool:
    """Whether the skeleton of a body has a person's measures; chairs, screens and bags rarely do.

    Nothing here depends on the pose, so people who lie, bow or sit pass. Layouts without a spine of three joints and
    the joints of the limbs do not tell, nor do bodies that are never whole: they pass.

    Shapes:
        joints: ``(T, V, 3)``, metres, frames of its presence only
    """
    index = {name: position for position, name in enumerate(skeleton.joints)}
    limbs = {(f'{side}_{a}', f'{side}_{b}'): bone for (a, b), bone in _LIMBS.items() for side in ('left', 'right')}
    if not {*_TRUNK, *(name for pair in limbs for name in pair)} <= index.keys():
        return True
    joints = joints[~np.isnan(joints).any(axis=(1, 2))]
    if not len(joints):
        return True
    spine = joints[:, [index[name] for name in _TRUNK]]
    low, length, high = np.percentile(np.linalg.norm(np.diff(spine, axis=1), axis=-1).sum(axis=-1), [25, 50, 75])
    direct = np.median(np.linalg.norm(spine[:, -1] - spine[:, 0], axis=-1))
    farthest = np.median(np.linalg.norm(joints - spine[:, :1], axis=-1).max(axis=-1))
    bones = joints[:, [index[child] for child, _ in limbs]] - joints[:, [index[parent] for _, parent in limbs]]
    lengths, (shortest, longest) = np.median(np.linalg.norm(bones, axis=-1), axis=0), np.array([*limbs.values()]).T
    return bool(
        TRUNK_LENGTH[0] <= length <= TRUNK_LENGTH[1]
        and direct >= TRUNK_STRAIGHTNESS * length
        and high - low <= TRUNK_SPREAD * length
        and FARTHEST_JOINT[0] <= farthest <= FARTHEST_JOINT[1]
        and ((lengths >= shortest) & (lengths <= longest)).sum() >= LEAST_LIMBS
    )
