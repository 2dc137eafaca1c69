"""What is checked: one ugly file per finding, all of them together, facts, and files and samples in memory alike."""

import json
import pickle

import numpy as np
import pytest

from asea_mm.datasets import SyntheticInteractionDataset, save_annotations
from asea_mm.datasets.check import KINDS, check_annotations
from asea_mm.errors import InputError
from asea_mm.skeletons import Skeleton, get_skeleton

CLASSES = ['push', 'hug']
META = {'layout': 'nturgbd25', 'classes': CLASSES, 'source': 'test', 'units': 'm'}
HEAD, LEFT_HAND = 3, 7


@pytest.fixture(scope='module')
def poses():
    """Eight people-like clips: 25 joints, metres, y up."""
    dataset = SyntheticInteractionDataset(pipeline=[], num_samples=8)
    return [dataset.get_data_info(index)['keypoint'] for index in range(8)]


def content_of(poses):
    annotations = [
        {'frame_dir': f's{index}', 'label': index % 2, 'total_frames': pose.shape[1], 'keypoint': pose.copy()}
        for index, pose in enumerate(poses)
    ]
    return {'annotations': annotations, 'split': {'train': ['s0', 's1', 's2', 's3'], 'val': ['s4', 's5', 's6', 's7']}}


def one(**changes):
    """Changes fields of sample s0; a function changes its keypoints in place or returns others."""

    def change(content):
        sample = content['annotations'][0]
        for name, value in changes.items():
            if callable(value):
                new = value(sample['keypoint'])
                value = sample['keypoint'] if new is None else new
            sample[name] = value

    return change


def every(function):
    def change(content):
        for sample in content['annotations']:
            sample['keypoint'] = function(sample['keypoint'])
            sample['total_frames'] = sample['keypoint'].shape[1] if sample['keypoint'].ndim > 1 else 0

    return change


def put(index, value):
    return lambda keypoint: keypoint.__setitem__(index, value)


def of(part, key, value):
    """Changes ``split`` or ``meta``; a function takes what was there."""

    def change(content):
        content[part][key] = value(content[part][key]) if callable(value) else value

    return change


def with_confidence(keypoint):
    pixels = 500 - 200 * keypoint[..., :2]
    return np.concatenate([pixels, np.full_like(keypoint[..., :1], 0.9)], axis=-1)


def image(keypoint, scale, shift):
    return (keypoint[..., :2] * scale * (1, -1) + shift).astype(np.float32)


def jumping(keypoint):
    keypoint[0, ::2] = keypoint[0, ::2][:, ::-1].copy()  # every other frame with its joints in another order


def copy_of(index):
    def change(content):
        first, other = content['annotations'][0], content['annotations'][index]
        first.update(keypoint=other['keypoint'], total_frames=other['total_frames'])

    return change


def two_frame_rates(content):
    for index, sample in enumerate(content['annotations']):
        sample['fps'] = (25, 30)[index % 2]


# what is done to the file: the findings that follow, with their numbers of samples
UGLY = {
    'nothing': (lambda content: None, {}),
    'no samples': (of('annotations', slice(None), value=[]), {'no samples': 1}),
    'no layout': (of('meta', 'layout', value=None), {'layout': 1}),
    'unknown layout': (of('meta', 'layout', value='ntu'), {'layout': 1}),
    'another layout': (of('meta', 'layout', value='coco17'), {'joints': 8}),
    'objects': (one(keypoint=np.array(['x'])), {'keypoint': 1}),
    'three axes': (one(keypoint=lambda keypoint: keypoint[0]), {'shape': 1}),
    'no frames': (one(keypoint=lambda keypoint: keypoint[:, :0], total_frames=0), {'no frame': 1}),
    'frames miscounted': (one(total_frames=3), {'total_frames': 1}),
    'score of another shape': (one(keypoint_score=np.ones((2, 3, 25))), {'score': 1, 'mixed scores': 1}),
    'score of one': (one(keypoint_score=lambda keypoint: keypoint[..., 0] * 0 + 1), {'mixed scores': 1}),
    'NaN': (one(keypoint=put((0, 1, 2, 0), np.nan)), {'not finite': 1}),
    'nobody': (one(keypoint=put(..., 0)), {'nobody': 1}),
    'float64': (every(lambda keypoint: keypoint.astype(np.float64)), {'dtype': 8}),
    'mixed': (one(keypoint=lambda keypoint: image(keypoint, 200, 500)), {'mixed': 1}),
    'label of text': (one(label='push'), {'label': 1}),
    'label without class': (one(label=2), {'no class': 1}),
    'class without samples': (of('meta', 'classes', value=[*CLASSES, 'kick']), {'class without samples': 1}),
    'class not in split': (of('split', 'val', value=['s4', 's6']), {'class not in split': 1, 'split: none': 2}),
    'no class names': (of('meta', 'classes', value=None), {'class names': 1}),
    'ids of another kind': (of('split', 'val', value=lambda ids: [*ids, 3, [4]]), {'split: unknown': 2}),
    'named twice': (of('split', 'val', value=lambda ids: [*ids, 's4']), {'split: repeated': 1}),
    'unknown': (of('split', 'val', value=lambda ids: [*ids, 'gone']), {'split: unknown': 1}),
    'empty split': (of('split', 'test', value=[]), {'split: empty': 1}),
    'in no split': (of('split', 'val', value=['s4', 's5', 's6']), {'split: none': 1}),
    'overlap': (of('split', 'val', value=lambda ids: [*ids, 's0']), {'split: overlap': 1}),
    'copy across splits': (copy_of(4), {'split: same keypoints': 1}),
    'copy within a split': (copy_of(2), {'same keypoints': 1}),
    'frame rates': (two_frame_rates, {'frame rates': 1}),
    'millimetres': (every(lambda keypoint: keypoint * 1000), {'absurd': 8, 'units': 8}),
    'half metres': (every(lambda keypoint: keypoint / 10), {'small': 8}),
    'far away': (one(keypoint=put((0, 1, LEFT_HAND), 50)), {'far': 1}),
    'confidence for z': (every(with_confidence), {'confidence': 8}),
    'pixels': (every(lambda keypoint: image(keypoint, 200, 500)), {}),
    'shares of the image': (every(lambda keypoint: image(keypoint, 0.1, 0.5)), {'image shares': 8}),
    'y up in an image': (every(lambda keypoint: image(keypoint, (200, -200), 500)), {'y up': 8}),
    'y down': (every(lambda keypoint: keypoint * np.float32([1, -1, -1])), {'y down': 8}),
    'z up': (every(lambda keypoint: keypoint[..., [0, 2, 1]] * np.float32([1, -1, 1])), {'y not vertical': 8}),
    'one upside down': (one(keypoint=lambda keypoint: keypoint * np.float32([1, -1, -1])), {'upside down': 1}),
    'mirrored axis': (every(lambda keypoint: keypoint * np.float32([-1, 1, 1])), {'mirrored': 8}),
    'jumping bones': (one(keypoint=jumping), {'bones': 1}),
    'constant': (one(keypoint=lambda keypoint: np.repeat(keypoint[:, :1], keypoint.shape[1], 1)), {'constant': 1}),
    'one frame': (one(keypoint=lambda keypoint: keypoint[:, :1], total_frames=1), {'constant': 1}),
    'missing joints': (one(keypoint=put((slice(None), slice(None), slice(10, 20)), 0)), {'missing joints': 1}),
    'empty frames': (one(keypoint=put((slice(None), slice(2, None)), 0)), {'empty frames': 1}),
    'never two': (one(keypoint=put(1, 0)), {'never two': 1}),
    'more than two': (one(keypoint=lambda keypoint: np.concatenate([keypoint, keypoint[:1]])), {'more than two': 1}),
}


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
    assert all(len(finding.named) <= 3 for finding in report.findings.values())


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
