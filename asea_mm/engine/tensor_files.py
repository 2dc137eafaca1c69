"""Files that ``torch.save`` wrote, in both of its forms, read without running code from them.

``torch.load(weights_only=True)`` runs none either, but trusts a file with memory and time: declared sizes, compressed
members, states of NumPy's objects. Here the reader of annotation files reads the pickle, with tensors added to what it
knows, and a tensor must lie within the bytes that are there.
"""

import math
import os
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import torch
from mmengine.logging import HistoryBuffer
from torch.utils._python_dispatch import TorchDispatchMode

from ..datasets.files.limits import FREE_BYTES, TooMuch, check_archive
from ..datasets.files.plain_pickle import MAKERS
from ..datasets.files.plain_unpickler import ForbiddenGlobal, Pending, PlainUnpickler

_LEGACY = 0x1950A86A20F9469CFC6C, 1001  # the first two values of the form before zip archives
_DTYPES = {
    **{'Float': torch.float32, 'Double': torch.float64, 'Half': torch.float16, 'BFloat16': torch.bfloat16},
    **{'Byte': torch.uint8, 'Char': torch.int8, 'Short': torch.int16, 'Int': torch.int32, 'Long': torch.int64},
    **{'Bool': torch.bool, 'ComplexFloat': torch.complex64, 'ComplexDouble': torch.complex128},
}
_STATISTICS = ('min', 'max', 'current', 'mean')


class _Storage:
    """Bytes that tensors share, and what they are."""

    def __init__(self, data: bytearray, dtype: torch.dtype) -> None:
        self.data, self.dtype = data, dtype
        self.untyped = torch.frombuffer(data, dtype=torch.uint8).untyped_storage() if data else torch.UntypedStorage(0)


def _tensor(
    unpickler: PlainUnpickler, storage: Any, offset: Any, size: Any, stride: Any, *rest: Any, dtype: Any = None
) -> torch.Tensor:
    numbers = (offset, *size, *stride)
    if type(storage) is not _Storage or len(size) != len(stride) or any(type(n) is not int or n < 0 for n in numbers):
        raise ForbiddenGlobal('a tensor that is none')
    dtype = dtype or storage.dtype
    count = math.prod(size)
    last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    if count and (last + 1) * dtype.itemsize > len(storage.data):
        raise TooMuch(f'a tensor {tuple(size)} beyond the {len(storage.data)} bytes of its storage')
    unpickler.charge(max(count, 1) * dtype.itemsize)
    if not count:
        return torch.empty(size, dtype=dtype)
    return torch.empty(0, dtype=dtype).set_(storage.untyped, offset, tuple(size), tuple(stride))


def _tensor_of_bytes(
    unpickler: PlainUnpickler,
    storage: Any,
    offset: Any,
    size: Any,
    stride: Any,
    grad: Any,
    hooks: Any,
    dtype: Any,
    *rest: Any,
) -> torch.Tensor:
    if not isinstance(dtype, torch.dtype):
        raise ForbiddenGlobal('a tensor of another type')
    return _tensor(unpickler, storage, offset, size, stride, dtype=dtype)


def _parameter(unpickler: PlainUnpickler, data: Any, requires_grad: Any, *rest: Any) -> torch.nn.Parameter:
    if not isinstance(data, torch.Tensor):
        raise ForbiddenGlobal('a parameter of no tensor')
    return torch.nn.Parameter(data, bool(requires_grad) and data.is_floating_point())


def _size(unpickler: PlainUnpickler, lengths: Any = ()) -> torch.Size:
    if type(lengths) is not tuple or len(lengths) > 64 or not all(type(length) is int for length in lengths):
        raise ForbiddenGlobal('a size that is none')
    return torch.Size(lengths)


def _device(unpickler: PlainUnpickler, kind: Any, index: Any = None) -> torch.device:
    return torch.device(str(kind)[:20]) if index is None else torch.device(str(kind)[:20], int(index))


def _history(unpickler: PlainUnpickler) -> Pending:
    """A scalar that mmengine logs, with what it was before."""

    def complete(state: Any) -> HistoryBuffer:
        made = HistoryBuffer(state['_log_history'], state['_count_history'], int(state['max_length']))
        if set(state['statistics_methods']) - set(_STATISTICS):
            raise ForbiddenGlobal(f'statistics {str(list(state["statistics_methods"]))[:60]}')
        return made

    return Pending(complete)


def _counter(unpickler: PlainUnpickler, counts: Any = ()) -> Counter:
    """The milestones of a learning rate."""
    counts = {} if counts == () else counts
    if type(counts) is not dict or not all(type(count) is int for count in counts.values()):
        raise ForbiddenGlobal('a counter that is none')
    return Counter(counts)


def _statistics_method(unpickler: PlainUnpickler, owner: Any, name: Any) -> str:
    """What a checkpoint looks up with ``getattr``: how the log sums up its history; the history knows them itself."""
    if owner is not _history or name not in _STATISTICS:
        raise ForbiddenGlobal(f'builtins.getattr for {str(name)[:40]!r}')
    return name


_MAKERS: dict[tuple[str, str], Any] = {
    **MAKERS,
    **{('torch', f'{name}Storage'): dtype for name, dtype in _DTYPES.items()},
    **{('torch', str(dtype).removeprefix('torch.')): dtype for dtype in _DTYPES.values()},
    ('torch.storage', 'UntypedStorage'): torch.uint8,
    ('torch', 'UntypedStorage'): torch.uint8,
    ('collections', 'Counter'): _counter,
    ('torch', 'Size'): _size,
    ('torch', 'device'): _device,
    ('torch._utils', '_rebuild_tensor'): _tensor,
    ('torch._utils', '_rebuild_tensor_v2'): _tensor,
    ('torch._utils', '_rebuild_tensor_v3'): _tensor_of_bytes,
    ('torch._utils', '_rebuild_parameter'): _parameter,
    ('mmengine.logging.history_buffer', 'HistoryBuffer'): _history,
    ('builtins', 'getattr'): _statistics_method,
    ('__builtin__', 'getattr'): _statistics_method,
}


class BoundedTensors(TorchDispatchMode):
    """While it lasts, tensors are refused that are larger than the weights of a file explain.

    Args:
        size: Bytes of the weights.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self._left = FREE_BYTES + 8 * size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        # a new one: of no other, and in nobody's place
        if isinstance(made, torch.Tensor) and not any(isinstance(value, torch.Tensor) for value in args):
            self._left -= made.nbytes
            if self._left < 0:
                raise TooMuch(f'a model of other sizes than its weights: a tensor {tuple(made.shape)}')
        return made


def read_tensor_file(path: Path) -> Any:
    """What ``torch.save`` wrote to a file, on the CPU.

    Raises:
        ForbiddenGlobal: If there is anything in it but tensors, plain values and what mmengine logs.
        TooMuch: If it asks for more than its size explains.
        Exception: Almost any, if the file is another or damaged.
    """
    with path.open('rb') as file:
        size = os.fstat(file.fileno()).st_size
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                return _read_archive(archive, size)
        file.seek(0)
        return _read_legacy(file, size)


def _read_archive(archive: zipfile.ZipFile, size: int) -> Any:
    members = archive.infolist()
    check_archive(members, size)
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise TooMuch('compressed parts, which torch.save does not write')
    (pickle_name,) = (name for name in archive.namelist() if name.endswith('/data.pkl'))
    folder = pickle_name.removesuffix('data.pkl')
    if f'{folder}byteorder' in archive.namelist() and archive.read(f'{folder}byteorder') != b'little':
        raise ForbiddenGlobal('another order of bytes')

    def load(key: str, dtype: torch.dtype, count: int) -> _Storage:
        member = archive.getinfo(f'{folder}data/{key}')
        data = bytearray(member.file_size)
        with archive.open(member) as part:
            reader: Any = part
            if reader.readinto(data) != len(data) or len(data) < count * dtype.itemsize:
                raise EOFError('it ends too early')
        return _Storage(data, dtype)

    with archive.open(pickle_name) as file:
        return PlainUnpickler(file, size, _MAKERS, _storages(load)).load()


def _read_legacy(file: IO[bytes], size: int) -> Any:
    waiting: dict[str, _Storage] = {}

    def load(key: str, dtype: torch.dtype, count: int) -> _Storage:
        if sum(len(storage.data) for storage in waiting.values()) + count * dtype.itemsize > size:
            raise TooMuch(f'storages of more bytes than the {size} of the file')
        waiting[key] = _Storage(bytearray(count * dtype.itemsize), dtype)
        return waiting[key]

    unpickler = PlainUnpickler(file, size, _MAKERS, _storages(load))
    if (unpickler.load(), unpickler.load()) != _LEGACY:
        raise ValueError('another file')
    unpickler.load()  # the machine that wrote it
    value, keys = unpickler.load(), unpickler.load()
    rest = unpickler.rest()
    at = 0
    for key in keys:
        data = waiting[key].data
        count = int.from_bytes(rest[at : at + 8], 'little')
        if count * waiting[key].dtype.itemsize != len(data) or at + 8 + len(data) > len(rest):
            raise EOFError('it ends too early')
        data[:] = memoryview(rest)[at + 8 : at + 8 + len(data)]
        at += 8 + len(data)
    if set(keys) != set(waiting):
        raise EOFError('it ends too early')
    return value


def _storages(load: Callable[[str, torch.dtype, int], _Storage]) -> Callable[[Any], _Storage]:
    """What makes storages of ('storage', type, key, device, elements, ...); each is loaded once."""
    known: dict[str, _Storage] = {}

    def persistent(identity: Any) -> _Storage:
        _, dtype, key, _, count, *_ = identity
        if type(key) is not str or not isinstance(dtype, torch.dtype) or type(count) is not int or count < 0:
            raise ForbiddenGlobal('a storage that is none')
        if key not in known:
            known[key] = load(key, dtype, count)
        storage = known[key]
        if storage.dtype != dtype:
            raise ForbiddenGlobal('a storage of two types')
        return storage

    return persistent
