"""What the user says about recordings: class, split, subject and fold, from a table or from folder names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ....errors import InputError
from ...recordings.tables import read_lines

_HEADER = "'name,label[,split][,subject][,fold]'"


@dataclass(frozen=True)
class RecordingLabel:
    """What is said about one recording, as text; empty where the table says nothing.

    Args:
        class_name: Class name or number.
        where: Place of it, for the messages.
        split: Split it belongs to.
        subject: Who is in it; several separated by ``;``.
        fold: Fold of cross-validation in which it is tested.
    """

    class_name: str
    where: str
    split: str = ''
    subject: str = ''
    fold: str = ''


def labels_from_folders(recordings: Mapping[str, Path], problems: list[str]) -> dict[str, RecordingLabel]:
    """The class is the first folder: ``PATH/class/recording``.

    Args:
        recordings: Name to path, from :func:`~asea_mm.datasets.recordings.samples.find_recordings`.
        problems: Takes the message of each recording that is in no folder.
    """
    labels = {}
    for name, path in recordings.items():
        if '/' in name:
            labels[name] = RecordingLabel(name.split('/')[0], str(path))
        else:
            got = 'the OpenPose files of one recording' if path.is_dir() else 'no class folder'
            problems.append(
                f'{path}: expected PATH/class/recording for labels from folders, got {got}; move it into one'
            )
    return labels


def labels_from_table(table: Path, recordings: Mapping[str, Path], problems: list[str]) -> dict[str, RecordingLabel]:
    """Read a CSV with the columns ``name,label[,split][,subject][,fold]``; other columns are left alone.

    ``name`` is the path below the folder of recordings, with or without extension, or the file's name alone where no
    other recording has it.

    Args:
        table: The file.
        recordings: Name to path, from :func:`~asea_mm.datasets.recordings.samples.find_recordings`.
        problems: Takes the message of each wrong line, and of each recording without a line.

    Raises:
        FileNotFoundError, InputError: If there is no such file, or it has no such columns, or lines of other lengths.
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
    labels: dict[str, RecordingLabel] = {}
    for number, cells in lines:
        where = f'{table}, line {number}'
        row = dict(zip(header, cells, strict=True))
        given = PurePosixPath(row['name'].replace('\\', '/')).as_posix()
        matches = [given] if given in recordings else known.get(given, [])
        if len(matches) != 1:
            got = f'{len(matches)} of this name, e.g. {matches[:2]}; give the folder, too' if matches else 'none'
            problems.append(
                f"{where}, column 'name': expected the name of a recording, got {row['name'][:60]!r}: {got}"
            )
        elif matches[0] in labels:
            problems.append(
                f'{where}: expected every recording once, got {row["name"]!r} again, '
                f'first in {labels[matches[0]].where}'
            )
        else:
            more = [row.get(column, '') for column in ('split', 'subject', 'fold')]
            labels[matches[0]] = RecordingLabel(row['label'], where, *more)
    for name, path in recordings.items():
        if name not in labels:
            problems.append(f'{path}: expected a line for it in {table}, got none; add one or move the recording away')
    return labels


def read_classes(path: Path) -> list[str]:
    """Class names from a text file in UTF-8, one a line, in the order of their numbers.

    Raises:
        FileNotFoundError, InputError: If there is no such file, it is no text or empty, or a name is there twice.
    """
    try:
        names = [line.strip() for line in path.read_text(encoding='utf-8-sig').splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise InputError(f'{path}: expected one class name a line, in UTF-8, got binary data') from None
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated or not names:
        raise InputError(f'{path}: expected one class name a line, each once, got {repeated[:5] or "none"}')
    return names


def _is_number(label: str) -> bool:
    return re.fullmatch(r'[0-9]{1,6}', label) is not None


def number_classes(
    labels: Mapping[str, RecordingLabel], classes: Sequence[str] | None, problems: list[str]
) -> tuple[dict[str, int], list[str]]:
    """Class number of each recording, and the class names.

    Without ``classes``: names are numbered in alphabetical order; labels that are all numbers are the class numbers
    themselves, which must be all of 0 to n - 1.

    Args:
        labels: Name of recording to what is said about it.
        classes: Class names in the order of their numbers; None to take them from the labels.
        problems: Takes the message of each wrong label.

    Raises:
        InputError: If there are numbers and names, or numbers are left out.
    """
    for label in labels.values():
        if not label.class_name:
            problems.append(f'{label.where}: expected a class name or number, got nothing')
    labelled = {name: label for name, label in labels.items() if label.class_name}
    if classes is None:
        classes = _classes_of(labelled.values())
    numbers = {}
    for name, label in labelled.items():
        if label.class_name in classes:
            numbers[name] = list(classes).index(label.class_name)
        elif _is_number(label.class_name) and int(label.class_name) < len(classes):
            numbers[name] = int(label.class_name)
        else:
            problems.append(
                f'{label.where}: expected one of the {len(classes)} classes {list(classes)[:5]} or its number, '
                f'got {label.class_name[:60]!r}'
            )
    return numbers, list(classes)


def _classes_of(labels: Iterable[RecordingLabel]) -> list[str]:
    first_of = {label.class_name: label for label in labels}
    numbers = [name for name in first_of if _is_number(name)]
    if numbers and len(numbers) < len(first_of):
        raise InputError(
            f'{first_of[numbers[0]].where}: expected a class name as elsewhere, got the number {numbers[0]!r}; '
            f'give the names of all classes with --classes'
        )
    if not numbers:
        return sorted(first_of)
    present = {int(number) for number in numbers}
    if left_out := sorted(set(range(max(present) + 1)) - present)[:5]:
        raise InputError(
            f'labels: expected class numbers from 0 to {max(present)}, got none of {left_out}; '
            f'number from 0 without gaps, or give the names of all classes with --classes'
        )
    return [str(number) for number in range(max(present) + 1)]
