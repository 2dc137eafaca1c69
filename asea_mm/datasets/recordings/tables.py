"""A user's recording as CSV: one line per joint (long) or per body (wide)."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...skeletons import Skeleton
from .recording import Detection, Recording, assemble

_COLUMNS = ('frame', 'person', 'joint', 'x', 'y', 'z', 'score')
_FORMS = (
    "'frame,person,joint,x,y[,z][,score]' or 'frame,person,<joint>_x,<joint>_y[,<joint>_z][,<joint>_score],...' "
    'with all joints of the layout'
)
Rows = Iterable[tuple[str, dict[str, str]]]  # place of a line, for the messages, and its cells by column


def read_lines(path: Path, expected: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header and lines of a CSV file, with their numbers; empty lines are left out.

    Args:
        path: The file: UTF-8, comma-separated, with or without byte order mark.
        expected: What its header should be, for the messages.

    Raises:
        InputError: If it is no text or empty, or a line has not as many cells as the header.
    """
    try:
        reader = csv.reader(path.read_text(encoding='utf-8-sig').splitlines(), strict=True)
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(map(str.strip, cells))]
    except UnicodeDecodeError:
        raise InputError(f'{path}: expected a CSV file in UTF-8, got other or binary data') from None
    except csv.Error as error:
        raise InputError(f'{path}, line {reader.line_num}: expected comma-separated values ({error})') from None
    if not lines:
        raise InputError(f'{path}: expected a header line {expected}, got an empty file')
    (_, header), *lines = lines
    if len(header) == 1 and (other := next((mark for mark in ';\t|' if mark in header[0]), None)):
        raise InputError(f'{path}, line 1: expected commas between the columns, got {other!r}; export it with commas')
    if repeated := sorted({name for name in header if header.count(name) > 1}):
        raise InputError(f'{path}, line 1: expected every column once, got {repeated[:5]} more than once')
    for number, cells in lines:
        if len(cells) != len(header):
            raise InputError(
                f'{path}, line {number}: expected {len(header)} values as the header has, got {len(cells)}'
            )
    return header, lines


def read_csv(path: Path, skeleton: Skeleton) -> Recording:
    """Read the long or the wide form; the header tells which.

    Raises:
        InputError: If a line is wrong; names file, line, what was expected and what came.
    """
    header, lines = read_lines(path, _FORMS)
    header = [name.lower() if name.lower() in _COLUMNS else name for name in header]
    axes: list[str]
    optional: Sequence[str]
    if 'joint' in header:
        read, wanted, optional = _read_long, ['joint', 'x', 'y'], ('z', 'score')
        axes = [name for name in ('x', 'y', 'z', 'score') if name in header]
    else:
        thirds = [c for c in ('z', 'score') if any(f'{joint}_{c}' in header for joint in skeleton.joints)]
        axes, optional, read = ['x', 'y', *thirds], (), _read_wide
        wanted = [f'{joint}_{axis}' for joint in skeleton.joints for axis in axes]
    wanted = ['frame', 'person', *wanted]
    if missing := [name for name in wanted if name not in header]:
        raise InputError(f'{path}, line 1: expected {_FORMS}, got no column {missing[0]!r} in {header[:8]}')
    if unknown := [name for name in header if name not in {*wanted, *optional}]:
        raise InputError(f'{path}, line 1: expected {_FORMS}, got the column {unknown[0]!r}; remove it')
    rows = [(f'line {number}', dict(zip(header, cells, strict=True))) for number, cells in lines]
    return assemble(read(path, rows, axes, skeleton), (), skeleton, str(path))


def _number(row: dict[str, str], column: str, where: str) -> float:
    """A finite number, NaN for an empty cell."""
    try:
        number = float(row[column] or 'nan')
    except ValueError:
        number = math.inf
    if math.isinf(number):
        raise InputError(f'{where}, column {column!r}: expected a number or nothing, got {row[column][:40]!r}')
    return number


def _begin(row: dict[str, str], where: str) -> tuple[int, str | None]:
    """Frame and person of a line; no person where the id is negative: not tracked."""
    frame, person = _number(row, 'frame', where), row['person']
    if not frame.is_integer():
        raise InputError(f"{where}, column 'frame': expected a whole number, got {row['frame'][:40]!r}")
    if not person:
        raise InputError(f"{where}, column 'person': expected the id of the person, got nothing")
    return int(frame), None if re.fullmatch(r'-[0-9.]+', person) else person


def _joint_index(cell: str, skeleton: Skeleton, where: str) -> int:
    if cell in skeleton.joints:
        return skeleton.joints.index(cell)
    if cell.isdecimal() and len(cell) < 6 and int(cell) < skeleton.num_joints:
        return int(cell)
    close = get_close_matches(cell, skeleton.joints, n=1)
    meant = f'; did you mean {close[0]!r}?' if close else f', e.g. {skeleton.joints[0]!r}'
    raise InputError(
        f"{where}, column 'joint': expected a joint of layout {skeleton.name!r} or its index below "
        f'{skeleton.num_joints}, got {cell[:40]!r}{meant}'
    )


def _read_long(path: Path, rows: Rows, axes: Sequence[str], skeleton: Skeleton) -> list[Detection]:
    """A line for each joint."""
    bodies: dict[tuple[int, str], Detection] = {}
    first_places: dict[tuple[int, str, int], str] = {}
    for place, row in rows:
        where = f'{path}, {place}'
        frame, person = _begin(row, where)
        joint = _joint_index(row['joint'], skeleton, where)
        if (before := first_places.setdefault((frame, row['person'], joint), place)) != place:
            raise InputError(
                f'{where}: expected every joint once, got frame {frame}, person {row["person"]}, joint '
                f'{skeleton.joints[joint]!r} again, first in {before}'
            )
        nothing = np.full((skeleton.num_joints, len(axes)), np.nan)
        body = bodies.setdefault((frame, row['person']), _detection(frame, person, nothing, axes, place))
        values = [_number(row, axis, where) for axis in axes]
        body.keypoint[joint] = values[: body.keypoint.shape[1]]
        if body.score is not None:
            body.score[joint] = values[-1]
    return list(bodies.values())


def _read_wide(path: Path, rows: Rows, axes: Sequence[str], skeleton: Skeleton) -> list[Detection]:
    """A line for each body."""
    detections = []
    for place, row in rows:
        frame, person = _begin(row, f'{path}, {place}')
        values = [[_number(row, f'{j}_{axis}', f'{path}, {place}') for axis in axes] for j in skeleton.joints]
        detections.append(_detection(frame, person, np.array(values), axes, place))
    return detections


def _detection(frame: int, person: str | None, values: np.ndarray, axes: Sequence[str], place: str) -> Detection:
    keypoint, score = (values[:, :-1], values[:, -1]) if 'score' in axes else (values, None)
    return Detection(frame, person, keypoint, score, place)
