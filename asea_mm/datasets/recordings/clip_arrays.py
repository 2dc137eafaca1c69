"""Arrays of many clips in one file, as ST-GCN and its successors keep data sets.

- ST-GCN (Yan et al., AAAI 2018), 2s-AGCN, MS-G3D: ``train_data.npy`` or ``train_data_joint.npy``, ``(N, C, T, V, M)``,
  with zeros behind the end of a clip, and beside it ``train_label.pkl``: ``([name, ...], [label, ...])``.
- CTR-GCN and what came after it: one ``.npz`` with ``x_train``, ``y_train``, ``x_test`` and ``y_test``,
  ``(N, T, M*V*C)`` and labels one-hot.

Each clip is a recording; it is read when it is asked for, since such files have gigabytes.
"""

import re
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...skeletons import Skeleton
from ..files.plain_pickle import read_pickle
from .arrays import read_array
from .axes import ORDER
from .json_forms.joints import IN_IMAGES
from .recording import Recording

_STGCN = re.compile(r'(?P<part>.+)_data(_joint)?')
_PARTS = ('train', 'val', 'test')
_LABELS = 'a pickle of ([name, ...], [label, ...])'


@dataclass(frozen=True)
class ClipFile:
    """The clips of one array in a file.

    Args:
        path: The file, ``.npy`` or ``.npz``.
        member: Name of the array in ``.npz``.
    """

    path: Path
    member: str = ''

    @cached_property
    def _array(self) -> Any:
        """The array of ``.npy``, mapped; of ``.npz`` where its numbers begin."""
        if not self.member:
            return np.load(self.path, mmap_mode='r', allow_pickle=False)
        file = zipfile.ZipFile(self.path).open(f'{self.member}.npy')  # noqa: SIM115, read as long as there are clips
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran_order, dtype = read(file)
        if fortran_order or dtype.kind not in 'iuf':
            raise InputError(f'{self.path}, {self.member}: expected numbers in C order, got {dtype}')
        return file, file.tell(), shape, dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole array.

        Raises:
            InputError: If the file is damaged.
        """
        try:
            return tuple(self._array[2] if self.member else self._array.shape)
        except InputError:
            raise
        except Exception as error:  # a damaged file raises almost anything
            raise InputError(
                f'{self.path}: expected an array of clips, got {" ".join(f"{error}".split())[:200]}'
            ) from None

    def clip(self, index: int) -> np.ndarray:
        """One clip.

        Raises:
            InputError: If the file is cut short.
        """
        if not self.member:
            return np.array(self._array[index])
        file, start, shape, dtype = self._array
        count = int(np.prod(shape[1:]))
        file.seek(start + index * count * dtype.itemsize)
        data = file.read(count * dtype.itemsize)
        if len(data) < count * dtype.itemsize:
            raise InputError(f'{self.path}, {self.member}: expected {shape[0]} clips, got the end of the file')
        return np.frombuffer(data, dtype=dtype).reshape(shape[1:])


@dataclass(frozen=True)
class Clip:
    """One clip of such a file: a recording, and what the files say of it."""

    file: ClipFile
    index: int
    name: str
    label: str = ''  # number of the class; empty where there is no file of labels
    part: str = ''  # train, val or test, where the file says it
    num_classes: int | None = None

    def __str__(self) -> str:
        return f'{self.file.path}, {self.file.member or "clip"} {self.index}'

    @property
    def path(self) -> Path:
        """The file."""
        return self.file.path

    def read(self, skeleton: Skeleton) -> Recording:
        """The recording, without the zeros behind its end.

        Raises:
            InputError: If it has other joints than the layout, or a shape that no clip has.
        """
        array = self.file.clip(self.index)
        joints, shape = skeleton.num_joints, array.shape
        if array.ndim == 2:  # CTR-GCN's (T, M*V*C)
            values = shape[1] // joints
            if values * joints != shape[1] or values not in (2, 3, 4, 6):
                raise InputError(
                    f'{self}: expected (frames, persons * {joints} joints of {skeleton.name!r} * 2 or 3), got {shape}'
                )
            channels = 3 if values % 3 == 0 else 2
            keypoint = array.reshape(shape[0], -1, joints, channels).swapaxes(0, 1)
        elif _STGCN.fullmatch(self.path.stem) and shape[0] in (2, 3) and shape[2] == joints:
            keypoint = array.transpose(3, 1, 2, 0)
        else:
            keypoint = array
        filled = np.flatnonzero(keypoint.any(axis=(0, 2, 3)))
        if keypoint is not array and len(filled):
            keypoint = keypoint[:, : filled[-1] + 1]
        in_image = skeleton.name in IN_IMAGES and keypoint.shape[-1] == 3 and keypoint is not array
        if in_image:
            return _in_image(keypoint, skeleton, str(self))
        return read_array(keypoint, skeleton, str(self), axes=None if keypoint is array else ORDER)


def _in_image(keypoint: np.ndarray, skeleton: Skeleton, source: str) -> Recording:
    """Of layouts that are found in images the third value is the score; ST-GCN takes 0.5 from shares."""
    score = keypoint[..., 2]
    recording = read_array(keypoint[..., :2], skeleton, source, score, ORDER)
    if np.abs(keypoint[..., :2]).max(initial=0) <= 1:
        recording.keypoint = np.where(score[..., None] > 0, recording.keypoint + 0.5, 0)
        recording.shares = 'kept'
    return recording


def clips_of(path: Path) -> list[Clip]:
    """The clips of a file; none if it holds no array of clips.

    Raises:
        InputError: If the file of labels is not as it should be, or has another number of labels.
    """
    if path.suffix.lower() == '.npz':
        return _ctrgcn_clips(path) if zipfile.is_zipfile(path) else []
    if path.suffix.lower() != '.npy' or _num_axes(path) != 5:
        return []
    file = ClipFile(path)
    match = _STGCN.fullmatch(path.stem)
    part = match['part'] if match else ''
    labels = path.with_name(f'{part}_label.pkl')
    if not (match and labels.is_file()):
        return [Clip(file, index, f'{path.stem}/{index:06d}') for index in range(file.shape[0])]
    names, numbers = _read_labels(labels)
    if len(names) != file.shape[0]:
        raise InputError(f'{labels}: expected {file.shape[0]} labels as {path.name} has clips, got {len(names)}')
    part = part if part in _PARTS else ''
    return [
        Clip(file, index, name.removesuffix('.skeleton'), str(number), part)
        for index, (name, number) in enumerate(zip(names, numbers, strict=True))
    ]


def _num_axes(path: Path) -> int:
    try:
        with path.open('rb') as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            return len(read(file)[0])
    except ValueError:  # damaged, which its reader says
        return 0


def _read_labels(path: Path) -> tuple[list[str], list[int]]:
    content = read_pickle(path, _LABELS)
    columns = content if isinstance(content, (list, tuple)) and len(content) == 2 else ()
    if columns and all(isinstance(column, (list, tuple, np.ndarray)) for column in columns):
        names, numbers = ([value.item() if hasattr(value, 'item') else value for value in values] for values in columns)
        if len(names) == len(numbers) and {*map(type, names)} <= {str} and {*map(type, numbers)} <= {int}:
            return names, numbers
    raise InputError(f'{path}: expected {_LABELS}, got {content!r:.80}')


def _ctrgcn_clips(path: Path) -> list[Clip]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name.removesuffix('.npy') for name in archive.namelist()}
    except zipfile.BadZipFile:  # which its reader says
        return []
    parts = [part for part in _PARTS if f'x_{part}' in members]
    clips = []
    for part in parts:
        file, labels = ClipFile(path, f'x_{part}'), ClipFile(path, f'y_{part}')
        if f'y_{part}' not in members or len(labels.shape) > 2 or labels.shape[0] != file.shape[0]:
            raise InputError(f'{path}: expected labels y_{part}, one for each of the {file.shape[0]} clips of x_{part}')
        rows = np.stack([labels.clip(index) for index in range(file.shape[0])])
        if rows.ndim == 2 and not ((rows > 0).sum(axis=1) == 1).all():
            raise InputError(f'{path}, y_{part}: expected one class for each clip')
        numbers = rows.argmax(axis=1) if rows.ndim == 2 else rows.astype(int)
        count = rows.shape[1] if rows.ndim == 2 else None
        clips += [
            Clip(file, index, f'{part}_{index:06d}', str(number), part, count) for index, number in enumerate(numbers)
        ]
    return clips
