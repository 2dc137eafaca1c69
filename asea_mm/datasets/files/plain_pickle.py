"""Pickles of NumPy arrays and plain containers, read without running code from them."""

import gzip
import importlib
import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError

PLAIN_KINDS = 'biufcSU'  # dtypes of numbers and strings; object and structured arrays could smuggle pointers

GZIP = b'\x1f\x8b'  # how files that gzip has compressed begin
PROTOCOL = 3  # the last whose opcodes are not grouped in frames, so that a pickle can be put together
START = pickle.PROTO + bytes([PROTOCOL])


class ForbiddenGlobal(Exception):
    """Something in a pickle is neither an array of numbers or strings nor a plain container."""


def plain_dtype(spec: str, *flags: bool) -> np.dtype:
    """``numpy.dtype`` for numbers and strings only.

    Raises:
        ForbiddenGlobal: If it is another dtype.
    """
    dtype = np.dtype(spec, *flags) if isinstance(spec, str) else None
    if dtype is None or dtype.kind not in PLAIN_KINDS:
        raise ForbiddenGlobal(f'numpy.dtype({spec!r})')
    return dtype


def _latin1_bytes(text: str, encoding: str) -> bytes:
    """How protocols 0 to 2 write ``bytes``; the general ``codecs.encode`` would import any codec by name."""
    if encoding != 'latin1':
        raise ForbiddenGlobal(f'_codecs.encode to {encoding!r}')
    return text.encode('latin1')


def _allowed_globals() -> dict[tuple[str, str], Any]:
    allowed: dict[tuple[str, str], Any] = {
        ('numpy', 'ndarray'): np.ndarray,
        ('numpy', 'dtype'): plain_dtype,
        ('_codecs', 'encode'): _latin1_bytes,
        ('collections', 'OrderedDict'): OrderedDict,
    }
    # NumPy 2 moved numpy.core to numpy._core; a pickle names the one of the NumPy that wrote it.
    cores = ('numpy.core', 'numpy._core')
    installed = cores[int(np.__version__.split('.')[0]) >= 2]
    for module, name in (('multiarray', '_reconstruct'), ('multiarray', 'scalar'), ('numeric', '_frombuffer')):
        function = getattr(importlib.import_module(f'{installed}.{module}'), name)
        allowed |= {(f'{core}.{module}', name): function for core in cores}
    for plain in (list, tuple, dict, set, frozenset, bytes, bytearray, complex):
        allowed['builtins', plain.__name__] = allowed['__builtin__', plain.__name__] = plain
    return allowed


class PlainUnpickler(pickle.Unpickler):
    """Unpickler of NumPy arrays, plain containers and scalars; any other global is refused before it is imported."""

    allowed = _allowed_globals()

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.allowed:
            raise ForbiddenGlobal(f'{module}.{name}')
        return self.allowed[module, name]


def read_pickle(path: Path, expected: str) -> Any:
    """What a pickle holds, without running any code that it may contain; ``expected`` is for the messages.

    Raises:
        InputError: If it is empty, truncated, not a pickle, or would run code; names the file.
    """
    with path.open('rb') as file:
        start = file.read(16)
        file.seek(0)
        try:
            return PlainUnpickler(gzip.open(file) if start[:2] == GZIP else file).load()
        except ForbiddenGlobal as error:
            raise InputError(
                f'{path}: refused, the pickle asks for {error}; only NumPy arrays of numbers and plain containers are '
                f'read, anything else could run code'
            ) from None
        except Exception as error:  # a damaged pickle raises almost anything
            if not start:
                content = 'an empty file'
            elif start[:1] == b'\x80':  # how pickles since protocol 2 begin
                content = f'a truncated or damaged pickle of {path.stat().st_size} bytes ({error!r:.100})'
            elif start[:2] == GZIP:
                content = (
                    f'a truncated or damaged pickle in a gzip file of {path.stat().st_size} bytes ({error!r:.100})'
                )
            else:
                content = f'a file that is not a pickle, it starts with {start!r}'
            raise InputError(f'{path}: expected {expected}, got {content}') from None


def dumps(value: Any) -> bytes:
    """A pickle that refers back to nothing in it, so that any part of it can be read alone.

    Raises:
        ForbiddenGlobal: If something is neither an array of numbers or strings nor a plain container or scalar.
    """
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, PROTOCOL)
    pickler.fast = True
    try:
        pickler.dump(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ForbiddenGlobal(str(error)) from None
    PlainUnpickler(io.BytesIO(buffer.getvalue())).load()  # what could not be read is not written
    return buffer.getvalue()


def opcodes(value: Any) -> bytes:
    """What of :func:`dumps` stands for the value; it may stand anywhere in a pickle of the same protocol."""
    return dumps(value)[len(START) : -len(pickle.STOP)]


def load_opcodes(data: bytes) -> Any:
    """The value of :func:`opcodes`.

    Raises:
        ForbiddenGlobal: If it would run code.
        Exception: Almost any, if the data are damaged.
    """
    return PlainUnpickler(io.BytesIO(START + data + pickle.STOP)).load()
