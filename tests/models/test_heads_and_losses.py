"""The head that averages over those who are there, and the threshold regularisation, Eq. 11."""

import pytest
import torch
from mmaction.models.heads import GCNHead
from mmaction.registry import MODELS

from asea_mm.models import InteractionHead, ThresholdRegularization

from . import TOLERANCE, labels, randomise


def features(persons=2, frames=4, seed=0):
    torch.manual_seed(seed)
    return torch.randn(3, persons, 8, frames, 6, dtype=torch.float64)


def head(kind=InteractionHead, seed=0, **options):
    torch.manual_seed(seed)
    return randomise(kind(num_classes=5, in_channels=8, **options).double())


@pytest.mark.parametrize('persons', [1, 2, 3])
def test_where_all_are_present_it_is_gcn_head_and_so_are_its_checkpoints(persons):
    ours, theirs = head(), head(GCNHead, seed=1)
    x = features(persons)
    assert not torch.allclose(ours(x), theirs(x))
    theirs.load_state_dict(ours.state_dict(), strict=True)
    torch.testing.assert_close(ours(x), theirs(x), **TOLERANCE)
    other = head(seed=2)
    other.load_state_dict(theirs.state_dict(), strict=True)
    for presence in (None, torch.ones(3, persons, 4, dtype=torch.bool), torch.ones(3, persons, 8, dtype=torch.bool)):
        torch.testing.assert_close(other(x, presence), theirs(x), **TOLERANCE)


def test_average_over_present_persons_and_frames_by_hand():
    layer, x = head(), features(frames=3)
    presence = torch.zeros(3, 2, 5, dtype=torch.bool)  # of which frames 0, 2 and 4 remain
    presence[0, 0, :3] = True
    presence[0, 1, 4] = True
    presence[1, 1] = True  # and nobody in the third sample
    pooled = torch.zeros(3, 8, dtype=torch.float64)
    pooled[0] = (x[0, 0, :, 0] + x[0, 0, :, 1] + x[0, 1, :, 2]).mean(dim=-1) / 3
    pooled[1] = x[1, 1].mean(dim=(1, 2))
    torch.testing.assert_close(layer(x, presence), layer.fc(pooled), **TOLERANCE)


def test_average_and_max_by_hand():
    layer, x = head(pooling='average_and_max'), features(frames=3) - 5  # negative: a zero would be the maximum
    presence = torch.zeros(3, 2, 5, dtype=torch.bool)  # of which frames 0, 2 and 4 remain
    presence[0, 0, :3] = True
    presence[0, 1, 4] = True
    presence[1, 1] = True  # and nobody in the third sample
    pooled = torch.zeros(3, 16, dtype=torch.float64)
    pooled[0, :8] = (x[0, 0, :, 0] + x[0, 0, :, 1] + x[0, 1, :, 2]).mean(dim=-1) / 3
    pooled[0, 8:] = (torch.maximum(x[0, 0, :, 0], x[0, 0, :, 1]) + x[0, 1, :, 2]).mean(dim=-1) / 2
    pooled[1] = torch.cat([x[1, 1].mean(dim=(1, 2)), x[1, 1].max(dim=1).values.mean(dim=-1)])
    torch.testing.assert_close(layer(x, presence), layer.fc(pooled), **TOLERANCE)


@pytest.mark.parametrize('persons', [1, 2, 3])
def test_average_and_max_where_all_are_present(persons):
    layer, x = head(pooling='average_and_max'), features(persons)
    expected = torch.cat([x.mean(dim=(1, 3, 4)), x.max(dim=3).values.mean(dim=(1, 3))], dim=1)
    torch.testing.assert_close(layer(x), layer.fc(expected), **TOLERANCE)
    torch.testing.assert_close(layer(x, torch.ones(3, persons, 8, dtype=torch.bool)), layer(x), **TOLERANCE)
    torch.testing.assert_close(layer(x.flip(1)), layer(x), **TOLERANCE)


@pytest.mark.parametrize('pooling', ['average', 'average_and_max'])
def test_what_absent_persons_and_frames_hold_changes_nothing(pooling):
    layer, x = head(pooling=pooling), features(persons=3)
    presence = torch.ones(3, 3, 4, dtype=torch.bool)
    presence[:, 2] = False
    presence[:, :, 3] = False
    x.requires_grad_()
    layer(x, presence).square().sum().backward()
    assert x.grad.isfinite().all()
    assert not x.grad[:, 2].any()
    assert not x.grad[:, :, :, 3].any()
    assert all(parameter.grad.any() for parameter in layer.parameters())
    with torch.no_grad():
        torch.testing.assert_close(layer(x, presence), layer(x[:, :2, :, :3]), **TOLERANCE)


def test_dropout_works_in_training_only():
    layer, x = head(dropout=0.5), features()
    assert not torch.equal(layer.train()(x), layer.train()(x))
    assert torch.equal(layer.eval()(x), layer.eval()(x))
    torch.testing.assert_close(layer(x), head()(x), **TOLERANCE)


@pytest.mark.parametrize('pooling', ['average', 'average_and_max'])
def test_scores_under_bfloat16_autocast_are_float32(pooling):
    layer, x = head(pooling=pooling).float(), features().float()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        scores = layer(x)
        losses = layer.loss(x, labels(3))
    assert scores.dtype == torch.float32
    torch.testing.assert_close(scores, layer(x), rtol=0.02, atol=0.02)
    assert losses['loss_cls'].isfinite()


def test_predictions_average_the_clips():
    layer, x = head(), features()
    presence = torch.ones(3, 2, 4, dtype=torch.bool)
    (sample,) = layer.predict(x, labels(1), presence=presence)  # three clips of one sample
    torch.testing.assert_close(sample.pred_score, layer(x).softmax(dim=1).mean(dim=0), **TOLERANCE)
    assert sample.pred_label.item() == sample.pred_score.argmax()


@pytest.mark.parametrize(('loss_weight', 'target'), [(0.1, 0.5), (3.0, -0.25), (0.0, 0.5)])
def test_regularisation_is_equation_11_summed(loss_weight, target):
    values = [0.5, 0.9, -0.3]
    alphas = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]
    loss = ThresholdRegularization(loss_weight, target)(alphas)
    assert loss.item() == pytest.approx(loss_weight * sum((value - target) ** 2 for value in values), abs=1e-12)
    loss.backward()
    for value, alpha in zip(values, alphas, strict=True):
        assert alpha.grad.item() == pytest.approx(2 * loss_weight * (value - target), abs=1e-12)


def test_regularisation_is_registered_with_the_papers_target():
    loss = MODELS.build(dict(type='ThresholdRegularization'))
    assert loss([torch.tensor(0.5)]) == 0
    assert loss([torch.tensor(1.5)]) > 0


def test_errors():
    with pytest.raises(ValueError, match="pooling must be one of .*, got 'max'"):
        InteractionHead(num_classes=5, in_channels=8, pooling='max')
    with pytest.raises(ValueError, match='loss_weight must not be negative, got -1'):
        ThresholdRegularization(-1)
