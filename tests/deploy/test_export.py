"""Exported files: they compute what PyTorch does, run without this package, and their preparation is the pipeline's."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

import asea_mm  # noqa: F401  (registers everything)
from asea_mm.apis.loading import TrainedModel
from asea_mm.deploy import agreement as check
from asea_mm.deploy import export
from asea_mm.skeletons import get_skeleton, graph_layout
from tests.cli.test_tools import SMALL, tool  # noqa: F401  (a fixture)
from tests.models import randomise

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
pytest.importorskip('onnxscript')

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / 'examples' / 'onnx_inference.py'
TOLERANCE = 1e-4
GRAPH = dict(layout=graph_layout('sbu15'))
FEW = dict(base_channels=8, num_stages=1, inflate_stages=[], down_stages=[])
SBU = Config.fromfile(ROOT / 'configs' / 'asea_sbu.py').test_pipeline
BACKBONES = {
    'ASEA': dict(type='ASEA', channels=(8, 16)),
    'ASEA as in the text': dict(type='ASEA', channels=(8,), strides=(2,), downsample='conv', temporal_form='stacked'),
    'ASEA variants': dict(type='ASEA', channels=(8,), interaction=dict(score='velocity', form='gathered')),
    'ASEA, max pooling': dict(type='ASEA', channels=(8, 16), pooling='average_and_max'),
    'CTRGCN': dict(type='CTRGCN', channels=(8,), strides=(2,)),
    'MSG3D': dict(type='MSG3D', channels=(12,), strides=(2,)),
    'DeGCN': dict(type='DeGCN', channels=(8,), strides=(2,)),
    'MSSAGCN': dict(type='MSSAGCN', channels=(32,), strides=(2,)),
    'STGCN': dict(
        type='InteractionBackbone',
        backbone=dict(type='STGCN', graph_cfg=dict(mode='stgcn_spatial', **GRAPH), in_channels=6, **FEW),
    ),
    'AAGCN': dict(
        type='InteractionBackbone',
        backbone=dict(type='AAGCN', graph_cfg=dict(mode='spatial', **GRAPH), in_channels=6, **FEW),
    ),
}
OURS = dict(layout='sbu15', in_channels=6)


@pytest.fixture(autouse=True)
def scope():
    """Where mmengine looks for transforms."""
    init_default_scope('mmaction')


def tiny(name: str) -> TrainedModel:
    """A small recognizer of SBU's pipeline with random weights and statistics."""
    torch.manual_seed(0)
    backbone = {**BACKBONES[name]}
    pooling = backbone.pop('pooling', 'average')  # of the head
    if 'backbone' not in backbone:
        backbone.update(OURS)
        width = backbone['channels'][-1]
    else:
        width = 8
    recognizer = MODELS.build(
        dict(
            type='InteractionRecognizer',
            data_preprocessor=dict(type='mmaction.ActionDataPreprocessor'),
            backbone=backbone,
            cls_head=dict(type='InteractionHead', num_classes=3, in_channels=width, pooling=pooling),
        )
    )
    randomise(recognizer).eval()
    with torch.no_grad():  # logits of the size that trained models have
        recognizer.cls_head.fc.weight.div_(10)
    pipeline = [dict(step) for step in SBU]
    return TrainedModel(recognizer, pipeline, get_skeleton('sbu15'), ['approach', 'kick', 'push'], 6, 2)


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    """Path of the .onnx file of a tiny backbone, and its model; written once."""
    done = {}

    def get(name: str) -> tuple[Path, TrainedModel]:
        if name not in done:
            trained = tiny(name)
            path = tmp_path_factory.mktemp('onnx') / 'model.onnx'
            size = export.input_shape(trained)
            export.write_onnx(export.trace(trained.model, size), path, export.describe(trained, size[1]))
            done[name] = path, trained
        return done[name]

    return get


def gathered(trained: TrainedModel):
    """The model as PyTorch runs it on a CPU."""
    return check.as_function(export.inference_model(trained.model, 'auto'))


@pytest.mark.parametrize('name', BACKBONES)
def test_same_scores_whoever_is_there(exported, name):
    path, trained = exported(name)
    run, plain = check.open_onnx(path, 1), gathered(trained)
    for clips in (1, 3):
        trials = export.trial_clips(trained.model, export.input_shape(trained), clips).numpy()
        logits = plain(trials)[1]
        assert logits.std() > 0.1
        assert len(np.unique(logits[:, 0].round(5), axis=0)) == len(trials), 'absence must change the scores'
        for batch in (trials, trials[:1], trials[1:2], trials[2:]):
            agreement = check.compare(plain, run, [batch])
            assert agreement.samples == len(batch)
            assert agreement.within(TOLERANCE), agreement
    assert [file.name for file in path.parent.iterdir()] == ['model.onnx'], 'all in one file'


def test_what_the_file_says(exported):
    import onnx

    path, trained = exported('ASEA')
    model = onnx.load(path)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(about['classes']) == ['approach', 'kick', 'push']
    assert json.loads(about['stream']) == ['joint', 'joint_motion']
    assert json.loads(about['pipeline']) == json.loads(json.dumps(trained.pipeline))
    assert (about['layout'], about['scores'], about['backbone']) == ('sbu15', 'probability', 'ASEA')
    clip = [json.loads(about[key]) for key in ('clip_len', 'num_clips', 'num_person')]
    assert clip == [32, 2, 2], 'the whole clip from either side'
    assert json.loads(about['skeleton'])['parents'] == list(get_skeleton('sbu15').parents)
    assert not any('/' in entry.value for node in model.graph.node for entry in node.metadata_props), 'no paths'
    assert str(ROOT) not in str(model)
    assert not any(node.op_type == 'NonZero' for node in model.graph.node), 'no shapes that depend on data'
    assert [node.op_type for node in model.graph.node].count('BatchNormalization') == 1, 'of the input only'


def test_tracing_leaves_the_model_as_it_is(exported):
    _, trained = exported('ASEA')
    state = tiny('ASEA').model.state_dict()
    assert state.keys() == trained.model.state_dict().keys()
    assert all(torch.equal(value, state[key]) for key, value in trained.model.state_dict().items())


def test_torch_program_needs_torch_only(tmp_path):
    trained = tiny('ASEA variants')
    size = export.input_shape(trained)
    export.write_torch(export.trace(trained.model, size), tmp_path / 'm.pt2', export.describe(trained, size[1]))
    trials = export.trial_clips(trained.model, size).numpy()
    np.save(tmp_path / 'x.npy', trials)
    code = """
import json, sys
for name in ('asea_mm', 'mmaction', 'mmengine', 'mmcv'):
    sys.modules[name] = None
import numpy, torch
files = {'metadata.json': ''}
model = torch.export.load('m.pt2', extra_files=files).module()
x = torch.from_numpy(numpy.load('x.npy'))
numpy.savez('out.npz', all=model(x)[1].detach(), one=model(x[:1])[1].detach())
print(json.loads(json.loads(files['metadata.json'])['classes'])[0])
"""
    done = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == 'approach\n'
    logits = gathered(trained)(trials)[1]
    with np.load(tmp_path / 'out.npz') as out:
        np.testing.assert_allclose(out['all'], logits, atol=TOLERANCE)
        np.testing.assert_allclose(out['one'], logits[:1], atol=TOLERANCE)


@pytest.mark.parametrize('average', [None, 'score'])
def test_average_of_clips(average):
    trained = tiny('CTRGCN')
    trained.model.cls_head.average_clips = average
    if average is None:
        with pytest.raises(ValueError, match="must average clips by 'prob' or 'score', got average_clips=None"):
            export.inference_model(trained.model, 'auto')
        return
    scores, logits = gathered(trained)(export.trial_clips(trained.model, export.input_shape(trained), 3).numpy())
    np.testing.assert_allclose(scores, logits.mean(axis=1), atol=1e-6)
    assert export.describe(trained, 32)['scores'] == 'logit'


def test_wrong_options(tmp_path):
    trained = tiny('CTRGCN')
    with pytest.raises(ValueError, match='opset must be at least 18, got 11'):
        export.write_onnx(None, tmp_path / 'm.onnx', {}, opset=11)
    assert export.input_shape(trained, 20) == (2, 20, 15, 6)
    for step in trained.pipeline:
        step.pop('clip_len', None)
    with pytest.raises(ValueError, match='no step of the test pipeline has a clip_len; give --frames'):
        export.input_shape(trained)


def test_backbone_that_cannot_be_traced():
    class Undecided(torch.nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    trained = tiny('CTRGCN')
    trained.model.backbone = Undecided()
    with pytest.raises(ValueError, match='torch.export cannot trace Undecided'):
        export.trace(trained.model, (2, 4, 15, 6))


def load_example():
    spec = importlib.util.spec_from_file_location('onnx_inference', EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recording(persons: int, frames: int, seed: int = 0) -> np.ndarray:
    """Keypoints ``(M, T, 15, 3)`` of people who move; the last one comes late and leaves early."""
    draw = np.random.default_rng(seed)
    keypoint = draw.normal(size=(persons, 1, 15, 3)) + 0.1 * draw.normal(size=(persons, frames, 15, 3)).cumsum(axis=1)
    keypoint[-1, : frames // 5] = 0
    keypoint[-1, frames - frames // 6 :] = 0
    return keypoint.astype(np.float32)


END = [dict(type='FormatGCNInput', num_person=2), dict(type='PackActionInputs', meta_keys=('frame_dir',))]
PIPELINES = {
    'SBU': SBU,
    'NTU': Config.fromfile(ROOT / 'configs' / 'asea_ntu26.py').test_pipeline,
    'padded bones': [
        dict(type='CentrePair', frames='all'),
        dict(type='AlignFacing', vertical_axis=2),
        dict(type='SampleClip', clip_len=16, mode='pad', num_clips=3, window=0.5),
        dict(type='AddTurnedClips', vertical_axis=2),
        dict(type='GenerateStream', stream=['bone', 'bone_motion'], true_speed=True),
        *END,
    ],
    'smoothed': Config.fromfile(ROOT / 'configs' / 'asea_sbu_smooth.py').test_pipeline,
    'smoothed clips': [
        dict(type='SampleClip', clip_len=9, mode='pad', num_clips=2),
        dict(type='SmoothMotion', window=7, degree=4),
        *END,
    ],
    'mirrored': [
        dict(type='AlignFacing'),
        dict(type='SampleClip', clip_len=16, num_clips=2),
        dict(type='AddTurnedClips', mirrored=True),
        dict(type='GenerateStream', stream='joint_motion', true_speed=True),
        *END,
    ],
    'mirrored, sideways': [dict(type='AddTurnedClips', vertical_axis=0, mirrored=True), *END],
    'one frame': [dict(type='SampleClip', clip_len=1), dict(type='GenerateStream', stream='joint_motion'), *END],
}


OF_TWO = {'SBU with distances': Config.fromfile(ROOT / 'configs' / 'kernel_sbu.py').test_pipeline}
SIZES = [(2, 30), (2, 9), (1, 12), (2, 1)]


@pytest.mark.parametrize(
    ('name', 'persons', 'frames'),
    [
        *((name, *size) for name in [*PIPELINES, *OF_TWO] for size in SIZES),
        *((name, 3, 41) for name in PIPELINES),
    ],
)
def test_example_prepares_as_the_pipeline(name, persons, frames):
    keypoint = recording(persons, frames)
    trained = tiny('CTRGCN')
    trained.pipeline = [dict(step) for step in (PIPELINES | OF_TWO)[name]]
    sample = dict(keypoint=keypoint.copy(), label=0, frame_dir='a', layout='sbu15', total_frames=frames)
    expected = Compose(trained.pipeline)(sample)['inputs'].numpy()
    ours = load_example().prepare(keypoint, export.describe(trained, 32))
    assert ours.dtype == expected.dtype == np.float32
    scale = max(step.get('motion_scale', 1) for step in trained.pipeline)  # differences as much larger
    np.testing.assert_allclose(ours, expected, atol=1e-5 * scale)
    assert ((ours == 0).all(axis=(3, 4)) == (expected == 0).all(axis=(3, 4))).all(), 'the same are present'


def run_example(*arguments: object) -> subprocess.CompletedProcess:
    """The example where neither torch nor this package can be imported."""
    block = 'import runpy, sys; sys.modules.update(dict.fromkeys(("torch", "asea_mm", "mmaction", "mmengine"))); '
    code = f'{block}sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name="__main__")'
    command = [sys.executable, '-c', code, str(EXAMPLE), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_example_ends_with_one_line(exported, tmp_path):
    path, _ = exported('ASEA')
    np.save(tmp_path / 'three.npy', recording(3, 25))
    (tmp_path / 'damaged.onnx').write_bytes(b'no model')
    for model, message in (
        (path, 'three.npy: expected the 2 persons to look at, got 3'),
        (tmp_path / 'damaged.onnx', 'damaged.onnx: expected a model that tools/export.py wrote'),
        (tmp_path / 'none.onnx', 'none.onnx: expected a model that tools/export.py wrote'),
    ):
        done = run_example(model, tmp_path / 'three.npy')
        assert done.returncode == 1
        assert done.stderr.startswith('error: ')
        assert message in done.stderr


def test_example_scores_as_testing_does(exported, tmp_path):
    path, trained = exported('ASEA')
    keypoint = recording(2, 25)
    np.savez(tmp_path / 'clip.npz', keypoint=keypoint)
    sample = dict(keypoint=keypoint, label=0, frame_dir='a', layout='sbu15', total_frames=25)
    expected = check.tested_scores(trained.model, [Compose(trained.pipeline)(sample)], 1)[0]
    done = run_example(path, tmp_path / 'clip.npz', '--json')
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)
    np.testing.assert_allclose([scores[name] for name in trained.classes], expected, atol=TOLERANCE)
    table = run_example(path, tmp_path / 'clip.npz').stdout.splitlines()
    assert table[0].split() == ['probability', 'class']
    assert table[1].split()[1] == trained.classes[expected.argmax()]


@pytest.mark.parametrize(
    ('array', 'message'),
    [
        (np.zeros((2, 5, 25, 3)), 'expected keypoints (M, T, 15, C) of layout sbu15, got (2, 5, 25, 3)'),
        (np.full((2, 5, 15, 3), np.nan), 'expected finite keypoints'),
    ],
)
def test_example_refuses(array, message):
    with pytest.raises(ValueError, match='expected') as error:
        load_example().prepare(array, export.describe(tiny('CTRGCN'), 32))
    assert message in str(error.value)


def test_tool_exports_and_checks(tool, tmp_path):  # noqa: F811
    config = str(ROOT / 'configs' / 'asea_demo.py')
    settings = [*SMALL, 'model.backbone.channels=[8]', 'model.cls_head.in_channels=8']
    cfg = Config.fromfile(config)
    cfg.merge_from_dict({'model.backbone.channels': [8], 'model.cls_head.in_channels': 8})
    torch.manual_seed(0)
    torch.save({'state_dict': randomise(MODELS.build(cfg.model)).state_dict()}, tmp_path / 'a.pth')
    options = ['--samples', 9, '--repeats', 1, '--cfg-options', *settings]
    code, out, err = tool('tools/export.py', config, tmp_path / 'a.pth', *options)
    assert code == 0, err
    assert (tmp_path / 'a.onnx').is_file()
    assert out.count('agrees') == 5
    assert '9/9' in out
    assert 'onnxruntime' in out

    code, out, err = tool(
        'tools/export.py', config, tmp_path / 'a.pth', '--tolerance', -1, '--format', 'torch', *options
    )
    assert code == 1
    assert 'DIFFERS' in out
    assert 'differ by more than --tolerance -1' in err

    code, _, err = tool('tools/export.py', config, tmp_path / 'a.pth', '--out', tmp_path / 'a.pt', *options)
    assert code == 1
    assert 'expected a name that ends in .onnx' in err


def test_real_samples(exported, tmp_path):
    root = os.environ.get('ASEA_SBU_ROOT')
    if not root:
        pytest.skip('set ASEA_SBU_ROOT to the folder of SBU Kinect Interaction v2 (clean)')
    from asea_mm.datasets import InteractionPoseDataset
    from asea_mm.datasets.converters import convert_sbu

    path, trained = exported('ASEA')
    convert_sbu(root).save(tmp_path / 'sbu.pkl')
    dataset = InteractionPoseDataset(str(tmp_path / 'sbu.pkl'), SBU, split='val', fold=1, test_mode=True)
    samples = check.test_samples(dataset, 50)
    assert len(samples) == 50
    keypoint = np.stack([sample['inputs'].numpy() for sample in samples])
    run = check.open_onnx(path, 1)
    assert check.compare(gathered(trained), run, [keypoint]).within(TOLERANCE)
    tested = check.tested_scores(trained.model, samples, 25)
    np.testing.assert_allclose(run(keypoint)[0], tested, atol=TOLERANCE)
    assert (run(keypoint)[0].argmax(axis=1) == tested.argmax(axis=1)).all()
