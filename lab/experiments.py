"""The list of experiments: which of them make which table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from asea_mm.errors import InputError

from .files import read_yaml
from .grids import Common, Model, models_of, read_common, row_id, rows_of
from .listed import build

SETTINGS = ('config', 'stream', 'cfg_options', 'overrides', 'former', 'fused')


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
    config: str = ''
    cfg_options: tuple[str, ...] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    stream: str | None = None
    reference: str | None = None
    paper: Published | None = None
    command: str | None = None
    former: str | None = None
    folds: bool = True
    model: str = ''  # of a grid, and its task
    task: str = ''
    fused: tuple[str, ...] = ()  # ids of the rows whose scores are fused

    @property
    def settings(self) -> dict[str, Any]:
        """What a result notes, so that it cannot be taken for one of another experiment."""
        settings = {key: getattr(self, key) for key in SETTINGS}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items() if value}

    @property
    def key(self) -> str:
        """The same for rows that are the same experiment; rows of grids need late measures, which others may lack."""
        return json.dumps([self.settings, bool(self.model)], sort_keys=True)

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
    rows: tuple[Experiment, ...] = ()
    published: tuple[Published, ...] = ()
    models: tuple[Model, ...] = ()  # of a grid, whose rows are each model with each task
    at_most: int = 0  # models beside the first
    common: Common = Common()


def read_list(path: Path) -> list[Table]:
    """The tables of a list; every reference leads somewhere and every id is there once.

    Raises:
        InputError: If the list is not of that form.
    """
    content = read_yaml(path, 'list of experiments')
    if not isinstance(content, dict) or not isinstance(content.get('tables'), list) or not content['tables']:
        raise InputError(f"{path}: expected a list of 'tables'")
    common = read_common(content, str(path))
    tables = [_table(given, common, f'{path}, table {number}') for number, given in enumerate(content['tables'], 1)]
    for names in ([table.name for table in tables], [row.id for table in tables for row in table.rows]):
        for name in names:
            if names.count(name) > 1 or not re.fullmatch(r'[A-Za-z0-9_-]+', name):
                expected = 'expected a name of letters, digits, _ and - that is there once'
                raise InputError(f'{path}: {expected}, got {name!r}, there {names.count(name)} times')
    return tables


def _table(given: Any, common: Common, where: str) -> Table:
    table = build(Table, given, where)
    where = f'{where} ({table.name})'
    if table.models:
        models = models_of(table.models, table.at_most, where)
        if not common.tasks or table.reference not in [model.id for model in models]:
            raise InputError(f'{where}: expected tasks in the list and one of the models as reference')
        given_rows: Sequence[Any] = rows_of(table.name, table.reference, models, common)
        reference = row_id(table.name, table.reference, common.tasks[0].name)
        table = replace(table, models=models, common=common, reference=reference)
    else:
        given_rows = table.rows
    rows = tuple(_experiment(row, f'{where}, row {number}') for number, row in enumerate(given_rows, 1))
    published = tuple(build(Published, figure, f'{where}, published') for figure in table.published)
    known = [row.id for row in rows if row.command is None]
    for name in [table.reference, *(row.reference for row in rows if row.reference)]:
        if name not in known:
            raise InputError(f'{where}: reference {name!r} is no row of it that can have a result; these are {known}')
    return replace(table, rows=rows, published=published)


def _experiment(given: Any, where: str) -> Experiment:
    row = build(Experiment, given, where)
    where = f'{where} ({row.id})'
    if not (row.former or row.fused) and not Path(row.config).is_file():
        raise FileNotFoundError(f'{where}: config {row.config} does not exist in {Path.cwd()}')
    paper = row.paper and build(Published, row.paper, f'{where}, paper')
    return replace(row, cfg_options=tuple(row.cfg_options), fused=tuple(row.fused), paper=paper)
