"""What is checked: one ugly file per finding, all of them together, facts, and files and samples in memory alike."""

import json
import pickle
from collections import Counter
from itertools import product

import numpy as np
import pytest

from asea_mm.datasets import SyntheticInteractionDataset, save_annotations
from asea_mm.datasets.check import KINDS, check_annotations
from asea_mm.errors import InputError
from asea_mm.skeletons import SKELETONS, Skeleton, get_skeleton
from tests.datasets.check.ugly_files import HEAD, META, UGLY, content_of, every, one, twice
from tests.test_layout_mapping import body


@pytest.fixture(scope='module')
def poses():
    """Eight people-like clips: 25 joints, metres, y up."""
    dataset = SyntheticInteractionDataset(pipeline=[], num_samples=8)
    return [dataset.get_data_info(index)['keypoint'] for index in range(8)]


def checked(tmp_path, content, *layout):
    (tmp_path / 'x.pkl').write_bytes(pickle.dumps(content))
    return check_annotations(tmp_path / 'x.pkl', *layout)


@pytest.mark.parametrize('name', UGLY)
def test_every_finding(tmp_path, poses, name):
    change, expected = UGLY[name]
    content = {**content_of(poses), 'meta': dict(META)}
    change(content)
    report = checked(tmp_path, content)
    assert {kind: finding.count for kind, finding in report.findings.items()} == expected
    assert report.fit == all(KINDS[kind][0] == 'warning' for kind in expected)


def test_no_kind_without_a_test():
    assert {kind for _, expected in UGLY.values() for kind in expected} == set(KINDS)


def test_all_problems_are_gathered(tmp_path, poses):
    content = content_of(poses)
    content['annotations'][1]['keypoint'][0, 0, 0] = np.nan
    content['annotations'][1]['label'] = 5
    content['annotations'][2]['total_frames'] = 1
    content['split']['val'].append('s0')
    report = checked(tmp_path, {**content, 'meta': META}).as_dict()
    json.dumps(report)
    assert (report['file'], report['fit']) == (str(tmp_path / 'x.pkl'), False)
    assert {finding['kind']: finding['named'] for finding in report['findings']} == {
        'not finite': ['s1'],
        'no class': ['s1 (label 5)'],
        'total_frames': ['s2'],
        'split: overlap': ['s0 (train and val)'],
    }


def test_facts_of_a_stored_file(tmp_path, poses):
    content = content_of(poses)
    content['annotations'][0]['keypoint'][0, :, HEAD] = 0
    save_annotations(tmp_path / 'x.pkl', content['annotations'], content['split'], META)
    report = check_annotations(tmp_path / 'x.pkl')
    assert report.fit
    assert report.findings == {}
    facts = report.facts
    frames = sorted(pose.shape[1] for pose in poses)
    assert facts['frames'] == [frames[0], (frames[3] + frames[4]) / 2, frames[-1]]
    assert facts['classes'] == {
        '0 push': {'samples': 4, 'train': 2, 'val': 2},
        '1 hug': {'samples': 4, 'train': 2, 'val': 2},
    }
    assert list(facts['most often missing']) == ['head']
    assert facts['most often missing']['head'] == pytest.approx(poses[0].shape[1] / (2 * sum(frames)))
    assert facts['share of frames with persons'] == {'2': 1}
    assert {title: len(moments) for title, moments in report.pictures.items()} == {'0 push': 3, '1 hug': 3}


def test_a_layout_that_is_given_counts(tmp_path, poses):
    assert not checked(tmp_path, content_of(poses)).fit
    assert list(checked(tmp_path, content_of(poses), 'nturgbd25').findings) == ['class names']
    with pytest.raises(InputError, match='nonsense'):
        checked(tmp_path, content_of(poses), 'nonsense')


def test_a_layout_of_ones_own_is_made_once(tmp_path, poses, monkeypatch):
    skeleton = get_skeleton('nturgbd25')
    fields = {name: getattr(skeleton, name) for name in Skeleton.__dataclass_fields__} | {'name': 'mine'}
    made = []
    monkeypatch.setattr(Skeleton, '__post_init__', lambda skeleton: made.append(skeleton.name))
    report = checked(tmp_path, {**content_of(poses), 'meta': {**META, 'layout': fields}})
    assert report.facts['layout'] == 'mine'
    assert made == ['mine']


def azure(joint):
    side, _, name = joint.partition('_')
    return (f'{name}_{side}' if side in ('left', 'right') else joint).upper()


def camel(joint):
    return ''.join(word.title() for word in joint.split('_'))


def initials(joint):
    return joint.replace('left_', 'L-').replace('right_', 'R-')


@pytest.mark.parametrize('style', [azure, camel, initials])
def test_heads_feet_and_sides_are_known_under_any_spelling(tmp_path, poses, style):
    skeleton = get_skeleton('nturgbd25')
    bones = [[style(child), style(parent)] for child, parent in skeleton.bones]
    layout = {'name': 'mine', 'joints': [style(joint) for joint in skeleton.joints], 'bones': bones}
    for axes, found in (((1, 1, 1), set()), ((1, -1, -1), {'y down'}), ((-1, 1, 1), {'mirrored'})):
        content = {**content_of(poses), 'meta': {**META, 'layout': layout}}
        every(lambda keypoint, axes=axes: keypoint * np.float32(axes))(content)
        report = checked(tmp_path, content)
        assert set(report.findings) == found
        assert report.facts['pairs of left and right'] == len(skeleton.mirrored)


COUNTS = Counter(skeleton.num_joints for skeleton in SKELETONS.values())
# What is true and what is claimed.
SAME_COUNT = [
    (own, other)
    for own, other in product(SKELETONS, repeat=2)
    if SKELETONS[own].num_joints == SKELETONS[other].num_joints and COUNTS[SKELETONS[own].num_joints] > 1
]


@pytest.mark.parametrize('turned', [0, 40])
@pytest.mark.parametrize(('layout', 'claimed'), SAME_COUNT)
def test_joints_are_known_by_their_bones_whatever_layout_is_claimed(tmp_path, layout, claimed, turned):
    """In images, of people who face the camera or half turn away."""
    random = np.random.default_rng(0)
    width = np.cos(np.deg2rad(turned))
    pixels = np.array([600, 700]) + 300 * body(layout) * [width, -1]
    samples = []
    for index in range(8):
        keypoint = pixels + random.normal(0, 3, size=(2, 12, len(pixels), 2))
        keypoint[1, :, :, 0] += 300
        samples.append(dict(frame_dir=f's{index}', label=index % 2, total_frames=12, keypoint=keypoint.astype('f4')))
    content = {**content_of([]), 'annotations': samples, 'meta': {**META, 'layout': claimed, 'units': 'pixel'}}
    expected = set() if claimed == layout else {'joint order'}
    assert set(checked(tmp_path, content).findings) == expected


def test_people_who_hug_are_two(tmp_path, poses):
    """Face to face, their chests 15 cm apart."""

    def hugging(keypoint):
        chest = keypoint[:, :, 20:21]
        own = keypoint - chest * [1, 0, 1]
        own[1] = own[0] * [-1, 1, -1] + [0, 0, 0.15]
        own += 0.01 * np.sin(np.arange(keypoint.shape[1]))[None, :, None, None] * [[[[1, 0, 0]]], [[[-1, 0, 1]]]]
        return own.astype(np.float32)

    content = {**content_of(poses), 'meta': META}
    every(hugging)(content)
    report = checked(tmp_path, content)
    assert report.findings == {}
    assert report.facts['share of frames with persons'] == {'2': 1}


def test_what_is_said_of_two_rows(tmp_path, poses):
    content = {**content_of(poses), 'meta': META}
    one(keypoint=twice(0))(content)
    (content['annotations'][1]['keypoint'])[:, ::2] = content['annotations'][1]['keypoint'][::-1, ::2].copy()
    report = checked(tmp_path, content)
    frames = poses[0].shape[1]
    assert report.findings['same body'].named[0].startswith(f's0 (rows 0 and 1 in {frames} of {frames} frames: 0 apart')
    steps = poses[1].shape[1] - 1
    assert report.findings['exchanged'].named == [f's1 (rows 0 and 1 in {steps} of {steps} steps)']
    assert report.facts['share of frames with persons']['1'] > 0
