"""A JSON file as values that know their place, so that whatever is wrong names it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, NoReturn

import numpy as np

from ....errors import InputError
from ...files.limits import parse_json
from ..notes import Note


def load_json(path: Path) -> Any:
    """Read a JSON file in UTF-8, or in UTF-16 with a byte order mark.

    Raises:
        InputError: If it is not JSON; names the file and the line.
    """
    data = path.read_bytes()
    try:
        encoding = 'utf-16' if data[:2] in (b'\xff\xfe', b'\xfe\xff') else 'utf-8-sig'
        return parse_json(data.decode(encoding))
    except json.JSONDecodeError as error:
        raise InputError(f'{path}, line {error.lineno}: expected JSON, got an error: {error.msg}') from None
    except (ValueError, RecursionError) as error:  # no UTF-8, numbers of thousands of digits, thousands of brackets
        raise InputError(f'{path}: expected JSON in UTF-8, got {f"{error}"[:80]}') from None


@dataclass(frozen=True)
class Node:
    """A value somewhere in a file; whatever it should be and is not is an error that names the place."""

    value: Any
    source: str
    place: str = ''
    # What a user should know of how the file was taken, shared by all nodes of a recording, each once.
    notes: dict[Note, None] = field(default_factory=dict, compare=False)

    def fail(self, expected: str) -> NoReturn:
        got = f'{type(self.value).__name__} {self.value!r:.40}'
        if isinstance(self.value, dict):
            got = f'an object with the keys {[str(key)[:30] for key in list(self.value)[:6]]}'
        raise InputError(f'{self.source}{", " if self.place else ""}{self.place}: expected {expected}, got {got}')

    def child(self, value: Any, step: str) -> Node:
        return Node(value, self.source, f'{self.place}{step}'.lstrip('.'), self.notes)

    def get(self, key: str, default: Any = None) -> Node:
        if not isinstance(self.value, dict):
            self.fail('an object')
        return self.child(self.value.get(key, default), f'.{key}')

    def __getitem__(self, key: str) -> Node:
        if not isinstance(self.value, dict) or key not in self.value:
            self.fail(f'an object with {key!r}')
        return self.get(key)

    def __len__(self) -> int:
        if not isinstance(self.value, list):
            self.fail('a list')
        return len(self.value)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Node]:
        if not isinstance(self.value, list):
            self.fail('a list')
        for index, value in enumerate(self.value):
            yield self.child(value, f'[{index}]')

    def items(self) -> Iterator[tuple[str, Node]]:
        """Keys and values of an object."""
        if not isinstance(self.value, dict):
            self.fail('an object')
        for key, value in self.value.items():
            yield key, self.child(value, f'[{key[:30]!r}]')

    def array(self, *shapes: tuple[int, ...]) -> np.ndarray:
        """Nested lists of numbers, null for NaN, of one of these shapes."""
        numbers = np.array(self.value, dtype=object)
        if numbers.shape not in shapes:
            raise InputError(
                f'{self.source}, {self.place}: expected numbers of shape {" or ".join(map(str, shapes))}, got '
                f'{numbers.shape}'
            )
        if not {*map(type, numbers.flat)} <= {int, float, NoneType}:
            for index, number in np.ndenumerate(numbers):
                if type(number) not in (int, float, NoneType):
                    self.child(number, f'{[*index]}').fail('a number or null')
        try:
            return numbers.astype(np.float64)
        except OverflowError:
            self.fail('finite numbers')

    def whole_number(self) -> int:
        """A number without a fraction, such as that of a frame."""
        value = self.value
        if isinstance(value, str) and value.removeprefix('-').isdecimal() and len(value) < 19:
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            self.fail('a whole number')
        return int(value)

    def identity(self) -> str | None:
        """An id, maybe as a list of one; None where there is none, or it is negative: not tracked."""
        value = self.value
        if isinstance(value, list) and len(value) == 1:
            (value,) = value
        if isinstance(value, float) and value.is_integer():  # a table's numbers often are
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int | str | None):
            self.fail('an id, a whole number or a text')
        return None if value is None or (isinstance(value, int) and value < 0) else str(value)
