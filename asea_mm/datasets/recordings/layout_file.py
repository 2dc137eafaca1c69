"""A layout of the user's own, in a JSON file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...skeletons import SKELETONS, get_skeleton
from .json_forms import load_json


def load_layout(layout: str | os.PathLike) -> str | dict[str, Any]:
    """A layout's name as it is, or the fields of :class:`~asea_mm.skeletons.Skeleton` from a JSON file.

    Args:
        layout: A name in :data:`~asea_mm.skeletons.SKELETONS`, or a file such as
            ``{"name": "stick3", "joints": ["head", "hip", "foot"], "bones": [["head", "hip"], ["foot", "hip"]]}``.

    Raises:
        InputError: If it is neither, or a field is wrong; names the file and the field.
    """
    if str(layout) in SKELETONS:
        return str(layout)
    path = Path(layout)
    if not path.is_file():
        raise InputError(f'--layout {layout}: expected one of {sorted(SKELETONS)} or a JSON file of joints and bones')
    fields = load_json(path)
    if not isinstance(fields, dict):
        raise InputError(f'{path}: expected an object with name, joints and bones, got {type(fields).__name__}')

    def is_names(value: Any) -> bool:
        return isinstance(value, list) and bool(value) and all(isinstance(name, str) and name for name in value)

    def is_pairs(value: Any) -> bool:
        return isinstance(value, list) and all(is_names(pair) and len(pair) == 2 for pair in value)

    checks = {
        'name': (lambda value: isinstance(value, str) and bool(value), 'a name'),
        'joints': (is_names, 'a list of names'),
        'bones': (is_pairs, 'a list of [child, parent]'),
        'mirrored': (is_pairs, 'a list of [left, right]'),
        'centre': (lambda value: isinstance(value, str), 'the name of a joint'),
        'parts': (lambda value: isinstance(value, dict) and all(map(is_names, value.values())), 'names to lists'),
    }
    for field, (is_right, expected) in checks.items():
        if field in fields and not is_right(fields[field]):
            raise InputError(f'{path}, {field!r}: expected {expected}, got {json.dumps(fields[field])[:60]}')
    try:
        get_skeleton(fields)
    except ValueError as error:
        raise InputError(f'{path}: {error}') from None
    return fields
