"""What is said about recordings: class, split, subject and fold, from a table, folder names or files of clips."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ....errors import InputError
from ...recordings.clip_arrays import Clip
from ...recordings.reading import READERS
from ...recordings.tables import read_lines

_HEADER = "'name,label[,split][,subject][,fold]'"
# Other words that tables have for these columns, and for the splits.
COLUMNS = {
    'name': ('video', 'file', 'filename', 'file_name', 'video_name', 'video_id', 'recording', 'clip', 'path', 'sample'),
    'label': ('class', 'action', 'category', 'class_name', 'label_name', 'interaction'),
    'split': ('set', 'subset', 'partition', 'part'),
    'subject': ('subjects', 'performer', 'performers', 'participant', 'participants', 'actor', 'actors'),
    'fold': ('folds',),
}
SPLITS = {'training': 'train', 'validation': 'val', 'valid': 'val', 'dev': 'val', 'testing': 'test'}
# Of names in a table; recordings are made of such files.
_VIDEOS = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg', '.wmv', '.flv', '.bag')


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


def labels_from_folders(recordings: Mapping[str, Path | Clip], problems: list[str]) -> dict[str, RecordingLabel]:
    """The class is the first folder: ``PATH/class/recording``.

    Args:
        recordings: Name to path, from :func:`~asea_mm.datasets.recordings.reading.find_recordings`.
        problems: Takes the message of each recording that is in no folder.
    """
    for name, path in recordings.items():
        if '/' not in name:
            problems.append(f'{path}: expected PATH/class/recording for labels from folders, got no class folder')
    return {name: RecordingLabel(name.split('/')[0], str(path)) for name, path in recordings.items() if '/' in name}


def labels_from_clips(recordings: Mapping[str, Path | Clip], problems: list[str]) -> dict[str, RecordingLabel]:
    """What the files of :mod:`~asea_mm.datasets.recordings.clip_arrays` say of their clips: class and split.

    Args:
        recordings: Name to clip, from :func:`~asea_mm.datasets.recordings.reading.find_recordings`.
        problems: Takes the message of each recording without such a label.
    """
    labels = {}
    for name, clip in recordings.items():
        if isinstance(clip, Clip) and clip.label:
            labels[name] = RecordingLabel(clip.label, str(clip), split=clip.part)
        else:
            problems.append(f'{clip}: expected a file of labels beside it, got none; give --labels folders or a table')
    return labels


def number_of_classes(recordings: Mapping[str, Path | Clip]) -> list[str] | None:
    """The names of classes, ``'0'`` and so on, where files of clips say how many there are."""
    count = max((clip.num_classes or 0 for clip in recordings.values() if isinstance(clip, Clip)), default=0)
    return [str(number) for number in range(count)] or None


def labels_from_table(
    table: Path, recordings: Mapping[str, Path | Clip], problems: list[str], notes: list[str] | None = None
) -> dict[str, RecordingLabel]:
    """Read a CSV with the columns ``name,label[,split][,subject][,fold]``; other columns are left alone.

    ``name`` is the path below the folder of recordings, with or without extension, also that of a video, or the file's
    name alone where no other recording has it. :data:`COLUMNS` and :data:`SPLITS` are other words that are understood.
    Whole numbers may be written ``3.0``.

    Args:
        table: The file, see :func:`~asea_mm.datasets.recordings.tables.read_lines`.
        recordings: Name to path, from :func:`~asea_mm.datasets.recordings.reading.find_recordings`.
        problems: Takes the message of each wrong line, and of each recording without a line.
        notes: Takes what was understood otherwise than it is written.

    Raises:
        FileNotFoundError, InputError: If there is no such file, or it has no such columns, or lines of other lengths.
    """
    if not table.is_file():
        raise FileNotFoundError(f'{table}: no such file; expected a table {_HEADER}, or --labels folders')
    content = read_lines(table, _HEADER)
    taken: list[str] = []
    header = _columns(table, [name.lower() for name in content.header], taken)
    known: dict[str, list[str]] = {}
    for name, recording in recordings.items():
        path = recording if isinstance(recording, Path) else Path(name)
        for spelling in {name, name + path.suffix, *map(_composed, (path.name, path.stem)), PurePosixPath(name).name}:
            known.setdefault(spelling, []).append(name)
    labels: dict[str, RecordingLabel] = {}
    words: dict[str, str] = {}
    for number, cells in content.lines:
        where = f'{table}, line {number}'
        row = dict(zip(header, cells, strict=True))
        given = PurePosixPath(row['name'].replace('\\', '/')).as_posix()
        matches = _recordings_of(given, recordings, known)
        if len(matches) != 1:
            got = f'{len(matches)} of this name, e.g. {matches[:2]}; give the folder, too' if matches else 'none'
            problems.append(f"{where}, column 'name': expected the name of a recording, got {given[:60]!r}: {got}")
        elif matches[0] in labels:
            problems.append(f'{where}: expected every recording once, got {given!r} again')
        else:
            split = row.get('split', '')
            if split.lower() in SPLITS:
                words[split] = split = SPLITS[split.lower()]
            subject, fold = (whole_number(row.get(column, '')) for column in ('subject', 'fold'))
            labels[matches[0]] = RecordingLabel(row['label'], where, split, subject, fold)
    for name, recording in recordings.items():
        if name not in labels:
            problems.append(
                f'{recording}: expected a line for it in {table}, got none; add one or move the recording away'
            )
    taken += [f'{word!r} as {split}' for word, split in words.items()]
    if taken and notes is not None:
        notes.append(f'{table}: took {", ".join(taken)}')
    return labels


def _columns(table: Path, header: list[str], taken: list[str]) -> list[str]:
    """The header in our words; notes in ``taken`` what was said in others."""
    for column, others in COLUMNS.items():
        used = [name for name in header if name in others]
        if column in header or not used:
            continue
        if len(used) > 1:
            raise InputError(
                f'{table}, line 1: expected one column for {column!r}, got {used}; call the right one {column!r}'
            )
        header = [column if name == used[0] else name for name in header]
        taken.append(f'the column {used[0]!r} as {column}')
    if not {'name', 'label'} <= {*header}:
        raise InputError(f'{table}, line 1: expected the columns {_HEADER}, got {header[:8]}')
    return header


def _recordings_of(given: str, recordings: Mapping[str, object], known: Mapping[str, list[str]]) -> list[str]:
    """The recordings that a name in a table may mean."""
    path = PurePosixPath(given)
    stems = [str(path.with_suffix(''))] if path.suffix.lower() in (*_VIDEOS, *READERS) else []
    for name in [given, *stems]:
        if matches := [name] if name in recordings else known.get(name, []):
            return matches
    return []


def whole_number(text: str) -> str:
    """``'7.0'``, as tables write whole numbers of a column with gaps, is ``'7'``."""
    return ';'.join(re.sub(r'^(\d+)\.0+$', r'\1', part.strip()) for part in text.split(';'))


def _composed(text: str) -> str:
    return unicodedata.normalize('NFC', text)


def read_classes(path: Path) -> list[str]:
    """Class names from a text file in UTF-8, one a line, in the order of their numbers.

    Raises:
        FileNotFoundError, InputError: If there is no such file, it is no text or empty, or a name is there twice.
    """
    try:
        text = _composed(path.read_text(encoding='utf-8-sig'))
        names = [line.strip() for line in text.splitlines() if line.strip()]
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

    Without ``classes``: names are numbered in alphabetical order; labels that are all numbers, also ``3.0``, are the
    class numbers themselves, which must be all of 0 to n - 1.

    Args:
        labels: Name of recording to what is said about it.
        classes: Class names in the order of their numbers; None to take them from the labels.
        problems: Takes the message of each wrong label.

    Raises:
        InputError: If there are names and numbers, or numbers are left out.
    """
    if classes is None:
        classes = _classes_of({whole_number(label.class_name) for label in labels.values() if label.class_name})
    numbers = {}
    for name, label in labels.items():
        given = label.class_name if label.class_name in classes else whole_number(label.class_name)
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
