"""A GPU says what the CPU says: ``ASEA_TEST_GPU=1 python -m pytest tests/test_gpu.py``."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS, MODELS
from mmaction.structures import ActionDataSample
from mmengine.registry import init_default_scope

from asea_mm.apis import InteractionInferencer, StreamingRecognizer
from asea_mm.models.layers import AEA
from asea_mm.skeletons import get_skeleton
from tests.cli.test_tools import DEMO, SMALL, saved, tool  # noqa: F401

from .apis.conftest import tiny_config, write_checkpoint
from .test_configs import every_network, input_channels, read

DEVICE = 'cuda'
EXACT = dict(rtol=1e-7, atol=1e-9)  # in float64
CLOSE = dict(rtol=1e-3, atol=1e-4)  # in float32
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU, or not ASEA_TEST_GPU=1')
ROOT = Path(__file__).parents[1]
# one of each kind of backbone, and of each loss
FEW = ['asea_sbu', 'mssagcn_sbu', *(f'baselines/{name}_sbu' for name in ('ctrgcn', 'stgcnpp', 'msg3d', 'degcn'))]


@pytest.fixture(autouse=True)
def float32_is_float32(monkeypatch):
    """Without TensorFloat-32, which PyTorch lets convolutions take."""
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)


def build(name: str) -> torch.nn.Module:
    init_default_scope('mmaction')
    torch.manual_seed(0)
    model = MODELS.build(read(name)[0].model)
    model.init_weights()
    return model


def batch_of(name: str, size: int = 4, frames: int = 32) -> tuple[torch.Tensor, list[ActionDataSample]]:
    """Random pairs ``(N, 1, M, T, V, C)``, the second person of the first absent, and labels."""
    cfg, data = read(name)
    x = torch.randn(size, 1, 2, frames, get_skeleton(data.layout).num_joints, input_channels(cfg))
    x[0, :, 1] = 0
    return x, [ActionDataSample().set_gt_label(label % 8) for label in range(size)]


def total_loss(model: torch.nn.Module, x: torch.Tensor, samples: list[ActionDataSample]) -> torch.Tensor:
    return model.parse_losses(model(x, [sample.to(x.device) for sample in samples], mode='loss'))[0]


@every_network
def test_scores_and_gradients_are_those_of_the_cpu(name):
    model = build(name).double().eval()  # in double precision no rounding makes another joint active
    x, samples = batch_of(name)
    loss = total_loss(model, x.double(), samples)
    loss.backward()
    other = copy.deepcopy(model).to(DEVICE)
    other.zero_grad()
    on_gpu = total_loss(other, x.double().to(DEVICE), samples)
    on_gpu.backward()
    torch.testing.assert_close(on_gpu.cpu(), loss, **EXACT)
    for (place, parameter), twin in zip(model.named_parameters(), other.parameters(), strict=True):
        assert (parameter.grad is None) == (twin.grad is None), place
        if parameter.grad is not None:
            torch.testing.assert_close(
                twin.grad.cpu(), parameter.grad, **EXACT, msg=lambda text, n=place: f'{n}: {text}'
            )


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16], ids=['bfloat16', 'float16'])
@pytest.mark.parametrize('name', FEW)
def test_mixed_precision_trains(name, dtype):
    model = build(name).to(DEVICE)
    x, samples = batch_of(name, size=8)
    x = x.to(DEVICE)
    state = copy.deepcopy(model.state_dict())
    torch.manual_seed(1)
    expected = total_loss(model, x, samples).detach()
    model.load_state_dict(state)  # the running statistics, too
    scaler = torch.amp.GradScaler(DEVICE, enabled=dtype is torch.float16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    losses = []
    for _ in range(8):
        torch.manual_seed(1)  # the same dropout
        with torch.autocast(DEVICE, dtype=dtype):
            loss = total_loss(model, x, samples)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(float(loss))
    assert losses[0] == pytest.approx(float(expected), rel=0.05)
    assert min(losses[1:]) < losses[0]
    assert all(parameter.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize('name', FEW)
def test_compiled_scores_and_gradients_are_those_without(name):
    model = build(name).to(DEVICE).eval()
    x, _ = batch_of(name)
    x = x[:, 0].to(DEVICE)
    compiled = torch.compile(copy.deepcopy(model.backbone))
    expected, found = model.backbone(x), compiled(x)
    torch.testing.assert_close(found, expected, **CLOSE)
    weights = torch.randn_like(expected)
    (expected * weights).sum().backward()
    (found * weights).sum().backward()
    own = [p.grad for p in model.backbone.parameters() if p.grad is not None]
    others = [p.grad for p in compiled.parameters() if p.grad is not None]
    size = torch.stack([grad.norm() for grad in own]).norm()
    difference = torch.stack([(a - b).norm() for a, b in zip(own, others, strict=True)]).norm()
    assert difference < 1e-3 * size


def test_gathered_attention_is_the_masked_one():
    """On a GPU the layer masks by itself; told to gather, it has the same numbers."""
    torch.manual_seed(0)
    x = torch.rand(8, 16, 12, 25, device=DEVICE, dtype=torch.float64)
    x[:, :, :, ::3] += 5
    masked, gathered = (AEA(16, form=form).to(DEVICE).double() for form in ('masked', 'gathered'))
    gathered.load_state_dict(masked.state_dict())
    results = []
    for layer in (masked, gathered):
        inputs = x.clone().requires_grad_(True)
        found = layer(inputs, 2)
        (found * torch.linspace(-1, 1, 25, device=DEVICE)).sum().backward()
        results.append((found, inputs.grad, *(parameter.grad for parameter in layer.parameters())))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(other, one, **EXACT)


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    cfg = tiny_config('asea_demo')
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    return write_checkpoint(tmp_path_factory.mktemp('model') / 'tiny.pth', cfg, dataset.metainfo), dataset


@pytest.mark.parametrize('fold', [False, True])
def test_inference_and_streams_say_what_they_say_on_the_cpu(checkpoint, fold):
    path, dataset = checkpoint
    on_cpu, on_gpu = (InteractionInferencer(path, device=device, fold=fold) for device in ('cpu', DEVICE))
    for index in range(6):
        keypoint = dataset.get_data_info(index)['keypoint']
        np.testing.assert_allclose(on_gpu(keypoint).scores, on_cpu(keypoint).scores, rtol=1e-3, atol=1e-4)
    keypoint = dataset.get_data_info(0)['keypoint'][:, :30]
    streams = [StreamingRecognizer(inferencer, 16, 8) for inferencer in (on_cpu, on_gpu)]
    for frame in keypoint.swapaxes(0, 1):
        first, second = (stream.push({'a': frame[0], 'b': frame[1]}) for stream in streams)
        assert (first is None) == (second is None)
        for one, other in zip(first or [], second or [], strict=True):
            np.testing.assert_allclose(other.scores, one.scores, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('options', [[], ['--amp']], ids=['float32', 'amp'])
def test_trained_on_a_gpu_tested_on_both(tool, tmp_path, monkeypatch, options):  # noqa: F811
    """One training with the tools; its checkpoint has the scores of the GPU on a CPU, too."""
    settings = ['--cfg-options', *SMALL]
    train = ['--seed', 0, '--work-dir', tmp_path / 'run', *options, *settings, 'train_cfg.max_epochs=2']
    assert tool('tools/train.py', DEMO, *train)[0] == 0
    last = tmp_path / 'run' / 'epoch_2.pth'
    assert all(value.isfinite().all() for value in saved(last)['state_dict'].values() if value.is_floating_point())
    assert tool('tools/test.py', DEMO, last, '--work-dir', tmp_path / 'gpu', *settings)[0] == 0
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr('mmengine.device.utils.DEVICE', 'cpu')
    assert tool('tools/test.py', DEMO, last, '--work-dir', tmp_path / 'cpu', *settings)[0] == 0
    first, second = (np.load(tmp_path / name / 'scores.npz', allow_pickle=False) for name in ('gpu', 'cpu'))
    assert first['ids'].tolist() == second['ids'].tolist()
    np.testing.assert_allclose(first['scores'], second['scores'], rtol=1e-2, atol=1e-3)
    report = json.loads((tmp_path / 'gpu' / 'report.json').read_text())
    assert report['num_samples'] == 24


def test_a_seed_reproduces_with_deterministic_algorithms(tool, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    options = ['--seed', 5, '--deterministic', '--no-validate', '--cfg-options', *SMALL, 'train_cfg.max_epochs=2']
    try:
        for name in ('first', 'second'):
            assert tool('tools/train.py', DEMO, '--work-dir', tmp_path / name, *options)[0] == 0
    finally:
        torch.use_deterministic_algorithms(False)
    first, second = (saved(tmp_path / name / 'epoch_2.pth')['state_dict'] for name in ('first', 'second'))
    for name in first:
        assert torch.equal(first[name], second[name]), name


def test_benchmark_of_a_gpu(tool, tmp_path):  # noqa: F811
    options = ['--batch', 2, '--frames', 16, '--repeats', 2, '--amp', '--out', tmp_path / 'speed.json']
    assert tool('tools/benchmark.py', ROOT / 'configs' / 'asea_sbu.py', *options)[0] == 0
    found = json.loads((tmp_path / 'speed.json').read_text())
    assert found['device'] == torch.cuda.get_device_name()
    assert found['configs']['asea_sbu']['train_seconds'] > 0
