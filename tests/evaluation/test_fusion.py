"""Late fusion: weighted sums by hand, weights chosen on other folds only, and what does not belong together."""

import numpy as np
import pytest

from asea_mm.evaluation.fusion import align, choose_weights, cross_validated_weights, fuse
from asea_mm.evaluation.scores import StreamScores
from asea_mm.evaluation.statistics import as_percent, summarise_runs


def stream(scores, labels, ids=None):
    scores = np.array(scores, dtype=float)
    return StreamScores(tuple(ids or (f's{k}' for k in range(len(labels)))), scores, np.array(labels))


def write(path, of):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, scores=of.scores, labels=of.labels, ids=np.array(of.ids))
    return path


# The first stream knows sample 0 only, the second sample 1 only; together, with even weights, they know both.
FIRST = stream([[0.9, 0.1], [0.6, 0.4]], [0, 1])
SECOND = stream([[0.4, 0.6], [0.1, 0.9]], [0, 1])


def test_fusion_is_the_weighted_mean_of_scores():
    fused = fuse([FIRST, SECOND], (3, 1))
    np.testing.assert_allclose(fused.scores, [[0.775, 0.225], [0.475, 0.525]])
    assert (FIRST.top1, SECOND.top1, fused.top1) == (0.5, 0.5, 1.0)


def test_the_product_rule_is_the_geometric_mean_made_to_add_up():
    fused = fuse([FIRST, SECOND], (1, 1), 'product')
    roots = np.sqrt([[0.9 * 0.4, 0.1 * 0.6], [0.6 * 0.1, 0.4 * 0.9]])
    np.testing.assert_allclose(fused.scores, roots / roots.sum(axis=1, keepdims=True))
    heavy = fuse([FIRST, SECOND], (3, 1), 'product').scores[0]
    assert heavy[0] / heavy[1] == pytest.approx((0.9 / 0.1) ** 0.75 * (0.4 / 0.6) ** 0.25)


def test_a_stream_that_is_sure_outvotes_by_the_product_rule_only():
    sure, unsure = stream([[0.999, 0.001]], [0]), stream([[0.04, 0.96]], [0])
    weights = (0.4, 0.6)
    assert fuse([sure, unsure], weights).top1 == 0
    assert fuse([sure, unsure], weights, 'product').top1 == 1
    assert choose_weights([[unsure, sure]], rule='product') == (0.5, 0.5)
    never = fuse([stream([[1.0, 0.0]], [0]), stream([[0.0, 1.0]], [0])], (1, 1), 'product')
    np.testing.assert_allclose(never.scores, [[0.5, 0.5]], err_msg='a probability of zero is no veto without end')


@pytest.mark.parametrize(
    ('weights', 'rule', 'message'),
    [
        *((weights, 'sum', 'expected 2 weights') for weights in [(1,), (1, -1), (0, 0), (1, float('nan'))]),
        ((1, 1), 'max', 'one of the rules'),
        ((1, 1), 'product', 'expected probabilities'),
    ],
)
def test_wrong_weights_and_rules_are_refused(weights, rule, message):
    with pytest.raises(ValueError, match=message):
        fuse([FIRST, stream([[3, -1], [0, 2]], [0, 1])], weights, rule)


def test_weights_are_the_best_and_of_equal_ones_the_most_even():
    good, bad = stream([[0.6, 0.4], [0.45, 0.55]], [0, 1]), stream([[0.1, 0.9], [0.9, 0.1]], [0, 1])
    weights = choose_weights([[good, bad]])
    assert fuse([good, bad], weights).top1 == 1.0
    assert weights == (0.9, 0.1)  # 0.8 and 0.2: 0.50 each for sample 0
    assert choose_weights([[good, good]]) == (0.5, 0.5)
    assert choose_weights([[good, bad, good]]) == (0.4, 0.1, 0.5)


def test_a_fold_has_no_say_in_its_own_weights():
    good, bad = stream([[0.6, 0.4], [0.4, 0.6]], [0, 1]), stream([[0.0, 1.0], [1.0, 0.0]], [0, 1])
    groups = {1: [[good, bad]], 2: [[good, bad]], 3: [[bad, good]]}
    weights = cross_validated_weights(groups)
    assert weights[3][0] > 0.5, 'folds 1 and 2 trust the first stream, and fold 3 must not know better'
    changed = cross_validated_weights(groups | {3: [[good, bad]]})
    assert changed[3] == weights[3]
    # each of two folds takes what is best for the other, which is worst for itself
    assert cross_validated_weights({1: [[good, bad]], 2: [[bad, good]]}) == {1: (0.1, 0.9), 2: (0.9, 0.1)}
    with pytest.raises(ValueError, match='at least two folds'):
        cross_validated_weights({1: [[good, bad]]})


def test_streams_are_brought_into_one_order():
    aligned = align({'a': FIRST, 'b': SECOND.at(['s1', 's0'])})
    np.testing.assert_array_equal(aligned['b'].scores, SECOND.scores)


@pytest.mark.parametrize(
    ('other', 'message'),
    [
        (stream(np.eye(2), [0, 1], ['s0', 's7']), "b and a are of different samples: 2 .* 's1'"),
        (stream(np.eye(3)[:2], [0, 1]), 'numbers of classes, 3 and 2'),
        (stream(np.eye(2), [0, 0]), "different labels for 1 samples, e.g. 's1'"),
    ],
)
def test_streams_of_something_else_are_refused(other, message):
    with pytest.raises(ValueError, match=message):
        align({'a': FIRST, 'b': other})


def test_summary_of_runs_by_hand():
    accuracy = {(1, 0): 0.5, (2, 0): 1.0, (1, 1): 0.75, (2, 1): 1.0}
    summary = summarise_runs(accuracy, {(1, 0): 4, (2, 0): 12, (1, 1): 4, (2, 1): 12})
    assert summary['mean_of_folds']['values'] == [0.75, 0.875]
    assert summary['pooled']['values'] == [0.875, 0.9375]
    assert as_percent(summary['per_fold']['1']) == '62.50 ± 17.68'
    with pytest.raises(ValueError, match='every fold with every seed'):
        summarise_runs({(1, 0): 0.5, (2, 1): 1.0}, {(1, 0): 4, (2, 1): 12})
