"""Every layout is one consistent body, a file of one reads the same, and wrong layouts are refused with a reason."""

import dataclasses
import json

import numpy as np
import pytest

from asea_mm.errors import InputError
from asea_mm.skeletons import SKELETONS, Skeleton, get_skeleton, graph_layout, read_layout

every_layout = pytest.mark.parametrize('skeleton', SKELETONS.values(), ids=SKELETONS)
TOY = dict(
    name='toy',
    joints=('hip', 'left_foot', 'right_foot'),
    bones=(('left_foot', 'hip'), ('right_foot', 'hip')),
    mirrored=(('left_foot', 'right_foot'),),
    centre='hip',
    parts={'all': ('hip', 'left_foot', 'right_foot')},
)
NEEDED = {name: TOY[name] for name in ('name', 'joints', 'bones')}


@pytest.mark.parametrize(
    ('name', 'number', 'joints'),
    [
        ('sbu15', 15, {0: 'head', 2: 'torso', 5: 'left_hand', 8: 'right_hand', 14: 'right_foot'}),
        ('nturgbd25', 25, {0: 'spine_base', 4: 'left_shoulder', 16: 'right_hip', 24: 'right_thumb'}),
        ('coco17', 17, {0: 'nose', 5: 'left_shoulder', 9: 'left_wrist', 16: 'right_ankle'}),
        ('openpose18', 18, {0: 'nose', 1: 'neck', 4: 'right_wrist', 17: 'left_ear'}),
        ('body25', 25, {0: 'nose', 8: 'mid_hip', 21: 'left_heel', 24: 'right_heel'}),
        ('common13', 13, {0: 'head', 1: 'left_shoulder', 6: 'right_wrist', 12: 'right_ankle'}),
        ('halpe26', 26, {10: 'right_wrist', 17: 'head', 18: 'neck', 19: 'hip', 21: 'right_big_toe', 24: 'left_heel'}),
        ('h36m17', 17, {0: 'root', 1: 'right_hip', 6: 'left_foot', 9: 'neck_base', 10: 'head', 13: 'left_wrist'}),
        ('smpl24', 24, {0: 'pelvis', 1: 'left_hip', 9: 'spine3', 12: 'neck', 15: 'head', 16: 'left_shoulder'}),
        ('kinect20', 20, {0: 'hip_center', 3: 'head', 7: 'left_hand', 11: 'right_hand', 15: 'left_foot'}),
        ('azure32', 32, {3: 'neck', 10: 'left_thumb', 11: 'right_clavicle', 18: 'left_hip', 30: 'right_eye'}),
        ('mediapipe33', 33, {2: 'left_eye', 8: 'right_ear', 15: 'left_wrist', 23: 'left_hip', 31: 'left_foot_index'}),
        ('nuitrack25', 25, {0: 'none', 1: 'head', 4: 'waist', 9: 'left_hand', 12: 'right_shoulder', 23: 'right_ankle'}),
        ('nvidia34', 34, {3: 'torso', 20: 'left_shoulder', 24: 'left_wrist', 33: 'right_thumb_tip'}),
        ('coco133', 133, {20: 'right_big_toe', 23: 'face_0', 91: 'left_hand_root', 132: 'right_pinky_finger4'}),
    ],
)  # fmt: skip
def test_joints_are_where_the_source_puts_them(name, number, joints):
    skeleton = get_skeleton(name)
    assert (skeleton.name, skeleton.num_joints) == (name, number)
    assert {index: skeleton.joints[index] for index in joints} == joints


@every_layout
def test_bones_are_one_tree_with_sides_that_mirror_each_other(skeleton):
    (root,) = [joint for joint, parent in enumerate(skeleton.parents) if joint == parent]
    flip = np.array(skeleton.flip_order)
    assert np.array_equal(flip[flip], np.arange(skeleton.num_joints))
    assert flip[root] == root
    bones = set(skeleton.bone_indices)
    assert len(bones) == skeleton.num_joints - 1
    assert {(flip[child], flip[parent]) for child, parent in bones} == bones
    for joint, name in enumerate(skeleton.joints):
        words = [{'left': 'right', 'right': 'left'}.get(word, word) for word in name.split('_')]
        if not name.startswith('face_'):  # whose sides have no names
            assert skeleton.joints[skeleton.flip_order[joint]] == '_'.join(words)
    assert sorted(sum(skeleton.part_indices.values(), ())) == list(range(skeleton.num_joints))
    for part, names in skeleton.parts.items():
        side = part.partition('_')[0]
        assert side == 'trunk' or all(name.startswith(f'{side}_') for name in names)
    assert {flip[joint] for joint in skeleton.centre_indices} == set(skeleton.centre_indices)
    assert len(skeleton.centre_indices) > 1 or skeleton.centre in skeleton.parts['trunk']


@every_layout
def test_adjacency_is_self_inward_outward_with_normalised_columns(skeleton):
    itself, inward, outward = subsets = skeleton.adjacency()
    assert subsets.dtype == np.float32
    assert np.array_equal(itself, np.eye(skeleton.num_joints))
    assert {(i, j) for j, i in np.argwhere(inward)} == set(skeleton.bone_indices)
    assert np.array_equal(outward > 0, inward.T > 0)
    sums = subsets.sum(axis=1)
    assert np.all(np.isclose(sums, 1) | (sums == 0))


def test_graphs_by_hand():
    _, inward, outward = Skeleton(**TOY).adjacency()
    assert np.array_equal(inward, [[0, 1, 1], [0, 0, 0], [0, 0, 0]])
    assert np.array_equal(outward, [[0, 0, 0], [0.5, 0, 0], [0.5, 0, 0]])
    assert graph_layout(TOY) == dict(num_node=3, inward=[(1, 0), (2, 0)], center=0)


def test_what_a_dictionary_leaves_out_is_found():
    assert get_skeleton(NEEDED) == Skeleton(**{**TOY, 'parts': {'body': TOY['joints']}})
    assert get_skeleton({**NEEDED, 'mirrored': []}).flip_order == (0, 1, 2)


@pytest.mark.parametrize(
    'names',
    [
        ('Left Foot', 'Right Foot'),
        ('foot_left', 'foot_right'),
        ('FOOT_LEFT', 'FOOT_RIGHT'),
        ('FootLeft', 'FootRight'),
        ('LFoot', 'RFoot'),
        ('foot.l', 'foot.r'),
        ('leftfoot', 'rightfoot'),
    ],
)
def test_left_and_right_are_found_in_names(names):
    joints = ('hip', 'upright', names[1], names[0])
    skeleton = get_skeleton(dict(name='mine', joints=joints, bones=[(joint, 'hip') for joint in joints[1:]]))
    assert skeleton.mirrored == (names,)


@every_layout
def test_layouts_come_back_from_their_fields_and_files(skeleton, tmp_path):
    fields = dataclasses.asdict(skeleton)
    assert get_skeleton(fields) == skeleton
    assert get_skeleton(skeleton) is skeleton
    assert skeleton.described == skeleton.name
    other = dataclasses.replace(skeleton, name='other')
    (tmp_path / 'other.json').write_text(json.dumps(other.described))
    assert read_layout(tmp_path / 'other.json') == other
    assert read_layout(skeleton.name) is skeleton


@pytest.mark.parametrize(
    ('layout', 'message'),
    [
        ('ntu', r"unknown layout 'ntu'; known are .*'nturgbd25'"),
        (None, 'unknown layout None'),
        (dict(name='toy', joints=('hip',)), 'needs the fields'),
        ({**TOY, 'colour': 'red'}, r"got \['bones', 'centre', 'colour'"),
        (dict(name='none', joints=(), bones=()), "'joints': expected a list of names"),
        ({**TOY, 'bones': ['hip']}, r"'bones': expected a list of \[child, parent\], got \['hip'\]"),
        ({**TOY, 'parts': {'all': 3}}, "'parts': expected names of parts"),
        ({**TOY, 'joints': ('hip', 'hip', 'right_foot')}, 'unique'),
        ({**TOY, 'bones': (('left_foot', 'hip'),)}, '3 joints need 2 bones'),
        ({**TOY, 'bones': (('left_foot', 'hip'), ('left_foot', 'right_foot'))}, 'each child once'),
        ({**TOY, 'bones': (('left_foot', 'right_foot'), ('right_foot', 'left_foot'))}, 'cycle'),
        ({**TOY, 'bones': (('left_foot', 'hip'), ('right_foot', 'knee'))}, r"unknown joints \['knee'\]"),
        ({**TOY, 'centre': 'navel'}, 'navel'),
        ({**TOY, 'centre': ['hip', 'navel']}, 'navel'),
        ({**TOY, 'centre': []}, "'centre': expected the name of a joint, or a list of names"),
        ({**TOY, 'mirrored': (('left_foot', 'right_foot'), ('left_foot', 'hip'))}, 'one mirrored pair'),
        ({**TOY, 'parts': {'all': ('hip', 'left_foot')}}, 'exactly once'),
        ({**TOY, 'parts': {'a': ('hip', 'left_foot', 'right_foot'), 'b': ('hip',)}}, 'exactly once'),
    ],
)
def test_wrong_layouts_are_refused(layout, message, tmp_path):
    with pytest.raises(InputError, match=f'^Skeleton.*{message}'):
        get_skeleton(layout)
    if isinstance(layout, dict):
        (tmp_path / 'mine.json').write_text(json.dumps(layout))
        with pytest.raises(InputError, match=f'mine.json: .*{message}'):
            read_layout(tmp_path / 'mine.json')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'{"name": "a",\n}', 'expected JSON of joints and bones, got .*line 2'),
        (b'[]', 'expected an object with name, joints and bones, got list'),
        (b'\xff\xfe\x00', 'utf-8'),
        (b'[' * 100_000, 'expected JSON'),
        (None, r"expected one of .*'body25', .* or a JSON file"),
    ],
)
def test_files_that_are_no_layout(content, message, tmp_path):
    if content is not None:
        (tmp_path / 'mine.json').write_bytes(content)
    with pytest.raises(InputError, match=f'mine.json.*{message}'):
        read_layout(tmp_path / 'mine.json')
