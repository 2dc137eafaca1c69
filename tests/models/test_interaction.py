"""External attention between persons against Eq. 9-10, and the forms of AEA against each other."""

import pytest
import torch
from mmaction.registry import MODELS

from asea_mm.models.layers import AEA, ExternalAttention
from tests import textbook

from . import TOLERANCE, aea_pairs, assert_agrees, randomise, teach

FORMS = ('gathered', 'masked')
C, T, V = 6, 4, 7


def features(persons, samples=3, seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    return torch.randn(samples * persons, C, T, V, dtype=dtype)


def partly_present(persons, samples=3):
    """Presence in which everybody of the first sample is there, in the others people come and go."""
    presence = torch.ones(samples * persons, T, dtype=torch.bool)
    presence[persons, 1:] = False
    presence[-1, :2] = False
    return presence


def layers(form, threshold_grad='ste', seed=0, **options):
    torch.manual_seed(seed)
    fast = AEA(C, threshold_grad=threshold_grad, form=form, **options).double()
    randomise(fast.attention)
    usual = textbook.AEA(C, fast.attention.qk_channels, fast.atnac.gamma, threshold_grad == 'ste').double()
    pairs = aea_pairs(fast, usual)
    teach(pairs, fast)
    return fast, usual, pairs


@pytest.mark.parametrize('persons', [2, 3])
def test_external_attention_of_all_joints_is_equations_9_and_10(persons):
    x = features(persons)
    fast, usual, _ = layers('masked')
    linears = (usual.query, usual.key, usual.value)
    matrices = [linear.weight for linear in linears] + [linear.bias for linear in linears]
    expected = []
    for sample in x.unflatten(0, (-1, persons)):
        every = [torch.ones(V, dtype=torch.bool)] * persons
        expected += textbook.external_attention(list(sample), every, *matrices)
    torch.testing.assert_close(fast.attention(x, persons) + x, torch.stack(expected), **TOLERANCE)


def test_attention_maps_are_distributions_over_the_active_joints_of_the_others():
    x = features(3)
    torch.manual_seed(1)
    weight = (torch.rand(9, T, V) < 0.5).double()
    weight[:, :, 0] = 1
    attention, value = ExternalAttention(C).double().attention(x, 3, weight)
    assert attention.shape == (3, 3, T, V, 2 * V)
    assert value.shape == (3, 3, T, 2 * V, C)
    torch.testing.assert_close(attention.sum(-1), torch.ones(3, 3, T, V, dtype=torch.float64), **TOLERANCE)
    by_person = weight.unflatten(0, (3, 3))
    for person, others in enumerate(([1, 2], [0, 2], [0, 1])):
        keys = torch.cat([by_person[:, other] for other in others], dim=-1)  # (N, T, 2 V)
        chosen = keys[:, :, None].expand(-1, -1, V, -1) > 0
        assert torch.equal(attention[:, person] > 0, chosen)


def test_external_attention_of_one_person_is_zero():
    assert torch.equal(ExternalAttention(C)(torch.ones(2, C, T, V), 1), torch.zeros(2, C, T, V))


@pytest.mark.parametrize(('channels', 'qk_channels', 'expected'), [(64, None, 48), (8, None, 6), (8, 5, 5)])
def test_default_qk_channels(channels, qk_channels, expected):
    assert ExternalAttention(channels, qk_channels).qk_channels == expected


@pytest.mark.parametrize('present', ['all', 'some'])
@pytest.mark.parametrize('threshold_grad', ['ste', 'none'])
@pytest.mark.parametrize('persons', [2, 3])
@pytest.mark.parametrize('form', FORMS)
def test_layer_is_the_textbook_form(form, persons, threshold_grad, present):
    fast, usual, pairs = layers(form, threshold_grad)
    if threshold_grad == 'none':
        fast.atnac.alpha.requires_grad_(False)
    presence = None if present == 'all' else partly_present(persons)
    x = features(persons)
    counts = fast.atnac(x, presence).mask.sum(dim=1)
    assert len(counts.unique()) > 1, 'samples should differ in their number of active joints'
    assert_agrees(fast, usual, pairs, x, persons, presence)
    if threshold_grad == 'ste':
        assert fast.atnac.alpha.grad.abs() > 1e-4


@pytest.mark.parametrize('threshold_grad', ['ste', 'none'])
@pytest.mark.parametrize('score', ['amplitude', 'velocity', 'all'])
@pytest.mark.parametrize('persons', [2, 3])
def test_gathered_and_masked_are_the_same(persons, score, threshold_grad):
    x, presence = features(persons), partly_present(persons)
    torch.manual_seed(5)
    towards = torch.randn_like(x)
    results = []
    for form in FORMS:
        torch.manual_seed(6)
        layer = randomise(AEA(C, score=score, threshold_grad=threshold_grad, form=form).double())
        leaf = x.clone().requires_grad_()
        out = layer(leaf, persons, presence)
        out.backward(towards)
        results.append([out, leaf.grad, layer.active_share, layer.mean_threshold])
        results[-1] += [parameter.grad for parameter in layer.parameters()]
    for gathered, masked in zip(*results, strict=True):
        assert (gathered is None) == (masked is None)
        if gathered is not None:
            torch.testing.assert_close(gathered, masked, **TOLERANCE)


def test_only_the_regularisation_moves_alpha_without_straight_through():
    layer, _, _ = layers('gathered', 'none')
    layer(features(2), 2).square().sum().backward()
    assert layer.atnac.alpha.grad is None
    assert layer.attention.qkv.weight.grad.abs().max() > 0


@pytest.mark.parametrize('present', ['all', 'some'])
@pytest.mark.parametrize('persons', [2, 3])
@pytest.mark.parametrize('form', FORMS)
def test_inactive_joints_pass_unchanged_and_active_ones_do_not(form, persons, present):
    layer, _, _ = layers(form)
    presence = None if present == 'all' else partly_present(persons)
    x = features(persons)
    active = layer.atnac(x, presence).mask[:, None, None].expand_as(x)
    if presence is not None:
        active = active & presence[:, None, :, None]
    out = layer(x, persons, presence)
    assert torch.equal(out[~active], x[~active])
    partner = torch.ones_like(presence if presence is not None else x[:, 0, :, 0], dtype=torch.bool)
    if presence is not None:
        by_sample = presence.unflatten(0, (-1, persons))
        partner = (by_sample.sum(dim=1, keepdim=True) - by_sample.long() > 0).flatten(0, 1)
    moved = active & partner[:, None, :, None]
    assert (out[moved] != x[moved]).all()
    assert 0 < moved.sum() < moved.numel()


def test_one_person_is_left_alone():
    layer, _, _ = layers('auto')
    x = features(1)
    assert torch.equal(layer(x, 1), x)


@pytest.mark.parametrize('form', FORMS)
def test_a_person_without_a_partner_is_left_alone(form):
    layer, _, _ = layers(form)
    x = features(2)
    presence = torch.ones(6, T, dtype=torch.bool)
    presence[1] = presence[2] = False  # the partners in the first and in the second sample
    x[1] = x[2] = 0
    leaf = x.clone().requires_grad_()
    out = layer(leaf, 2, presence)
    assert torch.equal(out[:4], x[:4])
    assert not torch.equal(out[4:], x[4:])
    out.sum().backward()
    torch.testing.assert_close(leaf.grad[:4], torch.ones_like(leaf.grad[:4]), **TOLERANCE)
    assert leaf.grad.isfinite().all()


@pytest.mark.parametrize('form', FORMS)
def test_nobody_at_all(form):
    layer, _, _ = layers(form)
    x = torch.zeros(4, C, T, V, dtype=torch.float64, requires_grad=True)
    out = layer(x, 2, torch.zeros(4, T, dtype=torch.bool))
    assert (out == 0).all()
    out.sum().backward()
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in layer.parameters())


@pytest.mark.parametrize('form', FORMS)
def test_frames_without_the_partner_are_left_alone(form):
    layer, _, _ = layers(form)
    x = features(2)
    presence = torch.ones(6, T, dtype=torch.bool)
    presence[1::2, 2:] = False
    out = layer(x, 2, presence)
    assert torch.equal(out[:, :, 2:], x[:, :, 2:])
    assert not torch.equal(out[:, :, :2], x[:, :, :2])


@pytest.mark.parametrize('form', FORMS)
def test_a_third_person_who_is_absent_changes_nothing(form):
    layer, _, _ = layers(form)
    pair = features(2)
    trio = torch.cat([pair.unflatten(0, (3, 2)), torch.zeros(3, 1, C, T, V, dtype=torch.float64)], dim=1)
    presence = torch.tensor([True, True, False]).repeat(3)[:, None].expand(-1, T)
    out = layer(trio.flatten(0, 1), 3, presence).unflatten(0, (3, 3))
    torch.testing.assert_close(out[:, :2].flatten(0, 1), layer(pair, 2), **TOLERANCE)


@pytest.mark.parametrize('form', FORMS)
def test_samples_do_not_see_each_other(form):
    layer, _, _ = layers(form)
    x = features(2)
    one_by_one = torch.cat([layer(sample, 2) for sample in x.split(2)])
    torch.testing.assert_close(layer(x, 2), one_by_one, **TOLERANCE)


@pytest.mark.parametrize('persons', [2, 3])
@pytest.mark.parametrize('form', FORMS)
def test_bfloat16_autocast_stays_close(form, persons):
    torch.manual_seed(7)
    layer = AEA(C, form=form)
    x = features(persons, dtype=torch.float32)
    expected = layer(x, persons)
    leaf = x.clone().requires_grad_()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = layer(leaf, persons)
        out.square().mean().backward()
    torch.testing.assert_close(out.float(), expected, rtol=0.05, atol=0.05)
    for grad in (leaf.grad, *(parameter.grad for parameter in layer.parameters())):
        assert grad.isfinite().all()
        assert grad.abs().max() > 0


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_under_autocast_both_forms_leave_inactive_joints_exactly(dtype):
    x = features(2, dtype=torch.float32).to(dtype)
    for form in FORMS:
        torch.manual_seed(7)
        layer = AEA(C, form=form)
        with torch.autocast('cpu', dtype=torch.bfloat16):
            out = layer(x, 2)
        inactive = ~layer.atnac(x).mask[:, None, None].expand_as(x)
        assert out.dtype == dtype, form
        assert torch.equal(out[inactive], x[inactive]), form


def test_readings_of_the_last_batch():
    layer, _, _ = layers('auto')
    assert (layer.active_share, layer.mean_threshold) == (None, None)
    x = features(2)
    layer(x, 2)
    active = layer.atnac(x)
    torch.testing.assert_close(layer.active_share.double(), active.mask.double().mean(), rtol=1e-6, atol=0)
    torch.testing.assert_close(layer.mean_threshold, active.threshold.mean(), **TOLERANCE)
    assert not layer.mean_threshold.requires_grad


def test_auto_gathers_on_the_cpu():
    x = features(2)
    assert AEA(C, form='auto').gathers(x)
    assert AEA(C, form='gathered').gathers(x)
    assert not AEA(C, form='masked').gathers(x)


@pytest.mark.parametrize('name', ['ATNAC', 'ExternalAttention', 'AEA'])
def test_layers_are_registered(name):
    options = {} if name == 'ATNAC' else {'channels': 8}
    assert type(MODELS.build(dict(type=name, **options))).__name__ == name


def test_errors():
    with pytest.raises(ValueError, match="form must be one of .* got 'sparse'"):
        AEA(C, form='sparse')
    with pytest.raises(ValueError, match='expected a multiple of 2 persons, got 3'):
        AEA(C)(torch.ones(3, C, T, V), 2)
    with pytest.raises(ValueError, match='score must be one of'):
        AEA(C, score='speed')
