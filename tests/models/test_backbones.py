"""What every backbone keeps, ours and mmaction2's, plain and with AEA in its blocks."""

import copy

import pytest
import torch
from mmaction.registry import MODELS
from torch import nn

from asea_mm.errors import InputError
from asea_mm.models import AEA, ASEA, CTRGCN, InteractionHead
from asea_mm.models.layers import fuse_batch_norm
from asea_mm.skeletons import get_skeleton

from . import BACKBONES, OURS, TOLERANCE, backbone_config, build, channels_of, keypoints, labels, recognizer

CASES = [(name, aea) for name in BACKBONES for aea in (False, True)] + [('STGCN++', 'places'), ('CTRGCN', 'places')]
every_backbone = pytest.mark.parametrize('name', BACKBONES)
every_one_of_ours = pytest.mark.parametrize('name', OURS)
plain_and_with_aea = pytest.mark.parametrize(
    ('name', 'aea'), CASES, ids=lambda part: {True: 'AEA', False: ''}.get(part, part)
)


def small(name, aea=False, seed=0, **options):
    return build(backbone_config(name, aea, **options), seed).eval()


def partly_absent():
    """Of the first clip a person is absent, of the second the last frames."""
    x = keypoints()
    x[0, 1] = 0
    x[1, :, 5:] = 0
    return x


@plain_and_with_aea
@pytest.mark.parametrize(('persons', 'frames', 'layout'), [(1, 1, 'sbu15'), (2, 7, 'nturgbd25'), (3, 8, 'openpose18')])
def test_shape(name, aea, persons, frames, layout):
    joints = get_skeleton(layout).num_joints
    out = small(name, aea, layout=layout)(keypoints(persons=persons, frames=frames, joints=joints))
    assert out.shape == (2, persons, channels_of(name)[-1], -(-frames // 4), joints)
    assert out.isfinite().all()
    assert out.abs().max() > 0


@every_one_of_ours  # mmaction2's STGCN cannot view nothing
@pytest.mark.parametrize('aea', [False, True], ids=['plain', 'AEA'])
def test_an_empty_batch_has_an_empty_output(name, aea):
    model = small(name, aea)
    assert model(keypoints(samples=0)).shape == (0, 2, channels_of(name)[-1], 2, 15)
    assert recognizer(backbone_config(name, aea)).eval()(keypoints(samples=0)[:, None], stage='head').shape == (0, 5)


@plain_and_with_aea
def test_the_order_of_persons_permutes_the_output(name, aea):
    model, x = small(name, aea), keypoints(persons=3)
    x[1, 0, 4:] = 0
    for training in (False, True):
        model.train(training)
        torch.testing.assert_close(model(x[:, [2, 0, 1]]), model(x)[:, [2, 0, 1]], **TOLERANCE)


@plain_and_with_aea
def test_only_with_aea_persons_see_the_others_of_their_clip(name, aea):
    model, x = small(name, aea), keypoints(persons=3)
    other = x.clone()
    other[0, -1] = other[0, -1].flip(0)
    changed = ((model(x) - model(other)).abs() > 1e-9).flatten(2).any(dim=2)
    assert changed.tolist() == [[bool(aea), bool(aea), True], [False] * 3]


@pytest.mark.parametrize('name', ['STGCN++', 'CTRGCN', 'MSG3D'])
def test_with_places_it_matters_how_far_apart_they_are(name):
    """And nothing else: batch norm of the input aside, whose running mean is that of everybody."""
    model, x = small(name, 'places'), keypoints()
    for norm in (part for part in model.modules() if isinstance(part, nn.BatchNorm1d)):
        nn.init.zeros_(norm.weight)  # the features know of no place
    there = torch.tensor([5.0, -1.0, 2.0], dtype=x.dtype)
    torch.testing.assert_close(model(x + there), model(x), **TOLERANCE)
    apart = x.clone()
    apart[:, 1] += there
    assert not torch.allclose(model(apart), model(x))


@every_backbone
def test_without_a_partner_aea_does_nothing(name):
    model, plain = small(name, aea=True), small(name)
    plain.load_state_dict(model.backbone.state_dict())
    x = keypoints()
    assert not torch.allclose(model(x), plain(x))
    torch.testing.assert_close(model(x[:, :1]), plain(x[:, :1]), **TOLERANCE)
    x[:, 1] = 0
    torch.testing.assert_close(model(x), plain(x), **TOLERANCE)


@every_backbone
def test_with_a_gate_it_starts_as_the_plain_backbone(name):
    model, plain = small(name, aea=True, interaction=dict(gate=True)), small(name)
    plain.load_state_dict(model.backbone.state_dict())
    for layer in model.interactions.values():
        nn.init.zeros_(layer.gate)
    torch.testing.assert_close(model(keypoints()), plain(keypoints()), **TOLERANCE)
    model(keypoints()).square().mean().backward()
    assert all(layer.gate.grad != 0 for layer in model.interactions.values())


@every_one_of_ours
@pytest.mark.parametrize('aea', [False, True, 'places'], ids=['plain', 'AEA', 'places'])
@pytest.mark.parametrize(('frames', 'padding'), [(1, 5), (7, 1), (8, 8)])
def test_absent_persons_and_padding_contribute_nothing(name, aea, frames, padding):
    model = recognizer(backbone_config(name, aea)).eval()
    x = keypoints(frames=frames)
    padded = torch.cat([x, torch.zeros_like(x[:, :, :1]).expand(-1, -1, padding, -1, -1)], dim=2)
    absent = torch.cat([padded, torch.zeros_like(padded[:, :1])], dim=1)
    expected, features = model.backbone(x), model.backbone(absent)
    kept = expected.shape[3]
    torch.testing.assert_close(features[:, :2, :, :kept], expected, **TOLERANCE)
    assert (features[:, :2, :, kept:] == 0).all()
    assert (features[:, 2] == 0).all()
    torch.testing.assert_close(*(model(clip[:, None], stage='head') for clip in (x, absent)), **TOLERANCE)
    presence = torch.arange(frames + padding).expand(2, 2, -1) < frames  # may be given
    noise = padded + (~presence)[..., None, None]
    torch.testing.assert_close(model.backbone(noise, presence)[:, :, :, :kept], expected, **TOLERANCE)
    assert (model.backbone(torch.zeros_like(x)) == 0).all()


@plain_and_with_aea
def test_every_parameter_has_a_gradient_of_the_task(name, aea):
    # wide enough that no ReLU of a branch is dead by chance; in training a bias before a batch norm has none
    model = recognizer(backbone_config(name, aea, channels=(96, 96))).eval()
    model.loss(keypoints(persons=3)[:, None], labels(2))['loss_cls'].backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().max() > 0, key


@plain_and_with_aea
@pytest.mark.parametrize('persons', [1, 2])
def test_training_from_the_start_leaves_no_parameter_without_a_gradient(name, aea, persons):
    """Distributed training waits for one of every parameter; here without L_reg, with the hard threshold."""
    options = dict(interaction=dict(threshold_grad='none')) if aea else {}
    head = dict(type='InteractionHead', num_classes=5, in_channels=channels_of(name)[-1])
    for kind in (dict(type='RecognizerGCN'), dict(type='InteractionRecognizer', loss_reg=None)):
        config = dict(backbone=backbone_config(name, aea, **options), cls_head=head)
        model = MODELS.build(kind | config).double()
        model.init_weights()
        model.loss(partly_absent()[:, None, :persons], labels(2))['loss_cls'].backward()
        for key, parameter in model.named_parameters():
            assert parameter.grad is not None, key
            assert parameter.grad.isfinite().all(), key


@plain_and_with_aea
def test_bfloat16_autocast_trains(name, aea):
    model = recognizer(backbone_config(name, aea)).float()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = model.loss(partly_absent()[:, None].float(), labels(2))['loss_cls']
    loss.backward()
    assert loss.isfinite()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


@every_one_of_ours
@pytest.mark.parametrize('aea', [False, True], ids=['plain', 'AEA'])
@torch.no_grad()
def test_fused_it_is_the_same(name, aea):
    model, x = recognizer(backbone_config(name, aea)).eval(), partly_absent()
    given, expected = x.clone(), model(x[:, None], stage='head')
    for _ in range(2):
        fuse_batch_norm(model)
        assert not any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
        torch.testing.assert_close(model(x[:, None], stage='head'), expected, rtol=1e-9, atol=1e-8)
    assert torch.equal(x, given), 'the input must not be written to'


@plain_and_with_aea
def test_saved_loaded_and_copied_it_is_the_same(name, aea, tmp_path):
    model, other = small(name, aea), small(name, aea, seed=1)
    model.train()(keypoints())  # running statistics move, readings are there
    torch.save(model.eval().state_dict(), tmp_path / 'model.pth')
    x = partly_absent()
    expected = model(x)
    assert not torch.allclose(other(x), expected)
    other.load_state_dict(torch.load(tmp_path / 'model.pth', weights_only=True), strict=True)
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert torch.equal(other(x), expected)
    assert torch.equal(twin(x), expected)


@every_backbone
def test_random_numbers_are_those_of_the_plain_backbone(name):
    """Same seed, same start: a comparison of plain and AEA differs in AEA only."""
    torch.manual_seed(3)
    plain = MODELS.build(backbone_config(name)).state_dict()
    torch.manual_seed(3)
    model = MODELS.build(backbone_config(name, aea=True)).backbone.state_dict()
    assert all(torch.equal(model[key], value) for key, value in plain.items())


@pytest.mark.parametrize(
    ('name', 'width', 'classes', 'expected'),
    [
        ('ASEA', 256, 26, 2_096_674),
        ('CTRGCN', 256, 26, 1_437_784),
        ('MSG3D', 384, 60, 3_145_050),
        ('DeGCN', 256, 26, 1_317_464),
        ('MSSAGCN', 256, 60, 914_050),
    ],
)
def test_sizes_of_the_papers_widths(name, width, classes, expected):
    model = MODELS.build(dict(type=name))
    parts = (model, InteractionHead(classes, width))
    assert sum(parameter.numel() for part in parts for parameter in part.parameters()) == expected
    strides = [1, 2, 2] if name == 'MSG3D' else [1, 1, 1, 1, 2, 1, 1, 2, 1, 1]
    assert [block.stride for block in model.blocks] == strides
    assert model.temporal_stride == 4
    assert sum(isinstance(module, AEA) for module in model.modules()) == (10 if name == 'ASEA' else 0)


def test_ctr_gcn_is_asea_without_interaction():
    """One function, with the same random numbers; so is CTR-GCN with AEA inside, and ASEA."""
    states, options = [], dict(layout='sbu15', channels=(8, 8, 16))
    for kind, more in ((CTRGCN, {}), (ASEA, dict(interaction=None, downsample='conv'))):
        torch.manual_seed(3)
        states.append(kind(**options, **more).state_dict())
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(states[1][key], value) for key, value in states[0].items())
    model = build(backbone_config('CTRGCN', aea=True))
    asea = build(dict(type='ASEA', layout='sbu15', channels=(12, 12, 24), strides=(1, 2, 2), downsample='conv'))
    moved = {}
    for key, value in model.state_dict().items():
        place, _, rest = key.partition('.')
        block, _, tail = rest.partition('.')
        moved[rest if place == 'backbone' else f'blocks.{block}.interaction.{tail}'] = value
    asea.load_state_dict(moved, strict=True)
    for training in (True, False):
        x = partly_absent()
        torch.testing.assert_close(model.train(training)(x), asea.train(training)(x), **TOLERANCE)


@every_one_of_ours
def test_errors(name):
    with pytest.raises(InputError, match=f'{name}: expected as many strides as channels, 3, got 2'):
        small(name, strides=(1, 2))
    with pytest.raises(InputError, match=rf'{name}: expected 15 joints \(sbu15\) and 3 channels, got 25 and 3'):
        small(name)(keypoints(joints=25))
