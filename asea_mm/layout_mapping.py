"""From the joints of one layout to those of another: by name, or derived by the rules that stand here as data.

A joint of the target is, in this order: the joint of its name; one that is the same place under another name
(:data:`SAME`); what a rule makes of other joints (:data:`RULES`), which may themselves be derived. All ways are kept:
where the joints of one are missing in a frame, the next is taken.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .errors import InputError
from .keypoints import presence
from .skeletons import Skeleton, plain_name

# The same place, as the tools call it. Names of the left side stand for those of the right, too.
SAME = (
    ('pelvis', 'hip_center', 'mid_hip', 'hip', 'root', 'spine_base', 'waist'),
    ('torso', 'spine', 'spine_middle', 'spine_navel', 'spine2'),
    ('spine_chest', 'spine3'),
    ('thorax', 'spine_shoulder', 'shoulder_center'),
    ('neck', 'neck_base'),
    ('left_collar', 'left_clavicle'),
    ('left_hand_tip', 'left_fingertip', 'left_middle_tip', 'left_middle_finger4'),
    ('left_index', 'left_index_knuckle', 'left_forefinger1'),
    ('left_pinky', 'left_pinky_knuckle', 'left_pinky_finger1'),
    ('left_thumb', 'left_thumb_tip', 'left_thumb4'),
    ('left_big_toe', 'left_foot_index'),
)
# Names by which a layout means another place than the rest: the top of the head, and ankles.
MEANINGS = {
    'halpe26': {'head': 'head_top'},
    'h36m17': {'head': 'head_top', 'left_foot': 'left_ankle', 'right_foot': 'right_ankle'},
}
# A joint, and of which others it is the middle; the first rule whose joints are there. A single other stands in for it:
# a few centimetres lie between a wrist and a hand.
RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ('head', ('left_ear', 'right_ear')),
    ('head', ('left_eye', 'right_eye')),
    ('head', ('nose',)),
    ('head', ('head_top', 'neck')),
    ('nose', ('left_eye', 'right_eye')),
    ('neck', ('thorax',)),
    ('neck', ('left_shoulder', 'right_shoulder')),
    ('thorax', ('left_shoulder', 'right_shoulder')),
    ('thorax', ('neck',)),
    ('pelvis', ('left_hip', 'right_hip')),
    ('torso', ('thorax', 'pelvis')),
    ('spine_chest', ('thorax', 'torso')),
    ('spine1', ('torso', 'pelvis')),
    ('left_collar', ('left_shoulder', 'thorax')),
    ('left_wrist', ('left_hand',)),
    ('left_hand', ('left_index', 'left_pinky')),
    ('left_hand', ('left_wrist',)),
    ('left_hand_tip', ('left_index',)),
    ('left_hand_tip', ('left_hand',)),
    ('left_thumb', ('left_hand',)),
    ('left_ankle', ('left_foot',)),
    ('left_foot', ('left_big_toe',)),
    ('left_foot', ('left_ankle',)),
    ('left_big_toe', ('left_foot',)),
)
SIDES = (('left', 'right'), ('right', 'left'))


def _other_side(name: str) -> str:
    for side, other in SIDES:
        if name.startswith(f'{side}_'):
            return f'{other}_{name.removeprefix(f"{side}_")}'
    return name


def _places(skeleton: Skeleton) -> list[str]:
    """The joints as the tables call them."""
    meanings = MEANINGS.get(skeleton.name, {})
    return [meanings.get(place, place) for place in map(plain_name, skeleton.joints)]


_SAME_NAMES: dict[str, tuple[str, ...]] = {}
for _names in SAME:
    for _group in (_names, tuple(map(_other_side, _names))):
        _SAME_NAMES |= dict.fromkeys(_group, _group)
_RULES_OF: dict[str, list[tuple[str, ...]]] = {}
for _joint, _others in RULES:
    _RULES_OF.setdefault(_joint, []).append(_others)
    if _joint.startswith('left_'):
        _RULES_OF.setdefault(_other_side(_joint), []).append(tuple(map(_other_side, _others)))

Way = dict[int, float]  # joints of the source and their weights, whose sum is one


def _ways(name: str, source: Mapping[str, int], asked: tuple[str, ...] = ()) -> Iterator[Way]:
    """All ways to a joint, the best first; ``asked`` are the places that it is to be part of, which go no way to it."""
    group = _SAME_NAMES.get(name, (name,))
    yield from ({source[other]: 1.0} for other in (name, *group) if other in source)
    asked = (*asked, *group)
    for rule in (rule for member in dict.fromkeys((name, *group)) for rule in _RULES_OF.get(member, ())):
        parts = [next(_ways(other, source, asked), None) for other in rule if other not in asked]
        known = [part for part in parts if part is not None]
        if len(known) == len(rule):
            way: Way = {}
            for joint, weight in ((joint, weight) for part in known for joint, weight in part.items()):
                way[joint] = way.get(joint, 0.0) + weight / len(rule)
            yield way


@dataclass(frozen=True)
class LayoutMapping:
    """How each joint of a layout comes from those of another.

    Args:
        source, target: The two layouts.

    Raises:
        InputError: If a joint of the target can neither be found nor derived; names them.
    """

    source: Skeleton
    target: Skeleton

    def __post_init__(self) -> None:
        lost = [joint for joint, ways in zip(self.target.joints, self.ways, strict=True) if not ways]
        if lost:
            more = f' and {len(lost) - 8} more' if len(lost) > 8 else ''
            raise InputError(
                f'layout {self.source.name!r} has no joints that give {lost[:8]}{more} of layout '
                f'{self.target.name!r}; a layout that all reach is common13'
            )

    @cached_property
    def ways(self) -> tuple[tuple[Way, ...], ...]:
        """For each joint of the target the ways to it, none twice."""
        indices = {place: index for index, place in reversed(list(enumerate(_places(self.source))))}
        found = []
        for place in _places(self.target):
            ways: list[Way] = []
            for way in _ways(place, indices):
                if way not in ways:
                    ways.append(way)
            found.append(tuple(ways))
        return tuple(found)

    @cached_property
    def derived(self) -> dict[str, str]:
        """Joints of the target that the source does not have, and what they are made of, by their first way."""
        places = _places(self.source)
        return {
            joint: self._described(ways[0])
            for joint, place, ways in zip(self.target.joints, _places(self.target), self.ways, strict=True)
            if place not in places
        }

    def _described(self, way: Way) -> str:
        names = [self.source.joints[joint] for joint in way]
        if len(set(way.values())) > 1:
            return ' + '.join(f'{weight:g} {name}' for name, weight in zip(names, way.values(), strict=True))
        return names[0] if len(names) == 1 else f'middle of {", ".join(names)}'

    def __str__(self) -> str:
        """One line: what was derived; of two sides that are alike the left one."""
        derived = self.derived
        said = [
            f'{joint}: {way}'
            for joint, way in derived.items()
            if not joint.startswith('right_') or _other_side(joint) not in derived
        ]
        return f'layout {self.source.name} to {self.target.name}: {"; ".join(said) or "all joints by their names"}'

    def apply(self, keypoint: np.ndarray, score: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """The persons with the joints of the target.

        A joint is missing where all its coordinates are zero or its score is not above 0. In each frame the first way
        whose joints are all there is taken, else the first whose joints have a place, such as one that was
        interpolated; without any the joint is missing. A score is the least of those of the joints it is made of.

        Shapes:
            keypoint: ``(M, T, V, C)``, any unit -> ``(M, T, W, C)``, float32, W joints of the target; absent persons
            stay zero; score ``(M, T, V)`` -> ``(M, T, W)``
        """
        placed = np.asarray(keypoint.any(axis=-1))
        seen = placed if score is None else placed & (score > 0)
        shape = (*keypoint.shape[:2], self.target.num_joints)
        mapped = np.zeros((*shape, keypoint.shape[-1]), np.float32)
        mapped_score = None if score is None else np.zeros(shape, np.float32)
        present = presence(keypoint)
        for number, ways in enumerate(self.ways):
            open_frames = present.copy()
            for there in (seen,) if score is None else (seen, placed):
                for way in ways:
                    joints, weights = list(way), np.array(list(way.values()), np.float32)
                    taken = open_frames & there[:, :, joints].all(axis=-1)
                    if taken.any():
                        mapped[taken, number] = weights @ keypoint[:, :, joints][taken]
                        if score is not None and mapped_score is not None:
                            mapped_score[taken, number] = np.maximum(score[:, :, joints][taken].min(axis=-1), 0)
                    open_frames &= ~taken
        return mapped, mapped_score


_SAID: dict[tuple, LayoutMapping] = {}


def map_recordings(source: Skeleton, target: Skeleton) -> LayoutMapping:
    """The mapping for recordings that come in one layout to a model of another; the log says once what it derives.

    Raises:
        InputError: As :class:`LayoutMapping`.
    """
    key = (source.name, source.joints, target.name, target.joints)
    if key not in _SAID:
        _SAID[key] = LayoutMapping(source, target)
        logging.getLogger('asea_mm').warning('%s', _SAID[key])
    return _SAID[key]
