"""A user's recording as CSV: one line per joint (long) or per body (wide)."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...skeletons import Skeleton
from .recording import Detection, Recording, assemble

_COORDINATES = ('x', 'y', 'z')
_FORMS = (
    "'frame,person,joint,x,y[,z][,score]' or 'frame,person,<joint>_x,<joint>_y[,<joint>_z][,<joint>_score],...' "
    'with all joints of the layout'
)


def read_lines(path: Path, expected: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Header and lines of a CSV file, with their numbers; empty lines are left out.

    Args:
        path: The file: UTF-8, comma-separated, with or without byte order mark.
        expected: What its header should be, for the messages.

    Raises:
        InputError: If it is no text or empty, or a line has not as many cells as the header (while iterating).
    """
    try:
        text = path.read_text(encoding='utf-8-sig')
    except UnicodeDecodeError:
        raise InputError(f'{path}: expected a CSV file in UTF-8, got other or binary data') from None
    reader = csv.reader(text.splitlines(), strict=True)

    def lines() -> Iterator[tuple[int, list[str]]]:
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield reader.line_num, [cell.strip() for cell in cells]
        except csv.Error as error:
            raise InputError(f'{path}, line {reader.line_num}: expected comma-separated values ({error})') from None

    rest = lines()
    _, header = next(rest, (0, []))
    if not header:
        raise InputError(f'{path}: expected a header line {expected}, got an empty file')
    if len(header) == 1 and (other := next((mark for mark in ';\t|' if mark in header[0]), None)):
        raise InputError(f'{path}, line 1: expected commas between the columns, got {other!r}; export it with commas')
    if repeated := sorted({name for name in header if header.count(name) > 1}):
        raise InputError(f'{path}, line 1: expected every column once, got {repeated[:5]} more than once')

    def checked() -> Iterator[tuple[int, list[str]]]:
        for number, cells in rest:
            if len(cells) != len(header):
                raise InputError(
                    f'{path}, line {number}: expected {len(header)} values as the header has, got {len(cells)}'
                )
            yield number, cells

    return header, checked()


def read_csv(path: Path, skeleton: Skeleton) -> Recording:
    """Read the long or the wide form; the header tells which.

    Raises:
        InputError: If a line is wrong; names file, line, what was expected and what came.
    """
    header, lines = read_lines(path, _FORMS)
    header = [
        name.lower() if name.lower() in ('frame', 'person', 'joint', 'x', 'y', 'z', 'score') else name
        for name in header
    ]
    if missing := [name for name in ('frame', 'person') if name not in header]:
        raise InputError(f'{path}, line 1: expected {_FORMS}, got no column {missing[0]!r} in {header[:8]}')
    read = _read_long if 'joint' in header else _read_wide
    return assemble(read(path, header, lines, skeleton), (), skeleton, str(path))


def _number(cell: str, path: Path, line: int, column: str) -> float:
    """A finite number, NaN for an empty cell."""
    try:
        number = float(cell or 'nan')
    except ValueError:
        raise InputError(
            f'{path}, line {line}, column {column!r}: expected a number or nothing, got {cell[:40]!r}'
        ) from None
    if math.isinf(number):
        raise InputError(f'{path}, line {line}, column {column!r}: expected a finite number, got {cell[:40]!r}')
    return number


def _begin(row: dict[str, str], path: Path, line: int) -> tuple[int, str | None]:
    """Frame and person of a line; no person where the id is negative: not tracked."""
    frame, person = _number(row['frame'], path, line, 'frame'), row['person']
    if not frame.is_integer():
        raise InputError(f"{path}, line {line}, column 'frame': expected a whole number, got {row['frame'][:40]!r}")
    if not person:
        raise InputError(f"{path}, line {line}, column 'person': expected the id of the person, got nothing")
    return int(frame), None if re.fullmatch(r'-[0-9.]+', person) else person


def _joint_index(cell: str, skeleton: Skeleton, path: Path, line: int) -> int:
    if cell in skeleton.joints:
        return skeleton.joints.index(cell)
    if cell.isdecimal() and len(cell) < 6 and int(cell) < skeleton.num_joints:
        return int(cell)
    close = get_close_matches(cell, skeleton.joints, n=1)
    meant = f'; did you mean {close[0]!r}?' if close else f', e.g. {skeleton.joints[0]!r}'
    raise InputError(
        f"{path}, line {line}, column 'joint': expected a joint of layout {skeleton.name!r} or its index below "
        f'{skeleton.num_joints}, got {cell[:40]!r}{meant}'
    )


def _require_columns(header: list[str], wanted: Sequence[str], optional: Sequence[str], where: str) -> None:
    if missing := [name for name in wanted if name not in header]:
        more = f' and {len(missing) - 1} more' if len(missing) > 1 else ''
        raise InputError(f'{where}: expected {_FORMS}, got no column {missing[0]!r}{more} in {header[:8]}')
    if unknown := [name for name in header if name not in {*wanted, *optional}]:
        raise InputError(f'{where}: expected {_FORMS}, got the column {unknown[0]!r}; remove it')


def _read_long(
    path: Path, header: list[str], lines: Iterator[tuple[int, list[str]]], skeleton: Skeleton
) -> list[Detection]:
    _require_columns(header, ('frame', 'person', 'joint', 'x', 'y'), ('z', 'score'), f'{path}, line 1')
    axes = [name for name in _COORDINATES if name in header]
    bodies: dict[tuple[int, str], Detection] = {}
    first_lines: dict[tuple[int, str, int], int] = {}
    for line, cells in lines:
        row = dict(zip(header, cells, strict=True))
        frame, person = _begin(row, path, line)
        joint = _joint_index(row['joint'], skeleton, path, line)
        if (before := first_lines.setdefault((frame, row['person'], joint), line)) != line:
            raise InputError(
                f'{path}, line {line}: expected every joint once, got frame {frame}, person {row["person"]}, joint '
                f'{skeleton.joints[joint]!r} again, first in line {before}'
            )
        if (frame, row['person']) not in bodies:
            keypoint = np.full((skeleton.num_joints, len(axes)), np.nan)
            score = np.zeros(skeleton.num_joints) if 'score' in header else None
            bodies[frame, row['person']] = Detection(frame, person, keypoint, score, f'line {line}')
        body = bodies[frame, row['person']]
        body.keypoint[joint] = [_number(row[name], path, line, name) for name in axes]
        if body.score is not None:
            body.score[joint] = _number(row['score'], path, line, 'score')
    return list(bodies.values())


def _read_wide(
    path: Path, header: list[str], lines: Iterator[tuple[int, list[str]]], skeleton: Skeleton
) -> list[Detection]:
    axes, (third, score_too) = ['x', 'y'], ({f'{joint}_{c}' for joint in skeleton.joints} for c in ('z', 'score'))
    axes += [name for name, columns in (('z', third), ('score', score_too)) if not columns.isdisjoint(header)]
    wanted = [f'{joint}_{name}' for joint in skeleton.joints for name in axes]
    _require_columns(header, wanted, ('frame', 'person'), f'{path}, line 1')
    detections = []
    for line, cells in lines:
        row = dict(zip(header, cells, strict=True))
        frame, person = _begin(row, path, line)
        body = np.array([_number(row[name], path, line, name) for name in wanted]).reshape(skeleton.num_joints, -1)
        score = body[:, -1] if 'score' in axes else None
        keypoint = body if score is None else body[:, :-1]
        detections.append(Detection(frame, person, keypoint, score, f'line {line}'))
    return detections
