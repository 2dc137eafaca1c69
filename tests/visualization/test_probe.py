"""What the probe collects is what the layers compute."""

import numpy as np
import pytest
import torch
from mmaction.registry import MODELS
from torch import nn

from asea_mm.models import AEA
from asea_mm.skeletons import graph_layout
from asea_mm.visualization.probe import probe, read_layer, watch

from . import PREPROCESSOR, aea_backbone, pairs, recognizer


def layer_and_input(persons, absent, **options):
    torch.manual_seed(3)
    layer = AEA(6, **options).double()
    x = torch.randn(2 * persons, 6, 4, 5, dtype=torch.float64)
    presence = torch.ones(2 * persons, 4, dtype=torch.bool)
    if absent:
        presence[0, 1:3] = False  # the first person of the first sample leaves in between
        presence[persons] = False  # the first person of the second is never there
    return layer, x * presence[:, None, :, None], presence


def direct_attention(layer, x, persons, presence, mask):
    """Eq. 9 joint by joint, of the first sample: ``(M, T, V, M, V)``."""
    _, _, frames, joints = x.shape
    weight, bias = layer.attention.qkv.weight[:, :, 0, 0], layer.attention.qkv.bias
    width = layer.attention.qk_channels
    maps = np.zeros((persons, frames, joints, persons, joints))
    for t in range(frames):
        for m in range(persons):
            for v in range(joints):
                query = (weight @ x[m, :, t, v] + bias)[:width]
                keys = [
                    (o, u) for o in range(persons) for u in range(joints) if o != m and mask[o, u] and presence[o, t]
                ]
                if not (mask[m, v] and presence[m, t] and keys):
                    continue
                logits = [query @ (weight @ x[o, :, t, u] + bias)[width : 2 * width] / width**0.5 for o, u in keys]
                for (o, u), share in zip(keys, torch.softmax(torch.stack(logits), 0), strict=True):
                    maps[m, t, v, o, u] = share
    return maps


@torch.no_grad()
@pytest.mark.parametrize('score', ['amplitude', 'velocity', 'all'])
@pytest.mark.parametrize(('persons', 'absent'), [(2, False), (2, True), (3, True), (1, False)])
def test_readings_are_those_of_the_equations(persons, absent, score):
    layer, x, presence = layer_and_input(persons, absent, score=score)
    active = layer.atnac(x, presence)
    reading = read_layer(layer, x, persons, presence, active, 'frames', curves=True)
    for key in ('mask', 'score', 'threshold'):
        assert torch.equal(reading[key].flatten(0, 1), getattr(active, key)), key
    amplitude = x.square().sum(dim=1).sqrt()  # Eq. 3
    torch.testing.assert_close(reading['amplitude'].flatten(0, 1).double(), amplitude, rtol=1e-5, atol=1e-6)
    if score != 'velocity':  # Eq. 6
        ever = presence.any(dim=1)
        total = (reading['weight'][..., None] * reading['amplitude']).sum(dim=2).flatten(0, 1).double()
        torch.testing.assert_close(total[ever], active.score[ever], rtol=1e-4, atol=1e-5)
    assert not reading['weight'].flatten(0, 1)[~presence].any()
    expected = direct_attention(layer, x, persons, presence, active.mask)
    np.testing.assert_allclose(reading['attention'][0], expected, atol=1e-6)
    mean = read_layer(layer, x, persons, presence, active, 'mean')['attention'][0]
    others = [[o for o in range(persons) if o != m] for m in range(persons)]
    attended = np.maximum(expected.any(axis=(2, 3, 4)).sum(axis=1), 1)[:, None, None]
    for m in range(persons):
        wanted = expected[m][:, :, others[m]].sum(axis=0).reshape(5, -1) / attended[m]
        np.testing.assert_allclose(mean[m], wanted, atol=1e-6)


@torch.no_grad()
@pytest.mark.parametrize('form', ['gathered', 'masked'])
@pytest.mark.parametrize('absent', [False, True])
def test_attention_times_values_is_what_the_layer_adds(form, absent):
    layer, x, presence = layer_and_input(2, absent, form=form)
    active = layer.atnac(x, presence)
    attention = read_layer(layer, x, 2, presence, active, 'frames')['attention'].double()  # (N, M, T, V, M, V)
    value = layer.attention.qkv(x)[:, 2 * layer.attention.qk_channels :].unflatten(0, (2, 2))  # (N, M, C, T, V)
    update = torch.einsum('nmtvou,noctu->nmctv', attention, value).flatten(0, 1)
    torch.testing.assert_close(layer(x, 2, presence) - x, update, rtol=1e-5, atol=1e-6)


STGCN = dict(type='STGCN', graph_cfg=dict(layout=graph_layout('sbu15'), mode='stgcn_spatial'))
SMALL_STGCN = dict(**STGCN, base_channels=8, num_stages=2, inflate_stages=[2], down_stages=[2])
MODEL_CASES = {
    'backbone': (aea_backbone('sbu15'), None, ['backbone.blocks.0.interaction', 'backbone.blocks.1.interaction']),
    'around mmaction2': (
        dict(type='InteractionBackbone', backbone=SMALL_STGCN),
        None,
        ['backbone.interactions.0', 'backbone.interactions.1'],
    ),
    'neck': (SMALL_STGCN, dict(type='ATNACNeck', in_channels=16), ['neck.interaction']),
}


@pytest.mark.parametrize('kind', MODEL_CASES)
def test_every_aea_is_seen_in_order(kind):
    backbone, neck, names = MODEL_CASES[kind]
    model = recognizer(backbone=backbone, neck=neck)
    probes = probe(model, pairs(frames=7, clips=2, batch=3))
    assert [len(sample.clips) for sample in probes] == [2, 2, 2]
    for sample in probes:
        assert sample.scores.shape == (3,)
        assert sample.scores.sum() == pytest.approx(1, abs=1e-5)
        for layers in sample.clips:
            assert [layer.name for layer in layers] == names
            for layer in layers:
                assert layer.score.shape == (2, 15)
                assert layer.amplitude.shape == (2, len(layer.frames), 15)
                np.testing.assert_allclose(layer.weight.sum(axis=1), 1, rtol=1e-5)
                rows = layer.attention.sum(axis=(3, 4))  # to everybody, of every query
                np.testing.assert_allclose(rows, np.broadcast_to(layer.mask[:, None], rows.shape), atol=1e-5)
    last = probes[0].clips[0][-1]
    if kind == 'around mmaction2':  # whose stride comes after the part that mixes joints
        assert last.frames.tolist() == list(range(7))
    else:
        assert last.frames.tolist() == [0, 2, 4, 6]
        for frame, nearest in ((0, 0), (3, 1), (6, 3)):
            np.testing.assert_array_equal(last.attention_at(frame), last.attention[:, nearest])


def test_a_clip_does_not_depend_on_the_others_nor_on_the_form():
    x = pairs(clips=2, batch=2)
    model = recognizer()
    whole = probe(model, x)
    alone = probe(model, x[1:, 1:])[0].clips[0]
    for layer in model.modules():
        if isinstance(layer, AEA):
            layer.form = 'masked'
    masked = probe(model, x)[1].clips[1]
    for layers in (alone, masked):
        for ours, other in zip(whole[1].clips[1], layers, strict=True):
            assert np.array_equal(ours.mask, other.mask)
            np.testing.assert_allclose(ours.attention, other.attention, atol=1e-5)
            np.testing.assert_allclose(ours.amplitude, other.amplitude, rtol=1e-4, atol=1e-5)


def test_leaves_the_model_as_it_was():
    model, x = recognizer().train(), pairs()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    scores = probe(model, x)[0].scores
    assert model.training
    assert not any(layer._forward_pre_hooks for layer in model.modules())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    expected = model.eval().cls_head(model.extract_feat(x)[0]).softmax(dim=1)
    np.testing.assert_allclose(scores, expected.detach().numpy()[0], rtol=1e-4)


@torch.no_grad()
def test_watching_keeps_the_last_pass_and_reads_no_more_than_asked():
    model, x = recognizer(), pairs(batch=2)
    with watch(model) as readings:
        model.extract_feat(x[:1])
        model.extract_feat(x)
    assert all(set(reading) == {'present', 'mask', 'score', 'threshold'} for reading in readings.values())
    with watch(model, 'mean') as explained:
        model.extract_feat(x)
    for number, layers in enumerate(sample.clips[0] for sample in probe(model, x)):
        assert list(readings) == [layer.name for layer in layers]
        for layer in layers:
            assert np.array_equal(readings[layer.name]['mask'][number], layer.mask)
            mean = explained[layer.name]['attention'][number]  # (M, V, V) to the only other
            wanted = np.stack([layer.attention_at()[m, :, 1 - m] for m in range(2)])
            np.testing.assert_allclose(mean, wanted, atol=1e-6)


def test_refuses_models_without_aea_and_other_shapes():
    model: nn.Module = recognizer(backbone=dict(type='CTRGCN', layout='sbu15', channels=[8, 16]))
    with pytest.raises(ValueError, match='no attention between persons'):
        probe(model, pairs())
    with pytest.raises(ValueError, match=r'expected inputs \(B, clips, M, T, V, C\), got \(1, 2, 8, 15, 3\)'):
        probe(recognizer(), pairs()[0])


def test_inside_mmaction2s_recognizer_without_maps():
    head = dict(type='GCNHead', num_classes=3, in_channels=16)
    parts = dict(backbone=aea_backbone('sbu15'), cls_head=head, data_preprocessor=PREPROCESSOR)
    layers = probe(MODELS.build(dict(type='RecognizerGCN', **parts)), pairs(), attention=False)[0].clips[0]
    assert [layer.attention for layer in layers] == [None, None]
