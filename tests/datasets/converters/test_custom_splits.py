"""Users' recordings: class numbers, splits and their guarantees."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asea_mm.datasets.converters.custom.labels import Entry, labels_from_folders, labels_from_table, number_classes
from asea_mm.datasets.converters.custom.splits import make_split


def refuse(message):
    raise AssertionError(message)


def entries(**columns):
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return {f'r{index}': Entry(**{'label': 'a', 'where': 't', **row}) for index, row in enumerate(rows)}


@pytest.mark.parametrize(
    ('labels', 'classes', 'numbers', 'names'),
    [
        (['push', 'hug', 'push'], None, [1, 0, 1], ['hug', 'push']),
        (['2', '0', '1'], None, [2, 0, 1], ['0', '1', '2']),
        (['push', 'hug'], ['push', 'wave', 'hug'], [0, 2], ['push', 'wave', 'hug']),
        (['2', 'push'], ['push', 'wave', 'hug'], [2, 0], ['push', 'wave', 'hug']),
        (['1'], ['7', '1'], [1], ['7', '1']),  # a name first, then a number
    ],
)
def test_classes(labels, classes, numbers, names):
    found, found_names = number_classes(entries(label=labels), classes, refuse)
    assert list(found.values()) == numbers
    assert found_names == names


def test_table_finds_recordings_by_any_of_their_names(tmp_path):
    recordings = {name: Path('raw', name + '.npy') for name in ('x/a', 'x/b', 'y/b', 'y/c', 'd')}
    table = tmp_path / 'labels.csv'
    table.write_text(
        'Label,name,comment,subject\nl1,a,,1\nl2,x/b.npy,"a, b",2\n\nl3,y\\b,,3\nl4,c.npy,,4\nl5,./d,,5;6\n'
    )
    found = labels_from_table(table, recordings, refuse)
    assert {name: (entry.label, entry.subject) for name, entry in found.items()} == {
        'x/a': ('l1', '1'), 'x/b': ('l2', '2'), 'y/b': ('l3', '3'), 'y/c': ('l4', '4'), 'd': ('l5', '5;6')
    }  # fmt: skip
    assert found['x/b'].where == f'{table}, line 3'


def test_folders_are_classes():
    found = labels_from_folders({'hug/x/1': Path('hug/x/1.npy'), 'push/2': Path('push/2.csv')}, refuse)
    assert {name: entry.label for name, entry in found.items()} == {'hug/x/1': 'hug', 'push/2': 'push'}


def test_columns():
    table = entries(split=['train', 'VAL', 'train'], fold=['1', 'fold2', '3'])
    assert make_split('column', table, dict.fromkeys(table, 0), 0, refuse) == {
        'train': ['r0', 'r2'], 'val': ['r1'],
        'fold1_train': ['r1', 'r2'], 'fold1_val': ['r0'],
        'fold2_train': ['r0', 'r2'], 'fold2_val': ['r1'],
        'fold3_train': ['r0', 'r1'], 'fold3_val': ['r2'],
    }  # fmt: skip


def test_subjects_are_tested_as_pairs():
    table = entries(subject=['1;2', '3', '4; 5', '5;4', ' 3 '])
    split = make_split('subject:3, 4,5', table, dict.fromkeys(table, 0), 0, refuse)
    assert split == {'train': ['r0'], 'val': ['r1', 'r2', 'r3', 'r4']}
    bad = []
    split = make_split('subject:3,4', table, dict.fromkeys(table, 0), 0, bad.append)
    assert split == {'train': ['r0'], 'val': ['r1', 'r4']}
    assert len(bad) == 2
    assert "expected all of ['4', '5'] to be test subjects or none" in bad[0]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=40), st.floats(0.05, 0.95), st.integers(0, 5))
def test_ratio_is_of_every_class(labels, share, seed):
    table = entries(label=[str(label) for label in labels])
    numbers = dict(zip(table, labels, strict=True))
    counts = Counter(labels)
    if max(counts.values()) == 1:
        with pytest.raises(ValueError, match=r"none in \['val'\]"):
            make_split(f'ratio:{share}', table, numbers, seed, refuse)
        return
    split = make_split(f'ratio:{share}', table, numbers, seed, refuse)
    assert sorted(split['train'] + split['val']) == sorted(table)
    assert split == make_split(f'ratio:{share}', table, numbers, seed, refuse)
    trained = Counter(numbers[name] for name in split['train'])
    for label, count in counts.items():
        assert abs(trained[label] - share * count) <= 1
        assert 0 < trained[label] < max(count, 2)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=5, max_size=40), st.integers(2, 5), st.integers(0, 5))
def test_folds_are_even(labels, folds, seed):
    table = entries(label=[str(label) for label in labels])
    numbers = dict(zip(table, labels, strict=True))
    split = make_split(f'kfold:{folds}', table, numbers, seed, refuse)
    assert sorted(name for fold in range(1, folds + 1) for name in split[f'fold{fold}_val']) == sorted(table)
    for fold in range(1, folds + 1):
        assert sorted(split[f'fold{fold}_val'] + split[f'fold{fold}_train']) == sorted(table)
    for label in set(labels):
        counts = [sum(numbers[name] == label for name in split[f'fold{fold}_val']) for fold in range(1, folds + 1)]
        assert max(counts) - min(counts) <= 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sets(st.integers(0, 9), min_size=1, max_size=2), min_size=1, max_size=30), st.integers(2, 4))
def test_nobody_is_in_two_folds(subjects, folds):
    table = entries(subject=[';'.join(map(str, sorted(pair))) for pair in subjects])
    try:
        split = make_split(f'kfold:{folds}', table, dict.fromkeys(table, 0), 0, refuse)
    except ValueError as error:
        assert 'groups of subjects who share no recording, got' in str(error)  # noqa: PT017
        return
    people = [
        {who for name in split[f'fold{fold}_val'] for who in table[name].subject.split(';')}
        for fold in range(1, folds + 1)
    ]
    assert all(people)
    assert sum(map(len, people)) == len(set().union(*people))
