"""Recordings of other layouts than the model's."""

import copy
import logging

import numpy as np
import pytest
from mmaction.registry import DATASETS

from asea_mm.apis import InteractionInferencer, StreamingRecognizer
from asea_mm.datasets import save_annotations
from asea_mm.datasets.transforms import MapLayout
from asea_mm.layout_mapping import LayoutMapping
from asea_mm.skeletons import get_skeleton

from .conftest import write_checkpoint

KINECT = get_skeleton('kinect20')


@pytest.fixture(scope='module')
def recording(samples):
    """Keypoints of another sensor, and what the model should make of them."""
    keypoint, _ = LayoutMapping(get_skeleton('nturgbd25'), KINECT).apply(samples[0])
    return keypoint, LayoutMapping(KINECT, get_skeleton('nturgbd25')).apply(keypoint)[0]


def test_arrays_annotations_and_files(checkpoint, inferencer, recording, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr('asea_mm.layout_mapping._SAID', {})
    keypoint, mapped = recording
    expected = inferencer(mapped).scores
    with caplog.at_level(logging.WARNING, 'asea_mm'):
        of_kinect = InteractionInferencer(checkpoint, layout='kinect20')
        assert of_kinect(keypoint).scores == expected
    assert of_kinect.skeleton == KINECT
    (pair,) = of_kinect(keypoint, explain=True).pairs
    names = {name for layer in pair.active_joints[0].layers.values() for name in layer}
    assert names <= set(get_skeleton('nturgbd25').joints)

    annotation = dict(frame_dir='a', label=0, total_frames=keypoint.shape[1], keypoint=keypoint)
    assert inferencer({**annotation, 'layout': 'kinect20'}).scores == expected
    meta = dict(layout='kinect20', classes=['x'], source='x', units='metre')
    save_annotations(tmp_path / 'kinect.pkl', [annotation], {}, meta)
    assert inferencer(tmp_path / 'kinect.pkl')[0].scores == expected
    (record,) = caplog.records  # once for each two layouts
    assert 'spine_base: hip_center' in record.getMessage()


def test_streams(checkpoint, recording):
    keypoint, mapped = recording
    scores = []
    for layout, frames in (('kinect20', keypoint), (None, mapped)):
        stream = StreamingRecognizer(InteractionInferencer(checkpoint, layout=layout), window=20, min_shared=0.01)
        for frame in frames.swapaxes(0, 1)[:20]:
            results = stream.push(dict(enumerate(frame)))
        scores.append(results[0].scores)
    np.testing.assert_allclose(*scores, atol=1e-5)


def test_a_model_that_was_trained_on_mapped_samples(config, recording, tmp_path):
    cfg = copy.deepcopy(config)
    cfg.model.backbone.layout = 'common13'
    cfg.test_dataloader.dataset.pipeline.insert(0, dict(type='MapLayout', layout='common13'))
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    checkpoint = write_checkpoint(tmp_path / 'common.pth', cfg, dataset.metainfo)
    keypoint, mapped = recording
    of_ntu, of_kinect = (InteractionInferencer(checkpoint, layout=layout) for layout in (None, 'kinect20'))
    assert of_ntu.skeleton.name == 'nturgbd25'
    common = [
        MapLayout('common13').transform({'keypoint': values, 'layout': layout})['keypoint']
        for values, layout in ((keypoint, 'kinect20'), (mapped, 'nturgbd25'))
    ]
    np.testing.assert_allclose(*common, atol=1e-6)
    np.testing.assert_allclose(of_kinect(keypoint).scores, of_ntu(mapped).scores, atol=1e-5)
