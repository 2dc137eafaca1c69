"""From layout to layout: joints land where a body has them, scores go along, and what is missing stays missing."""

from pathlib import Path

import numpy as np
import pytest

from asea_mm.errors import InputError
from asea_mm.layout_mapping import LayoutMapping
from asea_mm.skeletons import SKELETONS, get_skeleton

# A standing body that faces us, in metres: x to its left, y up. Joints of one place share a line.
MIDDLE = {
    name: height
    for height, names in {
        0.95: 'pelvis hip_center mid_hip hip root spine_base waist none',
        1.05: 'spine1',
        1.15: 'spine torso spine_middle spine_navel spine2',
        1.3: 'spine_chest spine3',
        1.42: 'thorax spine_shoulder shoulder_center',
        1.45: 'neck',
        1.5: 'neck_base',
        1.6: 'nose',
        1.62: 'head',
    }.items()
    for name in names.split()
}
FINGERS = [
    f'{finger}{k}' for finger in ('forefinger', 'middle_finger', 'ring_finger', 'pinky_finger') for k in range(5)
]
LEFT = {
    name: place
    for place, names in {
        (0.03, 1.64): 'eye eye_inner eye_outer',
        (0.07, 1.62): 'ear',
        (0.02, 1.57): 'mouth',
        (0.08, 1.42): 'collar clavicle',
        (0.19, 1.42): 'shoulder',
        (0.25, 1.13): 'elbow',
        (0.28, 0.88): 'wrist hand_root',
        (0.29, 0.81): 'hand',
        (0.25, 0.8): 'thumb thumb_tip thumb1 thumb2 thumb3 thumb4',
        (0.29, 0.78): f'index index_knuckle pinky pinky_knuckle {" ".join(FINGERS)}',
        (0.3, 0.72): 'hand_tip fingertip middle_tip',
        (0.1, 0.93): 'hip',
        (0.11, 0.5): 'knee',
        (0.12, 0.09): 'ankle',
        (0.12, 0.03): 'heel',
        (0.13, 0.05): 'foot',
        (0.14, 0.02): 'foot_index big_toe small_toe',
    }.items()
    for name in names.split()
}
TOPS = {'halpe26': 1.8, 'h36m17': 1.75}  # of the head

every_layout = pytest.mark.parametrize('name', SKELETONS)


def body(name):
    """Where a body has the joints of a layout, ``(V, 2)``."""
    places = []
    for joint in SKELETONS[name].joints:
        side, _, rest = joint.partition('_')
        if joint.startswith('mouth'):
            side, rest = rest, 'mouth'
        if name in TOPS and joint == 'head':
            places.append((0, TOPS[name]))
        elif joint.startswith('face'):
            places.append((0, 1.6))
        elif side in ('left', 'right'):
            x, y = LEFT[rest]
            places.append((x if side == 'left' else -x, y))
        else:
            places.append((0, MIDDLE[joint]))
    return np.array(places, dtype=np.float32)


def mapping(source, target):
    return LayoutMapping(get_skeleton(source), get_skeleton(target))


@every_layout
def test_sides_and_bones_are_those_of_a_body(name):
    skeleton, places = SKELETONS[name], body(name)
    np.testing.assert_allclose(places[list(skeleton.flip_order)] * [-1, 1], places, atol=1e-6)
    for child, parent in skeleton.bone_indices:
        assert np.linalg.norm(places[child] - places[parent]) < 0.55, skeleton.joints[child]
    if skeleton.mirrored:
        left, right = np.array(skeleton.mirrored_indices).T
        assert (places[left, 0] >= places[right, 0]).all()


@every_layout
def test_joints_land_where_a_body_has_them(name):
    refused = {}
    for target in SKELETONS:
        try:
            found = mapping(name, target)
        except InputError as error:
            refused[target] = str(error)
            continue
        mapped, score = found.apply(body(name)[None, None])
        assert score is None
        # finger tips are up to 17 cm from the wrists that stand in for them
        np.testing.assert_allclose(mapped[0, 0], body(target), atol=0.17)
    assert not {name, 'common13', 'sbu15', 'nturgbd25', 'kinect20'} & set(refused)
    for target, message in refused.items():
        assert repr(name) in message
        assert repr(target) in message
        assert len(message) < 500


def test_there_and_back_keeps_what_both_have():
    keypoint = np.random.default_rng(0).normal(size=(2, 5, 15, 3)).astype(np.float32)
    common, _ = mapping('sbu15', 'common13').apply(keypoint)
    back, _ = mapping('common13', 'sbu15').apply(common)
    kept = [joint not in ('neck', 'torso') for joint in get_skeleton('sbu15').joints]
    assert sum(kept) == 13
    np.testing.assert_array_equal(back[:, :, kept], keypoint[:, :, kept])
    again, _ = mapping('sbu15', 'common13').apply(back)
    np.testing.assert_array_equal(again, common)


def test_derived_joints_are_middles_with_the_least_score():
    rng = np.random.default_rng(0)
    coco, sbu = get_skeleton('coco17').joints, get_skeleton('sbu15').joints
    keypoint = rng.uniform(10, 20, (2, 4, 17, 2)).astype(np.float32)
    score = rng.uniform(0.1, 1, (2, 4, 17)).astype(np.float32)
    keypoint[1, 2] = score[1, 2] = 0
    mapped, mapped_score = mapping('coco17', 'sbu15').apply(keypoint, score)
    shoulders = [coco.index('left_shoulder'), coco.index('right_shoulder')]
    trunk = [*shoulders, coco.index('left_hip'), coco.index('right_hip')]
    for joint, sources in {'neck': shoulders, 'torso': trunk, 'left_hand': [coco.index('left_wrist')]}.items():
        number = sbu.index(joint)
        np.testing.assert_allclose(mapped[:, :, number], keypoint[:, :, sources].mean(axis=2), rtol=1e-5)
        np.testing.assert_array_equal(mapped_score[:, :, number], score[:, :, sources].min(axis=2))
    assert not mapped[1, 2].any()
    assert not mapped_score[1, 2].any()


@pytest.mark.parametrize('how', ['score', 'place'])
def test_missing_joints_give_way_to_the_next_rule_or_are_missing(how):
    coco = get_skeleton('coco17').joints
    keypoint = np.random.default_rng(0).uniform(10, 20, (1, 3, 17, 2)).astype(np.float32)
    score = np.ones((1, 3, 17), np.float32)

    def lose(frame, *joints):
        numbers = [coco.index(joint) for joint in joints]
        if how == 'score':
            score[0, frame, numbers] = 0
        else:
            keypoint[0, frame, numbers] = 0

    lose(1, 'left_ear')
    lose(2, 'left_ear', 'left_eye', 'nose', 'right_knee')
    if how == 'score':  # where a joint was interpolated it still has a place
        keypoint[0, 2, [coco.index('nose'), coco.index('left_ear')]] = 0
        keypoint[0, 2, coco.index('left_eye')] = 0
    mapped, mapped_score = mapping('coco17', 'common13').apply(keypoint, score)
    ears, eyes = ([coco.index(f'{side}_{joint}') for side in ('left', 'right')] for joint in ('ear', 'eye'))
    np.testing.assert_allclose(mapped[0, 0, 0], keypoint[0, 0, ears].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(mapped[0, 1, 0], keypoint[0, 1, eyes].mean(axis=0), rtol=1e-5)
    assert not mapped[0, 2, 0].any()
    assert mapped_score[0, 2, 0] == 0
    knee = get_skeleton('common13').joints.index('right_knee')
    assert mapped_score[0, 2, knee] == (0 if how == 'score' else mapped_score[0, 2, knee])
    np.testing.assert_array_equal(mapped[0, :, knee], keypoint[0, :, coco.index('right_knee')])


def test_a_sensor_that_leaves_out_joints():
    """Nuitrack's feet and finger tips are there, but always zero."""
    nuitrack = get_skeleton('nuitrack25').joints
    keypoint = np.random.default_rng(0).normal(size=(1, 2, 25, 3)).astype(np.float32)
    keypoint[:, :, [nuitrack.index('left_foot'), nuitrack.index('none')]] = 0
    mapped, _ = mapping('nuitrack25', 'sbu15').apply(keypoint)
    foot = mapped[:, :, get_skeleton('sbu15').joints.index('left_foot')]
    np.testing.assert_array_equal(foot, keypoint[:, :, nuitrack.index('left_ankle')])


def test_names_of_your_own():
    joints = ['HEAD', 'wrist_left', 'Right Wrist', 'tail']
    mine = dict(name='mine', joints=joints, bones=[[joint, 'HEAD'] for joint in joints[1:]])
    theirs = dict(name='theirs', joints=['left_hand', 'right_hand'], bones=[['left_hand', 'right_hand']])
    found = LayoutMapping(get_skeleton(mine), get_skeleton(theirs))
    assert found.derived == {'left_hand': 'wrist_left', 'right_hand': 'Right Wrist'}
    keypoint = np.arange(1, 9, dtype=np.float32).reshape(1, 1, 4, 2)
    np.testing.assert_array_equal(found.apply(keypoint)[0][0, 0], [[3, 4], [5, 6]])
    with pytest.raises(InputError, match='tail'):
        LayoutMapping(get_skeleton('sbu15'), get_skeleton(mine))


def test_the_page_says_what_is_derived():
    page = (Path(__file__).parents[1] / 'docs' / 'layouts.md').read_text(encoding='utf-8')
    rows = [[cell.strip() for cell in line.split('|')] for line in page.splitlines() if line.startswith('| `')]
    said = {cells[1].strip('`'): (int(cells[2]), cells[4]) for cells in rows if len(cells) == 6}
    expected = {}
    for name, skeleton in SKELETONS.items():
        line = str(mapping(name, 'common13')).partition(': ')[2]
        expected[name] = (skeleton.num_joints, line)
    assert said == expected
