"""Several sources as one dataset: classes by name, ids of their own, reports of each."""

import json

import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS, METRICS
from mmaction.structures import ActionDataSample
from mmengine.config import Config

from asea_mm.datasets import save_annotations
from asea_mm.errors import InputError

SOURCES = {
    'first': (['kick', 'hug', 'wave'], 'sbu15', 'metre'),
    'second': (['pointing', 'kicking', 'punching'], 'kinect20', 'metre'),
    'pixels': (['kick', 'hug'], 'sbu15', 'pixel'),
}
JOINTS = {'sbu15': 15, 'kinect20': 20}
COMMON = {
    'first': {'attack': 'kick', 'hug': 'hug'},
    'second': {'attack': ['kicking', 'punching'], 'hug': None},
    'pixels': {'attack': 'kick', 'hug': 'hug'},
}


@pytest.fixture
def build(tmp_path):
    for name, (classes, layout, units) in SOURCES.items():
        samples = []
        for index in range(6):
            shape = (2, 4, JOINTS[layout], 3)
            keypoint = np.random.default_rng(index).normal(size=shape).astype(np.float32)
            label = index % len(classes)
            samples.append({'frame_dir': str(index), 'label': label, 'total_frames': 4, 'keypoint': keypoint})
        meta = {'layout': layout, 'classes': classes, 'source': name, 'units': units}
        save_annotations(tmp_path / f'{name}.pkl', samples, {}, meta)

    def build(*names, pipeline=(), **changes):
        datasets = {
            name: {'ann_file': str(tmp_path / f'{name}.pkl'), 'classes': COMMON[name], **changes} for name in names
        }
        return DATASETS.build({'type': 'CombinedInteractionDataset', 'datasets': datasets, 'pipeline': list(pipeline)})

    return build


def test_common_classes_ids_and_layouts(build):
    dataset = build('first', 'second', pipeline=[{'type': 'MapLayout', 'layout': 'common13'}])
    infos = list(dataset)
    assert [info['frame_dir'] for info in infos] == [
        *('first/0', 'first/1', 'first/3', 'first/4'),
        *('second/1', 'second/2', 'second/4', 'second/5'),
    ]
    assert [info['label'] for info in infos] == [0, 1, 0, 1, 0, 0, 0, 0]
    assert [dataset.get_cat_ids(index) for index in range(8)] == [[info['label']] for info in infos]
    assert {info['keypoint'].shape for info in infos} == {(2, 4, 13, 3)}
    assert dataset.metainfo == {'classes': ('attack', 'hug'), 'units': 'metre', 'sources': {'first': 4, 'second': 4}}


def test_classes_of_a_dictionary_are_in_one_order(build, tmp_path):
    """mmengine sorts the keys of a dictionary when it writes a config."""
    classes = {'no interaction': None, 'waves': 'wave', 'hug': 'hug', 'attack': 'kick'}
    dataset = build('first', classes=classes)
    assert dataset.metainfo['classes'] == ('attack', 'hug', 'waves', 'no interaction')
    path = tmp_path / 'dumped.py'
    path.write_text(Config(dict(classes=classes)).pretty_text, encoding='utf-8')
    again = build('first', classes=Config.fromfile(path).classes)
    assert again.metainfo == dataset.metainfo
    assert [info['label'] for info in again] == [info['label'] for info in dataset] == [0, 1, 2, 0, 1, 2]


def test_frame_rates_that_the_files_do_not_say(build):
    dataset = build('first', fps=10, pipeline=[{'type': 'ResampleFrameRate', 'fps': 20}])
    assert {info['total_frames'] for info in dataset} == {7}


@pytest.mark.parametrize(
    ('names', 'changes', 'message'),
    [
        (('first', 'pixels'), {}, 'pixels.pkl: expected the units of .*metre, got pixel'),
        (('first', 'second'), {'classes': None}, r'second.pkl: expected the classes of .*kick.*got .*kicking.*maps'),
        (('first',), {'classes': {'attack': 1.5}}, 'first.pkl: unknown class 1.5'),
        (('first',), {'classes': {'attack': None}}, 'first.pkl: no samples'),
        (('first',), {'classes': {'attack': 'bite'}}, "first.pkl: unknown class 'bite'"),
        (('first',), {'classes': {'attack': 'kick', 'other': ['kick', 'hug']}}, "class 'kick' is there twice"),
        ((), {}, 'expected datasets as'),
    ],
)
def test_what_does_not_go_together(build, names, changes, message):
    with pytest.raises(InputError, match=message) as error:
        build(*names, **changes)
    assert len(str(error.value)) < 700


def test_reports_of_each_source(build, tmp_path):
    dataset = build('first', 'second')
    report = METRICS.build({'type': 'InteractionReport', 'out_dir': str(tmp_path)})
    report.dataset_meta = dataset.metainfo
    for info in dataset:
        wrong = info['frame_dir'] == 'second/4'
        sample = ActionDataSample().set_gt_label(info['label'])
        sample.set_pred_score(torch.eye(2)[info['label'] ^ wrong])
        sample.set_metainfo({'frame_dir': info['frame_dir']})
        report.process(None, [sample.to_dict()])
    report.evaluate(len(dataset))
    written = json.loads((tmp_path / 'report.json').read_text())
    assert written['top1'] == 7 / 8
    assert {name: part['top1'] for name, part in written['sources'].items()} == {'first': 1.0, 'second': 0.75}
    assert {name: part['num_samples'] for name, part in written['sources'].items()} == {'first': 4, 'second': 4}
