"""Channel-wise topology refinement against Eq. 1-2."""

import pytest
import torch

from asea_mm.models.layers import CTRGC, spatial
from asea_mm.skeletons import get_skeleton
from tests import textbook

from . import TOLERANCE, assert_agrees, randomise, spatial_pairs, teach

ADJACENCY = torch.from_numpy(get_skeleton('sbu15').adjacency()).double()


def layers(in_channels, out_channels, subsets=3, relation_channels=4):
    adjacency = ADJACENCY[:subsets]
    fast = randomise(CTRGC(in_channels, out_channels, adjacency, relation_channels).double())
    usual = textbook.SpatialGC(in_channels, out_channels, adjacency, relation_channels).double()
    pairs = spatial_pairs(fast, usual)
    teach(pairs, fast)
    assert fast.alpha.abs() > 0.01, 'without it the topology does not depend on x'
    return fast, usual, pairs


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('subsets', [1, 3])
@pytest.mark.parametrize(('in_channels', 'out_channels'), [(3, 8), (8, 8), (8, 16)])
def test_layer_is_the_textbook_form(in_channels, out_channels, subsets, training):
    torch.manual_seed(1)
    fast, usual, pairs = layers(in_channels, out_channels, subsets)
    x = torch.randn(4, in_channels, 5, 15, dtype=torch.float64)
    assert_agrees(fast.train(training), usual.train(training), pairs, x)


@pytest.mark.parametrize('together', [1, 3, 4])
def test_a_few_samples_at_a_time_are_all_at_once(monkeypatch, together):
    torch.manual_seed(5)
    layer = layers(8, 16)[0].eval()
    layer.fuse()
    x = torch.randn(4, 8, 5, 15, dtype=torch.float64)
    presence = torch.ones(4, 5, dtype=torch.bool)
    presence[1, 3:] = presence[3] = False
    x *= presence[:, None, :, None]
    at_once = layer(x, presence)
    taken = []
    products = layer._products
    monkeypatch.setattr(layer, '_products', lambda x, relations: taken.append(len(x)) or products(x, relations))
    monkeypatch.setattr(spatial, 'CACHED_NUMBERS', together * 16 * 5 * 15)
    with torch.no_grad():
        torch.testing.assert_close(layer(x, presence), at_once.detach(), **TOLERANCE)
    assert taken == {1: [1, 1, 1, 1], 3: [3, 1], 4: [4]}[together]


def test_starts_as_its_residual_with_the_given_graph():
    torch.manual_seed(2)
    layer = CTRGC(8, 8, ADJACENCY).double()
    x = torch.randn(2, 8, 4, 15, dtype=torch.float64)
    for topology, adjacency in zip(layer.topologies(layer.relations(x)), ADJACENCY, strict=True):
        torch.testing.assert_close(topology, adjacency.expand(2, 8, 15, 15), rtol=0, atol=0)
    torch.testing.assert_close(layer(x), x.relu(), rtol=0, atol=1e-4)
