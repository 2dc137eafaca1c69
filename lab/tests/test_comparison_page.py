"""What a page of results says of rows, their differences and a choice among them."""

import re

from ..statistics.comparison_page import Row, comparison_page
from .runs import OTHER, PLAIN, run


def row(label, runs, reference, **changed):
    return Row(
        **{'label': label, 'runs': runs, 'state': 'not run', 'command': f'do {label}', **changed}, reference=reference
    )


def test_page():
    other = [{**r, 'commit': 'bbbb-dirty'} for r in OTHER]
    short = [run(1, 0, 0.5, epochs=10), run(2, 0, 0.4)]
    rows = {
        'plain': row('Plain', PLAIN, 'plain', published='99.10 (SBU; Table 2)'),
        'other': row('Other | more', other, 'plain'),
        'short': row('Short', short, 'other', own_reference=True),
        'ntu': row('NTU', [], 'plain', state='not run: no data', published='90.52 (NTU-26 X-Sub; Table 1)'),
    }
    page = comparison_page('Title', 'Note.', rows, 'plain', ['Theirs: 98 (SBU; Table 2)'])
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


def test_page_names_the_gpus_of_rows_that_were_trained_on_one():
    here, there = ([{**r, 'device': device} for r in PLAIN] for device in ('CPU', 'NVIDIA H100'))
    rows = {
        'before': row('Before', PLAIN, 'before'),
        'here': row('Here', here, 'before'),
        'there': row('There', there, 'before'),
    }
    page = comparison_page('T', 'N', rows, 'before')
    assert 'Trained on a GPU: NVIDIA H100 (There). All others on CPUs.' in page
    del rows['there']
    assert 'GPU' not in comparison_page('T', 'N', rows, 'before')


def table_after(page, text):
    """The rows of the tables between a text and those by fold."""
    rows = re.split('Commands|[^\\n]*, by fold', page[page.index(text) :])[0].splitlines()
    return [row for row in rows if row.startswith('| ')]


def test_page_of_cross_entropies():
    def runs(values):
        return [run(fold, last_cross_entropy=value) for fold, value in enumerate(values)]

    rows = {
        'plain': row('Plain', runs([0.3] * 6), 'plain'),
        'sure': row('Surer', runs([0.1] * 6), 'plain'),
        'unsure': row('Less sure', runs([0.2] * 6), 'sure', own_reference=True),
        'old': row('Old', [run(fold) for fold in range(6)], 'plain'),
        'half': row('Half', [*runs([0.3] * 5), run(5, last_cross_entropy=None)], 'plain'),
        'none': row('None', [], 'plain'),
    }
    page = comparison_page('T', 'N', rows, 'plain')
    assert table_after(page, 'Cross-entropy') == [
        '|  | cross-entropy | difference | verdict |',
        '| Plain | 0.300 | reference | - |',
        '| Surer | 0.100 | -0.200 ± 0.000 (6 pairs) | better (p = 0.031) |',
        '| Less sure | 0.200 | +0.100 ± 0.000 (6 pairs) to Surer | worse (p = 0.031) |',
    ]
    assert 'ross-entropy' not in comparison_page('T', 'N', {'a': row('A', PLAIN, 'a')}, 'a')


def test_rows_with_a_reference_of_their_own_are_told_together():
    def runs(values):
        return [run(fold, last=value, last_cross_entropy=1 - value) for fold, value in enumerate(values, 1)]

    rows = {
        'a': row('A', runs([0.5, 0.5, 0.5]), 'b'),
        'a_more': row('A more', runs([0.6, 0.6, 0.6]), 'a', own_reference=True),
        'b': row('B', runs([0.7, 0.7, 0.7]), 'b'),
        'b_more': row('B more', runs([0.1, 0.1, 0.1]), 'b'),
        'c_more': row('C more', runs([1.0, 0.9, 0.8]), 'b', own_reference=True),
        'none': row('None', [], 'a', own_reference=True),
    }
    page = comparison_page('T', 'N', rows, 'b')
    # of A more three times 10, of C more 30, 20, 10; all of one sign: 2 / 2^6
    wanted = 'Together, each with its own reference (A more; C more): {} (6 pairs), better (p = 0.031).'
    assert page.count('Together, each') == 3
    assert wanted.format('+15.00 ± 8.37') in page
    assert wanted.format('-0.150 ± 0.084') in page
    del rows['c_more']
    assert 'Together, each' not in comparison_page('T', 'N', rows, 'b'), 'one row has a line of its own'


def test_folds_and_classes_of_every_row():
    confusions = [[[3, 1], [0, 4]], [[2, 2], [0, 4]]]
    runs = [run(fold, last=1 - fold / 8, num_samples=8, confusion=confusions[fold - 1]) for fold in (1, 2)]
    page = comparison_page('T', 'N', {'a': row('A', runs, 'a', classes=('push', 'hug'))}, 'a')
    assert table_after(page, 'Last epoch, by fold') == []
    assert '| A | 87.50 | 75.00 | 81.25 | 81.25 |' in page.partition('Last epoch, by fold')[2]
    assert '|  | push | hug | errors |\n|---|---|---|---|\n| A | 62.50 of 8 | 100.00 of 8 | push as hug 3 |' in page
    assert 'Cross-entropy, by fold' not in page


def test_a_row_is_chosen_without_the_fold_it_is_tested_on():
    def runs(folds):
        return [run(fold, seed, value) for fold, values in enumerate(folds, 1) for seed, value in enumerate(values)]

    # a is best on folds 1 and 2, b on fold 3: without fold 1 or 2 b leads, without fold 3 a does
    rows = {
        'a': row('A', runs([(0.9, 0.8), (0.9, 0.8), (0.1, 0.2)]), 'a'),
        'b': row('B', runs([(0.5, 0.5), (0.5, 0.5), (0.8, 0.8)]), 'a'),
        'one_seed': row('One seed', runs([(1.0,), (1.0,), (1.0,)]), 'a'),
        'none': row('None', [], 'a'),
    }
    page = comparison_page('T', 'N', rows, 'a')
    # seed 0: 0.5, 0.5, 0.1; seed 1: 0.5, 0.5, 0.2
    assert table_after(page, 'A row chosen without')[:2] == [
        '| out of | mean of folds | fold 1 | fold 2 | fold 3 |',
        '| A; B | 38.33 ± 2.36 | B | B | A |',
    ]
    with_more = row('B', [*rows['b'].runs, *(run(fold, 2, 1.0) for fold in (1, 2, 3))], 'a')
    assert table_after(comparison_page('T', 'N', rows | {'b': with_more}, 'a'), 'A row chosen without')[1] == (
        '| A; B | 38.33 ± 2.36 | B | B | A |'
    ), 'seeds that the reference has not do not count'
    del rows['b']
    assert 'A row chosen' not in comparison_page('T', 'N', rows, 'a'), 'of one row there is no choice'
    without_folds = {name: row(name, [run(0, 0), run(0, 1)], 'a') for name in 'ab'}
    assert 'A row chosen' not in comparison_page('T', 'N', without_folds, 'a')
