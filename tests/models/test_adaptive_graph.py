"""The second paper's graph convolution and block against its equations."""

import pytest
import torch
from torch import nn

from asea_mm.models import MSSAGCN
from asea_mm.models.backbones.mssagcn import normalised_adjacency
from asea_mm.models.layers import MultiScaleAGC
from asea_mm.skeletons import get_skeleton
from tests import textbook_mssagcn as textbook

from . import TOLERANCE, Pair, assert_agrees, randomise, same, teach
from .test_temporal_attention import hybrid_pairs

ADJACENCY = normalised_adjacency(get_skeleton('sbu15')).double()


def spatial_pairs(fast, usual):
    """MultiScaleAGC and the textbook's."""
    pairs = same(fast.bn, usual.bn)
    if isinstance(fast.residual, nn.Conv2d):
        pairs += same(fast.residual, usual.residual)
    relation = fast.relation.out_channels // 8
    for k, (split, part) in enumerate(zip(usual.split, usual.parts, strict=True)):
        rows, own = slice(k * fast.width, (k + 1) * fast.width), slice(k, k + 1)
        psi, phi = (slice((2 * k + j) * relation, (2 * k + j + 1) * relation) for j in range(2))
        pairs += [*same(fast.split, split, rows), Pair(fast.transform.weight, part.transform.weight, rows)]
        pairs += [*same(fast.relation, part.psi, psi), *same(fast.relation, part.phi, phi)]
        pairs += same(fast.delta, part.delta, rows)
        pairs += [Pair(fast.adjacency, part.adjacency, own), Pair(fast.alpha, part.alpha, own)]
    return pairs


@pytest.mark.parametrize('layout', ['sbu15', 'nturgbd25', 'openpose18'])
def test_graph_is_equation_1(layout):
    skeleton = get_skeleton(layout)
    expected = textbook.symmetric_graph(skeleton.num_joints, list(skeleton.bone_indices))
    torch.testing.assert_close(normalised_adjacency(skeleton), torch.tensor(expected))


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('channels', [(3, 8), (8, 8), (8, 16)])
def test_graph_convolution_is_the_textbook_form(channels, training):
    torch.manual_seed(0)
    fast = randomise(MultiScaleAGC(*channels, ADJACENCY, 3).double())
    usual = textbook.MultiScaleAGC(*channels, ADJACENCY, 3).double()
    pairs = spatial_pairs(fast, usual)
    teach(pairs, fast)
    assert fast.alpha.abs().min() > 1e-3, 'without it the topology does not depend on x'
    x = torch.randn(4, channels[0], 5, 15, dtype=torch.float64)
    parts = [part.topology(split(x)) for part, split in zip(usual.parts, usual.split, strict=True)]
    torch.testing.assert_close(fast.topology(x), torch.cat(parts, dim=1), **TOLERANCE)
    assert_agrees(fast.train(training), usual.train(training), pairs, x)


def test_it_starts_with_the_given_graph():
    x = torch.randn(2, 8, 4, 15, dtype=torch.float64)
    topology = MultiScaleAGC(8, 8, ADJACENCY).double().topology(x)
    torch.testing.assert_close(topology, ADJACENCY.expand(2, 8, 15, 15), rtol=0, atol=0)


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize(('channels', 'stride'), [((16, 16), 1), ((16, 32), 2)])
def test_block_is_the_textbook_form(channels, stride, training):
    torch.manual_seed(2)
    model = MSSAGCN('sbu15', channels=channels, strides=(1, stride), heads=2)
    fast = randomise(model.blocks[1].double()).train(training)
    usual = textbook.Block(*channels, ADJACENCY, stride, heads=2).double().train(training)
    pairs = [*spatial_pairs(fast.spatial, usual.spatial), *hybrid_pairs(fast.temporal, usual.temporal)]
    if stride == 2:
        pairs += [pair for k in range(2) for pair in same(fast.residual[k], usual.residual[k])]
    teach(pairs, fast)
    assert_agrees(fast, usual, pairs, torch.randn(4, channels[0], 7, 15, dtype=torch.float64), 2)
