"""Annotation stores, which earlier versions wrote; only ``asea prepare convert`` reads them.

A store is a folder of ``index.json`` and of a file for every field of arrays, ``keypoint.bin``, ..., which holds those
of all samples one after another in C order. A field is a column of the index: its distinct ``values`` (of arrays:
dtypes and shapes), and for every sample ``which`` of them it has, -1 for none. Nothing in a store can run code.
"""

import math
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from .limits import parse_json
from .plain_pickle import plain_dtype
from .plain_unpickler import ForbiddenGlobal

_DAMAGE = (OSError, ValueError, TypeError, LookupError, AttributeError, OverflowError, MemoryError, ForbiddenGlobal)


def read_old_store(folder: Path) -> dict[str, Any]:
    """``annotations`` (an iterator), ``split`` and ``meta`` of a store.

    Raises:
        InputError: If it is no store or a damaged one; of samples, when they are read.
    """
    try:
        index = parse_json((folder / 'index.json').read_text(encoding='utf-8'))
        meta = _decoded(index['meta'])
        names = index['fields']['frame_dir']
        ids = [names['values'][kind] for kind in names['which']]
        if not isinstance(meta, dict):
            raise ValueError(f'meta is a {type(meta).__name__}')
        split = {name: [ids[number] for number in numbers] for name, numbers in index['split'].items()}
    except _DAMAGE as error:
        raise InputError(f'{folder}: expected an annotation file or store, got another folder ({error!r})') from None
    return {'annotations': _samples(folder, index), 'split': split, 'meta': meta}


def _samples(folder: Path, index: dict) -> Iterator[dict]:
    number = -1
    try:
        with ExitStack() as stack:
            files = {
                name: stack.enter_context((folder / Path(column['file']).name).open('rb'))
                for name, column in index['arrays'].items()
            }
            for number in range(index['num_samples']):
                sample = {}
                for name, column in (index['fields'] | index['arrays']).items():
                    if (kind := column['which'][number]) < 0:
                        continue
                    value = column['values'][kind]
                    if name in files:
                        shape, dtype = value['shape'], plain_dtype(value['dtype'])
                        data = files[name].read(math.prod(shape) * dtype.itemsize)
                        sample[name] = np.frombuffer(data, dtype).reshape(shape).copy()
                    else:
                        sample[name] = _decoded(value)
                yield sample
    except _DAMAGE as error:
        raise InputError(f'{folder}: a truncated or damaged annotation store: sample {number}: {error!r}') from None


def _decoded(value: Any) -> Any:
    """Of the index, where tuples and dictionaries are tagged."""
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    if isinstance(value, dict):
        ((kind, items),) = value.items()
        if kind == 'tuple':
            return tuple(_decoded(item) for item in items)
        return {_decoded(key): _decoded(item) for key, item in items}
    return value
