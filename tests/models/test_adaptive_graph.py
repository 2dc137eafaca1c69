"""The second paper's graph convolution and block against its equations."""

import pytest
import torch

from asea_mm.models import MSSAGCN
from asea_mm.models.backbones.mssagcn import normalised_adjacency
from asea_mm.models.layers.adaptive_graph import MultiScaleAGC
from asea_mm.skeletons import get_skeleton
from tests import textbook_mssagcn as textbook

from . import assert_agrees, randomise

ADJACENCY = normalised_adjacency(get_skeleton('sbu15')).double()


@pytest.mark.parametrize('layout', ['sbu15', 'nturgbd25', 'openpose18'])
def test_graph_is_equation_1(layout):
    skeleton = get_skeleton(layout)
    expected = textbook.symmetric_graph(skeleton.num_joints, list(skeleton.bone_indices))
    torch.testing.assert_close(normalised_adjacency(skeleton), torch.tensor(expected))


def test_it_starts_with_the_given_graph():
    x = torch.randn(2, 8, 4, 15, dtype=torch.float64)
    topology = MultiScaleAGC(8, 8, ADJACENCY).double().topology(x)
    torch.testing.assert_close(topology, ADJACENCY.expand(2, 8, 15, 15), rtol=0, atol=0)


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize(('channels', 'stride', 'frames'), [((32, 32), 1, 7), ((32, 64), 2, 6), ((32, 32), 2, 1)])
def test_block_is_the_textbook_form(channels, stride, frames, training):
    torch.manual_seed(2)
    model = MSSAGCN('sbu15', channels=channels, strides=(1, stride))
    layer = randomise(model.blocks[1].double()).train(training)
    assert layer.spatial.alpha.abs().min() > 1e-3, 'without it the topology does not depend on x'
    assert_agrees(layer, textbook.block, torch.randn(4, channels[0], frames, 15, dtype=torch.float64), 2)
