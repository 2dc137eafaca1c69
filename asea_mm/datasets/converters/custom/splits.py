"""Which recordings to train on and which to test on."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping

from ....errors import InputError
from .labels import RecordingLabel

_FORMS = 'column, ratio:0.8, subject:3,7,9 or kfold:5'
_SPLITS = ('train', 'val', 'test')
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
    has_split, has_fold = _has('split', labels), _has('fold', labels)
    if not has_split and not has_fold:
        raise InputError("expected a column 'split' or 'fold' in the table, got neither")
    split: Split = {name: [] for name in _SPLITS if has_split}
    fold_of: dict[str, int] = {}
    for name, label in labels.items():
        if has_split and (part := label.split.lower()) in split:
            split[part].append(name)
        elif has_split:
            problems.append(f"{label.where}, column 'split': expected one of {_SPLITS}, got {part[:40]!r}")
        fold = label.fold.lower().removeprefix('fold')
        if has_fold and fold.isdecimal() and 0 < len(fold) < 4:
            fold_of[name] = int(fold)
        elif has_fold:
            problems.append(f"{label.where}, column 'fold': expected the number of a fold, got {fold[:40]!r}")
    for optional in ('val', 'test') if has_split else ():  # one of the two will do
        if not split[optional] and (split.get('val') or split.get('test')):
            del split[optional]
    return split | _split_of_folds(fold_of)


def _split_of_folds(fold_of: Mapping[str, int]) -> Split:
    split: Split = {}
    for fold in sorted(set(fold_of.values())):
        split[f'fold{fold}_train'] = [name for name in fold_of if fold_of[name] != fold]
        split[f'fold{fold}_val'] = [name for name in fold_of if fold_of[name] == fold]
    return split


def _by_ratio(value: str, numbers: Mapping[str, int], seed: int) -> Split:
    try:
        share = float(value)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise InputError('expected a share between 0 and 1, e.g. ratio:0.8')
    rng = random.Random(seed)
    train = set()
    for label in sorted(set(numbers.values())):
        members = sorted(name for name in numbers if numbers[name] == label)
        rng.shuffle(members)
        count = min(max(round(share * len(members)), 1), max(len(members) - 1, 1))
        train.update(members[:count])
    return _train_and_val(numbers, {name for name in numbers if name not in train})


def _train_and_val(names: Iterable[str], tested: set[str]) -> Split:
    names = list(names)
    return {
        'train': [name for name in names if name not in tested],
        'val': [name for name in names if name in tested],
    }


def _subjects(labels: Mapping[str, RecordingLabel], problems: list[str]) -> dict[str, set[str]]:
    """Name of recording to who is in it."""
    subjects = {}
    for name, label in labels.items():
        if people := _names(label.subject, ';'):
            subjects[name] = people
        else:
            problems.append(f"{label.where}, column 'subject': expected who is in the recording, got nothing")
    return subjects


def _names(text: str, separator: str) -> set[str]:
    return {name.strip() for name in text.split(separator) if name.strip()}


def _by_subject(value: str, labels: Mapping[str, RecordingLabel], problems: list[str]) -> Split:
    tested = _names(value, ',')
    if not tested:
        raise InputError('expected the subjects to test on, e.g. subject:3,7,9')
    if not _has('subject', labels):
        raise InputError("expected a column 'subject' in the table, got none")
    subjects = _subjects(labels, problems)
    known = set().union(*subjects.values())
    if unknown := sorted(tested - known):
        raise InputError(f'expected subjects of the table, {sorted(known)[:20]}, got {unknown}')
    for name, people in [*subjects.items()]:
        if people & tested and people - tested:
            problems.append(
                f"{labels[name].where}, column 'subject': expected all of {sorted(people)} to be test subjects or "
                f'none; add the others to --split subject:{value} or leave the recording out'
            )
            del subjects[name]
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

        def unevenness(fold: int, added: Counter = added) -> tuple[float, int]:
            present = counts[fold]
            grown = sum((2 * present[label] + n) * n / totals[label] ** 2 for label, n in added.items())
            return grown, present.total()

        fold = min(counts, key=unevenness)
        counts[fold].update(added)
        fold_of.update(dict.fromkeys(group, fold))
    return _split_of_folds({name: fold_of[name] for name in numbers if name in fold_of})


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
