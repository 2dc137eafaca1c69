"""Who can have to do with each other at all: near enough, and there at the same time. And what units bodies are in.

These are the rules that come before a model, which knows nothing but pairs that act.
"""

import numpy as np

from ...errors import InputError
from ...skeletons import Skeleton
from .bodies import body_centres, body_sizes, present_bodies
from .notes import Note

# Between the middles of two bodies where they are nearest in a window: a pair that comes together from twice as far
# gets as near within it. Of SBU and K3HI, the farthest pair is 2 m apart at its nearest.
REACH_IN_METRES, REACH_IN_SIZES = 3.0, 2.0
LEAST_SHARED = 0.25  # of the frames with either, those with both
LARGEST_RATIO = 2.5  # of two bodies in an image: a smaller one is farther from the camera, not beside the other

# Diagonals of bodies in metres, far beyond which no person is; and what else they may be.
BODY_SIZE = (0.1, 20.0)
_LIKELY = {'millimetre': (300.0, 5000.0), 'centimetre': (30.0, 300.0)}


def are_together(keypoint: np.ndarray) -> bool:
    """Whether two persons are near enough and long enough there together to have to do with each other.

    Distances are in metres in space; in an image in sizes of the larger body, which must not be much larger than the
    other (:data:`LARGEST_RATIO`).

    Shapes:
        keypoint: ``(2, T, V, C)``, metres or pixels, absent persons zero; one person is never together
    """
    if len(keypoint) < 2:
        return False
    present = present_bodies(keypoint)
    both = present.all(axis=0)
    if both.sum() < max(1.0, LEAST_SHARED * present.any(axis=0).sum()):
        return False
    bodies = keypoint[:, both]
    centres = body_centres(bodies)
    nearest = float(np.percentile(np.linalg.norm(centres[0] - centres[1], axis=-1), 10))
    if keypoint.shape[-1] == 3:
        return nearest <= REACH_IN_METRES
    smaller, larger = sorted(np.median(body_sizes(bodies), axis=1).tolist())
    return larger <= LARGEST_RATIO * smaller and nearest <= REACH_IN_SIZES * larger


def check_metres(keypoint: np.ndarray, source: str) -> None:
    """Raise if bodies cannot be in metres.

    Shapes:
        keypoint: ``(M, T, V, 3)``, absent persons zero

    Raises:
        InputError: Says what the unit may be, and what to do.
    """
    sizes = body_sizes(keypoint)
    size = float(np.median(sizes[sizes > 0])) if sizes.any() else 1.0
    if BODY_SIZE[0] <= size <= BODY_SIZE[1]:
        return
    units = next((name for name, (least, most) in _LIKELY.items() if least <= size <= most), None)
    fix = (
        'bring them to metres, as in training'
        if units is None
        else f"are they in {units}s? --units {units} (units='{units}') brings recordings to metres; divide other data "
        f'by {1000 if units == "millimetre" else 100}'
    )
    if size > BODY_SIZE[1]:
        fix += '; pixels need a model for poses in images'
    raise InputError(f'{source}: expected bodies in metres, as in training, got some {size:.3g} large; {fix}')


def note_axes(keypoint: np.ndarray, skeleton: Skeleton) -> list[Note]:
    """What speaks against y being up (in space) or down (in an image): people rarely stand on their heads.

    Layouts without head and feet do not tell.

    Shapes:
        keypoint: ``(M, T, V, C)``, absent persons and missing joints zero
    """
    index = {name: place for place, name in enumerate(skeleton.joints)}
    heads = [index[name] for name in ('head', 'nose', 'neck', 'spine_shoulder') if name in index][:1]
    feet = [index[name] for name in ('left_ankle', 'right_ankle', 'left_foot', 'right_foot') if name in index]
    if not heads or not feet:
        return []
    bodies = keypoint.reshape(-1, *keypoint.shape[2:]).astype(np.float64)
    bodies = bodies[bodies[:, heads + feet].any(axis=-1).all(axis=-1)]
    if not len(bodies):
        return []
    upwards = np.median(bodies[:, heads[0]] - bodies[:, feet].mean(axis=1), axis=0)
    length = float(np.linalg.norm(upwards))
    if keypoint.shape[-1] == 2:
        if upwards[1] > 0.7 * length:
            what = 'heads are below feet: in images y points down; turn the pictures, or take height - y'
            return [Note(what)]
        return []
    if upwards[1] < -0.7 * length:
        return [Note("heads are below feet: expected y to point up; --up -y (up='-y') turns recordings")]
    if abs(upwards[2]) > 0.9 * length:
        return [Note("people lie, or z points up instead of y; --up z (up='z') turns recordings")]
    return []
