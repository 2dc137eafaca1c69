"""Multi-scale temporal convolution against its textbook forms."""

import pytest
import torch
import torch.nn.functional as F

from asea_mm.errors import InputError
from asea_mm.models.layers import fuse_batch_norm
from asea_mm.models.layers.temporal import MultiScaleTCN, max_over_time
from tests import textbook

from . import TOLERANCE, assert_agrees, randomise

FORMS = ('pool', 'stacked')


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('frames', [1, 6, 9])
@pytest.mark.parametrize('stride', [1, 2])
def test_stacked_form_is_the_textbook_form(stride, frames, training):
    torch.manual_seed(0)
    layer = randomise(MultiScaleTCN(6, 8, stride, 'stacked').double()).train(training)
    x = torch.randn(3, 6, frames, 5, dtype=torch.float64)
    assert_agrees(layer, textbook.stacked_tcn, x)
    expected = layer.eval()(x)
    torch.testing.assert_close(fuse_batch_norm(layer)(x), expected, **TOLERANCE)


@pytest.mark.parametrize('stride', [1, 2, 3])
@pytest.mark.parametrize('frames', [1, 2, 7, 8])
def test_max_over_time_is_max_pooling(frames, stride):
    torch.manual_seed(2)
    x = torch.randn(2, 3, frames, 4, dtype=torch.float64, requires_grad=True)
    for y, outside in ((F.relu(x), 0.0), (x - 5, -torch.inf)):
        ours, theirs = max_over_time(y, stride, outside), F.max_pool2d(y, (3, 1), (stride, 1), (1, 0))
        assert torch.equal(ours, theirs)
        towards = torch.rand_like(theirs)
        grads = [torch.autograd.grad(pooled, x, towards, retain_graph=True)[0] for pooled in (ours, theirs)]
        torch.testing.assert_close(*grads, **TOLERANCE)


@pytest.mark.parametrize('length', [1, 4, 5])
@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('form', FORMS)
def test_absent_frames_are_as_if_the_clip_ended(form, stride, length):
    torch.manual_seed(3)
    layer = randomise(MultiScaleTCN(8, 8, stride, form).double()).eval()
    x = torch.randn(2, 8, 9, 4, dtype=torch.float64)
    presence = torch.zeros(2, 9, dtype=torch.bool)
    presence[:, :length] = True
    x = x * presence[:, None, :, None]
    expected = layer(x[:, :, :length])
    torch.testing.assert_close(layer(x, presence)[:, :, : expected.shape[2]], expected, **TOLERANCE)


@pytest.mark.parametrize(
    ('options', 'message'),
    [(dict(form='other'), 'form must be one of'), (dict(out_channels=6), 'multiple of 4, got 6')],
)
def test_errors(options, message):
    with pytest.raises(InputError, match=message):
        MultiScaleTCN(**{'in_channels': 8, 'out_channels': 8, **options})
