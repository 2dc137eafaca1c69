"""Procedural two-person motion: a 25-joint body by forward kinematics, and interactions as joint-angle curves.

Everything of a pair is computed at once: arrays have the persons (2) and the frames T in front. A person stands with
y up and faces +z at heading 0, so x grows to the person's left. Metres, seconds, radians.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from ..skeletons import SKELETONS

SKELETON = SKELETONS['nturgbd25']
FRAMES_PER_SECOND = 30.0
SENSOR_NOISE = 0.005

# Rest pose: joint -> (segment it moves with, offset from its parent), for a person of 1.70 m.
_TRUNK = {
    'spine_base': ('pelvis', (0.0, 0.0, 0.0)),
    'spine_middle': ('trunk', (0.0, 0.23, 0.0)),
    'spine_shoulder': ('trunk', (0.0, 0.23, 0.0)),
    'neck': ('trunk', (0.0, 0.07, 0.01)),
    'head': ('trunk', (0.0, 0.15, 0.02)),
    'left_shoulder': ('trunk', (0.17, -0.02, 0.0)),
    'right_shoulder': ('trunk', (-0.17, -0.02, 0.0)),
    'left_hip': ('pelvis', (0.09, -0.05, 0.0)),
    'right_hip': ('pelvis', (-0.09, -0.05, 0.0)),
}
_LIMBS = {
    'elbow': ('arm', (0.02, -0.28, 0.0)),
    'wrist': ('forearm', (0.0, -0.25, 0.0)),
    'hand': ('forearm', (0.0, -0.08, 0.0)),
    'hand_tip': ('forearm', (0.0, -0.08, 0.0)),
    'thumb': ('forearm', (-0.03, -0.06, 0.03)),
    'knee': ('thigh', (0.0, -0.42, 0.0)),
    'ankle': ('shin', (0.0, -0.41, 0.0)),
    'foot': ('shin', (0.0, -0.05, 0.12)),
}
_UPPER_ARM, _FOREARM = 0.28, 0.33  # the latter to the hand
_SIDES = {'left': 1, 'right': -1}
_REST = dict(_TRUNK)
for _side, _sign in _SIDES.items():
    for _name, (_segment, (_x, _y, _z)) in _LIMBS.items():
        _REST[f'{_side}_{_name}'] = (f'{_side}_{_segment}', (_sign * _x, _y, _z))
_SEGMENTS = sorted({segment for segment, _ in _REST.values()})
_SEGMENT_OF = [_SEGMENTS.index(_REST[joint][0]) for joint in SKELETON.joints]
_OFFSETS = np.array([_REST[joint][1] for joint in SKELETON.joints])


def _path_from_pelvis() -> np.ndarray:
    """``(V, V)``: row v marks v and the joints between it and the pelvis, so positions are a sum of offsets.

    Limbs move from the pelvis outwards, whatever joint the layout's own tree hangs from.
    """
    path = np.zeros((SKELETON.num_joints, SKELETON.num_joints))
    pelvis = SKELETON.joints.index('spine_base')
    path[pelvis, pelvis] = 1
    reached = [pelvis]
    for joint in reached:  # grows while it is walked
        for bone in SKELETON.bone_indices:
            if joint in bone and (end := bone[bone[0] == joint]) not in reached:
                path[end] = path[joint]
                path[end, end] = 1
                reached.append(end)
    return path


_PATH = _path_from_pelvis()
_FEET = [SKELETON.joints.index(f'{side}_{name}') for side in _SIDES for name in ('ankle', 'foot')]
_ANGLES = ('lean', 'twist') + tuple(
    f'{side}_{name}' for side in _SIDES for name in ('flex', 'abduct', 'turn', 'elbow', 'hip', 'knee')
)


def _rotation(axis: int, angle: np.ndarray | float) -> np.ndarray:
    """Rotation matrices ``(..., 3, 3)`` about one axis."""
    matrix = np.zeros((*np.shape(angle), 3, 3))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix[..., axis, axis] = 1
    matrix[..., i, i] = matrix[..., j, j] = np.cos(angle)
    matrix[..., j, i] = np.sin(angle)
    matrix[..., i, j] = -matrix[..., j, i]
    return matrix


def _ramp(u: np.ndarray, start: float, stop: float) -> np.ndarray:
    """Smooth step from 0 before ``start`` to 1 after ``stop``."""
    x = np.clip((u - start) / (stop - start), 0, 1)
    return x * x * (3 - 2 * x)


def _bump(u: np.ndarray, centre: float, width: float) -> np.ndarray:
    """Smooth rise and fall within ``centre`` +- ``width``, 1 at the centre."""
    return 0.5 * (1 + np.cos(np.pi * np.clip((u - centre) / width, -1, 1)))


class Pair:
    """Two persons who face each other, as curves that the interactions below bend.

    Args:
        rng: Source of everything random.
        num_frames: Frames T.

    Attributes:
        u: Time from 0 to 1, ``(T,)``.
        t: Time in seconds, ``(T,)``.
        angles: Name to joint angles ``(2, T)``: trunk lean and twist; per side of the arm flex (forward), abduct
            (sideways), turn (inwards about itself) and elbow, of the leg hip (forward) and knee.
        place: Position along the line between the two, ``(2, T)``; person 0 stands at negative values.
        heading: ``(2, T)``, 0 and pi where they face each other.
        size: Factors on a height of 1.70 m, ``(2,)``.
    """

    def __init__(self, rng: np.random.Generator, num_frames: int) -> None:
        self.rng = rng
        self.u = np.linspace(0, 1, num_frames)
        self.t = np.arange(num_frames) / FRAMES_PER_SECOND
        self.size = rng.uniform(0.88, 1.1, 2)
        # Nobody stands still: every angle sways a little, each at its own pace.
        amplitude, pace, phase = rng.uniform((0.01, 1, 0), (0.04, 4, 2 * np.pi), (len(_ANGLES), 2, 3)).T[..., None]
        sway = amplitude * np.sin(pace * self.t + phase)
        self.angles = {name: sway[:, index].copy() for index, name in enumerate(_ANGLES)}
        for side in _SIDES:
            self.angles[f'{side}_elbow'] += rng.uniform(0.1, 0.35, (2, 1))
            self.angles[f'{side}_abduct'] += rng.uniform(0.08, 0.2, (2, 1))
        self.place = np.zeros((2, num_frames))
        self.heading = np.array([[0.0], [np.pi]]) + rng.uniform(-0.15, 0.15, (2, 1)) + np.zeros(num_frames)
        self.stand_apart(rng.uniform(0.9, 1.8))

    def stand_apart(self, distance: float) -> None:
        """Place both at this distance."""
        self.place[0], self.place[1] = -distance / 2, distance / 2

    def walk(self, person: int, distance: float, start: float, stop: float) -> None:
        """Let a person walk along the line, forwards or backwards, by ``distance`` (signed, on the line)."""
        progress = _ramp(self.u, start, stop)
        pace = np.gradient(progress, self.u) * (stop - start) / 1.5  # 0 to 1
        stride = 2 * np.pi * abs(distance) / 1.2 * progress
        for side, sign in _SIDES.items():
            self.angles[f'{side}_hip'][person] += 0.5 * pace * sign * np.sin(stride)
            self.angles[f'{side}_knee'][person] += 0.4 * pace * (1 - np.cos(stride + sign * np.pi / 2))
            self.angles[f'{side}_flex'][person] -= 0.35 * pace * sign * np.sin(stride)
        self.place[person] += distance * progress

    def keypoints(self) -> np.ndarray:
        """Joint positions by forward kinematics, seen from anywhere, with sensor noise, the persons in any order.

        Shapes:
            returns ``(2, T, 25, 3)``, float32, metres, y up
        """
        a, rng = self.angles, self.rng
        rotation = {'pelvis': _rotation(1, self.heading)}
        rotation['trunk'] = rotation['pelvis'] @ _rotation(0, a['lean']) @ _rotation(1, a['twist'])
        for side, sign in _SIDES.items():
            arm = rotation['trunk'] @ _rotation(0, -a[f'{side}_flex']) @ _rotation(2, sign * a[f'{side}_abduct'])
            rotation[f'{side}_arm'] = arm @ _rotation(1, -sign * a[f'{side}_turn'])
            rotation[f'{side}_forearm'] = rotation[f'{side}_arm'] @ _rotation(0, -a[f'{side}_elbow'])
            rotation[f'{side}_thigh'] = rotation['pelvis'] @ _rotation(0, -a[f'{side}_hip'])
            rotation[f'{side}_shin'] = rotation[f'{side}_thigh'] @ _rotation(0, a[f'{side}_knee'])
        segments = np.stack([rotation[name] for name in _SEGMENTS], axis=2)  # (2, T, segments, 3, 3)
        offsets = _OFFSETS * self.size[:, None, None] * rng.normal(1, 0.02, (2, SKELETON.num_joints, 1))
        bones = (segments[:, :, _SEGMENT_OF] @ offsets[:, None, :, :, None])[..., 0]
        joints = _PATH @ bones
        joints[..., 1] -= joints[:, :, _FEET, 1].min(axis=-1, keepdims=True)  # the lower foot is on the floor
        joints[..., 2] += self.place[..., None]
        joints = joints @ _rotation(1, rng.uniform(0, 2 * np.pi)).T
        joints += rng.uniform((-0.5, -1.1, 2.5), (0.5, -0.8, 3.5))  # the origin is a sensor on a shelf
        joints += rng.normal(0, SENSOR_NOISE, joints.shape)
        return joints[rng.permutation(2)].astype(np.float32)


def _reach(forward: float, down: float) -> tuple[float, float]:
    """Shoulder flexion and elbow angle that bring the hand there, as seen from the shoulder."""
    far = np.clip(np.hypot(forward, down), 0.15, _UPPER_ARM + _FOREARM - 0.02)
    elbow = np.arccos((_UPPER_ARM**2 + _FOREARM**2 - far**2) / (2 * _UPPER_ARM * _FOREARM))
    lift = np.arccos((_UPPER_ARM**2 + far**2 - _FOREARM**2) / (2 * _UPPER_ARM * far))
    return np.arctan2(forward, down) - lift, np.pi - elbow


def _shake_hands(pair: Pair) -> None:
    rng, u, a = pair.rng, pair.u, pair.angles
    distance = rng.uniform(0.8, 1.0)
    pair.stand_apart(distance)
    start = rng.uniform(0.05, 0.2)
    raised = _ramp(u, start, start + 0.2) * (1 - _ramp(u, 0.85, 1.05))
    shaking = 0.12 * np.sin(2 * np.pi * rng.uniform(2, 3) * pair.t) * raised**2
    for person in range(2):
        flex, elbow = _reach(distance / 2 / pair.size[person], 0.3)
        a['right_flex'][person] += flex * raised + shaking
        a['right_elbow'][person] += (elbow - 0.2) * raised + shaking
        a['right_abduct'][person] -= (np.arcsin(0.17 / 0.55) + 0.1) * raised


def _hug(pair: Pair) -> None:
    rng, u, a = pair.rng, pair.u, pair.angles
    distance, final = rng.uniform(0.9, 1.3), rng.uniform(0.25, 0.35)
    pair.stand_apart(distance)
    closed = _ramp(u, 0.25, rng.uniform(0.5, 0.65))
    for person, towards in enumerate((1, -1)):
        pair.walk(person, towards * (distance - final) / 2, 0.0, 0.5)
        a['lean'][person] += 0.12 * closed
        for side in _SIDES:
            a[f'{side}_flex'][person] += rng.uniform(1.1, 1.6) * closed
            a[f'{side}_abduct'][person] += 0.35 * _bump(u, 0.45, 0.3)
            a[f'{side}_turn'][person] += 1.2 * closed
            a[f'{side}_elbow'][person] += 1.1 * closed


def _push(pair: Pair) -> None:
    rng, u, a = pair.rng, pair.u, pair.angles
    distance = rng.uniform(0.65, 0.85)
    pair.stand_apart(distance)
    hit = rng.uniform(0.35, 0.55)
    raised, thrust = _ramp(u, hit - 0.25, hit) * (1 - _ramp(u, hit + 0.1, hit + 0.35)), _bump(u, hit, 0.12)
    for side in _SIDES:
        a[f'{side}_flex'][0] += 1.35 * raised
        a[f'{side}_elbow'][0] += 1.6 * raised * (1 - thrust)
    a['lean'][0] += 0.2 * thrust
    a['lean'][1] -= 0.3 * _bump(u, hit + 0.08, 0.15)
    pair.walk(1, rng.uniform(0.3, 0.6), hit, hit + 0.3)


def _kick(pair: Pair) -> None:
    rng, u, a = pair.rng, pair.u, pair.angles
    pair.stand_apart(rng.uniform(0.85, 1.1))
    hit, side = rng.uniform(0.35, 0.6), rng.choice(list(_SIDES))
    a[f'{side}_hip'][0] += rng.uniform(1.1, 1.5) * _bump(u, hit, 0.22)
    a[f'{side}_knee'][0] += 1.5 * _bump(u, hit - 0.12, 0.14)
    a['lean'][0] -= 0.2 * _bump(u, hit, 0.2)
    a['lean'][1] += 0.35 * _bump(u, hit + 0.1, 0.2)
    pair.walk(1, rng.uniform(0.1, 0.3), hit, hit + 0.25)


def _approach(pair: Pair, depart: bool) -> None:
    rng = pair.rng
    near, path = rng.uniform(0.6, 0.9), rng.uniform(1.0, 1.6)
    pair.stand_apart(near if depart else near + path)
    if depart:
        pair.heading += np.pi
    share = rng.choice([0.0, 0.5, 1.0])  # either walks, or both
    for person, towards in enumerate((1, -1)):
        way = path * (share if person else 1 - share) * (-towards if depart else towards)
        pair.walk(person, way, rng.uniform(0, 0.1), rng.uniform(0.85, 1.0))


def _wave(pair: Pair, same: bool) -> None:
    """Each raises one arm, left or right with equal chance, and waves."""
    rng, a, first = pair.rng, pair.angles, int(pair.rng.integers(2))
    for person, arm in enumerate((first, first if same else 1 - first)):
        side = list(_SIDES)[arm]
        start = rng.uniform(0.02, 0.2)
        raised = _ramp(pair.u, start, start + 0.2)
        waving = np.sin(2 * np.pi * (rng.uniform(1, 2) * pair.t + rng.random()))
        a[f'{side}_abduct'][person] += rng.uniform(1.3, 1.7) * raised
        a[f'{side}_turn'][person] -= 1.4 * raised
        a[f'{side}_elbow'][person] += (1.1 + 0.45 * waving) * raised


def _swing(pair: Pair, same: bool) -> None:
    """Each swings both arms up and down, from a phase that is uniform on the circle."""
    rng, first = pair.rng, pair.rng.uniform(0, 2 * np.pi)
    pace = 2 * np.pi * rng.uniform(0.8, 1.3)
    for person, phase in enumerate((first, first if same else first + np.pi)):
        curve = np.sin(pace * pair.t + phase + rng.uniform(-0.3, 0.3))
        lift, amplitude = rng.uniform(0.8, 1.1), rng.uniform(0.5, 0.8)
        for side in _SIDES:
            pair.angles[f'{side}_flex'][person] += lift + amplitude * curve


def _greet(pair: Pair, same: bool) -> None:
    """Each lifts an arm overhead once, early or late with equal chance."""
    rng, first = pair.rng, int(pair.rng.integers(2))
    for person, slot in enumerate((first, first if same else 1 - first)):
        side = rng.choice(list(_SIDES))
        raised = _bump(pair.u, (0.28, 0.72)[slot] + rng.uniform(-0.04, 0.04), rng.uniform(0.18, 0.24))
        pair.angles[f'{side}_flex'][person] += rng.uniform(2.2, 2.7) * raised


INTERACTIONS: dict[str, Callable[[Pair], None]] = {
    'shaking hands': _shake_hands,
    'hugging': _hug,
    'pushing': _push,
    'kicking': _kick,
    'approaching': partial(_approach, depart=False),
    'departing': partial(_approach, depart=True),
    'waving the same arm': partial(_wave, same=True),
    'waving opposite arms': partial(_wave, same=False),
    'swinging in step': partial(_swing, same=True),
    'swinging in turn': partial(_swing, same=False),
    'greeting together': partial(_greet, same=True),
    'greeting one after the other': partial(_greet, same=False),
}
