"""Which recordings to train on and which to test on."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping

from ....errors import InputError
from ..protocol import OnProblem
from .labels import RecordingLabel

_FORMS = 'column, ratio:0.8, subject:3,7,9 or kfold:5'
_SPLITS = ('train', 'val', 'test')


def make_split(
    method: str, labels: Mapping[str, RecordingLabel], numbers: Mapping[str, int], seed: int, on_problem: OnProblem
) -> dict[str, list[str]]:
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
        on_problem: Called with the message of each recording whose column is wrong; it is in no split then.

    Raises:
        InputError: If the method is none of these, a column is missing, or a split would be empty.
    """
    kind, _, value = method.partition(':')
    names = list(numbers)
    if kind == 'column' and not value:
        split = _by_column(labels, names, on_problem)
    elif kind == 'ratio':
        split = _by_ratio(value, numbers, seed)
    elif kind == 'subject':
        split = _by_subject(value, labels, names, on_problem)
    elif kind == 'kfold':
        split = _k_folds(value, labels, numbers, seed, on_problem)
    else:
        raise InputError(f'--split {method}: expected {_FORMS}')
    if empty := [name for name, ids in split.items() if not ids]:
        raise InputError(f'--split {method}: expected recordings in every split, got none in {empty}')
    return split


def _column(labels: Mapping[str, RecordingLabel], column: str) -> bool:
    return any(getattr(label, column) is not None for label in labels.values())


def _by_column(labels: Mapping[str, RecordingLabel], names: list[str], on_problem: OnProblem) -> dict[str, list[str]]:
    has_split, has_fold = _column(labels, 'split'), _column(labels, 'fold')
    if not has_split and not has_fold:
        raise InputError("--split column: expected a column 'split' or 'fold' in the table, got neither")
    split: dict[str, list[str]] = {}
    if has_split:
        split = {'train': [], 'val': [], 'test': []}
        for name in names:
            value = (labels[name].split or '').lower()
            if value in split:
                split[value].append(name)
            else:
                on_problem(f"{labels[name].where}, column 'split': expected one of {_SPLITS}, got {value[:40]!r}")
        for optional in ('val', 'test'):  # one of the two will do
            if not split[optional] and any(split[other] for other in ('val', 'test')):
                del split[optional]
    if has_fold:
        fold_of: dict[str, int] = {}
        for name in names:
            value = (labels[name].fold or '').lower().removeprefix('fold')
            if value.isdecimal() and 0 < len(value) < 4:
                fold_of[name] = int(value)
            else:
                on_problem(f"{labels[name].where}, column 'fold': expected the number of a fold, got {value[:40]!r}")
        split.update(_split_of_folds(fold_of))
    return split


def _split_of_folds(fold_of: Mapping[str, int]) -> dict[str, list[str]]:
    split: dict[str, list[str]] = {}
    for fold in sorted(set(fold_of.values())):
        split[f'fold{fold}_train'] = [name for name in fold_of if fold_of[name] != fold]
        split[f'fold{fold}_val'] = [name for name in fold_of if fold_of[name] == fold]
    return split


def _by_ratio(value: str, numbers: Mapping[str, int], seed: int) -> dict[str, list[str]]:
    try:
        share = float(value)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise InputError(f'--split ratio:{value}: expected a share between 0 and 1, e.g. ratio:0.8')
    rng = random.Random(seed)
    train = set()
    for label in sorted(set(numbers.values())):
        members = sorted(name for name in numbers if numbers[name] == label)
        rng.shuffle(members)
        count = min(max(round(share * len(members)), 1), max(len(members) - 1, 1))
        train.update(members[:count])
    return {
        'train': [name for name in numbers if name in train],
        'val': [name for name in numbers if name not in train],
    }


def _subjects(labels: Mapping[str, RecordingLabel], names: list[str], on_problem: OnProblem) -> dict[str, list[str]]:
    subjects = {}
    for name in names:
        people = [subject.strip() for subject in (labels[name].subject or '').split(';') if subject.strip()]
        if people:
            subjects[name] = people
        else:
            on_problem(f"{labels[name].where}, column 'subject': expected who is in the recording, got nothing")
    return subjects


def _by_subject(
    value: str, labels: Mapping[str, RecordingLabel], names: list[str], on_problem: OnProblem
) -> dict[str, list[str]]:
    tested = {subject.strip() for subject in value.split(',') if subject.strip()}
    if not tested:
        raise InputError('--split subject: expected the subjects to test on, e.g. subject:3,7,9')
    if not _column(labels, 'subject'):
        raise InputError(f"--split subject:{value}: expected a column 'subject' in the table, got none")
    subjects = _subjects(labels, names, on_problem)
    known = {subject for people in subjects.values() for subject in people}
    if unknown := sorted(tested - known):
        raise InputError(
            f'--split subject:{value}: expected subjects of the table, {sorted(known)[:20]}, got {unknown}'
        )
    split: dict[str, list[str]] = {'train': [], 'val': []}
    for name, people in subjects.items():
        if len({subject in tested for subject in people}) == 2:
            on_problem(
                f"{labels[name].where}, column 'subject': expected all of {people} to be test subjects or none; "
                f'add the others to --split subject:{value} or leave the recording out'
            )
        else:
            split['val' if people[0] in tested else 'train'].append(name)
    return split


def _k_folds(
    value: str, labels: Mapping[str, RecordingLabel], numbers: Mapping[str, int], seed: int, on_problem: OnProblem
) -> dict[str, list[str]]:
    if not (value.isdecimal() and len(value) < 4 and int(value) >= 2):
        raise InputError(f'--split kfold:{value}: expected a number of folds from 2, e.g. kfold:5')
    groups = [[name] for name in numbers]
    what = 'recordings'
    if _column(labels, 'subject'):
        groups = _connected(_subjects(labels, list(numbers), on_problem))
        what = 'groups of subjects who share no recording'
    if len(groups) < int(value):
        raise InputError(f'--split kfold:{value}: expected at least {value} {what}, got {len(groups)}')
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


def _connected(subjects: Mapping[str, list[str]]) -> list[list[str]]:
    """Recordings in groups such that no subject is in two of them."""
    groups: list[tuple[set[str], list[str]]] = []
    for name, people in subjects.items():
        joined: tuple[set[str], list[str]] = (set(people), [name])
        apart = []
        for group in groups:
            if group[0] & joined[0]:
                joined = (joined[0] | group[0], group[1] + joined[1])
            else:
                apart.append(group)
        groups = [*apart, joined]
    return [names for _, names in groups]
