"""DeGCN: sampling of joints and of instants against loops; sizes, symmetry, absence."""

import pytest
import torch
from torch import nn

from asea_mm.models import DeGCN, InteractionHead
from asea_mm.models.layers import fuse_batch_norm
from asea_mm.models.layers.common import fuse_into
from asea_mm.models.layers.deformable import DeformableGC, DeformableTemporalConv, location_scores
from asea_mm.skeletons import get_skeleton
from tests import textbook_baselines as textbook

from . import TOLERANCE, Pair, assert_agrees, keypoints, labels, randomise, recognizer, same, teach

ADJACENCY = torch.from_numpy(get_skeleton('sbu15').adjacency()).double()


def backbone(**options):
    torch.manual_seed(0)
    return randomise(DeGCN(**{'layout': 'sbu15', 'channels': (8, 8, 16), **options}).double()).eval()


def degcn_recognizer(**options):
    return recognizer(options=dict(backbone=dict(type='DeGCN', layout='sbu15', **{'channels': (8, 8, 16), **options})))


def spatial(in_channels, out_channels, **options):
    fast = randomise(DeformableGC(in_channels, out_channels, ADJACENCY, **options).double())
    usual = textbook.DeformableGC(
        in_channels, out_channels, 3, 15, fast.samples, fast.groups, fast.relation_channels
    ).double()
    half = usual.query.out_channels
    pairs = [
        *same(fast.relation, usual.query, slice(half)),
        *same(fast.relation, usual.key, slice(half, None)),
        *(Pair(getattr(fast, name), getattr(usual, name)) for name in ('alpha', 'location')),
        *same(fast.bn, usual.bn),
    ]
    for k, value in enumerate(usual.values):
        pairs += same(fast.value, value, slice(k * out_channels, (k + 1) * out_channels))
    if in_channels != out_channels:
        pairs += [pair for k in range(2) for pair in same(fast.residual[k], usual.down[k])]
    teach(pairs, fast)
    return fast, usual, pairs


def test_default_size_is_the_papers():
    model, head = DeGCN(), InteractionHead(26, 256)
    parameters = sum(parameter.numel() for part in (model, head) for parameter in part.parameters())
    assert parameters == pytest.approx(1.32e6, rel=0.005)
    assert [block.stride for block in model.blocks] == [1, 1, 1, 1, 2, 1, 1, 2, 1, 1]


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize(('channels', 'options'), [((3, 8), {}), ((8, 8), dict(groups=2, samples=3))])
def test_graph_convolution_is_the_textbook_form(channels, options, training):
    torch.manual_seed(0)
    fast, usual, pairs = spatial(*channels, **options)
    assert fast.alpha.abs() > 0.01, 'without it the locations do not depend on x'
    x = 2 * torch.randn(3, channels[0], 4, 15, dtype=torch.float64)
    assert_agrees(fast.train(training), usual.train(training), pairs, x)


def test_locations_lie_between_a_few_joints_and_depend_on_the_clip():
    torch.manual_seed(1)
    layer = randomise(DeformableGC(8, 8, ADJACENCY, samples=4).double())
    locations = layer.locations(torch.randn(2, 8, 4, 15, dtype=torch.float64))
    assert locations.shape == (2, 3, 4, 15, 15)
    torch.testing.assert_close(locations.sum(-1), torch.ones(2, 3, 4, 15, dtype=torch.float64), **TOLERANCE)
    assert ((locations > 0).sum(-1) == 4).all()
    assert not torch.allclose(locations[0], locations[1])


def test_locations_start_at_the_graph():
    chain = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]), torch.tensor([[0, 1.0, 0], [0, 0, 1], [0, 0, 0]])
    expected = [[0, -3, -6], [-3, 0, -3], [-6, -3, 0]], [[-3, 0, -3], [-6, -3, 0], [-6, -3, 0]]
    assert torch.equal(location_scores(torch.stack(chain)), torch.tensor(expected, dtype=torch.float32))
    layer = DeformableGC(8, 8, ADJACENCY.float(), samples=15)
    locations = layer.locations(torch.randn(2, 8, 4, 15))
    torch.testing.assert_close(locations, layer.location.softmax(-1)[:, None].expand_as(locations))
    x = torch.randn(2, 8, 4, 15)
    torch.testing.assert_close(layer(x), x.relu(), rtol=0, atol=1e-4)


def test_samples_may_be_more_than_joints():
    layer = DeformableGC(8, 8, ADJACENCY.float(), samples=99)
    assert (layer.locations(torch.randn(2, 8, 4, 15)) > 0).all()


@pytest.mark.parametrize(('stride', 'dilation', 'frames'), [(1, 1, 6), (2, 2, 7), (2, 1, 1), (3, 1, 8)])
def test_temporal_convolution_is_interpolation_tap_by_tap(stride, dilation, frames):
    torch.manual_seed(2)
    layer = DeformableTemporalConv(3, 4, 5, stride, dilation).double()
    nn.init.uniform_(layer.offset, -2, 2)
    nn.init.constant_(layer.offset[:, 0], -9)  # beyond the reach
    nn.init.normal_(layer.bias)
    assert (layer.positions().abs() == layer.reach).any()
    x = torch.randn(2, 3, frames, 5, dtype=torch.float64, requires_grad=True)
    ours = layer(x)
    theirs = textbook.deformable_temporal_conv(x, layer.weight, layer.bias, layer.positions(), stride)
    assert ours.shape[2] == -(-frames // stride)
    torch.testing.assert_close(ours, theirs, **TOLERANCE)
    towards = torch.randn_like(ours)
    inputs = [x, layer.weight, layer.bias, layer.offset]
    grads = [torch.autograd.grad(y, inputs, towards, retain_graph=True) for y in (ours, theirs)]
    for ours_grad, theirs_grad in zip(*grads, strict=True):
        torch.testing.assert_close(ours_grad, theirs_grad, **TOLERANCE)
    assert (grads[0][3] != 0).any()


@torch.no_grad()
def test_temporal_convolution_by_hand():
    layer = DeformableTemporalConv(1, 1, 1)
    layer.weight.fill_(2)
    layer.offset.fill_(0.25)
    x = torch.tensor([0.0, 4, 8, 0]).view(1, 1, 4, 1)
    torch.testing.assert_close(layer(x).flatten(), torch.tensor([2.0, 10, 12, 0]))
    layer.offset.fill_(-7)  # no further than one frame beyond the kernel
    torch.testing.assert_close(layer(x).flatten(), torch.tensor([0.0, 0, 8, 16]))


@torch.no_grad()
def test_without_offsets_it_is_the_dilated_convolution():
    layer = DeformableTemporalConv(4, 6, 5, 2, 2)
    layer.offset.zero_()
    x = torch.randn(2, 4, 9, 5)
    usual = nn.functional.conv2d(x, layer.weight, layer.bias, (2, 1), (4, 0), (2, 1))
    torch.testing.assert_close(layer(x), usual)
    bn = randomise(nn.BatchNorm2d(6)).eval()
    expected = bn(layer(x))
    fuse_into(layer, bn)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize(('layout', 'joints'), [('nturgbd25', 25), ('openpose18', 18), ('sbu15', 15)])
@pytest.mark.parametrize('persons', [1, 2, 3])
def test_persons_are_treated_apart(persons, layout, joints):
    model = backbone(layout=layout)
    x = keypoints(persons=persons, frames=7, joints=joints)
    out = model(x)
    assert out.shape == (2, persons, 16, 4, joints)
    assert out.abs().max() > 0
    torch.testing.assert_close(model(x[:, -1:]), out[:, -1:], **TOLERANCE)
    torch.testing.assert_close(model(x.flip(1)), out.flip(1), **TOLERANCE)


@pytest.mark.parametrize('padding', [1, 4])
@pytest.mark.parametrize('frames', [1, 6, 7])
def test_absence_leaves_the_others_and_is_zero_in_the_output(frames, padding):
    model = backbone(channels=(4, 8, 16))  # strides 1, 2, 2
    x = keypoints(frames=frames)
    x[0, 1] = 0
    padded = torch.cat([x, torch.zeros_like(x[:, :, :1]).expand(-1, -1, padding, -1, -1)], dim=2)
    short, long = model(x), model(padded)
    kept = short.shape[3]
    assert (short[0, 1] == 0).all()
    torch.testing.assert_close(short[0, 0], model(x[:, :1])[0, 0], **TOLERANCE)
    torch.testing.assert_close(long[:, :, :, :kept], short, **TOLERANCE)
    assert (long[:, :, :, kept:] == 0).all()


def test_every_parameter_has_a_gradient_of_the_task():
    model = degcn_recognizer(channels=(32, 16)).eval()
    model.loss(keypoints(persons=3)[:, None], labels(2))['loss_cls'].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 1e-12, name


@torch.no_grad()
def test_folded_it_is_the_same():
    model = backbone()
    x = keypoints(frames=7)
    x[0, 1] = 0
    expected = model(x)
    for _ in range(2):
        torch.testing.assert_close(fuse_batch_norm(model)(x), expected, **TOLERANCE)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in model.modules())


def test_bfloat16_autocast_trains():
    model = degcn_recognizer().float()
    x = keypoints().float()
    x[0, 1] = 0
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = model.loss(x[:, None], labels(2))['loss_cls']
    loss.backward()
    assert loss.isfinite()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_a_few_steps_fit_two_clips():
    torch.manual_seed(0)
    model = degcn_recognizer().train()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(16):
        optimiser.zero_grad()
        loss = model.loss(keypoints()[:, None], labels(2))['loss_cls']
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_graph_capture_in_one_piece():
    model = backbone(channels=(8,), strides=(2,))
    x = keypoints(persons=2)
    x[1, 1] = 0
    compiled = torch.compile(model, backend='aot_eager', fullgraph=True)
    torch.testing.assert_close(compiled(x), model(x), **TOLERANCE)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(strides=(1,)), 'DeGCN: expected as many strides as channels, 3, got 1'),
        (dict(samples=0), 'DeformableGC: samples must be positive, got 0'),
        (dict(groups=3), 'DeformableGC: out_channels must be a multiple of groups, 3, got 8'),
        (dict(channels=(6,), groups=1), 'BranchedTCN: out_channels must be a multiple of 4, got 6'),
    ],
)
def test_errors_of_the_options(options, message):
    with pytest.raises(ValueError, match=message):
        backbone(**options)


def test_an_even_kernel_is_an_error():
    with pytest.raises(ValueError, match='DeformableTemporalConv: kernel must be odd, got 4'):
        DeformableTemporalConv(4, 4, 4)
