"""Late fusion: the weighted mean of the scores that several streams give the same samples."""

from collections.abc import Hashable, Mapping, Sequence
from itertools import product
from numbers import Real

import numpy as np

from ..errors import InputError
from .report import are_probabilities
from .scores import StreamScores

RULES = ('sum', 'product')


def align(streams: Mapping[str, StreamScores]) -> dict[str, StreamScores]:
    """Bring all streams to the order of samples of the first.

    Raises:
        InputError: If the streams differ in their samples, in labels or in the number of classes.
    """
    first_name, first = next(iter(streams.items()))
    aligned = {}
    for name, stream in streams.items():
        if missing := sorted(set(first.ids) ^ set(stream.ids)):
            raise InputError(
                f'{name} and {first_name} are of different samples: {len(missing)} are in one only, e.g. {missing[0]!r}'
            )
        if stream.scores.shape[1] != first.scores.shape[1]:
            classes = f'{stream.scores.shape[1]} and {first.scores.shape[1]}'
            raise InputError(f'{name} and {first_name} have different numbers of classes, {classes}')
        aligned[name] = stream.at(first.ids)
        if (differ := aligned[name].labels != first.labels).any():
            sample = f'{differ.sum()} samples, e.g. {first.ids[int(differ.argmax())]!r}'
            raise InputError(f'{name} and {first_name} have different labels for {sample}')
    return aligned


def fuse(streams: Sequence[StreamScores], weights: Sequence[float], rule: str = 'sum') -> StreamScores:
    """Weighted mean of the scores of aligned streams.

    Args:
        streams: Aligned streams.
        weights: A weight for each of them.
        rule: ``'sum'`` for the arithmetic mean, as the field fuses streams; ``'product'`` for the geometric mean of
            probabilities, made to add up to one again, by which a stream that is sure outvotes one that is not
            (Kittler et al., TPAMI 1998). Probabilities below 1e-6 count as 1e-6.

    Raises:
        InputError: As of :func:`fuse_scores`.
    """
    scores = fuse_scores(np.stack([stream.scores for stream in streams]), weights, rule)
    return StreamScores(streams[0].ids, scores, streams[0].labels)


def fuse_scores(scores: np.ndarray, weights: Sequence[float], rule: str = 'sum') -> np.ndarray:
    """:func:`fuse` for bare scores.

    Shapes:
        scores: ``(streams, samples, classes)``; returns ``(samples, classes)``

    Raises:
        InputError: As of :func:`shares_of`; if the rule is ``'product'`` and the scores are no probabilities.
    """
    shares = shares_of(weights, rule, len(scores))
    if rule == 'sum':
        return np.tensordot(shares, scores, axes=1)
    if not are_probabilities(scores):
        raise InputError("fusion by the rule 'product': expected probabilities, got scores that are none")
    fused = np.exp(np.tensordot(shares, np.log(np.maximum(scores, 1e-6)), axes=1))
    return fused / fused.sum(axis=1, keepdims=True)


def shares_of(weights: Sequence[float], rule: str, count: int) -> np.ndarray:
    """Weights that add up to one, of so many streams.

    Raises:
        InputError: If there is not one finite weight of at least 0 for each stream, or all are 0, or the rule is
            unknown.
    """
    numbers = [weight for weight in weights if isinstance(weight, Real) and 0 <= weight < float('inf')]
    if len(numbers) != count or len(weights) != count or not any(numbers):
        expected = f'{count} weights of at least 0, not all 0'
        raise InputError(f'fusion of {count} streams: expected {expected}, got {list(weights)}')
    if rule not in RULES:
        raise InputError(f'fusion: expected one of the rules {", ".join(RULES)}, got {rule!r}')
    return np.asarray(numbers, dtype=np.float64) / sum(numbers)


def choose_weights(groups: Sequence[Sequence[StreamScores]], rule: str = 'sum') -> tuple[float, ...]:
    """Weights in tenths that add up to 1, with the most correct samples; of equal ones the most even.

    Args:
        groups: Aligned streams of each group of samples, e.g. of a fold.
        rule: As of :func:`fuse`.
    """
    grid = [parts for parts in product(range(11), repeat=len(groups[0])) if sum(parts) == 10]
    grid.sort(key=lambda parts: (sum(part * part for part in parts), parts))

    def correct(weights: tuple[float, ...]) -> int:
        fused = (fuse(streams, weights, rule) for streams in groups)
        return sum(int((stream.scores.argmax(axis=1) == stream.labels).sum()) for stream in fused)

    return max((tuple(part / 10 for part in parts) for parts in grid), key=correct)  # the first of equal ones


def cross_validated_weights(
    groups: Mapping[Hashable, Sequence[Sequence[StreamScores]]], rule: str = 'sum'
) -> dict[Hashable, tuple[float, ...]]:
    """Weights for each fold that were chosen on the others, so that no sample has a say in its own.

    Args:
        groups: For each fold the aligned streams of its runs.
        rule: As of :func:`fuse`.

    Raises:
        InputError: If there are fewer than two folds.
    """
    if len(groups) < 2:
        raise InputError(f'cross-validated weights need at least two folds, got {len(groups)}')
    return {
        fold: choose_weights([run for other, runs in groups.items() if other != fold for run in runs], rule)
        for fold in groups
    }
