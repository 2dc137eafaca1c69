"""A user's recording as CSV: one line per joint (long) or per body (wide)."""

import csv
import math
import re
import unicodedata
from collections.abc import Hashable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Table:
    """A CSV file: header, and lines with their numbers; cells without blanks around them."""

    header: list[str]
    lines: list[tuple[int, list[str]]]
    separator: str


def read_lines(path: Path, expected: str) -> Table:
    """Header and lines of a CSV file; empty lines are left out, letters with marks are one character each.

    Args:
        path: The file: UTF-8, or UTF-16 with a byte order mark; separated by commas, or by semicolons, tabs or ``|``
            where the header has no comma.
        expected: What its header should be, for the messages.

    Raises:
        InputError: If it is no text or empty, or a line has not as many cells as the header.
    """
    data = path.read_bytes()
    try:
        text = data.decode('utf-16' if data[:2] in (b'\xff\xfe', b'\xfe\xff') else 'utf-8-sig')
    except UnicodeDecodeError:
        raise InputError(f'{path}: expected a CSV file in UTF-8 or UTF-16, got other or binary data') from None
    rows = unicodedata.normalize('NFC', text).splitlines()
    first = next((row for row in rows if row.strip()), '')
    if said := re.fullmatch(r'sep=(.)\s*', first):  # Excel's
        rows[rows.index(first)] = ''
        separator = said[1]
    else:
        separator = next((mark for mark in ',;\t|' if mark in first), ',')
    try:
        reader = csv.reader(rows, delimiter=separator, strict=True)
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(map(str.strip, cells))]
    except csv.Error as error:
        raise InputError(f'{path}, line {reader.line_num}: expected comma-separated values ({error})') from None
    if not lines:
        raise InputError(f'{path}: expected a header line {expected}, got an empty file')
    (_, header), *lines = lines
    names = sorted(header)  # neighbours: to count each would take long in a line of a million
    if repeated := sorted({name for name, after in zip(names, names[1:], strict=False) if name == after}):
        raise InputError(f'{path}, line 1: expected every column once, got {repeated[:5]} more than once')
    for number, cells in lines:
        if len(cells) != len(header):
            raise InputError(
                f'{path}, line {number}: expected {len(header)} values as the header has, got {len(cells)}'
            )
    return Table(header, lines, separator)


def read_csv(path: Path, skeleton: Skeleton) -> Recording:
    """Read the long or the wide form; the header tells which.

    Raises:
        InputError: If a line is wrong; names file, line, what was expected and what came.
    """
    table = read_lines(path, _FORMS)
    header, lines = table.header, table.lines
    header = [name.lower() if name.lower() in _COLUMNS else name for name in header]
    is_long = 'joint' in header
    prefixes = [''] if is_long else [f'{joint}_' for joint in skeleton.joints]
    axes = ['x', 'y', *(axis for axis in ('z', 'score') if any(prefix + axis in header for prefix in prefixes))]
    columns = [[prefix + axis for axis in axes] for prefix in prefixes]
    wanted = ['frame', 'person', *(['joint'] if is_long else []), *(name for names in columns for name in names)]
    if missing := [name for name in wanted if name not in header]:
        raise InputError(f'{path}, line 1: expected {_FORMS}, got no column {missing[0]!r} in {header[:8]}')
    if unknown := [name for name in header if name not in wanted]:
        raise InputError(f'{path}, line 1: expected {_FORMS}, got the column {unknown[0]!r}; remove it')
    names = {name for name in wanted if name not in ('person', 'joint')}
    lines = _with_points(path, lines, [index for index, name in enumerate(header) if name in names], table.separator)
    bodies: dict[Hashable, Detection] = {}
    first_lines: dict[tuple[Hashable, int], int] = {}
    for number, cells in lines:
        where, row = f'{path}, line {number}', dict(zip(header, cells, strict=True))
        frame, person = _begin(row, where)
        values = [[_number(row, name, where) for name in names] for names in columns]
        joints = [_joint_index(row['joint'], skeleton, where)] if is_long else list(range(skeleton.num_joints))
        key = (frame, row['person']) if is_long else number
        if (before := first_lines.setdefault((key, joints[0]), number)) != number:
            raise InputError(f'{where}: expected every joint of everybody once in a frame, first in line {before}')
        nothing = np.full((skeleton.num_joints, len(axes)), np.nan)
        bodies.setdefault(key, Detection(frame, person, nothing, None, f'line {number}')).keypoint[joints] = values
    if 'score' in axes:
        for body in bodies.values():
            body.keypoint, body.score = body.keypoint[:, :-1], body.keypoint[:, -1]
    return assemble(list(bodies.values()), (), skeleton, str(path))


def _with_points(
    path: Path, lines: list[tuple[int, list[str]]], columns: list[int], separator: str
) -> list[tuple[int, list[str]]]:
    """The same lines, with decimal commas in these columns as points; with separating commas there are none."""
    if separator == ',' or not any(',' in cells[column] for _, cells in lines for column in columns):
        return lines
    for number, cells in lines:
        for column in columns:
            if '.' in cells[column]:
                raise InputError(
                    f'{path}, line {number}: expected decimal commas as in other lines, got {cells[column][:40]!r}'
                )
            cells[column] = cells[column].replace(',', '.')
    return lines


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
