"""AEA: external attention against Eq. 9-10, its forms and options against the textbook."""

import pytest
import torch
from mmaction.registry import MODELS
from torch import nn

from asea_mm.errors import InputError
from asea_mm.models.layers import AEA
from tests import textbook

from . import TOLERANCE, assert_agrees, partly_present, randomise

FORMS = ('gathered', 'masked')
C, T, V = 6, 4, 7
every_form = pytest.mark.parametrize('form', FORMS)
persons_2_and_3 = pytest.mark.parametrize('persons', [2, 3])


def features(persons=2, samples=3):
    torch.manual_seed(0)
    return torch.randn(samples * persons, C, T, V, dtype=torch.float64)


def positions_of(x):
    """Of joints from nearer than a touch to some metres apart."""
    return torch.randn(x.shape[0], x.shape[2], x.shape[3], 3, dtype=x.dtype, generator=torch.Generator().manual_seed(2))


def layer_of(form, **options):
    torch.manual_seed(1)
    layer = AEA(C, form=form, **options).double()
    randomise(layer.attention)
    if layer.gate is not None:
        assert layer.gate == 0, 'it starts as identity'
        nn.init.constant_(layer.gate, 0.7)
    return layer


@pytest.mark.parametrize('present', ['all', 'some'])
@pytest.mark.parametrize(
    'options',
    [{}, dict(threshold_grad='none'), dict(inactive='drop'), dict(gate=True, inactive='drop'), dict(score='all')],
    ids=['default', 'hard', 'drop', 'gate', 'all'],
)
@pytest.mark.parametrize('geometry', [0, 3])
@persons_2_and_3
@every_form
def test_layer_is_the_textbook_form(form, persons, geometry, options, present):
    layer, x = layer_of(form, geometry=geometry, reach=2.5, **options), features(persons)
    positions = positions_of(x) if geometry else None
    presence = None if present == 'all' else partly_present(persons)
    counts = layer.atnac(x, presence).mask.sum(dim=1)
    assert len(counts.unique()) > 1 or 'score' in options, 'samples should differ in their number of active joints'
    assert_agrees(layer, textbook.aea, x, persons, presence, positions)
    with torch.no_grad():
        expected = textbook.aea(layer, x, persons, presence, positions)
        torch.testing.assert_close(layer(x.clone(), persons, presence, positions, inplace=True), expected, **TOLERANCE)


@pytest.mark.parametrize('inactive', ['keep', 'drop'])
@persons_2_and_3
def test_gathered_and_masked_are_the_same(persons, inactive):
    layers = [layer_of(form, score='velocity', inactive=inactive) for form in FORMS]
    outputs = [layer(features(persons), persons, partly_present(persons)) for layer in layers]
    torch.testing.assert_close(*outputs, **TOLERANCE)
    for reading in ('active_share', 'mean_threshold'):
        assert getattr(layers[0], reading) == getattr(layers[1], reading)


@pytest.mark.parametrize('inactive', ['keep', 'drop'])
@every_form
def test_who_has_no_partner_is_left_alone(form, inactive):
    layer, x = layer_of(form, inactive=inactive), features()
    assert torch.equal(layer(x, 1), x)
    presence = torch.ones(6, T, dtype=torch.bool)
    presence[1] = presence[2] = False  # the partners in the first and in the second sample
    x[1] = x[2] = 0
    x.requires_grad_()
    out = layer(x, 2, presence)
    assert torch.equal(out[:4], x[:4])
    assert not torch.equal(out[4:], x[4:])
    out.sum().backward()
    torch.testing.assert_close(x.grad[:4], torch.ones_like(x.grad[:4]), **TOLERANCE)
    nobody = layer(torch.zeros_like(x), 2, torch.zeros_like(presence))
    assert (nobody == 0).all()


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@every_form
def test_autocast_stays_close_and_leaves_inactive_joints_exactly(form, dtype):
    torch.manual_seed(7)
    layer, x = AEA(C, form=form), features().to(dtype)
    expected = layer(x.float(), 2)
    x.requires_grad_()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = layer(x, 2)
        out.square().mean().backward()
    inactive = ~layer.atnac(x).mask[:, None, None].expand_as(x)
    assert out.dtype == dtype
    assert torch.equal(out[inactive], x[inactive])
    torch.testing.assert_close(out.float(), expected, rtol=0.05, atol=0.05)
    assert all(grad.isfinite().all() for grad in (x.grad, *(parameter.grad for parameter in layer.parameters())))


def test_readings_of_the_last_batch():
    layer = layer_of('auto')
    assert (layer.active_share, layer.mean_threshold) == (None, None)
    layer(features(), 2)
    active = layer.atnac(features())
    torch.testing.assert_close(layer.active_share.double(), active.mask.double().mean(), rtol=1e-6, atol=0)
    torch.testing.assert_close(layer.mean_threshold, active.threshold.mean(), **TOLERANCE)
    assert not layer.mean_threshold.requires_grad


@pytest.mark.parametrize('name', ['ATNAC', 'ExternalAttention', 'AEA'])
def test_layers_are_registered(name):
    assert type(MODELS.build(dict(type=name, **({} if name == 'ATNAC' else {'channels': 8})))).__name__ == name


def test_errors():
    for options in (dict(form='sparse'), dict(inactive='mask'), dict(score='speed')):
        with pytest.raises(InputError, match=f'{next(iter(options))} must be one of .* got'):
            AEA(C, **options)
    with pytest.raises(InputError, match='reach: expected a distance above 0, got 0'):
        AEA(C, geometry=3, reach=0)
    with pytest.raises(InputError, match='expected a multiple of 2 persons, got 3'):
        AEA(C)(torch.ones(3, C, T, V), 2)
