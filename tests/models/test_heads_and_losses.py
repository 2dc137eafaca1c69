"""The head that averages over those who are there, and the threshold regularisation, Eq. 11."""

import pytest
import torch
from mmaction.models.heads import GCNHead
from mmaction.registry import MODELS

from asea_mm.errors import InputError
from asea_mm.models import InteractionHead, ThresholdRegularization

from . import TOLERANCE, randomise


def features(persons=2, frames=4, seed=0):
    torch.manual_seed(seed)
    return torch.randn(3, persons, 8, frames, 6, dtype=torch.float64)


def head(kind=InteractionHead, seed=0, **options):
    torch.manual_seed(seed)
    return randomise(kind(num_classes=5, in_channels=8, **options).double())


@pytest.mark.parametrize('persons', [1, 2, 3])
def test_where_all_are_present_it_is_gcn_head_and_so_are_its_checkpoints(persons):
    ours, theirs, x = head(), head(GCNHead, seed=1), features(persons)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    for presence in (None, torch.ones(3, persons, 4, dtype=torch.bool)):
        torch.testing.assert_close(ours(x, presence), theirs(x), **TOLERANCE)


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


def test_dropout_works_in_training_only():
    layer, x = head(dropout=0.5), features()
    assert not torch.equal(layer.train()(x), layer.train()(x))
    assert torch.equal(layer.eval()(x), layer.eval()(x))
    torch.testing.assert_close(layer(x), head()(x), **TOLERANCE)


@pytest.mark.parametrize(('loss_weight', 'target'), [(0.1, 0.5), (3.0, -0.25)])
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
