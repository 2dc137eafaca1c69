"""SBU Kinect Interaction v2 (clean): reading one raw ``skeleton_pos.txt``.

The format (Yun et al., "Two-person Interaction Detection Using Body-Pose Features and Multiple Instance Learning",
CVPRW 2012): a line is a frame, its number, then x, y, z of the 15 joints of person 1 and of person 2, comma-separated.
"""

import math
import os
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...skeletons import SKELETONS, Skeleton
from .recording import Recording

NUM_JOINTS = 15
VALUES_PER_LINE = 1 + 2 * NUM_JOINTS * 3
# Published as x = (1280 - x_mm) / 2560, y = (960 - y_mm) / 1920, z = z_mm / 1280: anisotropic, so neither rotations
# nor bone lengths make sense before this is undone. Here in metres, and y points up.
SCALE = np.array([-2.56, -1.92, 1.28])
OFFSET = np.array([1.28, 0.96, 0.0])


def is_sbu_file(path: Path) -> bool:
    """Whether a text file begins with a line of SBU's length."""
    with path.open('rb') as file:
        return file.readline(4096).count(b',') == VALUES_PER_LINE - 1


def read_sbu_skeleton(path: str | os.PathLike) -> np.ndarray:
    """Read one ``skeleton_pos.txt``. Either line ending, blanks around values and empty lines at the end are fine.

    Args:
        path: The file.

    Shapes:
        returns ``(M, T, V, C)`` = ``(2, T, 15, 3)``, float32, metres, y up

    Raises:
        InputError: If the file is empty or a line is not 91 finite numbers; the message names file and line.
    """
    frames = []
    text = Path(path).read_text(encoding='utf-8-sig', errors='replace')
    for number, line in enumerate(text.rstrip().splitlines() or [''], 1):
        values = line.split(',')
        try:
            frames.append([float(value) for value in values])
        except ValueError:
            frames.append([])
        if len(frames[-1]) != VALUES_PER_LINE or not all(map(math.isfinite, frames[-1])):
            raise InputError(
                f'{path}, line {number}: expected {VALUES_PER_LINE} finite comma-separated numbers (frame, 2 persons x '
                f'15 joints x 3), got {len(values)}: {line!r:.60}'
            )
    joints = np.array(frames)[:, 1:].reshape(-1, 2, NUM_JOINTS, 3)
    with np.errstate(over='ignore'):  # what is too large for float32 is refused as infinite
        return (joints * SCALE + OFFSET).transpose(1, 0, 2, 3).astype(np.float32)


def read_sbu_file(path: Path, skeleton: Skeleton) -> Recording:
    """Read one such file as a recording.

    Raises:
        InputError: If the file is not as it should be, or the layout is not its.
    """
    if skeleton.joints != SKELETONS['sbu15'].joints:
        raise InputError(
            f"{path}: expected the layout {skeleton.name!r} ({skeleton.num_joints} joints), got 'sbu15' "
            f'({NUM_JOINTS} joints)'
        )
    keypoint = read_sbu_skeleton(path).astype(np.float64)
    return Recording(keypoint, None, range(keypoint.shape[1]), ['1', '2'])
