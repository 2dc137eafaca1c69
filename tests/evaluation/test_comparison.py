"""Paired differences and p-values by hand, and what a page of results says."""

import json

import pytest

from asea_mm.evaluation.comparison import Entry, compare, comparison_page, read_result, sign_flip_test


def run(fold=1, seed=0, last=0.9, best=None, **changed):
    return {
        'settings': {'config': 'a.py', 'options': []},
        'fold': fold,
        'seed': seed,
        'commit': 'aaaa',
        'num_samples': 50,
        'last_top1': last,
        'best_top1': last if best is None else best,
        'epochs': 80,
        'seconds': 1800,
        **changed,
    }


def entry(label, runs, reference, **changed):
    return Entry(
        **{'label': label, 'runs': runs, 'state': 'not run', 'command': f'do {label}', **changed}, reference=reference
    )


@pytest.mark.parametrize(
    ('differences', 'expected'),
    [
        ([], 1),
        ([0, 0, 0], 1),
        ([2], 1),  # +2 and -2 are both as far from zero
        ([1, 2], 2 / 4),
        ([1, 2, 3], 2 / 8),  # only all signs alike give a sum of 6
        ([3, 1, -1], 6 / 8),  # sums 5 3 3 1 and their negatives: six are 3 or more away
        ([0.02, -0.01, -0.01], 1),
        ([0, 0.3, 0.2, 0, 0.1], 2 / 8),  # zeros change nothing
        ([0.1] * 5, 2 / 32),
        ([0.1] * 6, 2 / 64),
        ([0.1] * 5 + [-0.1], 14 / 64),  # at most one sign that differs: 2 * (1 + 6)
        ([-0.1] * 15, 2 / 2**15),
    ],
)
def test_p_values_by_hand(differences, expected):
    assert sign_flip_test(differences) == pytest.approx(expected)


def test_p_value_of_many_pairs_is_estimated_with_a_fixed_seed():
    many = [0.02, -0.01] * 10
    assert sign_flip_test(many) == sign_flip_test(many)
    # z = 0.1 / sqrt(10 * (0.02**2 + 0.01**2)), so p is about 0.16, more as sums are discrete
    assert 0.12 < sign_flip_test(many) < 0.25


def test_pairs_are_of_the_same_fold_seed_epochs_and_samples():
    runs = [run(1, 0, 0.9), run(2, 0, 0.8), run(3, 0, 0.7), run(4, 0, 0.6), run(1, 1, 0.5)]
    reference = [run(1, 0, 0.8), run(2, 0, 0.9), run(3, 0, 0.1, epochs=10), run(4, 0, 0.1, num_samples=9), run(2, 1)]
    comparison = compare(runs, reference)
    assert comparison.differences == pytest.approx({(1, 0): 0.1, (2, 0): -0.1})
    assert comparison.left_out == ((3, 0), (4, 0))
    assert comparison.summary['mean'] == pytest.approx(0)
    assert comparison.summary['std'] == pytest.approx(0.1 * 2**0.5)


@pytest.mark.parametrize(
    ('shift', 'folds', 'verdict'),
    [
        (0.1, 6, 'better (p = 0.031)'),
        (-0.1, 6, 'worse (p = 0.031)'),
        (0.1, 5, 'too few pairs (p = 0.062)'),
        (0, 6, 'within noise (p = 1.000)'),
        (0.1, 15, 'better (p < 0.001)'),
    ],
)
def test_verdict(shift, folds, verdict):
    reference = [run(fold, last=0.5) for fold in range(folds)]
    assert compare([run(fold, last=0.5 + shift) for fold in range(folds)], reference).verdict == verdict


def test_no_pairs_no_verdict():
    assert compare([run(1)], [run(2)]).verdict == '-'


PLAIN = [run(1, 0, 0.80), run(1, 1, 0.90), run(2, 0, 0.60), run(2, 1, 0.70)]  # 70 with seed 0, 80 with seed 1
OTHER = [run(1, 0, 0.82, 0.9), run(1, 1, 0.94, 0.96), run(2, 0, 0.60, 0.7), run(2, 1, 0.70, 0.8)]


def test_page():
    other = [{**r, 'commit': 'bbbb-dirty'} for r in OTHER]
    short = [run(1, 0, 0.5, epochs=10), run(2, 0, 0.4)]
    entries = {
        'plain': entry('Plain', PLAIN, 'plain', published='99.10 (SBU; Table 2)'),
        'other': entry('Other | more', other, 'plain'),
        'short': entry('Short', short, 'other', own_reference=True),
        'ntu': entry('NTU', [], 'plain', state='not run: no data', published='90.52 (NTU-26 X-Sub; Table 1)'),
    }
    page = comparison_page('Title', 'Note.', entries, 'plain', ['Theirs: 98 (SBU; Table 2)'])
    rows = [line for line in page.splitlines() if line.startswith('| ')]
    assert rows[1] == (
        '| Plain | 2 × 2 | 80 | 75.00 ± 7.07 | 75.00 ± 7.07 | reference | - | 99.10 (SBU; Table 2) | aaaa | 2.0 |'
    )
    # differences 2, 4, 0, 0: mean 1.5, variance (0.25 + 6.25 + 2.25 + 2.25) / 3; p of 2 and 4 alone: 2 / 4
    assert rows[2] == (
        '| Other \\| more | 2 × 2 | 80 | 76.50 ± 7.78 | 84.00 ± 5.66 | +1.50 ± 1.91 (4 pairs) | '
        'too few pairs (p = 0.500) | - | bbbb-dirty | 2.0 |'
    )
    assert rows[3].startswith(
        '| Short | 2 × 1 | 10, 80 | 45.00 | 45.00 | -20.00 (1 pair) to Other \\| more | too few pairs'
    )
    assert rows[4] == '| NTU | not run: no data | - | - | - | - | - | 90.52 (NTU-26 X-Sub; Table 1) | - | - |'
    assert rows[5] == '|  | to | fold 1 seed 0 | fold 1 seed 1 | fold 2 seed 0 | fold 2 seed 1 |'
    assert rows[6] == '| Other \\| more | Plain | +2.00 | +4.00 | +0.00 | +0.00 |'
    assert rows[7] == '| Short | Other \\| more | - | - | -20.00 | - |'
    assert 'different commits**, so differences may come from the code: aaaa (Plain, Short); bbbb-dirty (Other' in page
    assert 'Not compared, Short with Other | more, as epochs or samples differ: fold 1 seed 0.' in page
    assert '- Theirs: 98 (SBU; Table 2)' in page
    assert page.endswith('- Short: `do Short`\n- NTU, not run: no data: `do NTU`\n')


def test_a_picture_is_linked_if_there_is_one():
    entries = {'a': entry('A', PLAIN, 'a')}
    assert '![T](t.png)' in comparison_page('T', 'N', entries, 'a', picture='t.png')
    assert '![' not in comparison_page('T', 'N', entries, 'a')


def table_after(page, text):
    """The rows of the tables between a text and the commands."""
    rows = page[page.index(text) :].split('Commands')[0].splitlines()
    return [row for row in rows if row.startswith('| ')]


def test_page_of_cross_entropies():
    def runs(values):
        return [run(fold, last_cross_entropy=value) for fold, value in enumerate(values)]

    entries = {
        'plain': entry('Plain', runs([0.3] * 6), 'plain'),
        'sure': entry('Surer', runs([0.1] * 6), 'plain'),
        'unsure': entry('Less sure', runs([0.2] * 6), 'sure', own_reference=True),
        'old': entry('Old', [run(fold) for fold in range(6)], 'plain'),
        'half': entry('Half', [*runs([0.3] * 5), run(5, last_cross_entropy=None)], 'plain'),
        'none': entry('None', [], 'plain'),
    }
    page = comparison_page('T', 'N', entries, 'plain')
    assert table_after(page, 'Cross-entropy') == [
        '|  | cross-entropy | difference | verdict |',
        '| Plain | 0.300 | reference | - |',
        '| Surer | 0.100 | -0.200 ± 0.000 (6 pairs) | better (p = 0.031) |',
        '| Less sure | 0.200 | +0.100 ± 0.000 (6 pairs) to Surer | worse (p = 0.031) |',
    ]
    assert 'ross-entropy' not in comparison_page('T', 'N', {'a': entry('A', PLAIN, 'a')}, 'a')


def test_best_epochs_have_a_table_of_their_own():
    entries = {
        'plain': entry('Plain', [run(fold, best=0.8) for fold in range(1, 7)], 'plain'),
        'steady': entry('Steady', [run(fold, best=0.7) for fold in range(1, 7)], 'plain'),
    }
    page = comparison_page('T', 'N', entries, 'plain')
    assert table_after(page, 'Best epoch, which') == [
        '|  | best epoch | difference | verdict |',
        '| Plain | 80.00 | reference | - |',
        '| Steady | 70.00 | -10.00 ± 0.00 (6 pairs) | worse (p = 0.031) |',
    ]


def test_rows_with_a_reference_of_their_own_are_told_together():
    def runs(values):
        return [run(fold, last=value, last_cross_entropy=1 - value) for fold, value in enumerate(values, 1)]

    entries = {
        'a': entry('A', runs([0.5, 0.5, 0.5]), 'b'),
        'a_more': entry('A more', runs([0.6, 0.6, 0.6]), 'a', own_reference=True),
        'b': entry('B', runs([0.7, 0.7, 0.7]), 'b'),
        'b_more': entry('B more', runs([0.1, 0.1, 0.1]), 'b'),
        'c_more': entry('C more', runs([1.0, 0.9, 0.8]), 'b', own_reference=True),
        'none': entry('None', [], 'a', own_reference=True),
    }
    page = comparison_page('T', 'N', entries, 'b')
    # of A more three times 10, of C more 30, 20, 10; all of one sign: 2 / 2^6
    wanted = 'Together, each with its own reference (A more; C more): {} (6 pairs), better (p = 0.031).'
    assert page.count('Together, each') == 3
    assert wanted.format('+15.00 ± 8.37') in page
    assert wanted.format('-0.150 ± 0.084') in page
    del entries['c_more']
    assert 'Together, each' not in comparison_page('T', 'N', entries, 'b'), 'one row has a line of its own'


def test_runs_without_a_measure_make_no_pair():
    runs = [run(1, last_cross_entropy=0.1), run(2, last_cross_entropy=None), run(3), run(4, last_cross_entropy=0.4)]
    reference = [run(fold, last_cross_entropy=0.3) for fold in (1, 2, 3, 4)]
    comparison = compare(runs, reference, 'last_cross_entropy')
    assert comparison.differences == pytest.approx({(1, 0): -0.2, (4, 0): 0.1})
    assert comparison.left_out == ()


def test_page_without_results_and_with_one_commit():
    entries = {'a': entry('A', [], 'a')}
    assert 'No row of this table has been run.' in comparison_page('T', 'N', entries, 'a')
    entries = {'a': entry('A', PLAIN, 'a'), 'b': entry('B', [], 'a')}
    page = comparison_page('T', 'N', entries, 'a')
    assert 'All results are of commit aaaa.' in page
    assert 'Paired differences' not in page


def test_a_row_whose_reference_was_not_run_has_no_verdict():
    page = comparison_page('T', 'N', {'a': entry('A', [], 'a'), 'b': entry('B', PLAIN, 'a')}, 'a')
    assert '| no pairs | - |' in page


def test_read_result(tmp_path):
    path = tmp_path / 'a.json'
    path.write_text(json.dumps({'command': 'do', 'runs': PLAIN}))
    assert read_result(path)['runs'] == PLAIN


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{', 'expected a JSON file'),
        ('[]', "expected 'command' and 'runs'"),
        ('{"command": "do", "runs": []}', "expected 'command' and 'runs'"),
        ({'runs': PLAIN}, "expected 'command' and 'runs'"),
        ({'command': 'do', 'runs': [3]}, "run 0 has no valid 'settings', got 3"),
        ({'command': 'do', 'runs': [run(), run(2, last='high')]}, "run 1 has no valid 'last_top1', got 'high'"),
        (
            {'command': 'do', 'runs': [run(last_cross_entropy='low')]},
            "run 0 has no valid 'last_cross_entropy', got 'low'",
        ),
        ({'command': 'do', 'runs': [run(), run()]}, 'expected every fold with every seed once'),
        ({'command': 'do', 'runs': [run(1, 0), run(1, 1), run(2, 0)]}, 'expected every fold with every seed once'),
    ],
)
def test_wrong_results_are_refused_by_name(tmp_path, content, message):
    path = tmp_path / 'wrong.json'
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ValueError, match='wrong.json: ' + message):
        read_result(path)


def test_missing_result(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.json does not exist'):
        read_result(tmp_path / 'none.json')
