"""InteractionPoseDataset: splits, folds, class subsets, layouts, and no broken sample that goes unseen."""

import numpy as np
import pytest
from mmaction.registry import DATASETS
from mmengine.dataset import ConcatDataset, RepeatDataset

from asea_mm.datasets import InteractionPoseDataset, save_annotations
from asea_mm.datasets.interaction_dataset import check_num_classes
from asea_mm.errors import InputError
from asea_mm.skeletons import SKELETONS, Skeleton, get_skeleton

CLASSES = ['push', 'hug', 'kick']
META = {'layout': 'sbu15', 'classes': CLASSES, 'source': 'test', 'units': 'metre'}


def sample(index, **changes):
    keypoint = np.random.default_rng(index).normal(size=(2, 4 + index, 15, 3)).astype(np.float16)
    fields = {'frame_dir': f's{index}', 'label': index % 3, 'total_frames': 4 + index, 'keypoint': keypoint}
    return {**fields, **changes}


@pytest.fixture
def make(tmp_path):
    def make(samples=None, split=None, meta=META, **options):
        samples = [sample(index) for index in range(6)] if samples is None else samples
        default = {'xsub_train': ['s0', 's1', 's2', 's3'], 'xsub_val': ['s4', 's5'], 'fold2_val': ['s3']}
        save_annotations(tmp_path / 'ann.pkl', samples, default if split is None else split, meta)
        return InteractionPoseDataset(str(tmp_path / 'ann.pkl'), **{'pipeline': [], **options})

    return make


def ids(dataset):
    return [dataset.get_data_info(index)['frame_dir'] for index in range(len(dataset))]


def test_what_the_pipeline_gets(make):
    score = np.ones((2, 4, 15), np.float16)
    first = sample(0, keypoint_score=score, img_shape=(1080, 1920), junk='x' * 1000)
    dataset = make([first, sample(1)], {})
    info = dataset[0]
    assert info['keypoint'].dtype == info['keypoint_score'].dtype == np.float32
    np.testing.assert_array_equal(info['keypoint'], first['keypoint'].astype(np.float32))
    expected = {'label': 0, 'frame_dir': 's0', 'total_frames': 4, 'start_index': 0, 'modality': 'Pose'}
    assert expected.items() <= info.items()
    assert info['layout'] is SKELETONS['sbu15']
    assert info['img_shape'] == (1080, 1920)
    assert 'junk' not in info
    assert 'keypoint_score' not in dataset[1]
    info['keypoint'][:] = 0  # a transform that works in place must not change the data
    assert dataset[0]['keypoint'].any()


def test_built_from_config_with_data_root(make, tmp_path):
    make()
    config = {'type': 'InteractionPoseDataset', 'ann_file': 'ann.pkl', 'data_root': str(tmp_path), 'split': 'xsub_val'}
    dataset = DATASETS.build({**config, 'pipeline': []})
    assert ids(dataset) == ['s4', 's5']
    assert dataset.metainfo == {'classes': tuple(CLASSES), 'layout': 'sbu15', 'units': 'metre'}


def test_rare_classes_can_be_repeated(make, tmp_path):
    make([sample(index, label=int(index == 5)) for index in range(6)], {})
    config = {'type': 'InteractionPoseDataset', 'ann_file': str(tmp_path / 'ann.pkl'), 'pipeline': []}
    dataset = DATASETS.build({'type': 'ClassBalancedDataset', 'oversample_thr': 0.5, 'dataset': config})
    assert sum(info['label'] for info in dataset) == 2
    assert len(dataset) == 7


def test_named_split(make, tmp_path):
    make()
    path = str(tmp_path / 'ann.pkl')
    assert ids(InteractionPoseDataset(path, [], split='xsub_train')) == ['s0', 's1', 's2', 's3']
    assert ids(InteractionPoseDataset(path, [], split='val', fold=2)) == ['s3']
    assert len(InteractionPoseDataset(path, [], split='xsub_train', indices=2)) == 2
    for split, fold, message in (
        ('train', None, r"ann.pkl: no split 'train'; it has \['fold2_val', 'xsub_train', 'xsub_val'\]"),
        ('val', 9, "ann.pkl: no split 'fold9_val'; it has"),
        (None, 2, "with fold=2, split must be 'train' or 'val', got None"),
        ('xsub_train', 2, "with fold=2, split must be 'train' or 'val', got 'xsub_train'"),
    ):
        with pytest.raises(InputError, match=message):
            InteractionPoseDataset(path, [], split=split, fold=fold)


@pytest.mark.parametrize('classes', [['kick', 'push'], [2, 0], ('kick', 0), [np.int64(2), 'push']])
def test_class_subset_keeps_the_order_given(make, classes):
    dataset = make(classes=classes)
    assert [(info['frame_dir'], info['label']) for info in dataset] == [('s0', 1), ('s2', 0), ('s3', 1), ('s5', 0)]
    assert dataset.metainfo['classes'] == ('kick', 'push')


def test_file_without_meta(make):
    dataset = make(meta={}, layout='sbu15', classes=[2, 1])
    assert dataset.metainfo == {'classes': ('2', '1'), 'layout': 'sbu15', 'units': ''}
    named = make(meta={}, layout='sbu15', metainfo={'classes': CLASSES}, classes=['kick'])
    assert named.metainfo['classes'] == ('kick',)


def test_a_layout_of_fields(make):
    mine = {
        'name': 'mine',
        'joints': [f'j{i}' for i in range(15)],
        'bones': [[f'j{i + 1}', f'j{i}'] for i in range(14)],
    }
    dataset = make(layout=mine)
    assert isinstance(dataset[0]['layout'], Skeleton)  # checked once, not by every transform anew
    assert dataset[0]['layout'] is dataset[1]['layout']
    assert get_skeleton(dataset.metainfo['layout']) == dataset[0]['layout'] == get_skeleton(mine)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'classes': ['dance']}, r"unknown class 'dance'; known are \['push', 'hug', 'kick'\]"),
        ({'classes': [3]}, 'unknown class 3'),
        ({'classes': [-1]}, 'unknown class -1'),
        ({'classes': [True]}, 'unknown class True'),
        ({'classes': ['push', 0]}, 'class 0 is there twice'),
        ({'classes': []}, r'a list of at least one class, got \[\]'),
        ({'classes': 'push'}, "a list of at least one class, got 'push'"),
        ({'metainfo': {'classes': ['push']}}, 'expected metainfo to name its 3 classes, got 1 names'),
        ({'metainfo': {'classes': [*CLASSES, 'wave']}}, 'expected metainfo to name its 3 classes, got 4 names'),
        ({'meta': {}}, "the file does not say which skeleton .* layout='nturgbd25'"),
        ({'meta': {}, 'layout': 'sbu15', 'classes': ['kick']}, "unknown class 'kick'; .* the label numbers 0 to 2"),
        ({'layout': 'sbu'}, "unknown layout 'sbu'"),
        ({'layout': 'nturgbd25'}, "sample 's0': expected 25 joints as the layout has, got 15"),
        ({'samples': [sample(0)], 'split': {}, 'classes': ['kick']}, 'no samples in split None with classes'),
    ],
)
def test_wrong_options(make, options, message):
    with pytest.raises(InputError, match=f'ann.pkl: .*{message}'):
        make(**options)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'keypoint': np.full((2, 4, 15, 3), np.nan)}, "sample 's0': .*NaN"),
        ({'keypoint': np.ones((2, 4, 14, 3))}, "sample 's0': .*got 14"),
        ({'label': 3}, "sample 's0': .*below 3"),
        ({'keypoint': np.ones((2, 0, 15, 3)), 'total_frames': 0}, "sample 's0': .*at least one person and one frame"),
        ({'keypoint': np.ones((2, 4, 15, 2))}, 'some samples have 2 coordinates and some have 3'),
    ],
)
def test_a_broken_sample_is_an_error_at_load(make, changes, message):
    with pytest.raises(InputError, match=f'ann.pkl: {message}'):
        make([sample(0, **changes), sample(1)], {})


def test_a_file_that_is_not_there():
    with pytest.raises(FileNotFoundError, match='nowhere.pkl'):
        InteractionPoseDataset('nowhere.pkl', [])


@pytest.mark.parametrize('test_mode', [False, True])
def test_pipelines_cannot_lose_samples_unseen(make, test_mode):
    with pytest.raises(Exception, match=r'Cannot find valid image after 0|should not get `None`'):
        make(pipeline=[lambda results: None], test_mode=test_mode)[0]


def repeated(dataset):
    return RepeatDataset(dataset, 2)


def after_another(dataset):
    return ConcatDataset([dataset, dataset])


@pytest.mark.parametrize('wrap', [lambda dataset: dataset, repeated, after_another])
@pytest.mark.parametrize(
    ('options', 'num_classes', 'is_right'),
    [
        ({}, 3, True),
        ({}, 2, False),
        ({}, 4, False),
        ({'classes': ['kick', 'hug']}, 2, True),
        ({'classes': ['kick', 'hug']}, 3, False),
        ({'meta': {}, 'layout': 'sbu15'}, 3, True),
        ({'meta': {}, 'layout': 'sbu15'}, 2, False),
        ({'meta': {}, 'layout': 'sbu15'}, 60, True),  # a file that does not name its classes may lack the last
        ({'meta': {}, 'layout': 'sbu15', 'metainfo': {'classes': CLASSES}}, 60, False),
    ],
)
def test_a_model_has_as_many_classes_as_the_file(make, wrap, options, num_classes, is_right):
    dataset = wrap(make(**options))
    if is_right:
        check_num_classes(num_classes, dataset)
    else:
        with pytest.raises(InputError, match=rf'^model.cls_head.num_classes: .*ann.pkl.* got {num_classes}$'):
            check_num_classes(num_classes, dataset)
