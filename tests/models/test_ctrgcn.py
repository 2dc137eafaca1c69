"""CTR-GCN: the textbook's function, ASEA's without interaction."""

import pytest
import torch

from asea_mm.models import ASEA, CTRGCN, InteractionHead
from asea_mm.models.layers import fuse_batch_norm
from asea_mm.skeletons import get_skeleton
from tests import textbook

from . import (
    TOLERANCE,
    assert_agrees,
    keypoints,
    labels,
    randomise,
    recognizer,
    same,
    spatial_pairs,
    teach,
    temporal_pairs,
)


def backbone(**options):
    torch.manual_seed(0)
    return randomise(CTRGCN(**{'layout': 'sbu15', 'channels': (8, 8, 16), **options}).double()).eval()


class Classifier(torch.nn.Module):
    """Backbone and head, as the textbook has them in one."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x[:, None], stage='head')


def test_default_size_is_the_papers():
    model, head = CTRGCN(), InteractionHead(26, 256)
    parameters = sum(parameter.numel() for part in (model, head) for parameter in part.parameters())
    assert parameters == pytest.approx(1.44e6, rel=0.01)
    assert [block.stride for block in model.blocks] == [1, 1, 1, 1, 2, 1, 1, 2, 1, 1]
    assert [block.temporal.stride for block in model.blocks] == [block.stride for block in model.blocks]


@pytest.mark.parametrize('training', [True, False])
def test_network_is_the_textbook_form(training):
    torch.manual_seed(0)
    adjacency = torch.from_numpy(get_skeleton('sbu15').adjacency()).double()
    usual = textbook.CTRGCN(5, adjacency, num_person=1).double()
    head = dict(type='InteractionHead', num_classes=5, in_channels=256)
    fast = recognizer(options=dict(backbone=dict(type='CTRGCN', layout='sbu15'), cls_head=head))
    pairs = [*same(fast.backbone.data_bn, usual.data_bn), *same(fast.cls_head.fc, usual.fc)]
    for ours, theirs in zip(fast.backbone.blocks, usual.blocks, strict=True):
        pairs += [*spatial_pairs(ours.spatial, theirs.gcn), *temporal_pairs(ours.temporal, theirs.tcn)]
        if isinstance(theirs.residual, torch.nn.Sequential):
            pairs += [pair for k in range(2) for pair in same(ours.residual[k], theirs.residual[k])]
    with torch.no_grad():  # far from where ten random layers explode
        for parameter in fast.parameters():
            parameter.mul_(0.3)
    teach(pairs, fast)
    x = keypoints(samples=3, persons=1, frames=8)
    assert_agrees(Classifier(fast).train(training), usual.train(training), pairs, x)


@pytest.mark.parametrize('absent', [False, True])
def test_it_is_asea_without_interaction(absent):
    model = backbone()
    other = ASEA('sbu15', channels=(8, 8, 16), interaction=None, downsample='conv').double().eval()
    other.load_state_dict(model.state_dict(), strict=True)
    x = keypoints(persons=3, frames=7)
    if absent:
        x[0, 1] = 0
        x[1, :, 5:] = 0
    assert torch.equal(model(x), other(x))


def test_it_starts_from_the_random_numbers_of_asea_without_interaction():
    torch.manual_seed(3)
    model = CTRGCN('sbu15', channels=(8, 8, 16), strides=(1, 2, 2))
    torch.manual_seed(3)
    other = ASEA('sbu15', channels=(8, 8, 16), strides=(1, 2, 2), interaction=None, downsample='conv')
    state = other.state_dict()
    assert list(model.state_dict()) == list(state)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(('layout', 'joints'), [('nturgbd25', 25), ('openpose18', 18), ('sbu15', 15)])
@pytest.mark.parametrize('persons', [1, 2, 3])
def test_persons_are_treated_apart(persons, layout, joints):
    model = backbone(layout=layout)
    x = keypoints(persons=persons, frames=7, joints=joints)
    out = model(x)
    assert out.shape == (2, persons, 16, 4, joints)
    torch.testing.assert_close(model(x[:, -1:]), out[:, -1:], **TOLERANCE)
    torch.testing.assert_close(model(x.flip(1)), out.flip(1), **TOLERANCE)


@torch.no_grad()
def test_folded_it_is_the_same():
    model = backbone()
    x = keypoints(frames=7)
    x[0, 1] = 0
    expected = model(x)
    torch.testing.assert_close(fuse_batch_norm(model)(x), expected, **TOLERANCE)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules())


def test_every_parameter_has_a_gradient_of_the_task():
    model = recognizer(options=dict(backbone=dict(type='CTRGCN', layout='sbu15', channels=(32, 16)))).eval()
    model.loss(keypoints()[:, None], labels(2))['loss_cls'].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 1e-12, name


def test_errors_of_the_options():
    with pytest.raises(ValueError, match='CTRGCN: expected as many strides as channels, 3, got 2'):
        backbone(strides=(1, 2))
    with pytest.raises(ValueError, match=r'CTRGCN: expected 15 joints \(sbu15\) and 3 channels, got 25 and 3'):
        backbone()(keypoints(joints=25))
