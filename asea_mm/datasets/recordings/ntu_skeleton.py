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

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np

from ...errors import InputError
from ...skeletons import SKELETONS, Skeleton
from .recording import Recording, record
from .tracks import Bodies

NUM_JOINTS = 25
VALUES_PER_BODY = 10
VALUES_PER_JOINT = 12
MAX_COORDINATE = 100.0  # metres; the sensor sees 8

_LOOKS_FINITE = re.compile(rb'[0-9+\-.eE ]*')  # Python reads more as numbers: 1_0, nan


def read_ntu_skeleton_file(path: Path, skeleton: Skeleton) -> Recording:
    """Read one ``.skeleton`` file as a recording: all persons in it.

    Raises:
        InputError: If the file is not as it should be, has no body, or the layout is not its.
    """
    if skeleton.joints != SKELETONS['nturgbd25'].joints:
        raise InputError(
            f"{path}: expected the layout {skeleton.name!r} ({skeleton.num_joints} joints), got 'nturgbd25' "
            f'({NUM_JOINTS} joints)'
        )
    bodies = parse_ntu_skeleton(path)
    if not bodies.joints.any():
        raise InputError(f'{path}: expected at least one body, got none in {bodies.num_frames} frames')
    return record(bodies, range(bodies.num_frames), skeleton)


def parse_ntu_skeleton(path: str | os.PathLike) -> Bodies:
    """Read the bodies of one ``.skeleton`` file: y up, z away from the sensor, in metres.

    Either line ending, a byte order mark, blanks around values and empty lines at the end are fine. Of the twelve
    values of a joint only x, y, z are used and must be finite; the others may be anything.

    Raises:
        InputError: If the file is empty, cut, too long or anything in it is not as it should be; names file and line.
    """
    lines = [line.split() for line in Path(path).read_bytes().removeprefix(b'\xef\xbb\xbf').splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise InputError(f'{path}: expected a skeleton file that starts with the number of frames, got an empty file')
    reader = _Reader(lines, path)
    num_frames = reader.count('frames')
    frames: list[int] = []
    starts: list[int] = []  # number of lines before the first joint of every body
    ids: list[int] = []
    for frame in range(num_frames):
        reader.where = f' (frame {frame + 1} of {num_frames})'
        for _ in range(reader.count('bodies')):
            body = reader.next(f'{VALUES_PER_BODY} values of a body', VALUES_PER_BODY)
            if not body[0].isdigit() or len(body[0]) > 20:
                reader.fail('a body id, a whole number of at most 20 digits', _shown(body[:1]))
            if reader.next('the number of joints', 1) != [b'25']:
                reader.fail(f'the number of joints, {NUM_JOINTS}', _shown(lines[reader.number - 1]))
            frames.append(frame)
            ids.append(int(body[0]))
            starts.append(reader.number)
            if (left := len(lines) - reader.number) < NUM_JOINTS:
                reader.fail(f'{NUM_JOINTS} lines of joints below it', f'{left}: the file is cut short')
            reader.number += NUM_JOINTS
    if reader.number < len(lines):
        reader.number, reader.where = reader.number + 1, ''
        reader.fail(f'the end of the file after {num_frames} frames', _shown(lines[reader.number - 1]))
    joints = [joint for start in starts for joint in lines[start : start + NUM_JOINTS]]
    positions = _positions(joints)
    if positions is None:
        index = next(index for index, joint in enumerate(joints) if _positions([joint]) is None)
        reader.number, reader.where = starts[index // NUM_JOINTS] + index % NUM_JOINTS + 1, ''
        reader.fail(
            f'{VALUES_PER_JOINT} values of a joint, x, y, z finite and within {MAX_COORDINATE:.0f} m',
            f'{len(joints[index])}: {_shown(joints[index])}',
        )
    return Bodies(num_frames, np.array(frames, dtype=np.intp), ids, positions.reshape(-1, NUM_JOINTS, 3))


class _Reader:
    """The lines of a file one after the other."""

    def __init__(self, lines: list[list[bytes]], path: str | os.PathLike) -> None:
        self.lines, self.path = lines, path
        self.number = 0  # of the line read last, from 1
        self.where = ''

    def fail(self, expected: str, got: str) -> NoReturn:
        raise InputError(f'{self.path}, line {self.number}: expected {expected}, got {got}{self.where}')

    def next(self, expected: str, count: int) -> list[bytes]:
        self.number += 1
        if self.number > len(self.lines):
            self.fail(expected, 'the end of the file: it is cut short')
        values = self.lines[self.number - 1]
        if len(values) != count:
            self.fail(expected, _shown(values) if count == 1 else f'{len(values)}: {_shown(values)}')
        return values

    def count(self, what: str) -> int:
        (value,) = self.next(f'the number of {what}', 1)
        if not value.isdigit() or len(value) > 9:
            self.fail(f'the number of {what}', _shown([value]))
        return int(value)


def _positions(joints: Sequence[Sequence[bytes]]) -> np.ndarray | None:
    """``(n, 3)`` of the lines of joints; None if one is not as it should be."""
    values = [value for joint in joints for value in joint[:3]]
    if any(len(joint) != VALUES_PER_JOINT for joint in joints) or not _LOOKS_FINITE.fullmatch(b' '.join(values)):
        return None
    try:
        positions = np.array(values, dtype=bytes).astype(np.float64).reshape(-1, 3)
    except ValueError:  # 1.2.3
        return None
    return positions if (np.abs(positions) <= MAX_COORDINATE).all() else None


def _shown(values: Sequence[bytes]) -> str:
    text = b' '.join(values).decode('utf-8', 'replace')
    return f'{text[:60]!r}{"..." if len(text) > 60 else ""}' if values else 'an empty line'
