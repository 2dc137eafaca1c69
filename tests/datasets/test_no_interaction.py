"""Pairs who have nothing to do with each other."""

import numpy as np
import pytest

from asea_mm.datasets import AddNoInteraction, CombinedInteractionDataset, save_annotations
from asea_mm.datasets.no_interaction import FAR, NEAR
from asea_mm.datasets.recordings.bodies import body_centres, body_sizes
from asea_mm.datasets.recordings.together import are_together
from asea_mm.datasets.synthetic_dataset import SyntheticInteractionDataset
from asea_mm.errors import InputError
from asea_mm.keypoints import NO_INTERACTION, presence


def synthetic(**settings):
    return SyntheticInteractionDataset([], num_samples=12, **settings)


def bodies(data):
    present = presence(data['keypoint'])
    return data['keypoint'][:, present.all(axis=0)], present


@pytest.mark.parametrize('kind', AddNoInteraction.KINDS)
def test_kinds(kind):
    whole = AddNoInteraction(synthetic(test_mode=True), share=1, kinds=[kind])
    assert len(whole) == 24
    assert whole.metainfo['classes'][-1] == NO_INTERACTION
    assert whole.get_cat_ids(0) == [0]
    assert whole.get_cat_ids(12) == [12]
    for index in range(12, 24):
        data = whole[index]
        assert data['label'] == 12
        assert data['keypoint'].shape[1] == data['total_frames']
        assert data['keypoint'].dtype == np.float32
        assert np.isfinite(data['keypoint']).all()
        both, present = bodies(data)
        if kind == 'single':
            assert present.any(axis=1).sum() == 1
            assert not are_together(data['keypoint'])
            continue
        assert present.all()
        size = np.median(body_sizes(both))
        apart = np.median(np.linalg.norm(np.diff(body_centres(both), axis=0)[0][:, [0, 2]], axis=-1)) / size
        if kind == 'idle':
            steps = np.linalg.norm(np.diff(both, axis=1), axis=-1)
            assert np.median(steps) < 0.01 * size
        else:
            least, most = NEAR if kind == 'strangers' else FAR
            assert 0.5 * least < apart < 1.5 * most
        if kind == 'far':
            assert not are_together(data['keypoint'])


def test_strangers_keep_their_bodies():
    """Turned and moved, not bent: the lengths between joints are those of a person of the data."""
    inner = synthetic(test_mode=True)
    whole = AddNoInteraction(inner, share=1, kinds=['strangers'])

    def shapes(keypoint):
        return np.linalg.norm(keypoint[:, 0, 1:] - keypoint[:, 0, :1], axis=-1)

    known = np.concatenate([shapes(inner[index]['keypoint']) for index in range(len(inner))])
    first, second = shapes(whole[12]['keypoint'])
    for shape in (first, second):
        assert np.abs(known - shape).max(axis=1).min() < 0.15  # another frame of the same person


def test_repeatable_in_tests_and_new_in_training():
    tested, trained = (AddNoInteraction(synthetic(test_mode=mode)) for mode in (True, False))
    assert np.array_equal(tested[12]['keypoint'], tested[12]['keypoint'])
    np.random.seed(0)  # noqa: NPY002
    assert not np.array_equal(trained[12]['keypoint'], trained[12]['keypoint'])


def test_images_and_several_files(tmp_path):
    rng = np.random.default_rng(0)
    files = {}
    for name, joints, layout in (('a', 17, 'coco17'), ('b', 18, 'openpose18')):
        samples = []
        for index in range(6):
            body = rng.uniform(0, 100, size=(1, 1, joints, 2)) + rng.normal(size=(2, 20, joints, 2))
            body += np.array([200 * index, 300])
            samples.append(
                dict(
                    frame_dir=str(index),
                    label=index % 2,
                    total_frames=20,
                    keypoint=body.astype(np.float32),
                    keypoint_score=np.full((2, 20, joints), 0.7, np.float32),
                    img_shape=(1080, 1920),
                )
            )
        path = tmp_path / f'{name}.pkl'
        meta = dict(layout=layout, classes=['one', 'two'], source='test', units='pixel')
        save_annotations(path, samples, {'train': [sample['frame_dir'] for sample in samples]}, meta)
        files[name] = dict(ann_file=str(path))
    whole = AddNoInteraction(CombinedInteractionDataset(files, [], test_mode=True), share=2)
    assert len(whole) == 36
    for index in range(12, 36):
        data = whole[index]
        joints = data['layout'].num_joints
        assert data['keypoint'].shape == (2, 20, joints, 2)
        assert data['keypoint_score'].shape == (2, 20, joints)
        there = presence(data['keypoint'])
        assert np.array_equal(data['keypoint_score'].any(axis=-1), there)
        assert there.all(axis=1).sum() == (1 if 'single' in data['frame_dir'] else 2)


def test_pipeline_is_run():
    pipeline = [dict(type='SampleClip', clip_len=8), dict(type='FormatGCNInput', num_person=2)]
    whole = AddNoInteraction(
        dict(type='SyntheticInteractionDataset', pipeline=pipeline, num_samples=4, test_mode=True), share=0.5
    )
    assert len(whole) == 6
    assert all(whole[index]['keypoint'].shape == (1, 2, 8, 25, 3) for index in range(6))


@pytest.mark.parametrize('settings', [dict(share=0), dict(kinds=[]), dict(kinds='idle'), dict(kinds=['other'])])
def test_wrong_arguments(settings):
    with pytest.raises(InputError):
        AddNoInteraction(synthetic(), **settings)


def test_class_is_added_once():
    with pytest.raises(InputError):
        AddNoInteraction(AddNoInteraction(synthetic()))
