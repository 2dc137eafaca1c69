"""Synthetic pairs: reproducible, believable bodies, and relation classes that one person alone cannot tell."""

import numpy as np
import pytest

from asea_mm.datasets import SyntheticInteractionDataset, validate_annotation
from asea_mm.skeletons import SKELETONS

SKELETON = SKELETONS['nturgbd25']
J = {name: index for index, name in enumerate(SKELETON.joints)}


def build(num_samples=24, **options):
    return SyntheticInteractionDataset([], num_samples=num_samples, **options)


def test_samples_are_valid_and_labelled():
    dataset = build(num_frames=(20, 30))
    assert len(dataset) == 24
    about = dict(dataset.metainfo)
    assert len(about.pop('classes')) == 12
    assert about == dict(layout='nturgbd25', units='metre', relation_pairs=((6, 7), (8, 9), (10, 11)))
    for info in dataset:
        validate_annotation(info, 25, 12)
        assert info['keypoint'].shape[0] == 2
        assert info['keypoint'].dtype == np.float32
        assert 20 <= info['total_frames'] <= 30
    assert [info['label'] for info in dataset] == [*range(12)] * 2
    assert len({info['total_frames'] for info in dataset}) > 3
    assert len({info['frame_dir'] for info in dataset}) == 24


def test_seed_and_split():
    one, again, more = build(), build(), build(num_samples=36)
    val, other = build(split='val'), build(seed=1)
    for index in range(24):
        np.testing.assert_array_equal(one[index]['keypoint'], again[index]['keypoint'])
        np.testing.assert_array_equal(one[index]['keypoint'], more[index]['keypoint'])
    starts = {tuple(info['keypoint'][0, 0, 0]) for dataset in (one, val, other) for info in dataset}
    assert len(starts) == 3 * 24


def test_the_numbers_stay_as_they_were():
    shoulder = build(split='val', seed=3)[7]['keypoint'][1, 2, 4]
    np.testing.assert_allclose(shoulder, [0.72572029, 0.42377117, 3.28677201], rtol=1e-6)


def test_class_subset():
    whole, part = build(), build(num_samples=8, classes=['swinging in turn', 0, 'swinging in step', 'hugging'])
    assert part.metainfo['classes'] == ('swinging in turn', 'shaking hands', 'swinging in step', 'hugging')
    assert part.metainfo['relation_pairs'] == ((2, 0),)
    for index, original in enumerate([9, 0, 8, 1, 21, 12, 20, 13]):
        assert part[index]['label'] == index % 4
        np.testing.assert_array_equal(part[index]['keypoint'], whole[original]['keypoint'])
    assert build(classes=['hugging', 'waving opposite arms']).metainfo['relation_pairs'] == ()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'split': 'test'}, r"split must be one of \['train', 'val'\], got 'test'"),
        ({'num_samples': 0}, 'num_samples must be at least 1'),
        ({'seed': -1}, 'seed'),
        ({'num_frames': (4, 30)}, r'num_frames must be \(least, most\) from 8 on, got \(4, 30\)'),
        ({'num_frames': (30,)}, 'num_frames'),
        ({'classes': ['dancing']}, "unknown class 'dancing'"),
        ({'classes': 'hugging'}, "got 'hugging'"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=f'SyntheticInteractionDataset: .*{message}'):
        build(**options)


def test_bodies_are_believable():
    lengths = {'spine_middle': 0.23, 'left_elbow': 0.28, 'right_knee': 0.42, 'head': 0.15}
    for info in build(num_samples=60):
        keypoint = info['keypoint']
        child, parent = np.array(SKELETON.bone_indices).T
        bones = np.linalg.norm(keypoint[:, :, child] - keypoint[:, :, parent], axis=-1)
        for index, (name, _) in enumerate(SKELETON.bones):
            if name in lengths:
                np.testing.assert_allclose(bones[..., index].mean(axis=-1), lengths[name], rtol=0.25)
        spine = keypoint[:, 0, [J[name] for name in ('left_knee', 'spine_base', 'spine_shoulder', 'head')], 1]
        assert (np.diff(spine, axis=1) > 0.1).all()  # upright
        assert bones.std(axis=1).max() < 0.012  # rigid but for the noise of the sensor
        feet = keypoint[:, :, [J['left_foot'], J['right_foot'], J['left_ankle'], J['right_ankle']], 1].min(axis=-1)
        assert feet.std() < 0.02  # one foot is on the floor
        assert np.linalg.norm(np.diff(keypoint, axis=1), axis=-1).max() < 0.6  # 18 m/s; nothing jumps


def test_person_order_and_view_are_random():
    infos = list(build(num_samples=60, classes=['pushing']))
    moves = [np.linalg.norm(np.diff(k['keypoint'][:, :, J['right_hand']], axis=1), axis=-1).sum(-1) for k in infos]
    assert 0.25 < np.mean([first > second for first, second in moves]) < 0.75
    line = np.array([k['keypoint'][1, 0, 0] - k['keypoint'][0, 0, 0] for k in infos])
    assert np.abs(np.mean(np.exp(1j * np.arctan2(line[:, 2], line[:, 0])))) < 0.35


def latent(keypoint, name):
    """A number per person whose sign (or curve) is the latent variable that the class compares, ``(2, ...)``."""
    height = keypoint[:, :, [J['left_wrist'], J['right_wrist']], 1] - keypoint[:, :, [J['spine_middle']], 1]
    if name.startswith('waving'):
        return height[..., 0].mean(axis=1) - height[..., 1].mean(axis=1)
    if name.startswith('swinging'):
        return height.mean(axis=-1) - height.mean(axis=(1, 2))[:, None]
    raised = np.clip(height.max(axis=-1), 0, None) + 1e-6
    time_ = np.linspace(-1, 1, raised.shape[1])
    return (raised * time_).sum(axis=1) / raised.sum(axis=1)


def per_person(keypoint, name):
    """Features of each person alone, with the place in the pair's coordinates, ``(2, F)``."""
    coarse = keypoint[:, np.linspace(0, keypoint.shape[1] - 1, 8).round().astype(int)]
    arms = coarse[:, :, [J['left_wrist'], J['right_wrist'], J['left_elbow'], J['right_elbow']]]
    own = arms - coarse[:, :, [J['spine_middle']]]
    trunk = keypoint[:, :, [J['spine_base'], J['spine_middle'], J['head'], J['left_knee']]]
    features = [
        *(own[..., 1].reshape(2, -1), np.linalg.norm(own[..., ::2], axis=-1).reshape(2, -1)),
        *(trunk.mean(axis=1)[..., 1], trunk[:, 0, :, 1], trunk.std(axis=1).reshape(2, -1)),
        np.linalg.norm(trunk.mean(axis=1)[..., ::2], axis=-1),
        latent(keypoint, name).reshape(2, -1)[:, :1],
    ]
    return np.concatenate(features, axis=1)


@pytest.fixture(scope='module', params=[(6, 7), (8, 9), (10, 11)], ids=['waving', 'swinging', 'greeting'])
def relation_pair(request):
    dataset = build(num_samples=400, classes=request.param)
    name, infos = dataset.metainfo['classes'][0], list(dataset)
    # the origin is at the midpoint of the pair in the first frame: what models see
    keypoints = [info['keypoint'] - info['keypoint'][:, 0, J['spine_middle']].mean(axis=0) for info in infos]
    return name, keypoints, np.array([info['label'] for info in infos])


def test_persons_apart_are_at_chance(relation_pair):
    name, keypoints, labels = relation_pair
    features = np.stack([per_person(keypoint, name) for keypoint in keypoints])  # (samples, 2, F)
    train, test = slice(0, None, 2), slice(1, None, 2)
    order = np.random.default_rng(0).permutation(len(labels))
    features, target = features[order], 2 * labels[order] - 1
    alone = features - features.reshape(-1, features.shape[-1]).mean(axis=0)
    alone /= alone.reshape(-1, alone.shape[-1]).std(axis=0)
    # linear scores averaged over the persons explain nothing of the class
    averaged = alone.mean(axis=1)
    gram = averaged[train].T @ averaged[train] + 100 * np.eye(averaged.shape[1])
    score = averaged[test] @ np.linalg.solve(gram, averaged[train].T @ target[train])
    assert abs(np.corrcoef(score, target[test])[0, 1]) < 0.25


def test_both_persons_together_tell_the_class(relation_pair):
    name, keypoints, labels = relation_pair
    products = [latent(keypoint, name).prod(axis=0).sum() for keypoint in keypoints]
    assert np.mean((np.array(products) < 0) == labels) > 0.97
