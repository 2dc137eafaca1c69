"""Skeleton layouts: one table from which everything about joints is derived.

The graph of the models, bone stream, flip, centre, facing direction, body parts and plots all read :data:`SKELETONS`.
A layout of your own is a :class:`Skeleton`, or its fields in a config: ``layout=dict(name='mine', joints=[...], ...)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

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
        centre: Joint that stands for the person's position.
        parts: Body part name to joint names, every joint in exactly one part.

    Raises:
        ValueError: If a name is unknown or used twice, bones are not one tree, or parts do not cover the joints once.
    """

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[str, str], ...]
    mirrored: tuple[tuple[str, str], ...]
    centre: str
    parts: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        def fail(message: str) -> None:
            raise InputError(f'Skeleton {self.name!r}: {message}')

        if len(set(self.joints)) != len(self.joints):
            fail('joint names must be unique')
        used = [joint for pair in (*self.bones, *self.mirrored) for joint in pair]
        used += [self.centre, *(joint for part in self.parts.values() for joint in part)]
        if unknown := sorted(set(used) - set(self.joints)):
            fail(f'unknown joints {unknown}; known are {list(self.joints)}')
        children = [child for child, _ in self.bones]
        if len(set(children)) != len(children) or len(children) != self.num_joints - 1:
            fail(
                f'bones must form one tree: {self.num_joints} joints need {self.num_joints - 1} bones, '
                f'each child once; got {len(children)} bones with {len(set(children))} children'
            )
        parent = dict(self.bones)
        for joint in self.joints:
            seen = {joint}
            while joint in parent:
                joint = parent[joint]
                if joint in seen:
                    fail(f'bones form a cycle at {joint!r}')
                seen.add(joint)
        in_pairs = [joint for pair in self.mirrored for joint in pair]
        if len(set(in_pairs)) != len(in_pairs):
            fail('a joint may be in one mirrored pair only')
        in_parts = sorted(joint for part in self.parts.values() for joint in part)
        if in_parts != sorted(self.joints):
            fail('parts must contain every joint exactly once')

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
    def centre_index(self) -> int:
        """Index of the centre joint."""
        return self.joints.index(self.centre)

    @cached_property
    def part_indices(self) -> dict[str, tuple[int, ...]]:
        """Body part name to joint indices."""
        return {part: tuple(self.joints.index(joint) for joint in joints) for part, joints in self.parts.items()}

    def adjacency(self) -> np.ndarray:
        """Graph subsets self, inward (to the root) and outward, K = 3.

        The spatial partition of ST-GCN (Yan et al., AAAI 2018) in the form that CTR-GCN uses: row ``i``
        gathers from the columns ``j`` with a non-zero entry, and every column is normalised to sum one.

        Shapes:
            returns ``(3, V, V)``, float32
        """
        inward = np.zeros((self.num_joints, self.num_joints), dtype=np.float32)
        for child, parent in self.bone_indices:
            inward[parent, child] = 1
        outward = inward.T
        subsets = np.stack([np.eye(self.num_joints, dtype=np.float32), inward, outward])
        return subsets / np.maximum(subsets.sum(axis=1, keepdims=True), 1)


def _sides(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((f'left_{name}', f'right_{name}') for name in names)


def _limbs(*chains: str) -> tuple[tuple[str, str], ...]:
    """Bones of chains such as ``'knee>hip'`` on both sides; a parent after ``>>`` has no side."""
    bones = []
    for chain in chains:
        child, parent = chain.split('>', 1)
        for side in ('left', 'right'):
            bones.append((f'{side}_{child}', parent[1:] if parent.startswith('>') else f'{side}_{parent}'))
    return tuple(bones)


def _parts(trunk: tuple[str, ...], arm: tuple[str, ...], leg: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    parts = {'trunk': trunk}
    for part, names in (('arm', arm), ('leg', leg)):
        for side in ('left', 'right'):
            parts[f'{side}_{part}'] = tuple(f'{side}_{name}' for name in names)
    return parts


_COCO_FACE = ('left_eye', 'right_eye', 'left_ear', 'right_ear')

SKELETONS: dict[str, Skeleton] = {
    skeleton.name: skeleton
    for skeleton in (
        Skeleton(
            name='sbu15',  # SBU Kinect Interaction v2, OpenNI
            joints=(
                *('head', 'neck', 'torso', 'left_shoulder', 'left_elbow', 'left_hand'),
                *('right_shoulder', 'right_elbow', 'right_hand', 'left_hip', 'left_knee', 'left_foot'),
                *('right_hip', 'right_knee', 'right_foot'),
            ),
            bones=(
                *(('head', 'neck'), ('neck', 'torso')),
                *_limbs('shoulder>>neck', 'elbow>shoulder', 'hand>elbow', 'hip>>torso', 'knee>hip', 'foot>knee'),
            ),
            mirrored=_sides('shoulder', 'elbow', 'hand', 'hip', 'knee', 'foot'),
            centre='torso',
            parts=_parts(('head', 'neck', 'torso'), ('shoulder', 'elbow', 'hand'), ('hip', 'knee', 'foot')),
        ),
        Skeleton(
            name='nturgbd25',  # Kinect v2, NTU RGB+D
            joints=(
                *('spine_base', 'spine_middle', 'neck', 'head'),
                *('left_shoulder', 'left_elbow', 'left_wrist', 'left_hand'),
                *('right_shoulder', 'right_elbow', 'right_wrist', 'right_hand'),
                *('left_hip', 'left_knee', 'left_ankle', 'left_foot'),
                *('right_hip', 'right_knee', 'right_ankle', 'right_foot'),
                *('spine_shoulder', 'left_hand_tip', 'left_thumb', 'right_hand_tip', 'right_thumb'),
            ),
            bones=(
                *(('spine_base', 'spine_middle'), ('spine_middle', 'spine_shoulder')),
                *(('neck', 'spine_shoulder'), ('head', 'neck')),
                *_limbs('shoulder>>spine_shoulder', 'elbow>shoulder', 'wrist>elbow', 'hand>wrist'),
                *_limbs('hand_tip>hand', 'thumb>wrist'),
                *_limbs('hip>>spine_base', 'knee>hip', 'ankle>knee', 'foot>ankle'),
            ),
            mirrored=_sides(
                *('shoulder', 'elbow', 'wrist', 'hand', 'hand_tip', 'thumb', 'hip', 'knee', 'ankle', 'foot')
            ),
            centre='spine_middle',
            parts=_parts(
                ('spine_base', 'spine_middle', 'spine_shoulder', 'neck', 'head'),
                ('shoulder', 'elbow', 'wrist', 'hand', 'hand_tip', 'thumb'),
                ('hip', 'knee', 'ankle', 'foot'),
            ),
        ),
        Skeleton(
            name='coco17',  # COCO keypoints, HRNet and most 2-D estimators
            joints=(
                *('nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear'),
                *('left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist'),
                *('left_hip', 'right_hip', 'left_knee', 'right_knee', 'left_ankle', 'right_ankle'),
            ),
            bones=(
                *_limbs('eye>>nose', 'ear>eye', 'shoulder>>nose', 'elbow>shoulder', 'wrist>elbow'),
                *_limbs('hip>shoulder', 'knee>hip', 'ankle>knee'),
            ),
            mirrored=_sides('eye', 'ear', 'shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle'),
            centre='nose',
            parts=_parts(('nose', *_COCO_FACE), ('shoulder', 'elbow', 'wrist'), ('hip', 'knee', 'ankle')),
        ),
        Skeleton(
            name='openpose18',  # OpenPose COCO model, ST-GCN's Kinetics skeletons
            joints=(
                *('nose', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist'),
                *('left_shoulder', 'left_elbow', 'left_wrist', 'right_hip', 'right_knee', 'right_ankle'),
                *('left_hip', 'left_knee', 'left_ankle', 'right_eye', 'left_eye', 'right_ear', 'left_ear'),
            ),
            bones=(
                ('nose', 'neck'),
                *_limbs('eye>>nose', 'ear>eye', 'shoulder>>neck', 'elbow>shoulder', 'wrist>elbow'),
                *_limbs('hip>>neck', 'knee>hip', 'ankle>knee'),
            ),
            mirrored=_sides('eye', 'ear', 'shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle'),
            centre='neck',
            parts=_parts(('nose', 'neck', *_COCO_FACE), ('shoulder', 'elbow', 'wrist'), ('hip', 'knee', 'ankle')),
        ),
        Skeleton(
            name='body25',  # OpenPose BODY_25
            joints=(
                *('nose', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist'),
                *('left_shoulder', 'left_elbow', 'left_wrist', 'mid_hip', 'right_hip', 'right_knee', 'right_ankle'),
                *('left_hip', 'left_knee', 'left_ankle', 'right_eye', 'left_eye', 'right_ear', 'left_ear'),
                *('left_big_toe', 'left_small_toe', 'left_heel', 'right_big_toe', 'right_small_toe', 'right_heel'),
            ),
            bones=(
                *(('nose', 'neck'), ('neck', 'mid_hip')),
                *_limbs('eye>>nose', 'ear>eye', 'shoulder>>neck', 'elbow>shoulder', 'wrist>elbow'),
                *_limbs('hip>>mid_hip', 'knee>hip', 'ankle>knee', 'big_toe>ankle', 'small_toe>big_toe', 'heel>ankle'),
            ),
            mirrored=_sides(
                *('eye', 'ear', 'shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle', 'big_toe', 'small_toe', 'heel')
            ),
            centre='mid_hip',
            parts=_parts(
                ('nose', 'neck', 'mid_hip', *_COCO_FACE),
                ('shoulder', 'elbow', 'wrist'),
                ('hip', 'knee', 'ankle', 'big_toe', 'small_toe', 'heel'),
            ),
        ),
    )
}


def get_skeleton(layout: str | Mapping | Skeleton) -> Skeleton:
    """Look a layout up by name, or make one from a dictionary of :class:`Skeleton` fields.

    Of a dictionary, ``mirrored`` (default none), ``centre`` (default the root of the bones) and ``parts``
    (default one part, ``body``) may be left out.

    Args:
        layout: A name in :data:`SKELETONS`, a dictionary of fields (as configs have it), or a Skeleton.

    Raises:
        ValueError: If the name is unknown or fields are missing or wrong.
    """
    if isinstance(layout, Skeleton):
        return layout
    if isinstance(layout, Mapping):
        required, optional = {'name', 'joints', 'bones'}, {'mirrored', 'centre', 'parts'}
        if not required <= set(layout) <= required | optional:
            raise InputError(
                f'Skeleton: a layout needs the fields {sorted(required)} and may have {sorted(optional)}, '
                f'got {sorted(layout)}'
            )
        joints, bones = tuple(layout['joints']), tuple(tuple(bone) for bone in layout['bones'])
        roots = [joint for joint in joints if joint not in dict(bones)]
        return Skeleton(
            name=layout['name'],
            joints=joints,
            bones=bones,
            mirrored=tuple(tuple(pair) for pair in layout.get('mirrored', ())),
            centre=layout.get('centre', roots[0] if roots else ''),
            parts={part: tuple(names) for part, names in layout.get('parts', {'body': joints}).items()},
        )
    if layout not in SKELETONS:
        raise InputError(f'Skeleton: unknown layout {layout!r}; known are {sorted(SKELETONS)}')
    return SKELETONS[layout]


def graph_layout(layout: str | Mapping | Skeleton) -> dict:
    """A layout in the form that mmaction2's ``Graph`` takes: ``graph_cfg=dict(layout=graph_layout('sbu15'), ...)``.

    Args:
        layout: As of :func:`get_skeleton`.

    Returns:
        ``num_node``, ``inward`` (pairs of child and parent) and ``center``, plain numbers that a config can hold.
    """
    skeleton = get_skeleton(layout)
    return dict(num_node=skeleton.num_joints, inward=list(skeleton.bone_indices), center=skeleton.centre_index)
