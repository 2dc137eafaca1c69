"""DeGCN's layers: sampling of joints and of instants against loops."""

import pytest
import torch
from torch import nn

from asea_mm.errors import InputError
from asea_mm.models.layers.deformable import DeformableGC, DeformableTemporalConv, location_scores
from asea_mm.skeletons import get_skeleton
from tests import textbook_baselines as textbook

from . import TOLERANCE, assert_agrees, randomise

ADJACENCY = torch.from_numpy(get_skeleton('sbu15').adjacency()).double()


@pytest.mark.parametrize(('channels', 'training'), [((3, 8), True), ((8, 8), False)])
def test_graph_convolution_is_the_textbook_form(channels, training):
    torch.manual_seed(0)
    layer = randomise(DeformableGC(*channels, ADJACENCY).double()).train(training)
    assert layer.alpha.abs() > 0.01, 'without it the locations do not depend on x'
    assert_agrees(layer, textbook.deformable_gc, 2 * torch.randn(2, channels[0], 4, 15, dtype=torch.float64))


def test_locations_lie_between_a_few_joints_and_depend_on_the_clip():
    torch.manual_seed(1)
    layer = randomise(DeformableGC(8, 8, ADJACENCY).double())
    locations = layer.locations(torch.randn(2, 8, 4, 15, dtype=torch.float64))
    assert locations.shape == (2, 3, 4, 15, 15)
    torch.testing.assert_close(locations.sum(-1), torch.ones(2, 3, 4, 15, dtype=torch.float64), **TOLERANCE)
    assert ((locations > 0).sum(-1) == 5).all()
    assert not torch.allclose(locations[0], locations[1])


def test_locations_start_at_the_graph():
    chain = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]), torch.tensor([[0, 1.0, 0], [0, 0, 1], [0, 0, 0]])
    expected = [[0, -3, -6], [-3, 0, -3], [-6, -3, 0]], [[-3, 0, -3], [-6, -3, 0], [-6, -3, 0]]
    assert torch.equal(location_scores(torch.stack(chain)), torch.tensor(expected, dtype=torch.float32))
    layer = DeformableGC(8, 8, ADJACENCY.float())
    layer.samples = 15  # all
    locations = layer.locations(torch.randn(2, 8, 4, 15))
    torch.testing.assert_close(locations, layer.location.softmax(-1)[:, None].expand_as(locations))
    x = torch.randn(2, 8, 4, 15)
    torch.testing.assert_close(layer(x), x.relu(), rtol=0, atol=1e-4)


@pytest.mark.parametrize(('stride', 'dilation', 'frames'), [(1, 1, 6), (2, 2, 7), (2, 1, 1), (3, 1, 8)])
def test_temporal_convolution_is_interpolation_tap_by_tap(stride, dilation, frames):
    torch.manual_seed(2)
    layer = DeformableTemporalConv(3, 4, 5, stride, dilation).double()
    nn.init.uniform_(layer.offset, -2, 2)
    nn.init.constant_(layer.offset[:, 0], -9)  # beyond the reach
    nn.init.normal_(layer.bias)
    assert (layer.positions().abs() == layer.reach).any()
    x = torch.randn(2, 3, frames, 5, dtype=torch.float64, requires_grad=True)
    ours = layer(x)
    theirs = textbook.deformable_temporal_conv(x, layer.weight, layer.bias, layer.positions(), stride)
    assert ours.shape[2] == -(-frames // stride)
    torch.testing.assert_close(ours, theirs, **TOLERANCE)
    towards = torch.randn_like(ours)
    inputs = [x, layer.weight, layer.bias, layer.offset]
    grads = [torch.autograd.grad(y, inputs, towards, retain_graph=True) for y in (ours, theirs)]
    for ours_grad, theirs_grad in zip(*grads, strict=True):
        torch.testing.assert_close(ours_grad, theirs_grad, **TOLERANCE)
    assert (grads[0][3] != 0).any()


def test_errors():
    with pytest.raises(InputError, match='DeformableGC: out_channels must be a multiple of 4, got 6'):
        DeformableGC(8, 6, ADJACENCY)
    with pytest.raises(InputError, match='DeformableTemporalConv: kernel must be odd, got 4'):
        DeformableTemporalConv(4, 4, 4)
