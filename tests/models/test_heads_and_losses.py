"""The head that averages over those who are there, and the threshold regularisation, Eq. 11."""

import pytest
import torch
from mmaction.models.heads import GCNHead
from mmaction.registry import MODELS

from asea_mm.errors import InputError
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
    for presence in (None, torch.ones(3, persons, 4, dtype=torch.bool)):
        torch.testing.assert_close(other(x, presence), theirs(x), **TOLERANCE)


def test_average_over_present_persons_and_frames_by_hand():
    layer, x = head(), features(frames=3)
    presence = torch.zeros(3, 2, 3, dtype=torch.bool)
    presence[0, 0, :2] = True
    presence[0, 1, 2] = True
    presence[1, 1] = True  # and nobody in the third sample
    pooled = torch.zeros(3, 8, dtype=torch.float64)
    pooled[0] = (x[0, 0, :, 0] + x[0, 0, :, 1] + x[0, 1, :, 2]).mean(dim=-1) / 3
    pooled[1] = x[1, 1].mean(dim=(1, 2))
    torch.testing.assert_close(layer(x, presence), layer.fc(pooled), **TOLERANCE)


def test_what_absent_persons_and_frames_hold_changes_nothing():
    layer, x = head(), features(persons=3)
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


def test_scores_under_bfloat16_autocast_are_float32():
    layer, x = head().float(), features().float()
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


def test_regularisation_has_the_papers_target():
    assert MODELS.build(dict(type='ThresholdRegularization'))([torch.tensor(0.5)]) == 0
    with pytest.raises(InputError, match='loss_weight must not be negative, got -1'):
        ThresholdRegularization(-1)
