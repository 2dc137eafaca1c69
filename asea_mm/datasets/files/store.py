"""Annotation stores: what an annotation file says, in a folder that need not fit into memory.

::

    x.store/
      index.json      format, version, number of samples; fields, splits and meta; dtype and shape of every array
      keypoint.bin    the keypoints of all samples one after another, as they are in memory (C order)
      ...             one such file for every other field of arrays

The index is JSON and the rest plain numbers, so that reading a store cannot run code. Samples are read one at a time
with plain file reads: of a memory map, every process would count all that it has touched as its own memory.
"""

from __future__ import annotations

import copy
import json
import math
import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, overload

import numpy as np

from ...errors import InputError
from .plain_pickle import plain_dtype

INDEX = 'index.json'
FORMAT = 'asea_mm annotation store'
VERSION = 1


class _Column:
    """A field of all samples: distinct values, and which of them every sample has."""

    def __init__(self, column: Mapping[str, Any], count: int) -> None:
        self.which = np.array(column['which'], dtype=np.int32)
        if self.which.shape != (count,) or ((self.which < -1) | (self.which >= len(column['values']))).any():
            raise InputError('numbers of values that are not there')


class _Plain(_Column):
    def __init__(self, column: Mapping[str, Any], count: int) -> None:
        super().__init__(column, count)
        self.values = [_decode(value) for value in column['values']]


class _Arrays(_Column):
    """Arrays of all samples in one file; where each is follows from the sizes of those before it."""

    def __init__(self, column: Mapping[str, Any], count: int, folder: Path) -> None:
        super().__init__(column, count)
        if Path(column['file']).name != column['file']:
            raise InputError(f'the file {column["file"]!r}, which is not in the folder')
        self.path = folder / column['file']
        self.kinds = [(plain_dtype(kind['dtype']), tuple(map(int, kind['shape']))) for kind in column['values']]
        sizes = [math.prod(shape) * dtype.itemsize for dtype, shape in self.kinds]
        if any(extent < 0 for _, shape in self.kinds for extent in shape) or max(sizes, default=0) > column['bytes']:
            raise InputError('shapes that do not fit their file')
        per_sample = np.array([*sizes, 0], dtype=np.int64)[self.which]  # -1, for none, is the last
        self.start = np.concatenate([[0], np.cumsum(per_sample)])
        if self.start[-1] != column['bytes']:
            raise InputError(f'{self.start[-1]} bytes of arrays in a file of {column["bytes"]}')
        self.changed: int | None = None
        self.open()

    def open(self) -> None:
        file = self.path.open('rb', buffering=0)
        status = os.fstat(file.fileno())
        if status.st_size != self.start[-1]:
            raise InputError(f'{self.start[-1]} bytes in {self.path.name}, which has {status.st_size}')
        if self.changed not in (None, status.st_mtime_ns):
            raise InputError(f'{self.path.name} as it was when the store was opened, it has been written since')
        self.changed = status.st_mtime_ns
        self.file = file
        weakref.finalize(self, file.close)

    def __getstate__(self) -> dict:  # for processes that are spawned, not forked
        return {name: value for name, value in self.__dict__.items() if name != 'file'}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self.open()

    def read(self, number: int) -> np.ndarray:
        dtype, shape = self.kinds[self.which[number]]
        array = np.empty(shape, dtype)
        # Forked workers share the open file and its position; reading at a given place does not use it.
        if array.nbytes:
            buffer = array.reshape(-1).view(np.uint8)
            got = os.preadv(self.file.fileno(), [buffer.data], int(self.start[number]))
            if got != array.nbytes:
                raise InputError(f'{array.nbytes} bytes in {self.path.name} at {self.start[number]}, got {got}')
        return array


def _decode(value: Any) -> Any:
    """Of the index, where tuples and dictionaries are tagged."""
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if isinstance(value, dict):
        ((kind, items),) = value.items()
        if kind == 'tuple':
            return tuple(_decode(item) for item in items)
        return {_decode(key): _decode(item) for key, item in items}
    return value


class AnnotationStore(Sequence[dict]):
    """The samples of a store, each read when it is asked for.

    Sizes, dtypes and offsets are checked when it is opened; the values are those that were checked when it was
    written. It may be shared by forked processes and by threads, and it can be pickled.

    Args:
        path: The folder.

    Raises:
        ValueError: If it is no store, of another version, truncated or damaged.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        try:
            index = json.loads((self.path / INDEX).read_text(encoding='utf-8'))
        except FileNotFoundError:
            self._fail(f'expected an annotation file or a store, got a directory without {INDEX}')
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            self._fail(f'expected an annotation store with an {INDEX}, which cannot be read ({reason})')
        if not isinstance(index, dict) or index.get('format') != FORMAT:
            self._fail(f'expected an annotation store, got an {INDEX} of something else')
        if index.get('version') != VERSION:
            self._fail(f'expected an annotation store of version {VERSION}, got version {index.get("version")}')
        try:
            self._count = int(index['num_samples'])
            self._plain = {name: _Plain(column, self._count) for name, column in index['fields'].items()}
            self._arrays = {name: _Arrays(column, self._count, self.path) for name, column in index['arrays'].items()}
            self.meta: dict = _decode(index['meta'])
            self.ids: list[str] = [self._field('frame_dir', number) for number in range(self._count)]
            self.split = {name: [self._id(number) for number in numbers] for name, numbers in index['split'].items()}
            if len(set(self.ids)) != self._count or not all(isinstance(sample_id, str) for sample_id in self.ids):
                raise InputError('ids that are not one each')
        except OSError as error:
            self._fail(f'the store lacks a file ({error.strerror}: {error.filename})')
        except Exception as error:  # a damaged index raises almost anything
            self._fail(f'a truncated or damaged annotation store: {error or type(error).__name__}')

    def _fail(self, message: str) -> NoReturn:
        raise InputError(f'{self.path}: {message}') from None

    def _field(self, name: str, number: int) -> Any:
        column = self._plain[name]
        return column.values[column.which[number]]

    def _id(self, number: int) -> str:
        if number < 0:
            raise InputError(f'sample number {number} in a split')
        return self.ids[number]

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, number: int) -> dict: ...
    @overload
    def __getitem__(self, number: slice) -> list[dict]: ...
    def __getitem__(self, number: int | slice) -> dict | list[dict]:
        if isinstance(number, slice):
            return [self[item] for item in range(self._count)[number]]
        number = range(self._count)[number]
        sample = self._plain_fields(number)
        for name, column in self._arrays.items():
            if column.which[number] >= 0:
                try:
                    sample[name] = column.read(number)
                except (ValueError, OSError) as error:
                    self._fail(f'sample {self.ids[number]!r}: a truncated or damaged annotation store: {error}')
        return sample

    def headers(self) -> Iterator[dict]:
        """The samples without reading their arrays: these have dtype and shape, but all values are zero."""
        blank = {
            name: [np.broadcast_to(np.zeros((), dtype), shape) for dtype, shape in column.kinds]
            for name, column in self._arrays.items()
        }
        for number in range(self._count):
            sample = self._plain_fields(number)
            for name, column in self._arrays.items():
                if (kind := column.which[number]) >= 0:
                    sample[name] = blank[name][kind]
            yield sample

    def _plain_fields(self, number: int) -> dict:
        sample = {}
        for name, column in self._plain.items():
            if (kind := column.which[number]) >= 0:
                value = column.values[kind]  # other samples may have the same object
                sample[name] = copy.deepcopy(value) if isinstance(value, (list, tuple, dict)) else value
        return sample

    def __iter__(self) -> Iterator[dict]:
        return (self[number] for number in range(self._count))
