"""MS-G3D's layers and block: distances, windows and branches against the textbook."""

import pytest
import torch

from asea_mm.errors import InputError
from asea_mm.models import MSG3D
from asea_mm.models.backbones.msg3d import MSG3DBlock, Pathways
from asea_mm.models.layers.multi_scale import disentangled_adjacency
from asea_mm.skeletons import SKELETONS, get_skeleton
from tests import textbook_baselines as textbook

from . import assert_agrees, randomise

SBU = get_skeleton('sbu15')


@pytest.mark.parametrize('window', [1, 3])
def test_adjacency_is_that_of_shortest_paths(window):
    links = textbook.window_links(SBU.bone_indices, 15, window)
    for k, scale in enumerate(disentangled_adjacency(SBU, 13, window)):
        torch.testing.assert_close(scale, textbook.k_adjacency(links, 15 * window, k))


@pytest.mark.parametrize('window', [1, 5])
@pytest.mark.parametrize(('layout', 'diameter'), [('nturgbd25', 11), ('sbu15', 7), ('openpose18', 6), ('coco17', 8)])
def test_scales_beyond_the_diameter_are_left_out(layout, diameter, window):
    skeleton = SKELETONS[layout]
    every = disentangled_adjacency(skeleton, 99, window)
    assert len(every) == diameter + 1
    assert torch.equal(disentangled_adjacency(skeleton, 5, window), every[:5])


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize(('in_channels', 'graph_channels', 'stride'), [(3, 12, 1), (6, 6, 2), (12, 12, 1)])
def test_block_is_the_textbook_form(in_channels, graph_channels, stride, training):
    torch.manual_seed(3)
    pathways = Pathways(in_channels, graph_channels, 12, SBU, stride, 4, 3)
    layer = randomise(MSG3DBlock(pathways, 12).double()).train(training)
    x = torch.rand(3, in_channels, 7, 15, dtype=torch.float64)
    assert_agrees(layer, textbook.msg3d_block, x, 1)


def test_windows_of_the_first_block_have_its_width_those_of_others_their_input():
    """As published: coordinates go to the block's channels at once, all else grows behind the graph convolution."""
    model = MSG3D('sbu15', channels=(6, 12, 18), num_scales=8, window_scales=8)
    for block, width in zip(model.blocks, (6, 6, 12), strict=True):
        graphs = [block.spatial.graph, *(windowed.graph for windowed in block.spatial.windows)]
        assert {(len(graph.weight), graph.weight.shape[2]) for graph in graphs} == {(width, 8)}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(channels=(6, 16)), 'BranchedTCN: out_channels must be a multiple of 6, got 16'),
        (dict(num_scales=0), 'MSG3D: numbers of scales must be positive, got 0 and 6'),
    ],
)
def test_errors(options, message):
    with pytest.raises(InputError, match=message):
        MSG3D(**{'layout': 'sbu15', 'channels': (6, 12), **options})
