"""What a file may make a reader build: no more than fits its size, checked before it is built."""

import json
import math
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

# A coordinate beyond it is damage, by the number of coordinates: 100,000 pixels, one kilometre.
LARGEST = {2: 1e5, 3: 1e3}
MOST_CLASSES = 10_000  # of a file that does not name them
DEEPEST = 50  # containers within one another
FREE_VALUES = 1_000_000  # what a file of any size may hold: values in containers
FREE_BYTES = 2**27  # and bytes in arrays, texts and containers
# What an archive may unpack to: so many bytes, or so many times its size.
FREE_UNPACKED, MOST_UNPACKED = 2**26, 20
LONGEST_KEY = 100  # values in a tuple that is a key
_CONTAINERS = (list, tuple, dict, set, frozenset)
_SCALARS = (str, bytes, float, bool, type(None), complex, np.generic)


class TooMuch(ValueError):
    """A file asks for more than its size explains: values, bytes, or containers within one another."""


def check_size(value: Any, size: int) -> None:
    """Refuse what would keep whoever walks through it busy without end.

    References count as often as they are there: a kilobyte of lists of lists holds a billion values, and an array that
    is there a million times is read a million times.

    Args:
        value: What was read, of plain containers.
        size: Bytes of the file that it was read from.

    Raises:
        TooMuch: If there is more in it than a file of this size explains, or containers are too deep in one another.
    """
    values, num_bytes = FREE_VALUES + size, FREE_BYTES + 4 * size
    levels: list[Iterator] = [iter((value,))]
    while levels:
        for item in levels[-1]:
            if isinstance(item, _CONTAINERS):
                values -= len(item)
                levels.append(iter(item.values()) if isinstance(item, dict) else iter(item))
                break
            if isinstance(item, np.ndarray):
                num_bytes -= item.nbytes
            elif isinstance(item, (str, bytes)):
                num_bytes -= len(item)
        else:
            levels.pop()
        if len(levels) > DEEPEST:
            raise TooMuch(f'containers more than {DEEPEST} deep in one another')
        if values < 0 or num_bytes < 0:
            raise TooMuch(f'more values than {size} bytes hold, by repetition')


def check_key(key: Any) -> None:
    """Refuse keys whose hashes take long, or are made to collide.

    Raises:
        TooMuch: If it is one.
    """
    for part in key if type(key) is tuple and len(key) <= LONGEST_KEY else (key,):
        if not (isinstance(part, _SCALARS) or (type(part) is int and abs(part) < 2**60)):
            raise TooMuch(f'a {type(part).__name__} as a key')


def check_archive(members: Iterable[zipfile.ZipInfo], size: int) -> None:
    """Refuse archives whose members unpack to far more than their size, or lie over one another.

    Raises:
        TooMuch: If it is one.
    """
    members = list(members)
    unpacked = sum(member.file_size for member in members)
    if unpacked > max(FREE_UNPACKED, MOST_UNPACKED * size):
        raise TooMuch(f'{unpacked} bytes unpacked from {size}')
    if sum(member.compress_size for member in members) > size:
        raise TooMuch('members that lie over one another')


def check_array_header(file: Any, size: int) -> None:
    """Refuse what NumPy writes one array to, ``.npy``, if it claims to be longer, or its items have no size.

    NumPy divides by that size, and the process ends.

    Args:
        file: Open at its beginning; read up to the data.
        size: Bytes in it.

    Raises:
        TooMuch: If it does.
        Exception: Almost any, if it is damaged.
    """
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if not dtype.itemsize or math.prod(shape) * dtype.itemsize > size or min(shape, default=0) < 0:
        raise TooMuch(f'an array {str(shape)[:80]} of {dtype} from {size} bytes')


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file, none of which claims to be longer than what there is of it.

    Raises:
        TooMuch: If one does, or the archive unpacks to far more than its size.
        Exception: Almost any, if the file is damaged or holds objects.
    """
    with zipfile.ZipFile(path) as archive:
        check_archive(archive.infolist(), path.stat().st_size)
        for member in archive.infolist():
            with archive.open(member) as file:
                check_array_header(file, member.file_size)
    with np.load(path, allow_pickle=False) as content:
        return dict(content)


def parse_json(text: str) -> Any:
    """What a JSON text holds.

    Raises:
        TooMuch, ValueError: If it is too deep, has numbers that are too long, or is no JSON.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise TooMuch(f'containers more than {DEEPEST} deep in one another') from None
    check_size(value, len(text))
    return value
