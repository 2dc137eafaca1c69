"""AEA: external attention against Eq. 9-10, its forms and options against the textbook."""

import pytest
import torch
from mmaction.registry import MODELS
from torch import nn

from asea_mm.errors import InputError
from asea_mm.models.layers import AEA, ExternalAttention
from tests import textbook

from . import TOLERANCE, aea_pairs, assert_agrees, partly_present, randomise, teach

FORMS = ('gathered', 'masked')
C, T, V = 6, 4, 7
every_form = pytest.mark.parametrize('form', FORMS)
persons_2_and_3 = pytest.mark.parametrize('persons', [2, 3])


def features(persons=2, samples=3):
    torch.manual_seed(0)
    return torch.randn(samples * persons, C, T, V, dtype=torch.float64)


def layers(form, threshold_grad='ste', **options):
    """AEA and the paper's in its textbook form, with the same weights; a gate is the fast one's own."""
    torch.manual_seed(1)
    paper = AEA(C, threshold_grad=threshold_grad).double()
    randomise(paper.attention)
    usual = textbook.AEA(C, paper.attention.qk_channels, straight_through=threshold_grad == 'ste').double()
    fast = AEA(C, threshold_grad=threshold_grad, form=form, **options).double()
    teach(aea_pairs(paper, usual), paper)
    fast.load_state_dict(paper.state_dict(), strict=False)
    return fast, usual


@pytest.mark.parametrize('present', ['all', 'some'])
@pytest.mark.parametrize('threshold_grad', ['ste', 'none'])
@persons_2_and_3
@every_form
def test_layer_is_the_textbook_form(form, persons, threshold_grad, present):
    fast, usual = layers(form, threshold_grad)
    if threshold_grad == 'none':
        fast.atnac.alpha.requires_grad_(False)
    presence = None if present == 'all' else partly_present(persons)
    counts = fast.atnac(features(persons), presence).mask.sum(dim=1)
    assert len(counts.unique()) > 1, 'samples should differ in their number of active joints'
    assert_agrees(fast, usual, aea_pairs(fast, usual), features(persons), persons, presence)


def dropped(usual, before, after, persons, presence):
    """Features after attention with inactive joints at zero, person by person and frame by frame."""
    out = after.clone()
    for p, x in enumerate(before):
        mask = usual.select(x, presence[p])[0]  # (T, V)
        first = p - p % persons
        others = [o for o in range(first, first + persons) if o != p]
        for t in range(T):
            if presence[p, t] and any(presence[o, t] for o in others):
                out[p, :, t, ~mask[t]] = 0
    return out


@pytest.mark.parametrize('present', ['all', 'some'])
@pytest.mark.parametrize('inactive', ['keep', 'drop'])
@persons_2_and_3
@every_form
def test_gate_and_inactive_joints_against_the_textbook(form, persons, inactive, present):
    variant, usual = layers(form, gate=True, inactive=inactive)
    x, presence = features(persons), partly_present(persons)
    if present == 'all':
        presence = torch.ones_like(presence)
    assert torch.equal(layers(form, gate=True)[0](x, persons, presence), x), 'it starts as identity'
    nn.init.constant_(variant.gate, 0.7)
    expected = x + variant.gate * (usual(x, persons, presence) - x)
    if inactive == 'drop':
        expected = dropped(usual, x, expected, persons, presence)
        assert (expected == 0).any()
    torch.testing.assert_close(variant(x, persons, None if present == 'all' else presence), expected, **TOLERANCE)
    with torch.no_grad():
        torch.testing.assert_close(variant(x.clone(), persons, presence, inplace=True), expected, **TOLERANCE)


@pytest.mark.parametrize('inactive', ['keep', 'drop'])
@pytest.mark.parametrize('threshold_grad', ['ste', 'none'])
@pytest.mark.parametrize('score', ['amplitude', 'velocity', 'all'])
@persons_2_and_3
def test_gathered_and_masked_are_the_same(persons, score, threshold_grad, inactive):
    results = []
    for form in FORMS:
        torch.manual_seed(6)
        layer = randomise(AEA(C, score=score, threshold_grad=threshold_grad, form=form, inactive=inactive).double())
        x = features(persons).requires_grad_()
        out = layer(x, persons, partly_present(persons))
        out.square().sum().backward()
        readings = [layer.active_share, layer.mean_threshold]
        results.append([out, x.grad, *readings, *(parameter.grad for parameter in layer.parameters())])
    for gathered, masked in zip(*results, strict=True):
        torch.testing.assert_close(gathered, masked, **TOLERANCE)


@every_form
@persons_2_and_3
def test_without_selection_all_joints_attend(form, persons):
    """Table 4, "w/o AT-NAC": Eq. 9-10 over every joint."""
    torch.manual_seed(1)
    layer = AEA(C, score='all', form=form).double()
    weight, bias = layer.attention.qkv.weight[:, :, 0, 0], layer.attention.qkv.bias
    sizes = (layer.attention.qk_channels, layer.attention.qk_channels, C)
    x, every = features(persons), [torch.ones(V, dtype=torch.bool)] * persons
    expected = [
        person
        for sample in x.split(persons)
        for person in textbook.external_attention(list(sample), every, *weight.split(sizes), *bias.split(sizes))
    ]
    torch.testing.assert_close(layer(x, persons), torch.stack(expected), **TOLERANCE)


def test_attention_maps_are_distributions_over_the_active_joints_of_the_others():
    torch.manual_seed(1)
    weight = (torch.rand(9, T, V) < 0.5).double()
    weight[:, :, 0] = 1
    attention, value = ExternalAttention(C).double().attention(features(3), 3, weight)
    assert value.shape == (3, 3, T, 2 * V, C)
    torch.testing.assert_close(attention.sum(-1), torch.ones(3, 3, T, V, dtype=torch.float64), **TOLERANCE)
    by_person = weight.unflatten(0, (3, 3))
    for person, others in enumerate(([1, 2], [0, 2], [0, 1])):
        keys = torch.cat([by_person[:, other] for other in others], dim=-1)  # (N, T, 2 V)
        assert torch.equal(attention[:, person] > 0, keys[:, :, None].expand(-1, -1, V, -1) > 0)


@pytest.mark.parametrize('present', ['all', 'some'])
@persons_2_and_3
@every_form
def test_exactly_active_joints_with_a_partner_change(form, persons, present):
    layer, x = layers(form)[0], features(persons)
    presence = partly_present(persons) if present == 'some' else torch.ones(len(x), T, dtype=torch.bool)
    by_sample = presence.unflatten(0, (-1, persons))
    together = by_sample & (by_sample.sum(dim=1, keepdim=True) > 1)
    moved = layer.atnac(x, presence).mask[:, None] & together.flatten(0, 1)[..., None]  # (N*M, T, V)
    changed = layer(x, persons, presence) != x
    assert torch.equal(changed.any(dim=1), moved)
    assert torch.equal(changed.all(dim=1), moved)


@pytest.mark.parametrize('inactive', ['keep', 'drop'])
@every_form
def test_who_has_no_partner_is_left_alone(form, inactive):
    layer, x = layers(form, inactive=inactive)[0], features()
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
    layer = layers('auto')[0]
    assert (layer.active_share, layer.mean_threshold) == (None, None)
    layer(features(), 2)
    active = layer.atnac(features())
    torch.testing.assert_close(layer.active_share.double(), active.mask.double().mean(), rtol=1e-6, atol=0)
    torch.testing.assert_close(layer.mean_threshold, active.threshold.mean(), **TOLERANCE)
    assert not layer.mean_threshold.requires_grad


def test_form_of_the_cpu():
    gathers = [AEA(C, form=form).gathers(features()) for form in ('auto', 'gathered', 'masked')]
    assert gathers == [True, True, False]


@pytest.mark.parametrize('name', ['ATNAC', 'ExternalAttention', 'AEA'])
def test_layers_are_registered(name):
    assert type(MODELS.build(dict(type=name, **({} if name == 'ATNAC' else {'channels': 8})))).__name__ == name


def test_errors():
    for options in (dict(form='sparse'), dict(inactive='mask'), dict(score='speed')):
        with pytest.raises(InputError, match=f'{next(iter(options))} must be one of .* got'):
            AEA(C, **options)
    with pytest.raises(InputError, match='expected a multiple of 2 persons, got 3'):
        AEA(C)(torch.ones(3, C, T, V), 2)
