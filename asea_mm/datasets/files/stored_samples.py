"""Annotation files whose samples can be read one by one: a pickle, followed by where each sample is in it.

::

    pickle      {'annotations': [sample, ...], 'split': ..., 'meta': ...}
    headers     of every sample a pickle of its fields without arrays, and of dtype and shape of its arrays
    index       where in the pickle every sample begins
    footer      where the index begins, and MAGIC

Who reads pickles stops where the pickle ends, so mmaction2 and PYSKL read such a file as any other. No sample refers to
another, so its part of the file is all that is needed to read it. All is read by
:class:`~asea_mm.datasets.files.plain_unpickler.PlainUnpickler`, which runs no code.
"""

import io
import os
import pickle
import struct
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np

from ...errors import InputError
from .plain_pickle import START, dumps, load_all, load_opcodes, opcodes, plain_dtype
from .plain_unpickler import ForbiddenGlobal

MAGIC = b'asea_mm samples1'
FOOTER = struct.Struct(f'<Q{len(MAGIC)}s')


class NoIndex(Exception):
    """A file does not say where its samples are."""


def write_samples(file: IO[bytes], samples: Iterable[Mapping], others: Mapping[str, Mapping]) -> None:
    """Write an annotation file, holding one sample at a time.

    Args:
        file: Open for writing, at its beginning.
        samples: The value of ``annotations``.
        others: ``split`` and ``meta``; read after the samples.

    Raises:
        ForbiddenGlobal: As :func:`~.plain_pickle.dumps`; names the sample.
    """
    starts: list[int] = []
    headers = io.BytesIO()
    file.write(START + pickle.EMPTY_DICT + pickle.MARK + opcodes('annotations') + pickle.EMPTY_LIST + pickle.MARK)
    for sample in samples:
        starts.append(file.tell())
        arrays = {name: np.asarray(value) for name, value in sample.items() if isinstance(value, np.ndarray)}
        fields = {name: value for name, value in sample.items() if name not in arrays}
        file.write(_named_opcodes({**sample, **arrays}, f'sample {sample["frame_dir"]!r}'))
        headers.write(dumps((fields, {name: (array.dtype.str, array.shape) for name, array in arrays.items()})))
    starts.append(file.tell())
    file.write(pickle.APPENDS)
    for name, content in others.items():
        file.write(opcodes(name) + _named_opcodes(dict(content), repr(name)))
    file.write(pickle.SETITEMS + pickle.STOP)
    starts.append(file.tell())
    file.write(headers.getbuffer())
    index_start = file.tell()
    file.write(opcodes(np.array(starts, dtype=np.int64)) + FOOTER.pack(index_start, MAGIC))


def _named_opcodes(value: Any, holder: str) -> bytes:
    try:
        return opcodes(value)
    except ForbiddenGlobal as error:
        raise ForbiddenGlobal(f'{holder} holds {error}') from None


@lru_cache(maxsize=1000)
def _zeros(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.broadcast_to(np.zeros((), plain_dtype(dtype)), shape)


class StoredSamples:
    """The samples of an annotation file, each read from it when it is asked for.

    It reads the file that it opened, also after another took its place. Forked processes and threads may share it, and
    it can be pickled.

    Args:
        path: A file of :func:`write_samples`.

    Attributes:
        others: What the file holds besides the samples: ``split`` and ``meta``.

    Raises:
        NoIndex, InputError: If it is another file, or damaged.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self._open()
        size = self._version[0]
        footer_start = max(size - FOOTER.size, 0)
        footer = self._read(footer_start, size)
        if not footer.endswith(MAGIC):
            raise NoIndex(self.path)
        try:
            self._index_start, _ = FOOTER.unpack(footer)
            self._starts: np.ndarray = load_opcodes(self._read(self._index_start, footer_start))
            if self._starts.dtype != np.int64 or self._starts.ndim != 1 or (np.diff(self._starts) < 0).any():
                raise InputError('expected where samples begin, one after another')
            samples_end, pickle_end = self._starts[-2:]
            rest = self._read(samples_end + len(pickle.APPENDS), pickle_end - len(pickle.STOP))
            self.others: dict = {**load_opcodes(pickle.EMPTY_DICT + pickle.MARK + rest)}
        except Exception as error:  # a damaged file raises almost anything
            self._fail('the index', error)

    def _open(self) -> None:
        self._file = self.path.open('rb', buffering=0)
        self._lock = threading.Lock()
        weakref.finalize(self, self._file.close)
        status = os.fstat(self._file.fileno())
        self._version = status.st_size, status.st_mtime_ns, status.st_ino

    def __getstate__(self) -> dict:  # for processes that are spawned, not forked
        return {name: value for name, value in self.__dict__.items() if name not in ('_file', '_lock')}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._open()
        if self._version != state['_version']:
            raise InputError(f'{self.path}: expected the file as it was when it was opened, it has been written since')

    def _read(self, start: int, stop: int) -> bytes:
        length = int(stop) - int(start)
        if not 0 <= start <= stop <= self._version[0]:
            raise InputError(f'expected a place in {self._version[0]} bytes, got {start} to {stop}')
        if hasattr(os, 'pread'):  # forked processes share the position in the file, which this neither uses nor moves
            data = os.pread(self._file.fileno(), length, int(start))
        else:
            with self._lock:
                self._file.seek(start)
                data = self._file.read(length)
        if len(data) != length:
            raise InputError(f'expected {length} bytes at {start}, got {len(data)}')
        return data

    def _fail(self, part: str, error: Exception) -> NoReturn:
        raise InputError(
            f'{self.path}: {part}: a truncated or damaged annotation file: {str(error) or type(error).__name__}'
        ) from None

    def __len__(self) -> int:
        return len(self._starts) - 2

    def __getitem__(self, number: int) -> dict:
        number = range(len(self))[number]
        try:
            sample = {**load_opcodes(self._read(*self._starts[number : number + 2]))}
            if not isinstance(sample.get('frame_dir'), str):
                raise InputError("expected a string 'frame_dir'")
            return sample
        except Exception as error:  # damaged opcodes raise almost anything
            self._fail(f'sample {number}', error)

    def __iter__(self) -> Iterator[dict]:
        return (self[number] for number in range(len(self)))

    def headers(self) -> Iterator[dict]:
        """The samples without reading their arrays: these have dtype and shape, but all values are zero."""
        try:
            headers = load_all(self._read(self._starts[-1], self._index_start))
            for _, (fields, arrays) in zip(range(len(self)), headers, strict=False):
                yield {**fields, **{name: _zeros(*kind) for name, kind in arrays.items()}}
        except Exception as error:
            self._fail('the headers', error)
