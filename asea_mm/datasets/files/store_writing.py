"""Writing annotation stores; see :mod:`asea_mm.datasets.annotation_store` for what they are."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from .plain_pickle import PLAIN_KINDS
from .store import FORMAT, INDEX, VERSION
from .whole import umask


class _Writer:
    """Takes the samples of a store one by one.

    A field is a column: the distinct values (of an array: dtype and shape), and for every sample which it has, -1 for
    none. Values repeat a lot, so this stays small.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.positions: dict[str, int] = {}
        self.columns: dict[tuple[str, str], tuple[dict[str, int], list[int]]] = {}
        self.files: dict[str, Any] = {}

    def add(self, annotation: Mapping[str, Any]) -> None:
        number = len(self.positions)
        self.positions[annotation['frame_dir']] = number
        for name, value in annotation.items():
            if isinstance(value, np.ndarray) and value.dtype.kind in PLAIN_KINDS:
                self._note('arrays', name, {'dtype': value.dtype.str, 'shape': list(value.shape)}, number)
                if name not in self.files:
                    file = f'{name}.bin' if name.isidentifier() else f'array-{len(self.files)}.bin'
                    self.files[name] = (self.folder / file).open('wb')
                # ascontiguousarray makes a scalar array one-dimensional, which its bytes do not show
                self.files[name].write(np.ascontiguousarray(value).tobytes())
            else:
                self._note('fields', name, _encode(value, name), number)

    def _note(self, kind: str, name: str, value: Any, number: int) -> None:
        values, which = self.columns.setdefault((kind, name), ({}, []))
        which += [-1] * (number - len(which))
        which.append(values.setdefault(json.dumps(value), len(values)))

    def finish(self, split: Mapping[str, Iterable[str]], meta: Mapping[str, Any]) -> None:
        count = len(self.positions)
        index: dict[str, Any] = {'format': FORMAT, 'version': VERSION, 'num_samples': count}
        index['meta'] = _encode(dict(meta), 'meta')
        index['split'] = {name: [self.positions[sample_id] for sample_id in ids] for name, ids in split.items()}
        index['fields'], index['arrays'] = {}, {}
        for (kind, name), (values, which) in self.columns.items():
            column: dict[str, Any] = {'values': [json.loads(value) for value in values]}
            column['which'] = which + [-1] * (count - len(which))
            if kind == 'arrays':
                column['file'] = Path(self.files[name].name).name
                column['bytes'] = self.files[name].tell()
            index[kind][name] = column
        (self.folder / INDEX).write_text(json.dumps(index), encoding='utf-8')

    def close(self) -> None:
        for file in self.files.values():
            file.close()


def _encode(value: Any, name: str) -> Any:
    """A plain value as JSON that gives it back: tuples and dictionaries are tagged, lists stay lists."""
    if isinstance(value, np.generic) and value.dtype.kind in 'biufU':
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list):
        return [_encode(item, name) for item in value]
    if isinstance(value, tuple):
        return {'tuple': [_encode(item, name) for item in value]}
    if isinstance(value, Mapping):
        return {'dict': [[_encode(key, name), _encode(item, name)] for key, item in value.items()]}
    raise InputError(f'{name!r} holds {value!r:.60} ({type(value).__name__}); a store keeps arrays and plain values')


def write_store(
    path: Path, annotations: Iterable[Mapping], split: Mapping[str, Iterable[str]], meta: Mapping[str, Any]
) -> None:
    """Write a store, whole or not at all; :func:`~asea_mm.datasets.annotation_file.save_annotations` is the front door.

    Args:
        path: Folder to write; a store that is there already is replaced.
        annotations: The samples, each with an id of its own in ``frame_dir``; taken one by one.
        split: Split name to ids, all of which must be there; read after the samples.
        meta: As in an annotation file; read after the samples.

    Raises:
        ValueError: If a value is neither an array of numbers nor plain, a split names a sample twice or one that is
            not there, or ``path`` is there and is no store.
    """
    if path.exists() and not (path / INDEX).is_file() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f'{path}: exists and is no annotation store; it is not replaced')
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f'.{path.name}.'))
    try:
        writer = _Writer(temporary)
        try:
            for annotation in annotations:
                try:
                    writer.add(annotation)
                except ValueError as error:
                    raise InputError(f'{path}: sample {annotation["frame_dir"]!r}: {error}') from None
            for name, ids in split.items():
                if missing := [sample_id for sample_id in ids if sample_id not in writer.positions]:
                    raise InputError(f'{path}: split {name!r} names samples without annotation: {missing[:5]}')
                if len(set(ids)) != len(list(ids)):
                    raise InputError(f'{path}: split {name!r} names samples more than once')
            writer.finish(split, meta)
        finally:
            writer.close()
        temporary.chmod(0o777 & ~umask())  # mkdtemp makes it private to its owner
        _replace_folder(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _replace_folder(new: Path, path: Path) -> None:
    """Folders cannot replace each other in one step: the old one goes aside first, and comes back if need be."""
    if not path.exists():
        new.rename(path)
        return
    aside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f'.{path.name}.old.'))
    try:
        path.replace(aside)
    except BaseException:
        aside.rmdir()
        raise
    try:
        new.rename(path)
    except BaseException:
        aside.rename(path)
        raise
    shutil.rmtree(aside)
