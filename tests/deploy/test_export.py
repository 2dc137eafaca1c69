"""Exported files take recordings and compute what the ordinary test does, and run without this package."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate

from asea_mm.apis.loading import TrainedModel
from asea_mm.deploy.agreement import Agreement, compare, measure_agreement, open_exported
from asea_mm.deploy.export import ScoreModel, export_model
from asea_mm.errors import InputError
from asea_mm.evaluation.calibration import calibrated
from asea_mm.skeletons import get_skeleton, graph_layout
from tests.models import randomise

from . import ROOT, recording

for package in ('onnx', 'onnxruntime', 'onnxscript'):
    pytest.importorskip(package)

TOLERANCE = 1e-4
TEMPERATURE = 1.7
SBU = Config.fromfile(ROOT / 'configs' / 'asea_sbu.py').test_pipeline
BACKBONES = {
    'ASEA': dict(type='ASEA', channels=(8, 16)),
    'ASEA, velocity': dict(type='ASEA', channels=(8,), strides=(2,), interaction=dict(score='velocity')),
    'CTRGCN': dict(type='CTRGCN', channels=(8,), strides=(2,)),
    'MSG3D': dict(type='MSG3D', channels=(12,), strides=(2,)),
    'DeGCN': dict(type='DeGCN', channels=(8,), strides=(2,)),
    'MSSAGCN': dict(type='MSSAGCN', channels=(32,), strides=(2,)),
    'AAGCN': dict(
        type='InteractionBackbone',
        backbone=dict(
            type='AAGCN',
            graph_cfg=dict(mode='spatial', layout=graph_layout('sbu15')),
            in_channels=6,
            **dict(base_channels=8, num_stages=1, inflate_stages=[], down_stages=[]),
        ),
    ),
}


def tiny(name: str = 'CTRGCN') -> TrainedModel:
    """A small recognizer of SBU's pipeline with random weights and statistics."""
    torch.manual_seed(0)
    backbone = {**BACKBONES[name]}
    if 'backbone' not in backbone:
        backbone.update(layout='sbu15', in_channels=6)
    width = backbone.get('channels', (8,))[-1]
    head = dict(type='InteractionHead', num_classes=3, in_channels=width)
    preprocessor = dict(type='mmaction.ActionDataPreprocessor')
    config = dict(type='InteractionRecognizer', data_preprocessor=preprocessor, backbone=backbone, cls_head=head)
    recognizer = randomise(MODELS.build(config)).eval()
    with torch.no_grad():  # logits of the size that trained models have
        recognizer.cls_head.fc.weight.div_(10)
    pipeline = [dict(step) for step in SBU]
    return TrainedModel(recognizer, pipeline, *2 * [get_skeleton('sbu15')], ['approach', 'kick', 'push'], 6, 2)


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
    """A tiny model, calibrated, and its .onnx file with the preparation inside."""
    trained, path = replace(tiny('ASEA'), temperature=TEMPERATURE), tmp_path_factory.mktemp('onnx') / 'model.onnx'
    state = {key: value.clone() for key, value in trained.model.state_dict().items()}
    export_model(trained, path)
    assert [file.name for file in path.parent.iterdir()] == ['model.onnx'], 'all in one file'
    assert all(torch.equal(value, state[key]) for key, value in trained.model.state_dict().items())
    return trained, path


def ordinary_scores(trained: TrainedModel, keypoint: np.ndarray) -> np.ndarray:
    """Scores as an ordinary test computes them."""
    sample = dict(keypoint=keypoint.copy(), label=0, frame_dir='a', layout='sbu15', total_frames=keypoint.shape[1])
    with torch.no_grad():
        (output,) = trained.model.test_step(pseudo_collate([Compose(trained.pipeline)(sample)]))
    return output.pred_score.numpy()


def test_agreement_over_absence_and_a_dataset(prepared):
    class Samples(list):
        get_data_info = list.__getitem__

    trained, path = prepared
    dataset = Samples({'keypoint': recording(persons, 25, seed), 'label': 0} for seed, persons in enumerate((2, 1, 3)))
    rows = compare(trained, path, dataset, count=2)
    assert {name: row.samples for name, row in rows.items()} == {'random persons': 30, 'test samples': 12}
    assert all(row.within(TOLERANCE) for row in rows.values()), rows
    other = replace(tiny('ASEA'), temperature=TEMPERATURE)
    other.model.cls_head.fc.bias.data[0] += 0.01
    assert not compare(other, path)['random persons'].within(TOLERANCE)
    assert not Agreement(1, float('nan'), 1).within(1)
    assert open_exported(path)({'keypoint': recording(2, 40)})[1].shape == (2, 3), 'the whole clip from either side'


def test_what_the_file_says(prepared):
    import onnx

    trained, path = prepared
    model = onnx.load(path)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(about['classes']) == trained.classes
    assert json.loads(about['pipeline']) == json.loads(json.dumps(trained.pipeline))
    assert (about['layout'], about['scores'], about['backbone']) == ('sbu15', 'probability', 'ASEA')
    assert str(ROOT) not in str(model), 'no paths of this machine'
    assert not any(node.op_type == 'NonZero' for node in model.graph.node), 'no shapes that depend on data'
    shape = [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert shape == [2, 'frames', 15, 3]


def run_example(*arguments: object) -> subprocess.CompletedProcess:
    """The example where neither torch nor this package can be imported."""
    block = 'import runpy, sys; sys.modules.update(dict.fromkeys(("torch", "asea_mm", "mmaction", "mmengine"))); '
    code = f'{block}sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name="__main__")'
    command = [sys.executable, '-c', code, str(ROOT / 'examples' / 'onnx_inference.py'), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_example_scores_as_testing_does_calibrated(prepared, tmp_path):
    trained, path = prepared
    keypoint = recording(1, 25)
    np.save(tmp_path / 'clip.npy', keypoint)
    done = run_example(path, tmp_path / 'clip.npy')
    assert done.returncode == 0, done.stderr
    scores = {name: float(score) for score, name in map(str.split, done.stdout.splitlines()[1:])}
    expected = calibrated(ordinary_scores(trained, keypoint), TEMPERATURE)
    np.testing.assert_allclose([scores[name] for name in trained.classes], expected, atol=2 * TOLERANCE)
    assert next(iter(scores)) == trained.classes[expected.argmax()]
    for arrays, message in (
        (dict(keypoint=recording(3, 5)), "[2, 'frames', 15, 3], got (3, 5, 15, 3)"),
        (dict(keypoint=np.full((2, 5, 15, 3), np.nan)), 'keypoint: expected finite numbers'),
        (dict(joints=recording(2, 5)), "expected an array 'keypoint'"),
    ):
        np.savez(tmp_path / 'clip.npz', **arrays)
        done = run_example(path, tmp_path / 'clip.npz')
        assert done.stderr.startswith('error: ')
        assert message in done.stderr


def test_network_alone_takes_any_number_of_samples_and_clips(tmp_path):
    trained = tiny()
    assert json.loads(export_model(trained, tmp_path / 'a.onnx', preparation=False)['preparation']) is False
    run, plain = open_exported(tmp_path / 'a.onnx'), ScoreModel(trained.model)
    for shape in ((1, 1), (1, 3), (4, 2)):
        clips = np.random.default_rng(0).normal(size=(*shape, 2, 32, 15, 6)).astype(np.float32)
        clips[0, :, 1] = 0
        agreement = measure_agreement(run, plain, [({'keypoint': clips}, clips)])
        assert agreement.samples == shape[0]
        assert agreement.within(TOLERANCE), agreement
    done = run_example(tmp_path / 'a.onnx', 'clip.npy')
    assert 'expected a model of asea export with its preparation inside' in done.stderr


@pytest.mark.parametrize('name', sorted(BACKBONES.keys() - {'ASEA', 'CTRGCN', 'DeGCN'}))  # which other tests export
def test_every_backbone_is_traced(name, tmp_path):
    trained = tiny(name)
    export_model(trained, tmp_path / 'a.pt2', preparation=False)
    agreement = compare(trained, tmp_path / 'a.pt2', preparation=False)['random persons']
    assert agreement.within(TOLERANCE), agreement


def test_program_needs_torch_only(tmp_path):
    trained = tiny('DeGCN')
    export_model(trained, tmp_path / 'm.pt2', preparation=False)
    assert compare(trained, tmp_path / 'm.pt2', preparation=False)['random persons'].within(TOLERANCE)
    clips = np.random.default_rng(0).normal(size=(1, 2, 2, 32, 15, 6)).astype(np.float32)
    np.save(tmp_path / 'x.npy', clips)
    code = """
import json, sys
sys.modules.update(dict.fromkeys(('asea_mm', 'mmaction', 'mmengine', 'mmcv')))
import numpy, torch
files = {'metadata.json': ''}
model = torch.export.load('m.pt2', extra_files=files).module()
scores, _ = model(torch.from_numpy(numpy.load('x.npy')))
print(json.dumps([scores.tolist(), json.loads(json.loads(files['metadata.json'])['classes'])]))
"""
    done = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    scores, classes = json.loads(done.stdout)
    np.testing.assert_allclose(scores, ScoreModel(trained.model)(torch.from_numpy(clips))[0].detach(), atol=TOLERANCE)
    assert classes == trained.classes


@pytest.mark.parametrize(
    ('changes', 'options', 'message'),
    [
        ({}, dict(path='a.pt'), r'expected a file that ends in .onnx or .pt2, got a.pt'),
        ({'channels': 5}, {}, '5 are made by no 2 or 3 coordinates'),
        ({'pipeline': SBU[-2:]}, dict(preparation=False), 'no step of the test pipeline has a clip_len'),
        ({'average_clips': None}, {}, "must average clips by 'prob' or 'score', got average_clips=None"),
        ({'backbone': torch.nn.Identity()}, dict(preparation=False), 'torch.export cannot trace Identity'),
        ({'pipeline': [dict(type='MirrorPose'), *SBU]}, {}, 'MirrorPose of the test pipeline has no form in torch'),
    ],
)
def test_what_cannot_be_exported(changes, options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained = tiny()
    for name, value in changes.items():
        owner = {'average_clips': trained.model.cls_head, 'backbone': trained.model}.get(name, trained)
        setattr(owner, name, value)
    with pytest.raises(InputError, match=message):
        export_model(trained, **{'path': 'a.onnx', **options})
    assert not list(tmp_path.iterdir())


def test_logits_are_averaged_where_the_head_does(tmp_path):
    trained = tiny()
    trained.model.cls_head.average_clips = 'score'
    scores, logits = ScoreModel(trained.model)(torch.randn(2, 3, 2, 32, 15, 6))
    torch.testing.assert_close(scores, logits.mean(dim=1))
    model = ScoreModel(trained.model, temperature=TEMPERATURE)
    assert (model.scores, ScoreModel(trained.model).scores) == ('probability', 'logit')
