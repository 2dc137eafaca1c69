"""The list of experiments: which of them make which table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from asea_mm.errors import InputError

from .files import read_yaml

# Types of what is not text.
KINDS = {'rows': list, 'published': list, 'cfg_options': list, 'overrides': dict, 'paper': dict, 'folds': bool}
Part = TypeVar('Part')


@dataclass(frozen=True)
class Published:
    """A figure of a paper; text, so that it keeps the digits it has there."""

    figure: str
    dataset: str
    source: str
    label: str = ''

    def __str__(self) -> str:
        return f'{self.figure} ({self.dataset}; {self.source})'


@dataclass(frozen=True)
class Experiment:
    """A row of a table as it is asked for; the head of ``experiments.yml`` says what each means."""

    id: str
    label: str
    config: str
    cfg_options: tuple[str, ...] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    stream: str | None = None
    reference: str | None = None
    paper: Published | None = None
    command: str | None = None
    former: str | None = None
    folds: bool = True

    @property
    def settings(self) -> dict[str, Any]:
        """What a result notes, so that it cannot be taken for one of another experiment."""
        settings = {key: getattr(self, key) for key in ('config', 'stream', 'cfg_options', 'overrides', 'former')}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items() if value}

    @property
    def key(self) -> str:
        """The same for rows that are the same experiment."""
        return json.dumps(self.settings, sort_keys=True)

    @property
    def runs_here(self) -> bool:
        """Whether it can be run: its data is here, and the code is that of today."""
        return not (self.command or self.former)


@dataclass(frozen=True)
class Table:
    """A table of the list; most of its rows are compared with the one that ``reference`` names."""

    name: str
    title: str
    note: str
    reference: str
    rows: tuple[Experiment, ...]
    published: tuple[Published, ...] = ()


def read_list(path: Path) -> list[Table]:
    """The tables of a list; every reference leads somewhere and every id is there once.

    Raises:
        InputError: If the list is not of that form.
    """
    content = read_yaml(path, 'list of experiments')
    if not isinstance(content, dict) or not isinstance(content.get('tables'), list) or not content['tables']:
        raise InputError(f"{path}: expected a list of 'tables'")
    tables = [_table(given, f'{path}, table {number}') for number, given in enumerate(content['tables'], 1)]
    for names in ([table.name for table in tables], [row.id for table in tables for row in table.rows]):
        for name in names:
            if names.count(name) > 1 or not re.fullmatch(r'[A-Za-z0-9_-]+', name):
                expected = 'expected a name of letters, digits, _ and - that is there once'
                raise InputError(f'{path}: {expected}, got {name!r}, there {names.count(name)} times')
    return tables


def _table(given: Any, where: str) -> Table:
    table = _build(Table, given, where)
    where = f'{where} ({table.name})'
    rows = tuple(_experiment(row, f'{where}, row {number}') for number, row in enumerate(table.rows, 1))
    published = tuple(_build(Published, figure, f'{where}, published') for figure in table.published)
    known = [row.id for row in rows if row.command is None]
    for name in [table.reference, *(row.reference for row in rows if row.reference)]:
        if name not in known:
            raise InputError(f'{where}: reference {name!r} is no row of it that can have a result; these are {known}')
    return replace(table, rows=rows, published=published)


def _experiment(given: Any, where: str) -> Experiment:
    row = _build(Experiment, given, where)
    where = f'{where} ({row.id})'
    if wrong := [option for option in row.cfg_options if not isinstance(option, str) or '=' not in option]:
        raise InputError(f"{where}: expected options 'key=value', got {wrong}")
    if not row.former and not Path(row.config).is_file():
        raise FileNotFoundError(f'{where}: config {row.config} does not exist in {Path.cwd()}')
    paper = row.paper and _build(Published, row.paper, f'{where}, paper')
    return replace(row, cfg_options=tuple(row.cfg_options), paper=paper)


def _build(kind: type[Part], given: Any, where: str) -> Part:
    """A part of the list from its mapping, with the values as they are."""
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
    return kind(**given)
