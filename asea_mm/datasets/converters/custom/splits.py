"""Which recordings to train on and which to test on."""

import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from ....errors import InputError
from .labels import RecordingLabel

_FORMS = 'column, ratio:0.8, subject:3,7,9 or kfold:5'
# What a column may hold, and how to say so.
_COLUMNS = {
    'split': (r'(train|val|test)', 'train, val or test'),
    'fold': (r'(?:fold)?(\d{1,3})', 'the number of a fold'),
    'subject': (r'(.*[^;\s].*)', 'who is in the recording'),
}
Split = dict[str, list[str]]


def make_split(
    method: str, labels: Mapping[str, RecordingLabel], numbers: Mapping[str, int], seed: int, problems: list[str]
) -> Split:
    """Split recordings.

    - ``column``: the column ``split`` of the table (train, val, test), or its column ``fold``, or both. The
      recordings of fold 2 are ``fold2_val``, all others ``fold2_train``.
    - ``ratio:0.8``: this share of each class, drawn at random, to train; each class of two or more is in both.
    - ``subject:3,7,9``: recordings of these subjects to ``val``, all others to ``train``.
    - ``kfold:5``: ``fold1_train``, ``fold1_val``, ...; classes are spread evenly over the folds. With a column
      ``subject`` nobody is in two folds.

    A recording of several subjects names them with ``;`` between.

    Args:
        method: One of the four.
        labels: Name of recording to what is said about it.
        numbers: Name of recording to class number.
        seed: Of what is drawn.
        problems: Takes the message of each recording whose column is wrong; it is in no split then.

    Raises:
        InputError: If the method is none of these, a column is missing, or a split would be empty.
    """
    kind, _, value = method.partition(':')
    said = {name: labels[name] for name in numbers}
    try:
        if kind == 'column' and not value:
            split = _by_column(said, problems)
        elif kind == 'ratio':
            split = _by_ratio(value, numbers, seed)
        elif kind == 'subject':
            split = _by_subject(value, said, problems)
        elif kind == 'kfold':
            split = _k_folds(value, said, numbers, seed, problems)
        else:
            raise InputError(f'expected {_FORMS}')
        if empty := [name for name, ids in split.items() if not ids]:
            raise InputError(f'expected recordings in every split, got none in {empty}')
    except InputError as error:
        raise InputError(f'--split {method}: {error}') from None
    return split


def _has(column: str, labels: Mapping[str, RecordingLabel]) -> bool:
    return any(getattr(label, column) for label in labels.values())


def _by_column(labels: Mapping[str, RecordingLabel], problems: list[str]) -> Split:
    if not _has('split', labels) and not _has('fold', labels):
        raise InputError("expected a column 'split' or 'fold' in the table, got neither")
    split: Split = {}
    if _has('split', labels):
        part_of = _column('split', labels, problems)
        split = {part: [name for name in part_of if part_of[name].lower() == part] for part in ('train', 'val', 'test')}
        if split['val'] or split['test']:  # one of the two will do
            split = {name: ids for name, ids in split.items() if ids or name == 'train'}
    if _has('fold', labels):
        split |= _split_of_folds(_column('fold', labels, problems))
    return split


def _column(column: str, labels: Mapping[str, RecordingLabel], problems: list[str]) -> dict[str, str]:
    """Name of recording to what a column says of it."""
    pattern, expected = _COLUMNS[column]
    values = {}
    for name, label in labels.items():
        given = getattr(label, column)
        if match := re.fullmatch(pattern, given, re.ASCII | re.IGNORECASE):
            values[name] = match[1]
        else:
            problems.append(f'{label.where}, column {column!r}: expected {expected}, got {given[:40]!r}')
    return values


def _split_of_folds(fold_of: Mapping[str, str | int]) -> Split:
    split: Split = {}
    for fold in sorted({int(fold) for fold in fold_of.values()}):
        tested = {name for name in fold_of if int(fold_of[name]) == fold}
        split |= {f'fold{fold}_{part}': ids for part, ids in _train_and_val(fold_of, tested).items()}
    return split


def _by_ratio(value: str, numbers: Mapping[str, int], seed: int) -> Split:
    if not re.fullmatch(r'0?\.\d+', value) or not float(value):
        raise InputError('expected a share between 0 and 1, e.g. ratio:0.8')
    rng = random.Random(seed)
    tested: set[str] = set()
    for label in sorted(set(numbers.values())):
        members = sorted(name for name in numbers if numbers[name] == label)
        rng.shuffle(members)
        count = min(max(round(float(value) * len(members)), 1), max(len(members) - 1, 1))
        tested.update(members[count:])
    return _train_and_val(numbers, tested)


def _train_and_val(names: Iterable[str], tested: set[str]) -> Split:
    split: Split = {'train': [], 'val': []}
    for name in names:
        split['val' if name in tested else 'train'].append(name)
    return split


def _subjects(labels: Mapping[str, RecordingLabel], problems: list[str]) -> dict[str, set[str]]:
    """Name of recording to who is in it."""
    return {name: _names(subject, ';') for name, subject in _column('subject', labels, problems).items()}


def _names(text: str, separator: str) -> set[str]:
    return {name.strip() for name in text.split(separator) if name.strip()}


def _by_subject(value: str, labels: Mapping[str, RecordingLabel], problems: list[str]) -> Split:
    tested = _names(value, ',')
    if not tested or not _has('subject', labels):
        raise InputError("expected the subjects to test on, e.g. subject:3,7,9, and a column 'subject' in the table")
    subjects = _subjects(labels, problems)
    known = set().union(*subjects.values())
    if unknown := sorted(tested - known):
        raise InputError(f'expected subjects of the table, {sorted(known)[:20]}, got {unknown}')
    for name in [name for name, people in subjects.items() if people & tested and people - tested]:
        problems.append(
            f"{labels[name].where}, column 'subject': expected all of {sorted(subjects.pop(name))} to be test subjects "
            f'or none; add the others to --split subject:{value} or leave the recording out'
        )
    return _train_and_val(subjects, {name for name, people in subjects.items() if people <= tested})


def _k_folds(
    value: str, labels: Mapping[str, RecordingLabel], numbers: Mapping[str, int], seed: int, problems: list[str]
) -> Split:
    if not (value.isdecimal() and len(value) < 4 and int(value) >= 2):
        raise InputError('expected a number of folds from 2, e.g. kfold:5')
    groups = [[name] for name in numbers]
    what = 'recordings'
    if _has('subject', labels):
        groups = _connected(_subjects(labels, problems))
        what = 'groups of subjects who share no recording'
    if len(groups) < int(value):
        raise InputError(f'expected at least {value} {what}, got {len(groups)}')
    rng = random.Random(seed)
    rng.shuffle(groups)
    groups.sort(key=len, reverse=True)
    totals = Counter(numbers.values())
    counts = {fold: Counter[int]() for fold in range(1, int(value) + 1)}
    fold_of: dict[str, int] = {}
    for group in groups:
        added = Counter(numbers[name] for name in group)
        fold = min(counts, key=lambda fold: _unevenness(counts[fold], added, totals))
        counts[fold].update(added)
        fold_of.update(dict.fromkeys(group, fold))
    return _split_of_folds({name: fold_of[name] for name in numbers if name in fold_of})


def _unevenness(present: Counter, added: Counter, totals: Counter) -> tuple[float, int]:
    """How much less even the classes of a fold become, the rarer the more; of equal folds, the smaller takes it."""
    grown = sum((2 * present[label] + count) * count / totals[label] ** 2 for label, count in added.items())
    return grown, present.total()


def _connected(subjects: Mapping[str, set[str]]) -> list[list[str]]:
    """Recordings in groups such that no subject is in two of them."""
    groups: list[tuple[set[str], list[str]]] = []
    for name, people in subjects.items():
        joined: tuple[set[str], list[str]] = (people, [name])
        apart = []
        for group in groups:
            if group[0] & joined[0]:
                joined = (joined[0] | group[0], group[1] + joined[1])
            else:
                apart.append(group)
        groups = [*apart, joined]
    return [names for _, names in groups]
