"""A GPU says what the CPU says: ``ASEA_TEST_GPU=1 python -m pytest tests/test_gpu.py``."""

import copy
import os

import pytest
import torch

from asea_mm.engine.compilation import compile_model
from asea_mm.models.layers import AEA

from .models import BACKBONES, OURS, backbone_config, keypoints, labels, recognizer

DEVICE = 'cuda'
EXACT = dict(rtol=1e-7, atol=1e-9)  # in float64, in which no rounding makes another joint active
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU, or not ASEA_TEST_GPU=1')
every_backbone = pytest.mark.parametrize('name', BACKBONES)


@pytest.fixture(autouse=True)
def few_threads_and_true_float32(monkeypatch):
    """Small models on many threads wait for each other; PyTorch lets convolutions take TensorFloat-32."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(4, os.cpu_count() or 1))
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)
    yield
    torch.set_num_threads(before)


def build(name, aea=True):
    return recognizer(backbone_config(name, aea))


def clips(samples=4):
    """Pairs; the second person of the first is absent, of the second the last frames."""
    x = keypoints(samples=samples, frames=16)
    x[0, 1] = 0
    x[1, :, 12:] = 0
    return x[:, None]


def loss_of(model, x):
    return model.loss(x, [sample.to(x.device) for sample in labels(len(x))])['loss_cls']


@every_backbone
@pytest.mark.parametrize('aea', [False, True], ids=['plain', 'AEA'])
def test_scores_and_gradients_are_those_of_the_cpu(name, aea):
    model = build(name, aea).eval()
    twin = copy.deepcopy(model).to(DEVICE)
    losses = [loss_of(model, clips()), loss_of(twin, clips().to(DEVICE))]
    for loss in losses:
        loss.backward()
    torch.testing.assert_close(losses[1].cpu(), losses[0], **EXACT)
    for (key, parameter), other in zip(model.named_parameters(), twin.named_parameters(), strict=True):
        torch.testing.assert_close(other[1].grad.cpu(), parameter.grad, **EXACT, msg=lambda text, k=key: f'{k}: {text}')


@pytest.mark.parametrize('name', OURS)
def test_a_forward_pass_waits_for_nothing(name):
    model, x = build(name).to(DEVICE), clips().to(DEVICE)
    model.extract_feat(x, stage='head')  # what is set up once may wait
    torch.cuda.set_sync_debug_mode('error')
    try:
        model.extract_feat(x, stage='head')
    finally:
        torch.cuda.set_sync_debug_mode('default')


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16], ids=['bfloat16', 'float16'])
@every_backbone
def test_mixed_precision_trains(name, dtype):
    model, x = build(name).float().to(DEVICE), clips().float().to(DEVICE)
    scaler = torch.amp.GradScaler(DEVICE, enabled=dtype is torch.float16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    losses = []
    for _ in range(8):
        with torch.autocast(DEVICE, dtype=dtype):
            loss = loss_of(model, x)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(float(loss))
    assert min(losses[1:]) < losses[0]
    assert all(parameter.isfinite().all() for parameter in model.parameters())


@pytest.mark.parametrize('name', ['ASEA', 'STGCN++'])
def test_compiled_scores_and_gradients_are_those_without(name):
    model = build(name).to(DEVICE).eval().backbone
    compiled = torch.compile(copy.deepcopy(model))
    x = clips()[:, 0].to(DEVICE)
    outputs = model(x), compiled(x)
    torch.testing.assert_close(outputs[1], outputs[0], **EXACT)
    for output in outputs:
        output.square().mean().backward()
    for parameter, other in zip(model.parameters(), compiled.parameters(), strict=True):
        torch.testing.assert_close(other.grad, parameter.grad, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize('whole', [False, True], ids=['blocks', 'whole'])
@pytest.mark.parametrize('name', ['ASEA', 'MSSAGCN', 'STGCN++'])
def test_compiled_with_cuda_graphs_it_trains_as_the_cpu(name, whole):
    """Several steps and batches: what graphs replay must be this step's."""
    model = build(name)
    twin = copy.deepcopy(model).to(DEVICE)
    assert compile_model(twin, DEVICE, whole)
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.01) for m in (model, twin)]
    for samples in (4, 4, 4, 3, 4):
        losses = []
        for trained, optimizer in zip((model, twin), optimizers, strict=True):
            device = next(trained.parameters()).device
            optimizer.zero_grad()
            loss = loss_of(trained, clips(samples).to(device))
            loss.backward()
            optimizer.step()
            losses.append(loss.detach().cpu())
        torch.testing.assert_close(losses[1], losses[0], rtol=1e-5, atol=1e-7)
    with torch.no_grad():
        scores = [m.eval()(clips(3).to(p.device), stage='head') for m in (model, twin) for p in [next(m.parameters())]]
    torch.testing.assert_close(scores[1].cpu(), scores[0], rtol=1e-4, atol=1e-6)


def test_gathered_attention_is_the_masked_one():
    """On a GPU the layer masks by itself; told to gather, it has the same numbers."""
    torch.manual_seed(0)
    x = torch.rand(8, 16, 12, 25, device=DEVICE, dtype=torch.float64)
    x[:, :, :, ::3] += 5
    layers = [AEA(16, form=form).to(DEVICE).double() for form in ('masked', 'gathered')]
    layers[1].load_state_dict(layers[0].state_dict())
    results = []
    for layer in layers:
        inputs = x.clone().requires_grad_(True)
        out = layer(inputs, 2)
        (out * torch.linspace(-1, 1, 25, device=DEVICE)).sum().backward()
        results.append((out, inputs.grad, *(parameter.grad for parameter in layer.parameters())))
    for masked, gathered in zip(*results, strict=True):
        torch.testing.assert_close(gathered, masked, **EXACT)
