"""Scores that say how sure a model is: temperature scaling, and how far off they are.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from ..errors import InputError

LEAST_PROBABILITY = 1e-12  # where its logarithm is taken
BINS = 15  # of the expected calibration error, as Guo et al. have
COLDEST, HOTTEST = 0.05, 20.0


def calibrated(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities at a temperature: ``softmax(log(p) / temperature)``; the order of classes stays.

    Shapes:
        scores: ``(..., classes)``, probabilities, or logits where a row does not sum up to one; returns the same
    """
    return np.asarray(softmax(_logs(scores) / temperature, axis=-1))


def fit_temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """The temperature of the least cross-entropy.

    Args:
        scores: Of validation samples, which the model was not trained on.
        labels: True classes.

    Shapes:
        scores ``(samples, classes)``, as of :func:`calibrated`; labels ``(samples,)``, int

    Raises:
        InputError: If there is no sample, or a label is no class.
    """
    _check(scores, labels)
    logs, rows = _logs(scores), np.arange(len(labels))

    def cross_entropy(log_temperature: float) -> float:
        return float(-log_softmax(logs / np.exp(log_temperature), axis=-1)[rows, labels].mean())

    found = minimize_scalar(cross_entropy, bounds=tuple(np.log([COLDEST, HOTTEST])), method='bounded')
    return float(np.exp(found.x))


def expected_calibration_error(scores: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """Mean difference of how sure the model is and how often it is right, over bins of equal width (Eq. 3 there).

    Shapes:
        scores ``(samples, classes)``, probabilities; labels ``(samples,)``, int

    Raises:
        InputError: As of :func:`fit_temperature`.
    """
    _check(scores, labels)
    sure = scores.max(axis=1)
    right = scores.argmax(axis=1) == labels
    place = np.minimum((sure * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    gap = np.abs(np.bincount(place, sure, bins) - np.bincount(place, right, bins))
    return float(gap[count > 0].sum() / len(labels))


def _logs(scores: np.ndarray) -> np.ndarray:
    scores = np.asarray(scores, dtype=np.float64)
    likely = bool((scores >= 0).all()) and bool((np.abs(scores.sum(axis=-1) - 1) < 1e-3).all())
    return np.log(np.maximum(scores, LEAST_PROBABILITY)) if likely else scores


def _check(scores: np.ndarray, labels: np.ndarray) -> None:
    if scores.ndim != 2 or labels.shape != scores.shape[:1] or not len(labels):
        raise InputError(f'calibration: expected scores (samples, classes), got {scores.shape} for {labels.shape}')
    if labels.min() < 0 or labels.max() >= scores.shape[1]:
        raise InputError(f'calibration: expected labels below {scores.shape[1]}, got up to {labels.max()}')
