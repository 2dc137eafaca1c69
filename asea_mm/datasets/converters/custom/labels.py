"""What the user says about recordings: class, split, subject and fold, from a table or from folder names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ....errors import InputError
from ...recordings.tables import read_lines

_HEADER = "'name,label[,split][,subject][,fold]'"


@dataclass(frozen=True)
class Entry:
    """What is said about one recording, as text; None where the table has no such column.

    Args:
        label: Class name or number.
        where: Place of it, for the messages.
        split: Split it belongs to.
        subject: Who is in it; several separated by ``;``.
        fold: Fold of cross-validation in which it is tested.
    """

    label: str
    where: str
    split: str | None = None
    subject: str | None = None
    fold: str | None = None


def labels_from_folders(recordings: Mapping[str, Path], bad: Callable[[str], None]) -> dict[str, Entry]:
    """The class is the first folder: ``PATH/class/recording``.

    Args:
        recordings: Name to path, from :func:`~.custom_find.find_recordings`.
        bad: Called with the message of each recording that is in no folder.
    """
    entries = {}
    for name, path in recordings.items():
        if '/' in name:
            entries[name] = Entry(name.split('/')[0], str(path))
        else:
            found = 'the OpenPose files of one recording' if path.is_dir() else 'no class folder'
            bad(f'{path}: expected PATH/class/recording for labels from folders, got {found}; move it into one')
    return entries


def labels_from_table(table: Path, recordings: Mapping[str, Path], bad: Callable[[str], None]) -> dict[str, Entry]:
    """Read a CSV with the columns ``name,label[,split][,subject][,fold]``; other columns are left alone.

    ``name`` is the path below the folder of recordings, with or without extension, or the file's name alone where no
    other recording has it.

    Args:
        table: The file.
        recordings: Name to path, from :func:`~.custom_find.find_recordings`.
        bad: Called with the message of each wrong line, and of each recording without a line.

    Raises:
        FileNotFoundError, ValueError: If there is no such file, or it has no such columns, or lines of other lengths.
    """
    if not table.is_file():
        raise FileNotFoundError(f'{table}: no such file; expected a table {_HEADER}, or --labels folders')
    header, lines = read_lines(table, _HEADER)
    header = [name.lower() for name in header]
    if missing := [name for name in ('name', 'label') if name not in header]:
        raise InputError(f'{table}, line 1: expected the columns {_HEADER}, got no {missing[0]!r} in {header[:8]}')
    known: dict[str, list[str]] = {}
    for name, path in recordings.items():
        for spelling in {name, name + path.suffix, path.name, path.stem}:
            known.setdefault(spelling, []).append(name)
    entries: dict[str, Entry] = {}
    for number, cells in lines:
        where = f'{table}, line {number}'
        row = dict(zip(header, cells, strict=True))
        given = PurePosixPath(row['name'].replace('\\', '/')).as_posix()
        matches = [given] if given in recordings else known.get(given, [])
        if len(matches) != 1:
            found = f'{len(matches)} of this name, e.g. {matches[:2]}; give the folder, too' if matches else 'none'
            bad(f"{where}, column 'name': expected the name of a recording, got {row['name'][:60]!r}: {found}")
        elif matches[0] in entries:
            bad(
                f'{where}: expected every recording once, got {row["name"]!r} again, '
                f'first in {entries[matches[0]].where}'
            )
        else:
            optional = {column: row[column] for column in ('split', 'subject', 'fold') if column in row}
            entries[matches[0]] = Entry(row['label'], where, **optional)
    for name, path in recordings.items():
        if name not in entries:
            bad(f'{path}: expected a line for it in {table}, got none; add one or move the recording away')
    return entries


def read_classes(path: Path) -> list[str]:
    """Class names from a text file, one a line, in the order of their numbers.

    Raises:
        FileNotFoundError, ValueError: If there is no such file, it is empty, or a name is there twice.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file; expected one class name a line')
    try:
        text = path.read_text(encoding='utf-8-sig')
    except UnicodeDecodeError:
        raise InputError(f'{path}: expected a text file in UTF-8, one class name a line, got binary data') from None
    names = [line.strip() for line in text.splitlines() if line.strip()]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated or not names:
        raise InputError(f'{path}: expected one class name a line, each once, got {repeated[:5] or "none"}')
    return names


def _is_number(label: str) -> bool:
    return re.fullmatch(r'[0-9]{1,6}', label) is not None


def number_classes(
    entries: Mapping[str, Entry], classes: Sequence[str] | None, bad: Callable[[str], None]
) -> tuple[dict[str, int], list[str]]:
    """Class number of each recording, and the class names.

    Without ``classes``: names are numbered in alphabetical order; labels that are all numbers are the class numbers
    themselves, which must be all of 0 to n - 1.

    Args:
        entries: Name of recording to what is said about it.
        classes: Class names in the order of their numbers; None to take them from the labels.
        bad: Called with the message of each wrong label.

    Raises:
        ValueError: If there are numbers and names, or numbers are left out.
    """
    for entry in entries.values():
        if not entry.label:
            bad(f'{entry.where}: expected a class name or number, got nothing')
    labelled = {name: entry for name, entry in entries.items() if entry.label}
    if classes is None:
        classes = _classes_of(labelled.values())
    numbers = {}
    for name, entry in labelled.items():
        if entry.label in classes:
            numbers[name] = list(classes).index(entry.label)
        elif _is_number(entry.label) and int(entry.label) < len(classes):
            numbers[name] = int(entry.label)
        else:
            bad(
                f'{entry.where}: expected one of the {len(classes)} classes {list(classes)[:5]} or its number, '
                f'got {entry.label[:60]!r}'
            )
    return numbers, list(classes)


def _classes_of(entries: Iterable[Entry]) -> list[str]:
    labels = {entry.label: entry for entry in entries}
    are_numbers = {_is_number(label) for label in labels}
    if are_numbers == {True}:
        found = {int(label) for label in labels}
        if left_out := sorted(set(range(max(found) + 1)) - found)[:5]:
            raise InputError(
                f'labels: expected class numbers from 0 to {max(found)}, got none of {left_out}; '
                f'number from 0 without gaps, or give the names of all classes with --classes'
            )
        return [str(number) for number in range(max(found) + 1)]
    if len(are_numbers) == 2:
        number = next(entry for label, entry in labels.items() if _is_number(label))
        raise InputError(
            f'{number.where}: expected a class name as elsewhere, got the number {number.label!r}; '
            f'give the names of all classes with --classes'
        )
    return sorted(labels)
