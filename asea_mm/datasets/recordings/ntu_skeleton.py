"""NTU RGB+D: reading one raw ``.skeleton`` file.

The format (Shahroudy et al., "NTU RGB+D: A Large Scale Dataset for 3D Human Activity Analysis", CVPR 2016)::

    2                                                   frames of the clip
    1                                                   bodies in the first frame
    72057594037931101 0 1 1 1 1 0 0.027 0.057 2         body id and nine states of the sensor
    25                                                  joints
    0.2181 0.1726 3.7854 277.4 191.8 ... 0.0169 2       x y z in metres, then nine values that nobody needs here
    ... (25 such lines)
    0                                                   bodies in the second frame
"""

from __future__ import annotations

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from ...errors import InputError

NUM_JOINTS = 25
VALUES_PER_BODY = 10
VALUES_PER_JOINT = 12
LINES_PER_BODY = 2 + NUM_JOINTS
MAX_COORDINATE = 100.0  # metres; the sensor sees 8

_COUNT = re.compile(r'\d{1,9}', re.ASCII)
_BODY_ID = re.compile(r'\d{1,20}', re.ASCII)
_FINITE = re.compile(r'[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?', re.ASCII)
# What is not read may be infinite: joints outside an image have no pixel. Windows also writes 1.#INF and 1.#QNAN.
_NUMBER = re.compile(rf'{_FINITE.pattern}|[+-]?(nan|inf|infinity|1\.#\w+)', re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class RawSkeleton:
    """All bodies of a file as they come, before anybody asks who is who.

    Args:
        num_frames: Frames T of the clip.
        frame: Frame of every record, from 0, in the file's order.
        body_id: The sensor's id of every record.
        joints: Positions in metres, y up, z away from the sensor.

    Shapes:
        - frame: ``(K,)``, int, K records (one body in one frame)
        - joints: ``(K, V, 3)``, float64, V = 25
    """

    num_frames: int
    frame: np.ndarray
    body_id: tuple[int, ...]
    joints: np.ndarray


def parse_ntu_skeleton(path: str | os.PathLike) -> RawSkeleton:
    """Read one ``.skeleton`` file.

    Either line ending, a byte order mark, blanks around values and empty lines at the end are fine. Of the twelve
    values of a joint only x, y, z are used and must be finite; the others must be numbers, infinite or not.

    Args:
        path: The file; its name does not matter here.

    Raises:
        ValueError: If the file is empty, cut, too long or anything in it is not as it should be; the message names
            file and line.
    """
    lines = Path(path).read_bytes().removeprefix(b'\xef\xbb\xbf').splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    if lines and lines[-1][-1:].isspace():  # then most lines end so
        lines = [line.rstrip() for line in lines]
    raw = _parse_regular(lines)
    return _parse_carefully(lines, path) if raw is None else raw


def _parse_regular(lines: list[bytes]) -> RawSkeleton | None:
    """The whole file at once, several times as fast as line by line; ``None`` for anything out of the ordinary.

    Which values belong to which line follows from the number of single blanks per line, so the total must agree.
    """
    data = b'\n'.join([*lines, b''])
    if data.translate(None, b'0123456789+-.eE \n') or data[:1] in b' \n':
        return None
    characters = np.frombuffer(data, np.uint8)
    separators = np.flatnonzero(characters <= ord(' '))
    if (np.diff(separators) == 1).any():
        return None
    widths = np.diff(np.flatnonzero(characters[separators] == ord('\n')), prepend=-1)
    offsets = np.cumsum(widths) - widths
    with warnings.catch_warnings():
        warnings.simplefilter('error', DeprecationWarning)
        try:
            values = np.fromstring(data.decode('ascii'), sep=' ')
        except (ValueError, DeprecationWarning):  # text that is not a number
            return None
    if len(values) != len(separators):  # '1.2.3' and '1-2' read as two numbers
        return None

    starts: list[int] = []  # line of every body
    frames: list[int] = []
    position = 1
    num_frames = _small_count(lines[0])
    if num_frames is None or num_frames >= len(lines):
        return None
    for frame in range(num_frames):
        bodies = _small_count(lines[position]) if position < len(lines) else None
        if bodies is None or position + 1 + bodies * LINES_PER_BODY > len(lines):
            return None
        starts.extend(range(position + 1, position + 1 + bodies * LINES_PER_BODY, LINES_PER_BODY))
        frames.extend([frame] * bodies)
        position += 1 + bodies * LINES_PER_BODY
    if position != len(lines) or widths[0] != 1:
        return None
    if any(not lines[start].split(b' ', 1)[0].isdigit() or lines[start + 1] != b'25' for start in starts):
        return None
    body = np.array(starts, dtype=np.intp)
    joint = body[:, None] + np.arange(2, LINES_PER_BODY)
    if (widths[body] != VALUES_PER_BODY).any() or (widths[joint] != VALUES_PER_JOINT).any():
        return None
    columns = np.arange(NUM_JOINTS * VALUES_PER_JOINT)
    rows = values[offsets[body + 2][:, None] + columns] if starts else np.empty((0, len(columns)))
    joints = rows.reshape(-1, NUM_JOINTS, VALUES_PER_JOINT)[..., :3].copy()
    if not (np.abs(joints) <= MAX_COORDINATE).all():
        return None
    ids = [lines[start].split(b' ', 1)[0] for start in starts]
    if any(len(body_id) > 20 for body_id in ids):
        return None
    return RawSkeleton(num_frames, np.array(frames, dtype=np.intp), tuple(map(int, ids)), joints)


def _small_count(line: bytes) -> int | None:
    return int(line) if line.isdigit() and len(line) < 10 else None


def _parse_carefully(lines: list[bytes], path: str | os.PathLike) -> RawSkeleton:
    """Line by line, with a message for everything that can be wrong."""
    if not lines:
        raise InputError(f'{path}: expected a skeleton file that starts with the number of frames, got an empty file')
    try:
        reader = _Reader([line.decode('utf-8') for line in lines], path)
    except UnicodeDecodeError:
        raise InputError(f'{path}: expected a text file of numbers, got binary data') from None
    num_frames = reader.count('frames', lines_each=1)
    frames: list[int] = []
    ids: list[int] = []
    joints: list[list[list[float]]] = []
    for frame in range(num_frames):
        reader.where = f' (frame {frame + 1} of {num_frames})'
        for _ in range(reader.count('bodies', lines_each=LINES_PER_BODY)):
            frames.append(frame)
            ids.append(reader.body_id())
            reader.joint_count()
            joints.append([reader.joint() for _ in range(NUM_JOINTS)])
    reader.expect_end(num_frames)
    positions = np.array(joints, dtype=float).reshape(-1, NUM_JOINTS, 3)
    return RawSkeleton(num_frames, np.array(frames, dtype=np.intp), tuple(ids), positions)


class _Reader:
    """The lines of a file one after the other."""

    def __init__(self, lines: list[str], path: str | os.PathLike) -> None:
        self.lines, self.path = lines, path
        self.number = 0  # of the line read last, from 1
        self.where = ''

    def fail(self, expected: str, got: str) -> NoReturn:
        raise InputError(f'{self.path}, line {self.number}: expected {expected}, got {got}{self.where}')

    def next(self, expected: str) -> list[str]:
        self.number += 1
        if self.number > len(self.lines):
            self.fail(expected, 'the end of the file: it is cut short')
        return self.lines[self.number - 1].split()

    def count(self, what: str, lines_each: int) -> int:
        """A count, which is believed only if as many lines follow: nothing is allocated for a wrong one."""
        values = self.next(f'the number of {what}')
        if len(values) != 1 or not _COUNT.fullmatch(values[0]):
            self.fail(f'the number of {what}', _shown(values))
        count, left = int(values[0]), len(self.lines) - self.number
        if count * lines_each > left:
            self.fail(
                f'at least {count * lines_each} more lines for {count} {what}',
                f'{left}: the file is cut short, or the count is wrong',
            )
        return count

    def row(self, width: int, what: str) -> list[str]:
        values = self.next(f'{width} values of {what}')
        if len(values) != width:
            self.fail(f'{width} values of {what}', f'{len(values)}: {_shown(values)}')
        for column, value in enumerate(values, 1):
            if not _NUMBER.fullmatch(value):
                self.fail(f'a number as value {column} of {what}', repr(value[:40]))
        return values

    def body_id(self) -> int:
        value = self.row(VALUES_PER_BODY, 'a body')[0]
        if not _BODY_ID.fullmatch(value):
            self.fail('a body id, a whole number of at most 20 digits', repr(value[:40]))
        return int(value)

    def joint_count(self) -> None:
        values = self.next(f'the number of joints, {NUM_JOINTS}')
        if values != [str(NUM_JOINTS)]:
            self.fail(f'the number of joints, {NUM_JOINTS}', _shown(values))

    def joint(self) -> list[float]:
        values = self.row(VALUES_PER_JOINT, 'a joint')
        position = []
        for axis, value in zip('xyz', values, strict=False):
            if not _FINITE.fullmatch(value):
                self.fail(f'a finite {axis}', repr(value[:40]))
            coordinate = float(value)
            if not abs(coordinate) <= MAX_COORDINATE:
                self.fail(f'{axis} within {MAX_COORDINATE:.0f} m', repr(value[:40]))
            position.append(coordinate)
        return position

    def expect_end(self, num_frames: int) -> None:
        if self.number < len(self.lines):
            self.number += 1
            self.where = ''
            self.fail(f'the end of the file after {num_frames} frames', _shown(self.lines[self.number - 1].split()))


def _shown(values: list[str]) -> str:
    text = ' '.join(values)
    return f'{text[:60]!r}{"..." if len(text) > 60 else ""}' if values else 'an empty line'
