"""Skeleton layouts: one table of each, from which everything about joints is derived.

The graph of the models, bone stream, mirror, centre, facing direction, body parts and pictures all read
:data:`SKELETONS`, which is the folder ``layouts``: one JSON file for each layout.

======================================== ================================================================
layouts                                  source
======================================== ================================================================
sbu15, nturgbd25                         SBU Kinect Interaction v2 (OpenNI); Kinect v2, NTU RGB+D
kinect20, azure32, nuitrack25, nvidia34  Kinect v1, Azure Kinect, Nuitrack, NVIDIA BodyPose3DNet
smpl24, h36m17                           body models and lifted poses
coco17, coco133, halpe26, mediapipe33    estimators in images
openpose18, body25                       OpenPose's COCO model, ST-GCN's Kinetics skeletons; BODY_25
common13                                 what all of them have, see :mod:`asea_mm.layout_mapping`
======================================== ================================================================

A layout of your own is such a file (:func:`read_layout`), or its fields in a config:
``layout=dict(name='mine', joints=[...], bones=[...])``.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError


@dataclass(frozen=True)
class Skeleton:
    """Joints of one person and how they hang together.

    Args:
        name: Name of the layout.
        joints: Joint names; their order is the order of the V axis.
        bones: ``(child, parent)`` pairs of joint names that form a tree: all but the root are the child of one bone.
        mirrored: ``(left, right)`` pairs of joint names.
        centre: Joint that stands for the person's position, or joints whose mean does.
        parts: Body part name to joint names, every joint in exactly one part.

    Raises:
        InputError: If a name is unknown or used twice, bones are not one tree, or parts do not cover the joints once.
    """

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[str, str], ...]
    mirrored: tuple[tuple[str, str], ...]
    centre: str | tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        if mistake := self._mistake():
            raise InputError(f'Skeleton {self.name!r}: {mistake}')

    def _mistake(self) -> str:
        if len(set(self.joints)) != len(self.joints):
            return 'joint names must be unique'
        in_pairs = [joint for pair in self.mirrored for joint in pair]
        in_parts = [joint for part in self.parts.values() for joint in part]
        used = {*self._centre_joints, *in_pairs, *in_parts, *(joint for bone in self.bones for joint in bone)}
        if unknown := sorted(used - set(self.joints)):
            return f'unknown joints {unknown}; known are {list(self.joints)}'
        parent = dict(self.bones)
        if len(self.bones) != self.num_joints - 1 or len(parent) != len(self.bones):
            return (
                f'bones must form one tree: {self.num_joints} joints need {self.num_joints - 1} bones, '
                f'each child once; got {len(self.bones)} bones with {len(parent)} children'
            )
        ends = set(self.joints)  # of the ways along the bones: the root alone, or all around a cycle
        for _ in self.joints:
            ends = {parent.get(joint, joint) for joint in ends}
        if cycle := sorted(ends & set(parent)):
            return f'bones form a cycle of {cycle}'
        if len(set(in_pairs)) != len(in_pairs):
            return 'a joint may be in one mirrored pair only'
        return '' if sorted(in_parts) == sorted(self.joints) else 'parts must contain every joint exactly once'

    @property
    def num_joints(self) -> int:
        """Number of joints V."""
        return len(self.joints)

    @cached_property
    def bone_indices(self) -> tuple[tuple[int, int], ...]:
        """``(child, parent)`` joint indices."""
        return tuple((self.joints.index(child), self.joints.index(parent)) for child, parent in self.bones)

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """Parent of every joint; the root is its own parent."""
        parent = dict(self.bone_indices)
        return tuple(parent.get(joint, joint) for joint in range(self.num_joints))

    @cached_property
    def mirrored_indices(self) -> tuple[tuple[int, int], ...]:
        """``(left, right)`` joint indices."""
        return tuple((self.joints.index(left), self.joints.index(right)) for left, right in self.mirrored)

    @cached_property
    def flip_order(self) -> tuple[int, ...]:
        """Joint order after swapping left and right: ``flipped = x[..., flip_order, :]``."""
        order = list(range(self.num_joints))
        for left, right in self.mirrored_indices:
            order[left], order[right] = right, left
        return tuple(order)

    @property
    def _centre_joints(self) -> tuple[str, ...]:
        return (self.centre,) if isinstance(self.centre, str) else self.centre

    @cached_property
    def centre_indices(self) -> list[int]:
        """Indices of the joints whose mean is the person's position."""
        return [self.joints.index(joint) for joint in self._centre_joints]

    def centres(self, keypoint: Any) -> Any:
        """Where persons are: the mean of their centre joints, of arrays or tensors ``(..., V, C)``, ``(..., C)``."""
        return keypoint[..., self.centre_indices, :].mean(-2)

    @cached_property
    def part_indices(self) -> dict[str, tuple[int, ...]]:
        """Body part name to joint indices."""
        return {part: tuple(self.joints.index(joint) for joint in joints) for part, joints in self.parts.items()}

    @property
    def described(self) -> str | dict[str, Any]:
        """What a config or the meta of a file says: the name, or the fields of a layout that is not in the table."""
        if SKELETONS.get(self.name) == self:
            return self.name
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def adjacency(self) -> np.ndarray:
        """Graph subsets self, inward (to the root) and outward, K = 3.

        The spatial partition of ST-GCN (Yan et al., AAAI 2018) as CTR-GCN has it: row ``i`` gathers from the columns
        ``j``, and every column sums to one or zero.

        Shapes:
            returns ``(3, V, V)``, float32
        """
        inward = np.zeros((self.num_joints, self.num_joints), dtype=np.float32)
        for child, parent in self.bone_indices:
            inward[parent, child] = 1
        subsets = np.stack([np.eye(self.num_joints, dtype=np.float32), inward, inward.T])
        return subsets / np.maximum(subsets.sum(axis=1, keepdims=True), 1)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _are_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_name, value))


def _are_pairs(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(_are_names(pair) and len(pair) == 2 for pair in value)


def _are_parts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_are_names, value.values()))


# what a layout in a file or a config may hold: whether a value is right, and what it should have been
_FIELDS = {
    'name': (_is_name, 'a name'),
    'joints': (_are_names, 'a list of names'),
    'bones': (_are_pairs, 'a list of [child, parent]'),
    'mirrored': (_are_pairs, 'a list of [left, right]'),
    'centre': (lambda value: _is_name(value) or _are_names(value), 'the name of a joint, or a list of names'),
    'parts': (_are_parts, 'names of parts, each with a list of joints'),
}
_REQUIRED = ('name', 'joints', 'bones')


_BETWEEN_WORDS = re.compile(r'(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=(?i:left))|(?<=(?i:right))|[\W_]+')
_SIDES = {'left': 'left', 'l': 'left', 'right': 'right', 'r': 'right'}


def plain_name(joint: str) -> str:
    """The name of a joint as our layouts have it, the side first: ``left_foot`` of FOOT_LEFT, FootLeft or L-Foot."""
    words = [word.lower() for word in _BETWEEN_WORDS.split(joint) if word]
    return '_'.join([*(_SIDES[word] for word in words if word in _SIDES), *(w for w in words if w not in _SIDES)])


def _mirrored_by_name(joints: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of joints whose names differ in left and right only."""
    named = {plain_name(joint): joint for joint in joints}
    left = {name: joint for name, joint in named.items() if name.split('_')[0] == 'left'}
    pairs = ((joint, named.get(name.replace('left', 'right', 1))) for name, joint in left.items())
    return tuple((joint, other) for joint, other in pairs if other is not None)


def get_skeleton(layout: str | Mapping | Skeleton) -> Skeleton:
    """Look a layout up by name, or make one from a dictionary of :class:`Skeleton` fields.

    Of a dictionary may be left out: ``mirrored`` (default the joints whose names differ in left and right only, as
    ``left_hand`` and ``right_hand``; an empty list says that none are), ``centre`` (default the root of the bones) and
    ``parts`` (default one part, ``body``). Making one costs a check of all fields: hand a Skeleton on where it matters.

    Raises:
        InputError: If the name is unknown or fields are missing or wrong.
    """
    if isinstance(layout, Skeleton):
        return layout
    if isinstance(layout, str) and layout in SKELETONS:
        return SKELETONS[layout]
    if not isinstance(layout, Mapping):
        raise InputError(f'Skeleton: unknown layout {layout!r}; known are {sorted(SKELETONS)}')
    if not set(_REQUIRED) <= set(layout) <= set(_FIELDS):
        raise InputError(
            f'Skeleton: a layout needs the fields {list(_REQUIRED)} and may have '
            f'{[field for field in _FIELDS if field not in _REQUIRED]}, got {sorted(layout)}'
        )
    for field, value in layout.items():
        is_right, expected = _FIELDS[field]
        if not is_right(value):
            raise InputError(f'Skeleton, {field!r}: expected {expected}, got {str(value)[:60]}')
    joints, bones = tuple(layout['joints']), tuple(tuple(bone) for bone in layout['bones'])
    roots = [joint for joint in joints if joint not in dict(bones)]
    centre = layout.get('centre', roots[0] if roots else '')
    return Skeleton(
        name=layout['name'],
        joints=joints,
        bones=bones,
        mirrored=tuple(tuple(pair) for pair in layout.get('mirrored', _mirrored_by_name(joints))),
        centre=centre if isinstance(centre, str) else tuple(centre),
        parts={part: tuple(names) for part, names in layout.get('parts', {'body': joints}).items()},
    )


def read_layout(layout: str | os.PathLike) -> Skeleton:
    """A layout by its name, or from a JSON file of the fields that :func:`get_skeleton` takes.

    Args:
        layout: A name in :data:`SKELETONS`, or a file like those of ``asea_mm/layouts``:
            ``{"name": "stick3", "joints": ["head", "hip", "foot"], "bones": [["head", "hip"], ["foot", "hip"]]}``.

    Raises:
        InputError: If it is neither, or a field is wrong; names the file and the field.
    """
    if str(layout) in SKELETONS:
        return SKELETONS[str(layout)]
    path = Path(layout)
    if not path.is_file():
        raise InputError(f'layout {layout}: expected one of {sorted(SKELETONS)} or a JSON file of joints and bones')
    try:
        fields = json.loads(path.read_text(encoding='utf-8-sig'))
    except (ValueError, RecursionError) as error:  # no JSON, no UTF-8, or thousands of brackets; it says where
        raise InputError(f'{path}: expected JSON of joints and bones, got an error: {f"{error}"[:120]}') from None
    if not isinstance(fields, dict):
        raise InputError(f'{path}: expected an object with name, joints and bones, got {type(fields).__name__}')
    try:
        return get_skeleton(fields)
    except InputError as error:
        raise InputError(f'{path}: {error}') from None


SKELETONS: dict[str, Skeleton] = {}
for _path in sorted((Path(__file__).parent / 'layouts').glob('*.json')):
    SKELETONS[_path.stem] = read_layout(_path)


def graph_layout(layout: str | Mapping | Skeleton) -> dict:
    """A layout in the form that mmaction2's ``Graph`` takes: ``graph_cfg=dict(layout=graph_layout('sbu15'), ...)``."""
    skeleton = get_skeleton(layout)
    root = next(joint for joint, parent in enumerate(skeleton.parents) if joint == parent)
    centre = skeleton.centre_indices[0] if len(skeleton.centre_indices) == 1 else root
    return dict(num_node=skeleton.num_joints, inward=list(skeleton.bone_indices), center=centre)
