"""A user's recording as a NumPy array: ``.npy`` and ``.npz``."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...skeletons import Skeleton
from .recording import Recording, read_fps

_SHAPES = '(frames, joints, 2 or 3) of one person or (persons, frames, joints, 2 or 3)'
_LARGEST_FILE = 2**31


def read_npy(path: Path, skeleton: Skeleton) -> Recording:
    """Read ``.npy``: keypoints of one person or of several.

    Shapes:
        the array: ``(T, V, C)`` or ``(M, T, V, C)``

    Raises:
        ValueError: If it is damaged, holds objects, or is no such array; names the file and what was found.
    """
    try:
        # Mapped, the shape that the file claims is compared with its size before any memory is asked for.
        array = np.array(np.load(path, mmap_mode='r', allow_pickle=False))
    except Exception as error:  # a damaged file raises almost anything
        raise InputError(
            f'{path}: expected an array of numbers as numpy.save writes it, got {_reason(error)}'
        ) from None
    return _recording(array, None, None, skeleton, str(path))


def read_npz(path: Path, skeleton: Skeleton) -> Recording:
    """Read ``.npz``: ``keypoint``, and maybe ``keypoint_score`` and ``fps``.

    Shapes:
        keypoint: ``(T, V, C)`` or ``(M, T, V, C)``; keypoint_score: the same without C; fps: one number

    Raises:
        ValueError: If it is damaged, holds objects, or lacks ``keypoint``; names the file and what was found.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > _LARGEST_FILE:
                raise InputError('more than 2 GB unpacked')
        with np.load(path, allow_pickle=False) as content:
            arrays = {name: content[name] for name in ('keypoint', 'keypoint_score', 'fps') if name in content}
            names = sorted(content.files)
    except Exception as error:  # a damaged file raises almost anything
        raise InputError(f'{path}: expected arrays as numpy.savez writes them, got {_reason(error)}') from None
    if 'keypoint' not in arrays:
        raise InputError(f"{path}: expected an array 'keypoint' (maybe 'keypoint_score' and 'fps'), got {names[:8]}")
    fps = arrays.get('fps')
    rate = None
    if fps is not None:
        if not isinstance(fps, np.ndarray) or fps.size != 1 or fps.dtype.kind not in 'iuf':
            found = getattr(fps, 'shape', 'something else'), getattr(fps, 'dtype', '')
            raise InputError(f'{path}: expected fps to be one number, got {found[0]} {found[1]}')
        rate = read_fps(fps.reshape(-1)[0].item(), str(path))
    return _recording(arrays['keypoint'], arrays.get('keypoint_score'), rate, skeleton, str(path))


def _reason(error: Exception) -> str:
    text = ' '.join(f'{error}'.split())
    if any(word in text for word in ('allow_pickle', 'pickled', 'Python objects')):
        return 'another kind of file or an array of objects, which are not read: they could run code'
    return text[:200] or type(error).__name__


def _recording(
    keypoint: np.ndarray, score: np.ndarray | None, fps: float | None, skeleton: Skeleton, source: str
) -> Recording:
    for name, array in (('keypoint', keypoint), ('keypoint_score', score)):
        if array is not None and (not isinstance(array, np.ndarray) or array.dtype.kind not in 'iuf'):
            found = array.dtype if isinstance(array, np.ndarray) else 'bytes that are no array'
            raise InputError(f'{source}: expected {name} to be an array of numbers, got {found}')
    shape = keypoint.shape
    if keypoint.ndim not in (3, 4) or shape[-1] not in (2, 3) or 0 in shape:
        raise InputError(f'{source}: expected an array {_SHAPES}, got {shape}')
    if shape[-2] != skeleton.num_joints:
        raise InputError(
            f'{source}: expected {skeleton.num_joints} joints of layout {skeleton.name!r} on the axis before the last, '
            f'got shape {shape}'
        )
    if keypoint.ndim == 3:
        keypoint = keypoint[None]
    persons, frames = keypoint.shape[:2]
    if persons > max(frames, 10):
        raise InputError(
            f'{source}: expected {_SHAPES}, got {persons} persons in {frames} frames {shape}; '
            f'swap the first two axes if they are frames and persons'
        )
    if score is not None:
        if score.shape != shape[:-1]:
            raise InputError(f'{source}: expected keypoint_score of shape {shape[:-1]}, got {score.shape}')
        score = score.reshape(keypoint.shape[:-1]).astype(np.float64)
    names = [str(person) for person in range(persons)]
    return Recording(keypoint.astype(np.float64), score, range(frames), names, fps)
