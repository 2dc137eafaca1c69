"""Temperature scaling."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from asea_mm.errors import InputError
from asea_mm.evaluation.calibration import calibrated, expected_calibration_error, fit_temperature


def samples(temperature, count=4000, classes=5):
    """Labels drawn from the probabilities of logits, and logits that are too sure by a temperature."""
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2, size=(count, classes))
    labels = np.array([rng.choice(classes, p=row) for row in softmax(logits, axis=1)])
    return logits * temperature, labels


@pytest.mark.parametrize('temperature', [0.5, 1.0, 3.0])
def test_true_temperature_is_found(temperature):
    logits, labels = samples(temperature)
    for scores in (softmax(logits, axis=1), logits):
        found = fit_temperature(scores, labels)
        assert found == pytest.approx(temperature, rel=0.1)
        after = calibrated(scores, found)
        assert np.array_equal(after.argmax(axis=1), logits.argmax(axis=1))
        assert after.sum(axis=1) == pytest.approx(1)
        assert expected_calibration_error(after, labels) < 0.03
    if temperature == 3:
        assert expected_calibration_error(softmax(logits, axis=1), labels) > 0.1


def test_temperature_of_one_changes_nothing():
    logits, _ = samples(1.0, 10)
    assert calibrated(softmax(logits, axis=1), 1.0) == pytest.approx(softmax(logits, axis=1))
    assert np.log(calibrated(logits, 2.0)) == pytest.approx(log_softmax(logits / 2, axis=1))


def test_error_by_hand():
    scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]])
    labels = np.array([0, 1, 0, 1])
    assert expected_calibration_error(scores, labels) == pytest.approx((abs(1.8 - 1) + abs(1.2 - 2)) / 4)


@pytest.mark.parametrize('labels', [np.array([0, 2]), np.array([0]), np.zeros(0, int)])
def test_wrong_labels(labels):
    with pytest.raises(InputError):
        fit_temperature(np.full((2, 2), 0.5), labels)
