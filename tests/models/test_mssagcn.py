"""The backbone of the second paper and its graph convolution, against the paper's equations."""

import pytest
import torch
from mmaction.registry import MODELS
from torch import nn

from asea_mm.models import MSSAGCN, InteractionHead
from asea_mm.models.backbones.mssagcn import normalised_adjacency
from asea_mm.models.layers import MultiScaleAGC, fuse_batch_norm
from asea_mm.skeletons import get_skeleton
from tests import textbook_mssagcn as textbook

from . import TOLERANCE, Pair, assert_agrees, keypoints, labels, randomise, recognizer, same, teach
from .test_temporal_attention import hybrid_pairs

ADJACENCY = normalised_adjacency(get_skeleton('sbu15')).double()
SMALL = dict(type='MSSAGCN', layout='sbu15', channels=(16, 16, 16), strides=(1, 1, 2), heads=2)


def spatial_pairs(fast, usual):
    """MultiScaleAGC and the textbook's."""
    pairs = same(fast.bn, usual.bn)
    if isinstance(fast.residual, nn.Conv2d):
        pairs += same(fast.residual, usual.residual)
    relation = fast.relation.out_channels // 8
    for k, (split, part) in enumerate(zip(usual.split, usual.parts, strict=True)):
        rows, one = slice(k * fast.width, (k + 1) * fast.width), slice(k, k + 1)
        psi, phi = (slice((2 * k + j) * relation, (2 * k + j + 1) * relation) for j in range(2))
        pairs += [*same(fast.split, split, rows), Pair(fast.transform.weight, part.transform.weight, rows)]
        pairs += [*same(fast.relation, part.psi, psi), *same(fast.relation, part.phi, phi)]
        pairs += same(fast.delta, part.delta, rows)
        pairs += [Pair(fast.adjacency, part.adjacency, one), Pair(fast.alpha, part.alpha, one)]
    return pairs


def graph_layers(in_channels, out_channels, relation_channels=3):
    fast = randomise(MultiScaleAGC(in_channels, out_channels, ADJACENCY, relation_channels).double())
    usual = textbook.MultiScaleAGC(in_channels, out_channels, ADJACENCY, relation_channels).double()
    pairs = spatial_pairs(fast, usual)
    teach(pairs, fast)
    assert fast.alpha.abs().min() > 1e-3, 'without it the topology does not depend on x'
    return fast, usual, pairs


def small(seed=0, **options):
    """A recognizer with a small backbone, randomised."""
    return recognizer(seed=seed, options=dict(backbone={**SMALL, **options}))


def backbone(**options):
    return small(**options).backbone.eval()


@pytest.mark.parametrize('layout', ['sbu15', 'nturgbd25', 'openpose18'])
def test_graph_is_equation_1(layout):
    skeleton = get_skeleton(layout)
    expected = textbook.symmetric_graph(skeleton.num_joints, list(skeleton.bone_indices))
    torch.testing.assert_close(normalised_adjacency(skeleton), torch.tensor(expected))


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize(('in_channels', 'out_channels'), [(3, 8), (8, 8), (8, 16)])
def test_graph_convolution_is_the_textbook_form(in_channels, out_channels, training):
    torch.manual_seed(0)
    fast, usual, pairs = graph_layers(in_channels, out_channels)
    x = torch.randn(4, in_channels, 5, 15, dtype=torch.float64)
    parts = [part.topology(split(x)) for part, split in zip(usual.parts, usual.split, strict=True)]
    torch.testing.assert_close(fast.topology(x), torch.cat(parts, dim=1), **TOLERANCE)
    assert_agrees(fast.train(training), usual.train(training), pairs, x)


def test_graph_convolution_starts_with_the_given_graph():
    layer = MultiScaleAGC(8, 8, ADJACENCY).double()
    x = torch.randn(2, 8, 4, 15, dtype=torch.float64)
    torch.testing.assert_close(layer.topology(x), ADJACENCY.expand(2, 8, 15, 15), rtol=0, atol=0)


@pytest.mark.parametrize(('channels', 'expected'), [(64, 8), (256, 8), (512, 16)])
def test_default_relation_channels(channels, expected):
    assert MultiScaleAGC(3, channels, ADJACENCY).delta.in_channels == 4 * expected


@pytest.mark.parametrize('length', [1, 3, 6])
def test_absent_frames_are_as_if_the_clip_ended(length):
    torch.manual_seed(1)
    fast, _, _ = graph_layers(8, 16)
    fast.eval()
    presence = torch.arange(6).expand(3, 6) < length
    x = torch.randn(3, 8, 6, 15, dtype=torch.float64)
    out = fast(x * presence[:, None, :, None], presence)
    torch.testing.assert_close(out[:, :, :length], fast(x[:, :, :length]), **TOLERANCE)
    assert (out[:, :, length:] == 0).all()


def test_default_size():
    model = MSSAGCN()
    head = InteractionHead(60, 256)
    assert sum(parameter.numel() for part in (model, head) for parameter in part.parameters()) == 914_050
    assert [block.spatial.bn.num_features for block in model.blocks] == [64] * 4 + [128] * 3 + [256] * 3
    assert [block.stride for block in model.blocks] == [1, 1, 1, 1, 2, 1, 1, 2, 1, 1]
    assert [block.residual is None for block in model.blocks] == [True] + [False] * 9
    assert {block.temporal.attention.heads for block in model.blocks} == {4}


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize(('channels', 'stride'), [((16, 16), 1), ((16, 32), 2)])
def test_block_is_the_textbook_form(channels, stride, training):
    torch.manual_seed(2)
    model = MSSAGCN('sbu15', channels=channels, strides=(1, stride), heads=2)
    fast = randomise(model.blocks[1].double()).train(training)
    usual = textbook.Block(*channels, ADJACENCY, stride, heads=2).double().train(training)
    pairs = [*spatial_pairs(fast.spatial, usual.spatial), *hybrid_pairs(fast.temporal, usual.temporal)]
    if stride == 2:
        pairs += [pair for k in range(2) for pair in same(fast.residual[k], usual.residual[k])]
    teach(pairs, fast)
    assert_agrees(fast, usual, pairs, torch.randn(4, channels[0], 7, 15, dtype=torch.float64), 2)


@pytest.mark.parametrize('layout', ['sbu15', 'nturgbd25', 'openpose18'])
@pytest.mark.parametrize('frames', [1, 6, 7])
@pytest.mark.parametrize('persons', [1, 2, 3])
def test_shape(persons, frames, layout):
    joints = get_skeleton(layout).num_joints
    model = backbone(layout=layout, in_channels=6, strides=(1, 2, 2))
    out = model(keypoints(persons=persons, frames=frames, joints=joints, channels=6))
    assert out.shape == (2, persons, 16, -(-frames // 4), joints)
    assert out.isfinite().all()
    assert out.abs().max() > 0


@pytest.mark.parametrize('persons', [2, 3])
def test_order_of_persons_permutes_the_output_and_leaves_the_scores(persons):
    model = small().eval()
    x = keypoints(persons=persons)
    x[1, 0, 4:] = 0
    order = torch.tensor([persons - 1, *range(persons - 1)])
    torch.testing.assert_close(model.backbone(x[:, order]), model.backbone(x)[:, order], **TOLERANCE)
    assert not torch.allclose(model.backbone(x)[:, order], model.backbone(x))
    torch.testing.assert_close(*(model(y[:, None], stage='head') for y in (x, x[:, order])), **TOLERANCE)


def test_a_person_without_partner_has_the_features_of_one_alone():
    model = backbone()
    x = keypoints()
    x[:, 1] = 0
    out = model(x)
    torch.testing.assert_close(out[:, :1], model(x[:, :1]), **TOLERANCE)
    assert (out[:, 1] == 0).all()
    assert (model(torch.zeros_like(x)) == 0).all()


@pytest.mark.parametrize('padding', [1, 5])
@pytest.mark.parametrize('frames', [1, 4, 7])
def test_padding_leaves_scores_and_is_zero_in_the_output(frames, padding):
    model = small(strides=(1, 2, 2)).eval()
    x = keypoints(frames=frames)
    padded = torch.cat([x, torch.zeros_like(x[:, :, :1]).expand(-1, -1, padding, -1, -1)], dim=2)
    short, long = (model.extract_feat(clip[:, None])[0] for clip in (x, padded))
    assert long.shape[3] == -(-(frames + padding) // 4)
    kept = short.shape[3]
    torch.testing.assert_close(long[:, :, :, :kept], short, **TOLERANCE)
    assert (long[:, :, :, kept:] == 0).all()
    torch.testing.assert_close(*(model(clip[:, None], stage='head') for clip in (x, padded)), **TOLERANCE)


def test_every_parameter_has_a_gradient_of_the_task():
    # wide enough that no ReLU is dead by chance
    model = small(channels=(32, 32), strides=(1, 2)).eval()  # in training a bias before a batch norm has none
    model.cls_head = randomise(InteractionHead(5, 32).double())
    model.loss(keypoints()[:, None], labels(2))['loss_cls'].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 1e-12, name


@pytest.mark.parametrize('absent', [False, True])
def test_training_from_the_start_has_finite_gradients(absent):
    torch.manual_seed(3)
    model = MODELS.build(SMALL).double()
    x = keypoints()
    if absent:
        x[0, 1] = 0
        x[1, :, 4:] = 0
    model(x).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_a_few_steps_fit_two_clips():
    model = small()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(16):
        optimiser.zero_grad()
        loss = model.loss(keypoints()[:, None], labels(2))['loss_cls']
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


def test_bfloat16_autocast_trains():
    model = small().float()
    x = keypoints().float()
    x[0, 1] = 0
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = model.loss(x[:, None], labels(2))
    losses['loss_cls'].backward()
    assert losses['loss_cls'].isfinite()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name


def test_saved_and_loaded_it_is_the_same(tmp_path):
    model = small()
    model.loss(keypoints()[:, None], labels(2))  # running statistics move
    torch.save(model.state_dict(), tmp_path / 'model.pth')
    other = small(seed=1)
    x = keypoints(seed=3)[:, None]
    expected = model.eval()(x, stage='head')
    assert not torch.allclose(other.eval()(x, stage='head'), expected)
    other.load_state_dict(torch.load(tmp_path / 'model.pth', weights_only=True), strict=True)
    assert torch.equal(other(x, stage='head'), expected)


@pytest.mark.parametrize('absent', [False, True])
def test_folded_recognizer_is_the_same(absent):
    model = small(channels=(16, 32, 16)).eval()
    x = keypoints(frames=7)
    if absent:
        x[0, 1] = 0
        x[1, :, 5:] = 0
    given = x.clone()
    with torch.no_grad():
        expected = model(x[:, None], stage='head')
        for _ in range(2):
            fuse_batch_norm(model)
            assert not any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
            torch.testing.assert_close(model(x[:, None], stage='head'), expected, rtol=1e-9, atol=1e-8)
    assert torch.equal(x, given), 'the input must not be written to'


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(strides=(1, 2)), 'MSSAGCN: expected as many strides as channels, 3, got 2'),
        (dict(channels=(16, 24, 16)), r'multiple of 16 \(8 x 2 heads\), got 24'),
        (dict(channels=(16, 18, 16)), 'multiple of 4, got 18'),
        (dict(layout='unknown'), "unknown layout 'unknown'"),
    ],
)
def test_errors_of_the_options(options, message):
    with pytest.raises(ValueError, match=message):
        backbone(**options)


def test_errors_of_the_input():
    with pytest.raises(ValueError, match=r'MSSAGCN: expected 15 joints \(sbu15\) and 3 channels, got 25 and 3'):
        backbone()(keypoints(joints=25))


def test_graph_capture_in_one_piece():
    """torch.compile finds no break."""
    model = backbone(channels=(16, 16), strides=(1, 2))
    x = keypoints(persons=2)
    x[1, 1] = 0
    compiled = torch.compile(model, backend='aot_eager', fullgraph=True)
    torch.testing.assert_close(compiled(x), model(x), **TOLERANCE)


@pytest.mark.parametrize('interaction', [False, True])
def test_the_partner_matters_only_with_interaction(interaction):
    config = dict(type='InteractionBackbone', backbone=SMALL) if interaction else SMALL
    model = recognizer(options=dict(backbone=config)).eval().backbone
    x = keypoints()
    other = x.clone()
    other[:, 1] = other[:, 1].flip(1)
    assert torch.equal(model(x)[:, 0], model(other)[:, 0]) != interaction
