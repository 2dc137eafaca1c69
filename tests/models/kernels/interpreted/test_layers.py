"""Layers with fused kernels are the layers without."""

import copy

import pytest
import torch
from torch import nn

from asea_mm.models.kernels import set_kernels, trial
from asea_mm.models.layers import AEA, ATNAC
from asea_mm.models.layers.adaptive_graph import MultiScaleAGC
from asea_mm.models.layers.atnac import ActiveJoints
from asea_mm.models.layers.spatial import CTRGC
from asea_mm.skeletons import get_skeleton

from ... import TOLERANCE, backbone_config, keypoints, partly_present, randomise, recognizer

ADJACENCY = torch.from_numpy(get_skeleton('sbu15').adjacency())[:2]
T, V, CHANNELS = 4, 15, 8


def features(present: bool, persons: int = 2):
    torch.manual_seed(0)
    x = torch.randn(2 * persons, CHANNELS, T, V, dtype=torch.float64)
    presence = partly_present(persons, T, samples=2) if present else None
    return (x if presence is None else x * presence[:, None, :, None]), presence


def results(layer: nn.Module, choice: str, x, *args):
    """Output and gradients of a copy of the layer in one of its forms."""
    layer, x = set_kernels(copy.deepcopy(layer), choice), x.clone().requires_grad_()
    y = layer(x, *args)
    y.square().sum().backward()
    return {'y': y, 'x': x.grad, **{name: parameter.grad for name, parameter in layer.named_parameters()}}


def assert_same(layer, x, *args, **tolerance):
    plain, fused = (results(layer, choice, x, *args) for choice in ('plain', 'fused'))
    for name, expected in plain.items():
        torch.testing.assert_close(
            fused[name], expected, **(tolerance or TOLERANCE), msg=lambda text, name=name: f'{name}: {text}'
        )


@pytest.mark.parametrize(
    'layer',
    [lambda: CTRGC(CHANNELS, 12, ADJACENCY), lambda: MultiScaleAGC(CHANNELS, 12, ADJACENCY[0])],
    ids=['CTRGC', 'MultiScaleAGC'],
)
def test_graph_convolutions(layer):
    torch.manual_seed(1)
    layer = randomise(layer().double())
    x, presence = features(True)
    assert_same(layer, x, presence)
    layer.eval().fuse()
    outputs = [set_kernels(layer, choice)(x, presence) for choice in ('plain', 'fused')]
    torch.testing.assert_close(*outputs, **TOLERANCE)


def test_graph_convolution_under_autocast():
    torch.manual_seed(1)
    layer = randomise(CTRGC(CHANNELS, 12, ADJACENCY).float()).eval()
    x = features(False)[0][:1].float()
    expected = set_kernels(layer, 'plain')(x)
    set_kernels(layer, 'fused')
    with torch.autocast('cpu', dtype=torch.bfloat16):
        y = layer.aggregate(x)
        assert y.dtype == torch.bfloat16
        found = layer(x)
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.05 * float(expected.detach().abs().max()))


@pytest.mark.parametrize('present', [False, True], ids=['all', 'some'])
@pytest.mark.parametrize('persons', [2, 3])
@pytest.mark.parametrize('form', ['masked', 'gathered'])
def test_attention(form, persons, present):
    torch.manual_seed(1)
    layer = randomise(AEA(CHANNELS, form=form).double())
    x, presence = features(present, persons)
    assert_same(layer, x, persons, presence)


@pytest.mark.parametrize('dtype', [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize('grad', ['ste', 'none'])
@pytest.mark.parametrize('score', ['amplitude', 'velocity'])
@pytest.mark.parametrize('present', [False, True], ids=['all', 'some'])
def test_selection(present, score, grad, dtype):
    torch.manual_seed(2)
    x = torch.randn(5, 19, 6, V)
    presence = torch.rand(5, 6) > 0.4 if present else None
    if presence is not None:
        presence[0], presence[1] = True, False  # always there, never there
        x *= presence[:, None, :, None]
    x[2] = 0.3  # all joints score the same, but for rounding
    x = x.to(dtype)
    found: list[ActiveJoints] = []
    gradients = []
    for choice in ('plain', 'fused'):
        layer = ATNAC(gamma=1.3, alpha=0.2, score=score, threshold_grad=grad).to(
            torch.promote_types(dtype, torch.float32)
        )
        # the kernel takes differences in float32, too
        active = set_kernels(layer, choice)(x if choice == 'fused' else x.to(layer.alpha.dtype), presence)
        (active.weight * torch.arange(1.0, 1 + V)).sum().backward()
        gradients.append(layer.alpha.grad)
        found.append(active)
    plain, fused = found
    tolerance = TOLERANCE if dtype == torch.float64 else dict(rtol=1e-5, atol=1e-5)
    assert torch.equal(fused.mask, plain.mask)
    assert torch.equal(fused.weight, fused.mask.to(fused.weight.dtype))
    torch.testing.assert_close(fused.score, plain.score, **tolerance)
    torch.testing.assert_close(fused.threshold, plain.threshold, **tolerance)
    torch.testing.assert_close(*gradients, **tolerance)
    assert not fused.score.requires_grad


def test_a_model_compiles_without_a_break():
    model = recognizer(backbone_config('ASEA', aea=True, channels=(8,))).eval()
    x = keypoints(samples=1, frames=4)[:, None]
    x[0, 0, 1, 2:] = 0
    losses, gradients = [], []
    for choice in ('plain', 'fused'):
        twin = set_kernels(copy.deepcopy(model), choice)
        features = (
            torch.compile(twin.backbone, backend='aot_eager', fullgraph=True) if choice == 'fused' else twin.backbone
        )
        loss = features(x[:, 0]).square().mean()
        loss.backward()
        losses.append(loss)
        gradients.append([parameter.grad for parameter in twin.backbone.parameters()])
    torch.testing.assert_close(losses[1], losses[0], **TOLERANCE)
    for found, expected in zip(*reversed(gradients), strict=True):
        torch.testing.assert_close(found, expected, **TOLERANCE)


def test_trial_tells_right_kernels_from_wrong_ones(monkeypatch, caplog):
    assert trial.largest_difference('cpu', torch.float32) < 1e-5
    assert trial.passes_trial.__wrapped__('cpu', torch.float32)
    assert not caplog.text
    right = trial.graph_convolution
    monkeypatch.setattr(trial, 'graph_convolution', lambda *inputs: right(*inputs[:-1], 0.5 * inputs[-1]))
    assert not trial.passes_trial.__wrapped__('cpu', torch.float32)
    assert 'differ by' in caplog.text

    def broken(*inputs):
        raise RuntimeError('no kernel image is available')

    monkeypatch.setattr(trial, 'graph_convolution', broken)
    assert not trial.passes_trial.__wrapped__('cpu', torch.float32)
    assert 'no kernel image' in caplog.text
