"""Late fusion: weighted sums by hand, weights chosen on other folds only, and what does not belong together."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from asea_mm.evaluation.fusion import align, choose_weights, cross_validated_weights, fuse, parts_of, weight_grid
from asea_mm.evaluation.scores import StreamScores, read_runs, read_scores, write_runs
from asea_mm.evaluation.statistics import as_percent, summarise_runs

TOOL = Path(__file__).parents[2] / 'tools' / 'fuse_streams.py'


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


def test_rules_and_their_scores_are_checked():
    with pytest.raises(ValueError, match="one of the rules sum, product, got 'max'"):
        fuse([FIRST, SECOND], (1, 1), 'max')
    with pytest.raises(ValueError, match="'product': expected probabilities"):
        fuse([FIRST, stream([[3, -1], [0, 2]], [0, 1])], (1, 1), 'product')


@pytest.mark.parametrize('weights', [(1,), (1, -1), (0, 0), (1, float('nan')), (1, float('inf'))])
def test_wrong_weights_are_refused(weights):
    with pytest.raises(ValueError, match='expected 2 weights'):
        fuse([FIRST, SECOND], weights)


@pytest.mark.parametrize(('streams', 'steps'), [(2, 10), (3, 4)])
def test_grid_is_a_simplex_and_begins_with_the_most_even(streams, steps):
    grid = weight_grid(streams, steps)
    np.testing.assert_allclose([sum(weights) for weights in grid], 1)
    assert len(set(grid)) == len(grid)
    spread = [max(weights) - min(weights) for weights in grid]
    assert spread[0] == min(spread)
    assert (1.0, *[0.0] * (streams - 1)) in grid


def test_weights_are_the_best_and_of_equal_ones_the_most_even():
    good, bad = stream([[0.6, 0.4], [0.45, 0.55]], [0, 1]), stream([[0.1, 0.9], [0.9, 0.1]], [0, 1])
    weights = choose_weights([[good, bad]])
    assert fuse([good, bad], weights).top1 == 1.0
    assert weights == (0.9, 0.1)  # 0.8 and 0.2: 0.50 each for sample 0
    assert choose_weights([[good, good]]) == (0.5, 0.5)


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


def test_parts_have_every_sample_once():
    streams = [stream(np.eye(7), range(7)), stream(np.ones((7, 7)), range(7))]
    parts = parts_of(streams, 3)
    ids = [name for runs in parts.values() for one in runs for name in one[0].ids]
    assert sorted(ids) == sorted(streams[0].ids)
    for runs in parts.values():
        assert runs[0][0].ids == runs[0][1].ids
    with pytest.raises(ValueError, match='3 parts of 2'):
        parts_of([FIRST, SECOND], 3)


def test_streams_are_brought_into_one_order():
    other = SECOND.at(['s1', 's0'])
    aligned = align({'a': FIRST, 'b': other})
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


def tool(monkeypatch, *arguments):
    monkeypatch.setattr(sys, 'argv', ['fuse_streams.py', *map(str, arguments)])
    runpy.run_path(str(TOOL))['main']()


def cross_validation(folder, of, finished=(1, 2), names=('fold1_seed0', 'fold2_seed0')):
    for number, name in enumerate(names, 1):
        run = folder / name
        write(run / 'test' / 'scores.npz', of)
        if number in finished:
            result = {'commit': 'abc', 'settings': {'config': 'configs/asea_sbu.py', 'options': []}}
            (run / 'result.json').write_text(json.dumps(result))
    return folder


@pytest.mark.parametrize('weights', [[], ['--weights', '3', '1'], ['--weights', 'cv'], ['--rule', 'product']])
def test_tool_fuses_cross_validations(tmp_path, monkeypatch, capsys, weights):
    first, second = cross_validation(tmp_path / 'joint', FIRST), cross_validation(tmp_path / 'bone', SECOND)
    tool(monkeypatch, first, second, *weights, '--out', tmp_path / 'out' / 'fused')
    result = json.loads((tmp_path / 'out' / 'fused.json').read_text())
    assert result['num_runs'] == 2
    assert [row['accuracy']['pooled']['mean'] for row in result['streams']] == [0.5, 0.5]
    assert result['fused']['accuracy']['pooled']['mean'] == 1.0
    assert result['fused']['accuracy']['per_fold'].keys() == {'1', '2'}
    assert result['streams'][0]['config'] == 'configs/asea_sbu.py'
    assert result['rule'] == ('product' if 'product' in weights else 'sum')
    loss = -(np.log(0.9) + np.log(0.4)) / 2
    assert result['streams'][0]['cross_entropy']['pooled']['mean'] == pytest.approx(loss)
    page = (tmp_path / 'out' / 'fused.md').read_text()
    assert f'| {tmp_path / "joint"} | 50.00 | 50.00 | 50.00 | 50.00 | {loss:.3f} |' in page
    assert '| fused | 100.00 | 100.00 | 100.00 | 100.00 |' in page
    assert 'fused' in capsys.readouterr().out


def test_tool_fuses_files_of_cross_validations_as_it_does_their_folders(tmp_path, monkeypatch):
    folders = [cross_validation(tmp_path / name, of) for name, of in (('joint', FIRST), ('bone', SECOND))]
    for folder, name in zip(folders, ('a', 'b'), strict=True):
        write_runs(tmp_path / f'{name}.npz', read_runs(folder), ['hug', 'push'])
    (tmp_path / 'a.json').write_text(json.dumps({'runs': [{'commit': 'abc', 'settings': {'config': 'a.py'}}]}))
    tool(monkeypatch, *folders, '--rule', 'product', '--out', tmp_path / 'of_folders')
    tool(monkeypatch, tmp_path / 'a.npz', tmp_path / 'b.npz', '--rule', 'product', '--out', tmp_path / 'of_files')
    of_folders, of_files = (json.loads((tmp_path / f'{name}.json').read_text()) for name in ('of_folders', 'of_files'))
    assert of_files['fused']['accuracy'] == of_folders['fused']['accuracy']
    assert of_files['fused']['cross_entropy']['pooled']['mean'] == pytest.approx(
        of_folders['fused']['cross_entropy']['pooled']['mean'], rel=1e-6
    )
    assert of_files['classes'] == ['hug', 'push']
    assert [row['config'] for row in of_files['streams']] == ['a.py', None]
    assert of_files['streams'][0]['commits'] == ['abc']
    # and what is fused can be fused again
    tool(monkeypatch, tmp_path / 'of_files.npz', tmp_path / 'b.npz', '--out', tmp_path / 'again')
    assert json.loads((tmp_path / 'again.json').read_text())['num_runs'] == 2
    (tmp_path / 'a.json').write_text('{')
    with pytest.raises(ValueError, match=r'a\.json: expected a JSON file'):
        tool(monkeypatch, tmp_path / 'a.npz', tmp_path / 'b.npz')


def test_tool_lists_what_the_fusion_gets_wrong(tmp_path, monkeypatch, capsys):
    first, second = cross_validation(tmp_path / 'joint', FIRST), cross_validation(tmp_path / 'bone', SECOND)
    (first / 'fold1_seed0' / 'test' / 'report.json').write_text(json.dumps({'classes': ['hug', 'push']}))
    tool(monkeypatch, first, second, '--weights', '1', '0', '--out', tmp_path / 'fused')
    assert 'Errors of the fused scores: 2, of 1 different samples.' in capsys.readouterr().out
    assert '| s1 | push | 2 of 2 | hug 2× |' in (tmp_path / 'fused.md').read_text()
    assert json.loads((tmp_path / 'fused.json').read_text())['wrong'] == [
        {'name': 's1', 'label': 1, 'tested': 2, 'predicted': {'0': 2}}
    ]
    tool(monkeypatch, first, second, '--out', tmp_path / 'fused')
    assert (tmp_path / 'fused.md').read_text().endswith('Errors of the fused scores: 0, of 0 different samples.\n')


def test_tool_fuses_several_seeds_of_data_without_folds(tmp_path, monkeypatch):
    names = ('fold0_seed0', 'fold0_seed1')
    paths = [cross_validation(tmp_path / name, of, names=names) for name, of in (('joint', FIRST), ('bone', SECOND))]
    tool(monkeypatch, *paths, '--weights', '3', '1', '--out', tmp_path / 'fused')
    page = (tmp_path / 'fused.md').read_text()
    assert '| stream | top-1 |' in page
    assert '| fused | 100.00 ± 0.00 |' in page
    assert '2 runs of each stream, mean ± std over seeds' in page
    assert '- all samples: 3, 1' in page


@pytest.mark.parametrize(('rule', 'hits'), [('sum', 0.0), ('product', 1.0)])
def test_tool_fuses_by_the_rule_that_is_wanted(tmp_path, monkeypatch, rule, hits):
    # of class 0; the mean has more for class 1, the product for class 0, which no stream excludes
    first = write(tmp_path / 'a' / 'scores.npz', stream([[0.4, 0.3, 0.3]] * 6, [0] * 6, [f's{k}' for k in range(6)]))
    second = write(tmp_path / 'b' / 'scores.npz', stream([[0.2, 0.8, 0.0]] * 6, [0] * 6, [f's{k}' for k in range(6)]))
    third = write(tmp_path / 'c' / 'scores.npz', stream([[0.2, 0.0, 0.8]] * 6, [0] * 6, [f's{k}' for k in range(6)]))
    for weights in ([], ['--weights', '1', '1', '1']):
        tool(monkeypatch, first, second, third, '--rule', rule, *weights, '--out', tmp_path / 'fused')
        assert read_scores(tmp_path / 'fused.npz').top1 == hits


def test_tool_takes_the_seeds_that_are_wanted(tmp_path, monkeypatch):
    first = cross_validation(tmp_path / 'joint', FIRST, names=('fold1_seed0', 'fold2_seed0'))
    second = cross_validation(tmp_path / 'bone', SECOND, names=('fold1_seed0', 'fold2_seed0'))
    cross_validation(second, FIRST, names=('fold1_seed1', 'fold2_seed1'))
    with pytest.raises(ValueError, match='bone has the runs'):
        tool(monkeypatch, first, second)
    tool(monkeypatch, first, second, '--seeds', '0', '--out', tmp_path / 'fused')
    result = json.loads((tmp_path / 'fused.json').read_text())
    assert result['num_runs'] == 2
    assert result['fused']['accuracy']['pooled']['mean'] == 1.0
    with pytest.raises(ValueError, match=r'joint has no run of the seeds \[1\]'):
        tool(monkeypatch, first, second, '--seeds', '1')


@pytest.mark.parametrize('weights', [[], ['--weights', 'cv']])
def test_tool_fuses_single_tests_into_scores_that_can_be_fused_again(tmp_path, monkeypatch, weights):
    ids = [f's{k}' for k in range(10)]
    labels = [0, 1] * 5
    paths = [
        write(tmp_path / name / 'scores.npz', stream(np.tile(of.scores, (5, 1)), labels, ids))
        for name, of in (('joint', FIRST), ('bone', SECOND))
    ]
    tool(monkeypatch, paths[0], paths[1].parent, *weights, '--out', tmp_path / 'fused')
    fused = read_scores(tmp_path / 'fused.npz')
    assert fused.top1 == 1.0
    assert sorted(fused.ids) == sorted(ids)
    assert '| fused | 100.00 |' in (tmp_path / 'fused.md').read_text()


def test_tool_refuses_what_does_not_fit(tmp_path, monkeypatch):
    first = cross_validation(tmp_path / 'joint', FIRST)
    half = cross_validation(tmp_path / 'half', SECOND, finished=(1,))
    (tmp_path / 'empty').mkdir()
    for arguments, message in (
        ([first], 'at least two streams'),
        ([first, first], 'given twice'),
        ([first, half], r'half has the runs'),
        ([first, tmp_path / 'empty'], 'finished runs of cross-validation'),
        ([first, half, '--weights', '1'], 'expected one for each of 2'),
        ([first, half, '--weights', 'best'], "numbers or 'cv'"),
    ):
        with pytest.raises(ValueError, match=message):
            tool(monkeypatch, *arguments)
