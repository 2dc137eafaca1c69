"""What the user says about recordings: class, split, subject and fold, from a table or from folder names."""

from collections.abc import Collection, Mapping, Sequence
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
    for name, path in recordings.items():
        if '/' not in name:
            problems.append(f'{path}: expected PATH/class/recording for labels from folders, got no class folder')
    return {name: RecordingLabel(name.split('/')[0], str(path)) for name, path in recordings.items() if '/' in name}


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
    if not {'name', 'label'} <= {*header}:
        raise InputError(f'{table}, line 1: expected the columns {_HEADER}, got {header[:8]}')
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
            problems.append(f"{where}, column 'name': expected the name of a recording, got {given[:60]!r}: {got}")
        elif matches[0] in labels:
            problems.append(f'{where}: expected every recording once, got {given!r} again')
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
        InputError: If there are names and numbers, or numbers are left out.
    """
    if classes is None:
        classes = _classes_of({label.class_name for label in labels.values() if label.class_name})
    numbers = {}
    for name, label in labels.items():
        given = label.class_name
        if given in classes:
            numbers[name] = list(classes).index(given)
        elif given.isdecimal() and int(given) < len(classes):
            numbers[name] = int(given)
        else:
            problems.append(
                f'{label.where}: expected one of the {len(classes)} classes {list(classes)[:5]} or its number, '
                f'got {given[:60]!r}'
            )
    return numbers, list(classes)


def _classes_of(names: Collection[str]) -> list[str]:
    numbers = [name for name in names if name.isdecimal() and len(name) < 7]
    if numbers and len(numbers) < len(names):
        raise InputError(
            f'labels: expected class names or numbers, got both, e.g. {numbers[0]!r} and '
            f'{next(name for name in names if name not in numbers)!r}; give the names of all classes with --classes'
        )
    if not numbers:
        return sorted(names)
    present = {int(name) for name in names}
    if left_out := sorted(set(range(max(present, default=0))) - present)[:5]:
        raise InputError(
            f'labels: expected class numbers from 0 to {max(present)}, got none of {left_out}; '
            f'number from 0 without gaps, or give the names of all classes with --classes'
        )
    return [str(number) for number in sorted(present)]
