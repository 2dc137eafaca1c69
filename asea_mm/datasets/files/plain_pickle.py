"""Pickles of NumPy arrays and plain containers, read without running code from them."""

import gc
import gzip
import io
import math
import os
import pickle
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from .limits import FREE_UNPACKED, MOST_UNPACKED, TooMuch, check_key
from .plain_unpickler import ForbiddenGlobal, Pending, PlainUnpickler

PLAIN_KINDS = 'biufcSU'  # dtypes of numbers and strings; object and structured arrays could smuggle pointers

GZIP = b'\x1f\x8b'  # how files that gzip has compressed begin
PROTOCOL = 3  # the last whose opcodes are not grouped in frames, so that a pickle can be put together
START = pickle.PROTO + bytes([PROTOCOL])


def plain_dtype(spec: Any) -> np.dtype:
    """``numpy.dtype`` for numbers and strings only.

    Raises:
        ForbiddenGlobal: If it is another dtype.
    """
    if not isinstance(spec, str) or len(spec) >= 20:
        raise ForbiddenGlobal(f'numpy.dtype({str(spec)[:40]!r})')
    return _known_dtype(spec)


@lru_cache(maxsize=100)
def _known_dtype(spec: str, order: Any = None) -> np.dtype:
    """One for all arrays: a file has one after another of the same."""
    dtype = np.dtype(spec)
    if dtype.kind not in PLAIN_KINDS:
        raise ForbiddenGlobal(f'numpy.dtype({spec!r})')
    return dtype.newbyteorder(order) if order is not None else dtype


# NumPy's own functions take states of which they crash; these make the same values, and look at what they take.


def _dtype(unpickler: PlainUnpickler, spec: Any, *flags: Any) -> Pending:
    plain_dtype(spec)

    def complete(state: Any) -> np.dtype:
        """(version, order, parts, names, fields, ...), of which plain dtypes have only the order."""
        if state[1] not in ('<', '>', '|', '=') or any(part is not None for part in state[2:5]):
            raise ForbiddenGlobal(f'numpy.dtype({spec!r}) with fields')
        return _known_dtype(spec, state[1])

    return Pending(complete)


def make_array(unpickler: PlainUnpickler, data: Any, dtype: Any, shape: Any, order: str) -> np.ndarray:
    """An array of its own from bytes, if they are as many as it needs."""
    if type(data) is str:  # bytes, in pickles of Python 2
        data = data.encode('latin1')
    whole = type(shape) is tuple and all(type(length) is int and length >= 0 for length in shape)
    if (
        not isinstance(dtype, np.dtype)
        or type(data) not in (bytes, bytearray)
        or not whole
        or order not in ('C', 'F', 'A')
    ):
        raise ForbiddenGlobal('an array that is none')
    count = math.prod(shape)
    if len(shape) > 32 or sum(shape) > 2**40 or count * dtype.itemsize != len(data):
        raise TooMuch(f'an array {str(shape)[:80]} of {dtype} from {len(data)} bytes')
    unpickler.charge(max(count, len(data)))
    if not data:
        return np.zeros(shape, dtype)
    return np.frombuffer(data, dtype).reshape(shape, order='F' if order == 'F' else 'C').copy(order='K')


_NDARRAY = 'numpy.ndarray'  # never called


def _reconstruct(unpickler: PlainUnpickler, kind: Any, shape: Any, typecode: Any) -> Pending:
    if kind is not _NDARRAY:
        raise ForbiddenGlobal('an array of another type')

    def complete(state: Any) -> np.ndarray:
        """(version, shape, dtype, whether in Fortran's order, bytes)."""
        _, shape, dtype, is_fortran, data = state
        return make_array(unpickler, data, dtype, shape, 'F' if is_fortran else 'C')

    return Pending(complete)


def _scalar(unpickler: PlainUnpickler, dtype: Any, data: Any) -> Any:
    return make_array(unpickler, data, dtype, (1,), 'C')[0]


def _encode(unpickler: PlainUnpickler, text: Any, encoding: Any) -> bytes:
    """How protocols 0 to 2 write ``bytes``; the general ``codecs.encode`` would import any codec by name."""
    if encoding != 'latin1' or type(text) is not str:
        raise ForbiddenGlobal(f'_codecs.encode to {str(encoding)[:40]!r}')
    unpickler.charge(len(text))
    return text.encode('latin1')


def _bytes(unpickler: PlainUnpickler, text: Any = b'', encoding: str = 'latin-1') -> bytes:
    if type(text) is str and encoding == 'latin-1':
        text = text.encode('latin1')
    if type(text) is not bytes:
        raise ForbiddenGlobal('bytes of another kind')
    unpickler.charge(len(text))
    return text


def _bytearray(unpickler: PlainUnpickler, *arguments: Any) -> bytearray:
    return bytearray(_bytes(unpickler, *arguments))


def _set(unpickler: PlainUnpickler, items: Any = ()) -> set:
    if type(items) not in (list, tuple):
        raise ForbiddenGlobal('a set of another kind')
    unpickler.charge(64 * len(items))
    for item in items:
        check_key(item)
    return set(items)


def _frozenset(unpickler: PlainUnpickler, items: Any = ()) -> frozenset:
    return frozenset(_set(unpickler, items))


def _ordered_dict(unpickler: PlainUnpickler, items: Any = ()) -> OrderedDict:
    if type(items) is not list and items != ():
        raise ForbiddenGlobal('a dictionary of another kind')
    made = OrderedDict()
    for key, value in items:  # how Python 2 writes them
        check_key(key)
        made[key] = value
    unpickler.charge(128 * len(made))
    return made


def _complex(unpickler: PlainUnpickler, real: Any, imaginary: Any) -> complex:
    if type(real) is not float or type(imaginary) is not float:
        raise ForbiddenGlobal('a number of another kind')
    return complex(real, imaginary)


_BUILTINS = {'bytes': _bytes, 'bytearray': _bytearray, 'set': _set, 'frozenset': _frozenset, 'complex': _complex}

MAKERS: dict[tuple[str, str], Any] = {
    ('numpy', 'ndarray'): _NDARRAY,
    ('numpy', 'dtype'): _dtype,
    ('_codecs', 'encode'): _encode,
    ('collections', 'OrderedDict'): _ordered_dict,
    **{(module, name): maker for module in ('builtins', '__builtin__') for name, maker in _BUILTINS.items()},
}
for _core in ('numpy.core', 'numpy._core'):  # NumPy 2 moved it; a pickle names the one of the NumPy that wrote it
    MAKERS[f'{_core}.multiarray', '_reconstruct'] = _reconstruct
    MAKERS[f'{_core}.multiarray', 'scalar'] = _scalar
    MAKERS[f'{_core}.numeric', '_frombuffer'] = make_array


def read_pickle(path: Path, expected: str) -> Any:
    """What a pickle holds, without running any code that it may contain; ``expected`` is for the messages.

    The file may be compressed by gzip.

    Raises:
        InputError: If it is empty, truncated, not a pickle, or would run code; names the file.
    """
    with path.open('rb') as file, _without_collection():
        start, size = file.read(16), os.fstat(file.fileno()).st_size
        file.seek(0)
        try:
            if start[:2] == GZIP:
                with gzip.open(file) as unpacked:
                    return PlainUnpickler(unpacked, max(FREE_UNPACKED, MOST_UNPACKED * size), MAKERS).load()
            return PlainUnpickler(file, size, MAKERS).load()
        except ForbiddenGlobal as error:
            raise InputError(
                f'{path}: refused, the pickle asks for {error}; only NumPy arrays of numbers and plain containers are '
                f'read, anything else could run code'
            ) from None
        except TooMuch as error:
            raise InputError(f'{path}: refused, the pickle of {size} bytes asks for {error}') from None
        except Exception as error:  # a damaged pickle raises almost anything
            if not start:
                content = 'an empty file'
            elif start[:1] == b'\x80':  # how pickles since protocol 2 begin
                content = f'a truncated or damaged pickle of {size} bytes ({error!r:.100})'
            elif start[:2] == GZIP:
                content = f'a truncated or damaged pickle in a gzip file of {size} bytes ({error!r:.100})'
            else:
                content = f'a file that is not a pickle, it starts with {start!r}'
            raise InputError(f'{path}: expected {expected}, got {content}') from None


@contextmanager
def _without_collection() -> Iterator[None]:
    """Spare the search for unreachable cycles, which goes through all samples again and again while they come."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


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
    next(load_all(buffer.getvalue()))  # what could not be read is not written
    return buffer.getvalue()


def load_all(data: bytes) -> Any:
    """The values of pickles that stand one after another.

    Raises:
        ForbiddenGlobal, TooMuch: If one would run code, or asks for more than its size explains.
        Exception: Almost any, if the data are damaged.
    """
    unpickler = PlainUnpickler(io.BytesIO(data), len(data), MAKERS)
    while True:
        yield unpickler.load()


def opcodes(value: Any) -> bytes:
    """What of :func:`dumps` stands for the value; it may stand anywhere in a pickle of the same protocol."""
    return dumps(value)[len(START) : -len(pickle.STOP)]


def load_opcodes(data: bytes) -> Any:
    """The value of :func:`opcodes`; errors as of :func:`load_all`."""
    return next(load_all(START + data + pickle.STOP))
