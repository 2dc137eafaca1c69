"""Which recordings to train on and which to test on."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping

from ....errors import InputError
from .labels import Entry

_FORMS = 'column, ratio:0.8, subject:3,7,9 or kfold:5'
_SPLITS = ('train', 'val', 'test')


def make_split(
    method: str, entries: Mapping[str, Entry], labels: Mapping[str, int], seed: int, bad: Callable[[str], None]
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
        entries: Name of recording to what is said about it.
        labels: Name of recording to class number.
        seed: Of what is drawn.
        bad: Called with the message of each recording whose column is wrong; it is in no split then.

    Raises:
        ValueError: If the method is none of these, a column is missing, or a split would be empty.
    """
    kind, _, value = method.partition(':')
    names = list(labels)
    if kind == 'column' and not value:
        split = _by_column(entries, names, bad)
    elif kind == 'ratio':
        split = _by_ratio(value, labels, seed)
    elif kind == 'subject':
        split = _by_subject(value, entries, names, bad)
    elif kind == 'kfold':
        split = _k_folds(value, entries, labels, seed, bad)
    else:
        raise InputError(f'--split {method}: expected {_FORMS}')
    if empty := [name for name, ids in split.items() if not ids]:
        raise InputError(f'--split {method}: expected recordings in every split, got none in {empty}')
    return split


def _column(entries: Mapping[str, Entry], column: str) -> bool:
    return any(getattr(entry, column) is not None for entry in entries.values())


def _by_column(entries: Mapping[str, Entry], names: list[str], bad: Callable[[str], None]) -> dict[str, list[str]]:
    has_split, has_fold = _column(entries, 'split'), _column(entries, 'fold')
    if not has_split and not has_fold:
        raise InputError("--split column: expected a column 'split' or 'fold' in the table, got neither")
    split: dict[str, list[str]] = {}
    if has_split:
        split = {'train': [], 'val': [], 'test': []}
        for name in names:
            value = (entries[name].split or '').lower()
            if value in split:
                split[value].append(name)
            else:
                bad(f"{entries[name].where}, column 'split': expected one of {_SPLITS}, got {value[:40]!r}")
        for optional in ('val', 'test'):  # one of the two will do
            if not split[optional] and any(split[other] for other in ('val', 'test')):
                del split[optional]
    if has_fold:
        folds: dict[int, list[str]] = {}
        for name in names:
            value = (entries[name].fold or '').lower().removeprefix('fold')
            if value.isdecimal() and 0 < len(value) < 4:
                folds.setdefault(int(value), []).append(name)
            else:
                bad(f"{entries[name].where}, column 'fold': expected the number of a fold, got {value[:40]!r}")
        split.update(_folds(folds))
    return split


def _folds(folds: Mapping[int, list[str]]) -> dict[str, list[str]]:
    split: dict[str, list[str]] = {}
    for fold in sorted(folds):
        split[f'fold{fold}_train'] = [name for other in sorted(folds) if other != fold for name in folds[other]]
        split[f'fold{fold}_val'] = list(folds[fold])
    return split


def _by_ratio(value: str, labels: Mapping[str, int], seed: int) -> dict[str, list[str]]:
    try:
        share = float(value)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise InputError(f'--split ratio:{value}: expected a share between 0 and 1, e.g. ratio:0.8')
    rng = random.Random(seed)
    train = set()
    for label in sorted(set(labels.values())):
        members = sorted(name for name in labels if labels[name] == label)
        rng.shuffle(members)
        count = min(max(round(share * len(members)), 1), max(len(members) - 1, 1))
        train.update(members[:count])
    return {'train': [name for name in labels if name in train], 'val': [name for name in labels if name not in train]}


def _subjects(entries: Mapping[str, Entry], names: list[str], bad: Callable[[str], None]) -> dict[str, list[str]]:
    subjects = {}
    for name in names:
        found = [subject.strip() for subject in (entries[name].subject or '').split(';') if subject.strip()]
        if found:
            subjects[name] = found
        else:
            bad(f"{entries[name].where}, column 'subject': expected who is in the recording, got nothing")
    return subjects


def _by_subject(
    value: str, entries: Mapping[str, Entry], names: list[str], bad: Callable[[str], None]
) -> dict[str, list[str]]:
    tested = {subject.strip() for subject in value.split(',') if subject.strip()}
    if not tested:
        raise InputError('--split subject: expected the subjects to test on, e.g. subject:3,7,9')
    if not _column(entries, 'subject'):
        raise InputError(f"--split subject:{value}: expected a column 'subject' in the table, got none")
    subjects = _subjects(entries, names, bad)
    known = {subject for found in subjects.values() for subject in found}
    if unknown := sorted(tested - known):
        raise InputError(
            f'--split subject:{value}: expected subjects of the table, {sorted(known)[:20]}, got {unknown}'
        )
    split: dict[str, list[str]] = {'train': [], 'val': []}
    for name, found in subjects.items():
        if len({subject in tested for subject in found}) == 2:
            bad(
                f"{entries[name].where}, column 'subject': expected all of {found} to be test subjects or none; "
                f'add the others to --split subject:{value} or leave the recording out'
            )
        else:
            split['val' if found[0] in tested else 'train'].append(name)
    return split


def _k_folds(
    value: str, entries: Mapping[str, Entry], labels: Mapping[str, int], seed: int, bad: Callable[[str], None]
) -> dict[str, list[str]]:
    if not (value.isdecimal() and len(value) < 4 and int(value) >= 2):
        raise InputError(f'--split kfold:{value}: expected a number of folds from 2, e.g. kfold:5')
    groups = [[name] for name in labels]
    what = 'recordings'
    if _column(entries, 'subject'):
        groups = _connected(_subjects(entries, list(labels), bad))
        what = 'groups of subjects who share no recording'
    if len(groups) < int(value):
        raise InputError(f'--split kfold:{value}: expected at least {value} {what}, got {len(groups)}')
    rng = random.Random(seed)
    rng.shuffle(groups)
    groups.sort(key=len, reverse=True)
    totals = Counter(labels.values())
    counts: list[Counter] = [Counter() for _ in range(int(value))]
    folds: dict[int, list[str]] = {fold: [] for fold in range(1, int(value) + 1)}
    for group in groups:
        added = Counter(labels[name] for name in group)

        def unevenness(fold: int, added: Counter = added) -> tuple[float, int]:
            there = counts[fold - 1]
            grown = sum((2 * there[c] + n) * n / totals[c] ** 2 for c, n in added.items())
            return grown, there.total()

        fold = min(folds, key=unevenness)
        counts[fold - 1].update(added)
        folds[fold].extend(group)
    return _folds({fold: [name for name in labels if name in set(members)] for fold, members in folds.items()})


def _connected(subjects: Mapping[str, list[str]]) -> list[list[str]]:
    """Recordings in groups such that no subject is in two of them."""
    groups: list[tuple[set[str], list[str]]] = []
    for name, found in subjects.items():
        joined: tuple[set[str], list[str]] = (set(found), [name])
        apart = []
        for group in groups:
            if group[0] & joined[0]:
                joined = (joined[0] | group[0], group[1] + joined[1])
            else:
                apart.append(group)
        groups = [*apart, joined]
    return [names for _, names in groups]
