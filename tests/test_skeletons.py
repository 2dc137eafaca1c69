"""Every layout is one consistent body, and wrong layouts are refused with a reason."""

import dataclasses

import numpy as np
import pytest

from asea_mm.skeletons import SKELETONS, Skeleton, get_skeleton

every_layout = pytest.mark.parametrize('skeleton', SKELETONS.values(), ids=SKELETONS)
TOY = dict(
    name='toy',
    joints=('hip', 'left_foot', 'right_foot'),
    bones=(('left_foot', 'hip'), ('right_foot', 'hip')),
    mirrored=(('left_foot', 'right_foot'),),
    centre='hip',
    parts={'all': ('hip', 'left_foot', 'right_foot')},
)


@pytest.mark.parametrize(
    ('name', 'joints'), [('sbu15', 15), ('nturgbd25', 25), ('coco17', 17), ('openpose18', 18), ('body25', 25)]
)
def test_known_layouts_have_their_joints(name, joints):
    assert get_skeleton(name).num_joints == joints
    assert get_skeleton(name).name == name


@pytest.mark.parametrize(
    ('name', 'first', 'last'),
    [
        ('sbu15', 'head', 'right_foot'),
        ('nturgbd25', 'spine_base', 'right_thumb'),
        ('coco17', 'nose', 'right_ankle'),
        ('openpose18', 'nose', 'left_ear'),
        ('body25', 'nose', 'right_heel'),
    ],
)
def test_order_of_joints_is_that_of_the_source(name, first, last):
    joints = get_skeleton(name).joints
    assert (joints[0], joints[-1]) == (first, last)


def test_joints_of_ntu_are_where_its_authors_put_them():
    joints = get_skeleton('nturgbd25').joints
    named = {4: 'left_shoulder', 8: 'right_shoulder', 12: 'left_hip', 16: 'right_hip', 20: 'spine_shoulder'}
    assert {index: joints[index] for index in named} == named


@every_layout
def test_bones_are_one_tree(skeleton):
    roots = [joint for joint, parent in enumerate(skeleton.parents) if joint == parent]
    assert len(roots) == 1
    assert len(skeleton.bone_indices) == skeleton.num_joints - 1
    for joint in range(skeleton.num_joints):
        steps = 0
        while joint != roots[0]:
            joint, steps = skeleton.parents[joint], steps + 1
            assert steps < skeleton.num_joints


@every_layout
def test_flipping_twice_changes_nothing(skeleton):
    order = np.array(skeleton.flip_order)
    assert sorted(order) == list(range(skeleton.num_joints))
    assert np.array_equal(order[order], np.arange(skeleton.num_joints))


@every_layout
def test_flip_swaps_left_and_right_by_name_and_keeps_the_rest(skeleton):
    for joint, name in enumerate(skeleton.joints):
        swapped = skeleton.joints[skeleton.flip_order[joint]]
        side, _, rest = name.partition('_')
        assert swapped == {'left': f'right_{rest}', 'right': f'left_{rest}'}.get(side, name)


@every_layout
def test_bones_of_left_and_right_mirror_each_other(skeleton):
    flip = skeleton.flip_order
    bones = set(skeleton.bone_indices)
    assert {(flip[child], flip[parent]) for child, parent in bones} == bones


@every_layout
def test_parts_cover_every_joint_once_and_keep_sides_apart(skeleton):
    joints = [joint for part in skeleton.part_indices.values() for joint in part]
    assert sorted(joints) == list(range(skeleton.num_joints))
    for part, names in skeleton.parts.items():
        side = part.partition('_')[0]
        assert side == 'trunk' or all(name.startswith(f'{side}_') for name in names)


@every_layout
def test_centre_is_a_joint_of_the_trunk(skeleton):
    assert skeleton.joints[skeleton.centre_index] == skeleton.centre
    assert skeleton.centre in skeleton.parts['trunk']
    assert skeleton.flip_order[skeleton.centre_index] == skeleton.centre_index


@every_layout
def test_adjacency_is_self_inward_outward_with_normalised_columns(skeleton):
    joints = skeleton.num_joints
    subsets = skeleton.adjacency()
    assert subsets.shape == (3, joints, joints)
    assert subsets.dtype == np.float32
    itself, inward, outward = subsets
    assert np.array_equal(itself, np.eye(joints))
    assert {(i, j) for j, i in np.argwhere(inward)} == set(skeleton.bone_indices)
    assert np.array_equal(outward > 0, inward.T > 0)
    sums = subsets.sum(axis=1)
    assert np.all(np.isclose(sums, 1) | (sums == 0))


def test_adjacency_by_hand():
    itself, inward, outward = Skeleton(**TOY).adjacency()
    assert np.array_equal(inward, [[0, 1, 1], [0, 0, 0], [0, 0, 0]])
    assert np.array_equal(outward, [[0, 0, 0], [0.5, 0, 0], [0.5, 0, 0]])


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(joints=('hip', 'hip', 'right_foot')), 'unique'),
        (dict(bones=(('left_foot', 'hip'),)), '3 joints need 2 bones'),
        (dict(bones=(('left_foot', 'hip'), ('left_foot', 'right_foot'))), 'each child once'),
        (dict(bones=(('left_foot', 'right_foot'), ('right_foot', 'left_foot'))), 'cycle'),
        (dict(bones=(('left_foot', 'hip'), ('right_foot', 'knee'))), r"unknown joints \['knee'\]"),
        (dict(centre='navel'), 'navel'),
        (dict(mirrored=(('left_foot', 'right_foot'), ('left_foot', 'hip'))), 'one mirrored pair'),
        (dict(mirrored=(('left_foot', 'tail'),)), 'tail'),
        (dict(parts={'all': ('hip', 'left_foot')}), 'exactly once'),
        (dict(parts={'a': ('hip', 'left_foot', 'right_foot'), 'b': ('hip',)}), 'exactly once'),
    ],
)
def test_wrong_layouts_are_refused(change, message):
    with pytest.raises(ValueError, match=f"Skeleton 'toy': .*{message}"):
        Skeleton(**{**TOY, **change})


def test_layout_as_a_dictionary_of_lists():
    layout = {name: list(value) if isinstance(value, tuple) else value for name, value in TOY.items()}
    layout['parts'] = {'all': ['hip', 'left_foot', 'right_foot']}
    assert get_skeleton(layout) == Skeleton(**TOY)


def test_layout_as_a_dictionary_has_defaults():
    skeleton = get_skeleton({name: TOY[name] for name in ('name', 'joints', 'bones')})
    assert skeleton.mirrored == ()
    assert skeleton.centre == 'hip'
    assert skeleton.parts == {'body': TOY['joints']}
    assert skeleton.flip_order == (0, 1, 2)


@every_layout
def test_layouts_come_back_from_their_fields(skeleton):
    assert get_skeleton(dataclasses.asdict(skeleton)) == skeleton
    assert get_skeleton(skeleton) is skeleton


@pytest.mark.parametrize(
    ('layout', 'message'),
    [
        ('ntu', r"unknown layout 'ntu'; known are \['body25', 'coco17', 'nturgbd25', 'openpose18', 'sbu15'\]"),
        (dict(name='toy', joints=('hip',)), 'needs the fields'),
        ({**TOY, 'colour': 'red'}, r"got \['bones', 'centre', 'colour'"),
        (dict(name='loop', joints=('a', 'b'), bones=(('a', 'b'), ('b', 'a'))), 'loop'),
        (dict(name='none', joints=(), bones=()), 'none'),
    ],
)
def test_unknown_and_incomplete_layouts_are_refused(layout, message):
    with pytest.raises(ValueError, match=message):
        get_skeleton(layout)
