"""A user's recording as a NumPy array: in memory, ``.npy`` and ``.npz``."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...skeletons import Skeleton
from ..files.limits import check_array_header, read_npz
from .axes import hint_of_order, turn_axes
from .recording import Recording, read_fps

# Keypoints by their number of axes.
_SHAPES = {
    2: '(joints, 2 or 3)',
    3: '(frames, joints, 2 or 3) of one person',
    4: '(persons, frames, joints, 2 or 3)',
}


def read_numpy(path: Path, skeleton: Skeleton) -> Recording:
    """Read ``.npy``, or ``.npz`` with ``keypoint`` and maybe ``keypoint_score``, ``fps`` and ``axes``.

    ``axes`` says the order of the axes of ``keypoint``, such as ``'CTVM'``; else see :func:`read_array`.

    Raises:
        InputError: If it is damaged, holds objects, or lacks ``keypoint``; names the file and what came.
    """
    try:
        if zipfile.is_zipfile(path):
            arrays = read_npz(path)
        else:
            with path.open('rb') as file:
                check_array_header(file, path.stat().st_size)
            # Mapped, the shape that the file claims is compared with its size before any memory is asked for.
            arrays = {'keypoint': np.load(path, mmap_mode='r', allow_pickle=False)}
    except Exception as error:  # a damaged file raises almost anything
        text = ' '.join(f'{error}'.split())[:200] or type(error).__name__
        if any(word in text for word in ('allow_pickle', 'pickled', 'Python objects', 'magic string')):
            text = 'another kind of file or an array of objects, which are not read: they could run code'
        raise InputError(f'{path}: expected arrays as numpy.save or numpy.savez writes them, got {text}') from None
    if 'keypoint' not in arrays:
        names = sorted(arrays)[:8]
        raise InputError(f"{path}: expected an array 'keypoint' (maybe 'keypoint_score' and 'fps'), got {names}")
    said = str(arrays['axes']).upper() if 'axes' in arrays else None
    recording = read_array(arrays['keypoint'], skeleton, str(path), arrays.get('keypoint_score'), said)
    if 'fps' in arrays:
        fps = arrays['fps']
        recording.fps = read_fps(fps.item() if fps.size == 1 else fps.tolist(), str(path))
    return recording


def read_array(
    array: Any, skeleton: Skeleton, source: str = 'input', score: Any = None, axes: str | None = None
) -> Recording:
    """A recording from arrays, nested lists or tensors in memory; each row is a person, whose number is their id.

    Args:
        array: The keypoints, of axes in any order that can be told, see :func:`~.axes.turn_axes`.
        skeleton: Layout of the joints.
        source: For the messages.
        score: Maybe confidences.
        axes: The order of the axes, where it is said.

    Shapes:
        array: ``(T, V, C)`` or ``(M, T, V, C)``; score: the same without C

    Raises:
        InputError: If it is no such array; names the source and what came.
    """
    keypoint = _numbers(array, 'keypoint', source)
    score = None if score is None else _numbers(score, 'keypoint_score', source)
    keypoint, score, notes = turn_axes(keypoint, score, skeleton, source, axes)
    keypoint, score = as_keypoint(keypoint, score, skeleton, source)
    keypoint = keypoint.reshape(-1, *keypoint.shape[-3:])
    persons, frames = keypoint.shape[:2]
    if persons > max(frames, 10):
        raise InputError(
            f'{source}: expected an array {_SHAPES[4]}, got {persons} persons in {frames} frames'
            f'{hint_of_order(keypoint.shape, skeleton.num_joints)}'
        )
    score = None if score is None else score.reshape(keypoint.shape[:-1])
    rows = [str(person) for person in range(persons)]
    return Recording(keypoint, score, range(frames), rows, notes=notes, rows_are_ids=True)


def as_keypoint(
    keypoint: Any, score: Any, skeleton: Skeleton, source: str, axes: Sequence[int] = (3, 4)
) -> tuple[np.ndarray, np.ndarray | None]:
    """Copies as float64 whose shapes fit; values are not looked at. ``axes``: how many keypoints may have.

    Shapes:
        keypoint ``(..., V, C)``; score ``(..., V)`` or None

    Raises:
        InputError: If a shape is another, or it is no array of numbers.
    """
    keypoint = _numbers(keypoint, 'keypoint', source)
    shape = keypoint.shape
    if keypoint.ndim not in axes or shape[-1] not in (2, 3) or 0 in shape:
        raise InputError(
            f'{source}: expected an array {" or ".join(_SHAPES[count] for count in axes)}, got shape {shape}'
            f'{hint_of_order(shape, skeleton.num_joints)}'
        )
    if shape[-2] != skeleton.num_joints:
        raise InputError(
            f'{source}: expected {skeleton.num_joints} joints of layout {skeleton.name!r} on the axis before the last, '
            f'got shape {shape}{hint_of_order(shape, skeleton.num_joints)}'
        )
    if score is not None:
        score = _numbers(score, 'keypoint_score', source)
        if score.shape != shape[:-1]:
            raise InputError(f'{source}: expected keypoint_score of shape {shape[:-1]}, got {score.shape}')
    return keypoint, score


def _numbers(values: Any, name: str, source: str) -> np.ndarray:
    """A copy as float64."""
    try:
        array = np.asarray(values.detach().cpu().double().numpy() if hasattr(values, 'detach') else values)
    except (TypeError, ValueError) as error:  # nested lists of different lengths
        raise InputError(f'{source}: expected {name} to be an array of numbers, got {f"{error}"[:80]}') from None
    if array.dtype.kind not in 'iuf':
        raise InputError(
            f'{source}: expected {name} to be an array of numbers, got {type(values).__name__} ({array.dtype})'
        )
    with np.errstate(invalid='ignore'):
        array = np.array(array, dtype=np.float64)
    array[np.isnan(array)] = np.nan  # of a signalling NaN every operation warns
    return array
