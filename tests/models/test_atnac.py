"""Selection of active joints against Eq. 3-8."""

import pytest
import torch

from asea_mm.errors import InputError
from asea_mm.models.layers import ATNAC
from tests import textbook

from . import TOLERANCE


def features(persons=4, channels=3, frames=5, joints=7, seed=0):
    torch.manual_seed(seed)
    return torch.randn(persons, channels, frames, joints, dtype=torch.float64)


def expected(x, gamma, alpha):
    scores = [textbook.node_amplitude(person, gamma) for person in x]
    masks, thresholds = zip(*(textbook.active_joints(score, alpha) for score in scores), strict=True)
    return torch.stack(scores), torch.stack(masks), torch.tensor(thresholds, dtype=x.dtype)


@pytest.mark.parametrize('alpha', [-0.4, 0.5, 1.3])
@pytest.mark.parametrize('gamma', [0.1, 1.0, 20.0])
def test_score_threshold_and_mask_are_equations_3_to_8(gamma, alpha):
    x = features()
    active = ATNAC(gamma, alpha).double()(x)
    score, mask, tau = expected(x, gamma, torch.tensor(alpha).item())
    torch.testing.assert_close(active.score, score, **TOLERANCE)
    torch.testing.assert_close(active.threshold, tau, **TOLERANCE)
    assert torch.equal(active.mask, mask)
    assert 0 < mask.sum() < mask.numel()


@pytest.mark.parametrize('score', ['amplitude', 'velocity'])
def test_highest_joint_is_kept_where_none_passes(score):
    x = features()
    active = ATNAC(alpha=50.0, score=score).double()(x)
    assert torch.equal(active.mask.sum(dim=1), torch.ones(4, dtype=torch.long))
    assert torch.equal(active.mask.byte().argmax(dim=1), active.score.argmax(dim=1))
    assert (active.score < active.threshold[:, None]).all()


@pytest.mark.parametrize('alpha', [-0.5, 0.0, 0.5])
@pytest.mark.parametrize('value', [0.0, 1.0, 0.1, 1 / 3])  # the last two are rounded in sums
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_the_first_joint_alone_is_active_where_all_score_the_same(value, alpha, dtype):
    layer = ATNAC(alpha=alpha).to(dtype)
    x = torch.full((3, 7, 5, 25), value, dtype=dtype)
    x[1] *= 1 + torch.finfo(dtype).eps * (torch.arange(25) % 2)  # equal but for rounding
    active = layer(x)
    assert active.mask.sum(dim=1).tolist() == [1, 1, 1]
    assert active.mask[:, 0].all()
    active.weight.sum().backward()
    assert layer.alpha.grad == 0
    x[2, :, :, 3] += 1e-4
    assert layer(x).mask[2].sum() == (25 if alpha < 0 else 1)
    assert layer(x).mask[2, 3]


def test_velocity_is_the_amplitude_of_the_change_between_frames():
    x = features()
    change = torch.cat([x[:, :, 1:] - x[:, :, :-1], torch.zeros_like(x[:, :, :1])], dim=2)
    active = ATNAC(2.0, 0.5, 'velocity').double()(x)
    score, mask, _ = expected(change, 2.0, 0.5)
    torch.testing.assert_close(active.score, score, **TOLERANCE)
    assert torch.equal(active.mask, mask)
    assert not torch.equal(mask, expected(x, 2.0, 0.5)[1])


@pytest.mark.parametrize('score', ['amplitude', 'velocity'])
def test_absent_frames_and_persons_carry_no_weight(score):
    x = features()
    lengths = (5, 3, 1, 0)
    presence = torch.arange(5) < torch.tensor(lengths)[:, None]
    active = ATNAC(score=score).double()(x, presence)
    alone = ATNAC(score=score).double()
    for person, length in enumerate(lengths[:3]):
        cut = alone(x[person : person + 1, :, :length])
        torch.testing.assert_close(active.score[person], cut.score[0], **TOLERANCE)
        assert torch.equal(active.mask[person], cut.mask[0])
    assert not active.mask[3].any()
    assert (active.weight[3] == 0).all()
    assert active.score.isfinite().all()


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_straight_through_mask_is_exact_and_alpha_has_the_gradient_of_the_sigmoid(dtype):
    x = features(persons=64, joints=25).to(dtype).requires_grad_()
    layer = ATNAC(alpha=0.3).to(dtype)
    active = layer(x)
    assert torch.equal(active.weight, active.mask.to(dtype))  # to the last bit
    towards = torch.randn_like(active.weight)
    active.weight.backward(towards)
    score = active.score.double()
    mean, sigma = score.mean(dim=1, keepdim=True), score.std(dim=1, correction=0, keepdim=True)
    soft = torch.sigmoid((score - mean - 0.3 * sigma) / sigma)  # its derivative by alpha is -soft * (1 - soft)
    total = -(active.mask * towards.double() * soft * (1 - soft)).sum()
    tolerance = 1e-7 if dtype == torch.float64 else 1e-4  # alpha starts in float32
    torch.testing.assert_close(layer.alpha.grad.double(), total, rtol=tolerance, atol=tolerance)
    assert total.abs() > 0.1
    assert x.grad is None, 'features are not pushed towards the threshold'


@pytest.mark.parametrize('score', ['amplitude', 'velocity'])
def test_joints_are_selected_in_float32_also_under_autocast(score):
    x = features(persons=64, joints=25).float()
    layer = ATNAC(score=score)
    with torch.autocast('cpu', torch.bfloat16):
        half = layer(x)
    for found, expected in zip(half, layer(x), strict=True):
        assert found.dtype == expected.dtype
        assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(score='speed'), "score must be one of .* got 'speed'"),
        (dict(threshold_grad='soft'), "threshold_grad must be one of .* got 'soft'"),
        (dict(gamma=-1.0), 'gamma must be positive, got -1.0'),
    ],
)
def test_errors(options, message):
    with pytest.raises(InputError, match=message):
        ATNAC(**options)
