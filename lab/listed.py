"""Parts of a list of experiments, from the mappings that YAML has them as."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, TypeVar

from asea_mm.errors import InputError

# Types of what is not text.
KINDS: dict[str, type] = {
    **dict.fromkeys(('rows', 'models', 'published', 'cfg_options', 'fused'), list),
    **dict.fromkeys(('overrides', 'paper'), dict),
    **dict.fromkeys(('folds', 'own_schedule'), bool),
    'at_most': int,
}
Part = TypeVar('Part')


def build(kind: type[Part], given: Any, where: str) -> Part:
    """A part of a list, a dataclass, from its mapping, with the values as they are.

    Raises:
        InputError: If it is no mapping, has unknown keys, lacks some, or a value is of another type.
    """
    if not isinstance(given, dict):
        raise InputError(f'{where}: expected a mapping, got {given!r}')
    known = {part.name: part for part in fields(kind)}  # type: ignore[arg-type]
    if unknown := [key for key in given if key not in known]:
        raise InputError(f'{where}: unknown {unknown}; known are {list(known)}')
    needed = [name for name, part in known.items() if part.default is MISSING and part.default_factory is MISSING]
    if missing := [name for name in needed if name not in given]:
        raise InputError(f'{where}: has no {missing}')
    for name, value in given.items():
        if not isinstance(value, expected := KINDS.get(name, str)):
            hint = ' in quotes' if expected is str else ''
            raise InputError(f'{where}: {name} must be of type {expected.__name__}{hint}, got {value!r}')
    if wrong := [option for option in given.get('cfg_options', ()) if not _is_option(option)]:
        raise InputError(f"{where}: expected options 'key=value', got {wrong}")
    return kind(**given)


def _is_option(option: Any) -> bool:
    return isinstance(option, str) and '=' in option
