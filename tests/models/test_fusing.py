"""Batch norms folded for inference."""

import pytest
import torch
from torch import nn

from asea_mm.models.layers import CTRGC, MultiScaleTCN, fuse_batch_norm
from asea_mm.models.layers.common import ConvBN
from asea_mm.skeletons import get_skeleton

from . import keypoints, randomise, recognizer

TIGHT = dict(rtol=1e-9, atol=1e-8)
ADJACENCY = torch.from_numpy(get_skeleton('sbu15').adjacency())
LAYERS = {
    'spatial': lambda: CTRGC(8, 8, ADJACENCY),
    'spatial, wider': lambda: CTRGC(8, 16, ADJACENCY),
    'pool': lambda: MultiScaleTCN(8, 16, 2, 'pool'),
    'merged': lambda: MultiScaleTCN(8, 16, 1, 'pool'),
    'merged, stacked': lambda: MultiScaleTCN(8, 16, 1, 'stacked'),
    'stacked': lambda: MultiScaleTCN(8, 16, 2, 'stacked'),
    'convolution': lambda: ConvBN(8, 16, 3, 2, 2),
}


def batch_norms(model):
    return [name for name, module in model.named_modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.mark.parametrize('name', LAYERS)
def test_folded_layer_is_the_same(name):
    torch.manual_seed(0)
    layer = randomise(LAYERS[name]().double()).eval()
    norms = [module for module in layer.modules() if isinstance(module, nn.BatchNorm2d)]
    assert any((norm.weight < 0).any() for norm in norms)
    x = torch.randn(2, 8, 7, 15, dtype=torch.float64)
    given = x.clone()
    expected = layer(x)
    assert fuse_batch_norm(layer) is layer
    assert batch_norms(layer) == []
    torch.testing.assert_close(layer(x), expected, **TIGHT)
    fuse_batch_norm(layer)
    torch.testing.assert_close(layer(x), expected, **TIGHT)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), expected, **TIGHT)
    assert torch.equal(x, given), 'the input must not be written to'


@pytest.mark.parametrize('absent', [False, True])
@pytest.mark.parametrize('temporal_form', ['pool', 'stacked'])
@pytest.mark.parametrize('neck', [None, dict(type='ATNACNeck', in_channels=16)])
def test_folded_recognizer_is_the_same(neck, temporal_form, absent):
    model = recognizer(neck, temporal_form=temporal_form).eval()
    x = keypoints(frames=7)
    if absent:
        x[0, 1] = 0
        x[1, :, 5:] = 0
    with torch.no_grad():
        expected = [model(x[:, None], stage=stage) for stage in ('backbone', 'neck', 'head')]
        assert len(batch_norms(model)) > 6
        for _ in range(2):
            fuse_batch_norm(model)
            assert batch_norms(model) == []
            for stage, value in zip(('backbone', 'neck', 'head'), expected, strict=True):
                torch.testing.assert_close(model(x[:, None], stage=stage), value, **TIGHT)


def test_folding_sets_evaluation_mode():
    model = recognizer().train()
    fuse_batch_norm(model)
    assert not any(module.training for module in model.modules())


def test_other_modules_are_left_alone():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    fuse_batch_norm(model)
    assert isinstance(model[1], nn.BatchNorm2d)
