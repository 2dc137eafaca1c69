"""Annotation stores: folders with an index in JSON and a file for every field of arrays, which earlier releases wrote.

::

    x.store/
      index.json      format, version, number of samples; fields, splits and meta; dtype and shape of every array
      keypoint.bin    the keypoints of all samples one after another, as they are in memory (C order)
      ...             one such file for every other field of arrays

A field is a column of the index: its distinct ``values`` (of arrays: dtypes and shapes), and for every sample ``which``
of them it has, -1 for none. Nothing in a store can run code.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import numpy as np

from ...errors import InputError
from .plain_pickle import plain_dtype

_INDEX, _FORMAT, _VERSION = 'index.json', 'asea_mm annotation store', 1


def read_old_store(folder: Path) -> tuple[Iterator[dict], dict[str, list[str]], dict]:
    """Samples, read one at a time, splits and meta of a store.

    Raises:
        InputError: If it is no store, of another version, truncated or damaged; of samples, when they are read.
    """
    try:
        index = json.loads((folder / _INDEX).read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise InputError(f'{folder}: expected an annotation file, got a directory without {_INDEX} ({error})') from None
    if not isinstance(index, dict) or (index.get('format'), index.get('version')) != (_FORMAT, _VERSION):
        raise InputError(f'{folder}: expected an annotation store of version {_VERSION}, got another {_INDEX}')
    try:
        meta = _decoded(index['meta'])
        names = index['fields']['frame_dir']
        ids = [names['values'][kind] for kind in names['which']]
        split = {name: [ids[number] for number in numbers] for name, numbers in index['split'].items()}
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f'{folder}: a damaged annotation store: {_INDEX}: {error!r}') from None
    return _samples(folder, index), split, meta


def _samples(folder: Path, index: dict) -> Iterator[dict]:
    number = -1
    try:
        fields = {name: [_decoded(value) for value in column['values']] for name, column in index['fields'].items()}
        with ExitStack() as stack:
            files = {
                name: stack.enter_context((folder / Path(column['file']).name).open('rb'))
                for name, column in index['arrays'].items()
            }
            for number in range(index['num_samples']):
                sample = {}
                for name, values in fields.items():
                    if (kind := index['fields'][name]['which'][number]) >= 0:
                        sample[name] = copy.deepcopy(values[kind])  # other samples may have the same object
                for name, column in index['arrays'].items():
                    if (kind := column['which'][number]) >= 0:
                        sample[name] = _read(files[name], **column['values'][kind])
                yield sample
    except Exception as error:  # a damaged index raises almost anything
        raise InputError(f'{folder}: a truncated or damaged annotation store: sample {number}: {error!r}') from None


def _read(file: IO[bytes], dtype: str, shape: list[int]) -> np.ndarray:
    data = bytearray(file.read(max(math.prod(shape) * plain_dtype(dtype).itemsize, 0)))
    return np.ndarray(tuple(shape), plain_dtype(dtype), data)


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
