"""Temporal self-attention, alone and in the hybrid module, against Eq. 8-9 and PyTorch's own multi-head attention."""

import pytest
import torch
from torch import nn

from asea_mm.errors import InputError
from asea_mm.models.layers import fuse_batch_norm
from asea_mm.models.layers.temporal_attention import MultiScaleAttentionTCN, TemporalSelfAttention
from tests import textbook_mssagcn as textbook

from . import TOLERANCE, assert_agrees, randomise

PRESENCES = {
    'all': [[1, 1, 1, 1, 1, 1, 1]] * 3,
    'padded': [[1, 1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1], [1, 0, 0, 0, 0, 0, 0]],
    'never': [[0, 0, 1, 1, 0, 1, 0], [0] * 7, [1] * 7],
}


def presence_like(name):
    return torch.tensor(PRESENCES[name], dtype=torch.bool)


def features(presence, channels, joints=4):
    x = torch.randn(len(presence), channels, presence.shape[1], joints, dtype=torch.float64)
    return x * presence[:, None, :, None]


@pytest.mark.parametrize('stride', [1, 2, 3])
@pytest.mark.parametrize('name', PRESENCES)
@pytest.mark.parametrize(('channels', 'heads', 'groups'), [((8, 8), 4, 1), ((6, 12), 2, 1), ((8, 16), 4, 2)])
def test_layer_is_the_textbook_form(channels, heads, groups, name, stride):
    torch.manual_seed(0)
    layer = randomise(TemporalSelfAttention(*channels, heads, stride, groups).double())
    presence = presence_like(name)
    assert_agrees(layer, textbook.self_attention, features(presence, channels[0]), presence)


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('name', PRESENCES)
def test_fused_it_is_the_same(name, stride):
    torch.manual_seed(7)
    layer = randomise(MultiScaleAttentionTCN(8, 32, stride).double()).eval()
    presence = presence_like(name)
    x = features(presence, 8)
    given, kept = x.clone(), presence[:, None, ::stride, None]
    expected = layer(x, presence)
    for _ in range(2):
        assert not any(isinstance(part, nn.BatchNorm2d) for part in fuse_batch_norm(layer).modules())
        torch.testing.assert_close(layer(x, presence) * kept, expected * kept, **TOLERANCE)
    assert torch.equal(x, given), 'the input must not be written to'


@pytest.mark.parametrize(
    ('layer', 'options', 'message'),
    [
        (TemporalSelfAttention, dict(in_channels=6), r'multiple of 4 \(4 heads x 1 groups\), got 6'),
        (MultiScaleAttentionTCN, dict(in_channels=8, out_channels=48), 'multiple of 32, got 48'),
    ],
)
def test_errors(layer, options, message):
    with pytest.raises(InputError, match=message):
        layer(**options)
