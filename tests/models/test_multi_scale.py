"""MS-G3D's layers and block: distances, windows and branches against the textbook."""

import pytest
import torch
from torch import nn

from asea_mm.errors import InputError
from asea_mm.models import MSG3D
from asea_mm.models.backbones.msg3d import MSG3DBlock, Pathways
from asea_mm.models.layers.branched_tcn import BranchedTCN, dilated_tcn
from asea_mm.models.layers.multi_scale import MultiScaleGC, WindowedGC, disentangled_adjacency
from asea_mm.skeletons import SKELETONS, get_skeleton
from tests import textbook_baselines as textbook

from . import Pair, assert_agrees, randomise, same, teach

SBU = get_skeleton('sbu15')


def scales(count, window=1):
    return disentangled_adjacency(SBU.bone_indices, 15, count, window).double()


def graph_pairs(fast, usual):
    names = ('adjacency', 'mask', 'weight')
    return [*(Pair(getattr(fast, name), getattr(usual, name)) for name in names), *same(fast.bn, usual.bn)]


def window_pairs(fast, usual):
    conv, bn = fast.collapse
    return [*graph_pairs(fast.graph, usual.graph), *same(conv, usual.conv), *same(bn, usual.bn)]


def tcn_pairs(fast, usual):
    parts = [slice(k * fast.width, (k + 1) * fast.width) for k in range(6)]
    pairs = same(fast.skip, usual.branches[5][0])
    for branch, part in zip(usual.branches, parts, strict=True):
        pairs += same(fast.bn, branch[-1], part)
    for branch, part in zip(usual.branches[:5], parts, strict=False):
        pairs += [*same(fast.reduce[0], branch[0], part), *same(fast.reduce[1], branch[1], part)]
    for conv, branch in zip(fast.convs, usual.branches, strict=False):
        pairs += same(conv, branch[3])
    if isinstance(usual.residual, nn.Sequential):
        pairs += [pair for k in range(2) for pair in same(fast.residual[k], usual.residual[k])]
    return pairs


def block_pairs(fast, usual):
    pathways = fast.spatial
    pairs = [*graph_pairs(pathways.graph, usual.graph), *tcn_pairs(fast.temporal, usual.last)]
    for ours, theirs in zip(pathways.temporal, (usual.first, usual.second), strict=True):
        pairs += tcn_pairs(ours, theirs)
    for ours, theirs in zip(pathways.windows, usual.windows, strict=True):
        pairs += window_pairs(ours, theirs)
    return pairs


class FramesFirst(nn.Module):
    """The window's joints last, as the textbook has them."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x).transpose(2, 3)


class Alone(nn.Module):
    """A block of one person."""

    def __init__(self, block):
        super().__init__()
        self.block = block

    def forward(self, x):
        return self.block(x, 1)


def test_adjacency_of_a_chain_by_hand():
    first, second, third = disentangled_adjacency([(1, 0), (2, 1)], 3, 13)
    assert torch.equal(first, torch.eye(3))
    a, b, c = 1 / 2, 1 / 6**0.5, 1 / 3
    torch.testing.assert_close(second, torch.tensor([[a, b, 0], [b, c, b], [0, b, a]]))
    torch.testing.assert_close(third, torch.tensor([[a, 0, a], [0, 1, 0], [a, 0, a]]))


@pytest.mark.parametrize('window', [1, 3])
def test_adjacency_is_that_of_shortest_paths(window):
    links = textbook.window_links(SBU.bone_indices, 15, window)
    for k, scale in enumerate(scales(13, window)):
        torch.testing.assert_close(scale.float(), textbook.k_adjacency(links, 15 * window, k))


@pytest.mark.parametrize('window', [1, 5])
@pytest.mark.parametrize(('layout', 'diameter'), [('nturgbd25', 11), ('sbu15', 7), ('openpose18', 6), ('coco17', 8)])
def test_scales_beyond_the_diameter_are_left_out(layout, diameter, window):
    skeleton = SKELETONS[layout]
    every = disentangled_adjacency(skeleton.bone_indices, skeleton.num_joints, 99, window)
    assert len(every) == diameter + 1
    assert torch.equal(disentangled_adjacency(skeleton.bone_indices, skeleton.num_joints, 5, window), every[:5])


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize(('channels', 'stride'), [((3, 8), 1), ((8, 8), 2), ((8, 4), 1)])
@pytest.mark.parametrize('window', [1, 3])
def test_graph_convolution_is_the_textbook_form(window, channels, stride, training):
    torch.manual_seed(0)
    adjacency = scales(4, window)
    fast = randomise(MultiScaleGC(*channels, adjacency, window, stride).double())
    usual = textbook.MultiScaleGC(*channels, adjacency, window, stride).double()
    pairs = graph_pairs(fast, usual)
    teach(pairs, fast)
    x = torch.randn(3, channels[0], 7, 15, dtype=torch.float64)
    assert_agrees(FramesFirst(fast).train(training), usual.train(training), pairs, x)


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize(('window', 'stride'), [(3, 1), (5, 2)])
def test_windows_are_the_textbook_form(window, stride, training):
    torch.manual_seed(1)
    adjacency = scales(3, window)
    fast = randomise(WindowedGC(8, 6, 12, adjacency, window, stride).double())
    usual = textbook.WindowedGC(8, 6, 12, adjacency, window, stride).double()
    pairs = window_pairs(fast, usual)
    teach(pairs, fast)
    x = torch.randn(3, 8, 7, 15, dtype=torch.float64)
    assert_agrees(fast.train(training), usual.train(training), pairs, x)


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize(('channels', 'stride'), [((12, 12), 1), ((12, 12), 2), ((8, 12), 1)])
def test_temporal_convolution_is_the_textbook_form(channels, stride, training):
    torch.manual_seed(2)
    fast = randomise(dilated_tcn(*channels, stride).double())
    usual = textbook.MultiScaleTCN(*channels, stride).double()
    pairs = tcn_pairs(fast, usual)
    teach(pairs, fast)
    x = torch.randn(3, channels[0], 9, 5, dtype=torch.float64)
    assert_agrees(fast.train(training), usual.train(training), pairs, x)


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize(('in_channels', 'graph_channels', 'stride'), [(3, 12, 1), (6, 6, 2)])
def test_block_is_the_textbook_form(in_channels, graph_channels, stride, training):
    torch.manual_seed(3)
    pathways = Pathways(in_channels, graph_channels, 12, SBU, stride, 4, (3, 5), 3)
    fast = randomise(MSG3DBlock(pathways, 12).double())
    windows = {window: scales(3, window) for window in (3, 5)}
    usual = textbook.MSG3DBlock(in_channels, graph_channels, 12, scales(4), windows, stride).double()
    pairs = block_pairs(fast, usual)
    teach(pairs, fast)
    x = torch.rand(3, in_channels, 7, 15, dtype=torch.float64)
    assert_agrees(Alone(fast).train(training), usual.train(training), pairs, x)


def test_windows_of_the_first_block_have_its_width_those_of_others_their_input():
    """As published: coordinates go to the block's channels at once, all else grows behind the graph convolution."""
    model = MSG3D('sbu15', channels=(6, 12, 18), num_scales=8, window_scales=8, windows=(3,))
    for block, width in zip(model.blocks, (6, 6, 12), strict=True):
        (windowed,) = block.spatial.windows
        assert windowed.graph.weight.shape[0] == block.spatial.graph.weight.shape[0] == width
        assert windowed.graph.weight.shape[2] == block.spatial.graph.weight.shape[2] == 8


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(channels=(6, 16)), 'BranchedTCN: out_channels must be a multiple of 6, got 16'),
        (dict(windows=(4,)), 'MultiScaleGC: window must be odd, got 4'),
        (dict(num_scales=0), 'MSG3D: numbers of scales must be positive, got 0 and 6'),
    ],
)
def test_errors_of_the_options(options, message):
    with pytest.raises(InputError, match=message):
        MSG3D(**{'layout': 'sbu15', 'channels': (6, 12), **options})


def test_errors_of_the_layers():
    with pytest.raises(InputError, match='expected 3 frames of joints, got 25 in all'):
        MultiScaleGC(3, 6, torch.ones(2, 25, 25), window=3)
    with pytest.raises(InputError, match='out_channels must be a multiple of 3, got 8'):
        BranchedTCN(8, 8, 1, [nn.Identity()])
