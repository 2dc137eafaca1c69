"""Re-make the result tables: run what is missing of a list of experiments, then write a page and a picture of each.

    python tools/reproduce.py --dry-run                                   # what there is, what is missing, hours
    python tools/reproduce.py sbu_main sbu_aea --seeds 0 1 2 --jobs 5     # two tables

Rows of the list are calls of ``tools/cross_validate.py`` that write ``RESULTS/runs/ID.json``; the same experiment, or a
finished run, is not repeated. Run it from the folder of the project.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from asea_mm.engine import report_errors
from asea_mm.errors import InputError
from asea_mm.evaluation.scores import run_folder
from asea_mm.evaluation.statistics import over_seeds
from asea_mm.visualization import save_figure

from .pictures.comparison import draw_comparison
from .statistics.comparison import by_run, read_result
from .statistics.comparison_page import Entry, comparison_page
from .statistics.pages import read_yaml, write_whole

CROSS_VALIDATE = Path(__file__).resolve().parent / 'cross_validate.py'
NO_DATA = 'not run: data not available here'
KINDS = {'rows': list, 'published': list, 'cfg_options': list, 'paper': dict, 'folds': bool}  # all else is text
Part = TypeVar('Part')
Experiment = tuple[str, tuple[str, ...], str | None]
Result = Mapping[str, Any]


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
class Row:
    """A row of a table; see the head of ``results/experiments.yml``."""

    id: str
    label: str
    config: str
    cfg_options: tuple[str, ...] = ()
    stream: str | None = None
    reference: str | None = None
    paper: Published | None = None
    result: str | None = None
    command: str | None = None
    folds: bool = True

    @property
    def experiment(self) -> Experiment:
        """What makes two rows the same experiment."""
        return self.config, self.cfg_options, self.stream

    @property
    def options(self) -> list[str]:
        """As ``tools/cross_validate.py`` takes them, and notes them of every run."""
        stream = ['--stream', self.stream] if self.stream else []
        return [*stream, *(['--cfg-options', *self.cfg_options] if self.cfg_options else [])]


@dataclass(frozen=True)
class Table:
    name: str
    title: str
    note: str
    reference: str
    rows: tuple[Row, ...]
    published: tuple[Published, ...] = ()


def build(kind: type[Part], given: Any, where: str) -> Part:
    """A part of the list from its mapping, with the values as they are."""
    if not isinstance(given, dict):
        raise InputError(f'{where}: expected a mapping, got {given!r}')
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := [key for key in given if key not in known]:
        raise InputError(f'{where}: unknown {unknown}; known are {list(known)}')
    if missing := [name for name, field in known.items() if field.default is MISSING and name not in given]:
        raise InputError(f'{where}: has no {missing}')
    for name, value in given.items():
        if not isinstance(value, expected := KINDS.get(name, str)):
            hint = ' in quotes' if expected is str else ''
            raise InputError(f'{where}: {name} must be of type {expected.__name__}{hint}, got {value!r}')
    return kind(**given)


def read_list(path: Path) -> list[Table]:
    """The tables of the list of experiments; every reference leads somewhere and every id is there once."""
    content = read_yaml(path, 'list of experiments')
    if not isinstance(content, dict) or not isinstance(content.get('tables'), list) or not content['tables']:
        raise InputError(f"{path}: expected a list of 'tables'")
    tables = [read_table(given, f'{path}, table {number}') for number, given in enumerate(content['tables'], 1)]
    for names in ([table.name for table in tables], [row.id for table in tables for row in table.rows]):
        for name in names:
            if names.count(name) > 1 or not re.fullmatch(r'[A-Za-z0-9_-]+', name):
                expected = 'expected a name of letters, digits, _ and - that is there once'
                raise InputError(f'{path}: {expected}, got {name!r}, there {names.count(name)} times')
    return tables


def read_table(given: Any, where: str) -> Table:
    table = build(Table, given, where)
    where = f'{where} ({table.name})'
    rows = tuple(read_row(row, f'{where}, row {number}') for number, row in enumerate(table.rows, 1))
    published = tuple(build(Published, figure, f'{where}, published') for figure in table.published)
    runnable = [row.id for row in rows if row.command is None]
    for name in [table.reference, *(row.reference for row in rows if row.reference)]:
        if name not in runnable:
            raise InputError(f'{where}: reference {name!r} is no row of it that can be run; these are {runnable}')
    return replace(table, rows=rows, published=published)


def read_row(given: Any, where: str) -> Row:
    row = build(Row, given, where)
    where = f'{where} ({row.id})'
    if wrong := [option for option in row.cfg_options if not isinstance(option, str) or '=' not in option]:
        raise InputError(f"{where}: expected options 'key=value', got {wrong}")
    if not Path(row.config).is_file():
        raise FileNotFoundError(f'{where}: config {row.config} does not exist in {Path.cwd()}')
    paper = row.paper and build(Published, row.paper, f'{where}, paper')
    return replace(row, cfg_options=tuple(row.cfg_options), paper=paper)


class Results:
    """The results there are, and what it takes to get the others."""

    def __init__(self, tables: list[Table], args: argparse.Namespace) -> None:
        self.args = args
        self.first: dict[Experiment, Row] = {}  # of the rows of an experiment; its id names the result
        for row in (row for table in tables for row in table.rows if row.command is None):
            self.first.setdefault(row.experiment, row)
        self.read()

    def read(self) -> None:
        """Read the results of all experiments of the list; those of other settings are refused."""
        self.results: dict[Experiment, Result] = {}
        for experiment, row in self.first.items():
            paths = [self.args.results / 'runs' / f'{row.id}.json']
            paths += [self.args.results / row.result] if row.result else []
            for path in [path for path in paths if path.exists()][:1]:
                self.results[experiment] = result = read_result(path)
                for run in result['runs']:
                    fold = ['--fold', str(run['fold'])] if row.folds else []
                    options = [*fold, '--seed', str(run['seed']), *row.options]
                    if run['settings'] != (wanted := {'config': row.config, 'options': options}):
                        raise InputError(f'{path}: is of {run["settings"]}, row {row.id} of the list is {wanted}')

    def of(self, row: Row) -> Result | None:
        return None if row.command else self.results.get(row.experiment)

    def runs(self, row: Row) -> list[Mapping[str, Any]]:
        return (self.of(row) or {'runs': []})['runs']

    def folds(self, row: Row) -> list[int]:
        """Of the runs wanted."""
        return self.args.folds if row.folds else [0]

    def numbers(self, row: Row) -> tuple[list[int], list[int]]:
        """Folds and seeds of the result that shall be: those wanted and those at hand, which must not get lost."""
        have = by_run(self.runs(row))
        folds, seeds = {fold for fold, _ in have}, {seed for _, seed in have}
        return sorted(folds.union(self.folds(row))), sorted(seeds.union(self.args.seeds))

    def missing(self, row: Row) -> int:
        """Runs to do: none if those wanted are there."""
        have = set(by_run(self.runs(row)))
        if have.issuperset(product(self.folds(row), self.args.seeds)):
            return 0
        return len(set(product(*self.numbers(row))) - have)

    def arguments(self, row: Row) -> list[str]:
        """Of ``tools/cross_validate.py``."""
        row, (folds, seeds) = self.first[row.experiment], self.numbers(row)
        runs = [*(['--folds', *folds] if row.folds else []), '--seeds', *seeds, '--jobs', self.args.jobs]
        places = ['--work-dir', self.args.work_dir / f'{row.id}_cv', '--out', self.args.results / 'runs' / row.id]
        return [row.config, *map(str, runs + places), *row.options]

    def command(self, row: Row) -> str:
        return row.command or shlex.join(['python', 'tools/cross_validate.py', *self.arguments(row)])

    def hours(self, row: Row) -> float | None:
        """Estimate for the missing runs, from those of the row or, without any, of all results."""
        seconds, own = [], self.of(row)
        for result in [own] if own else self.results.values():
            jobs = re.search(r'--jobs[ =]([1-9]\d*)', result['command'])  # runs at once share the cores
            seconds += [run['seconds'] / int(jobs[1] if jobs else 1) for run in result['runs']]
        return self.missing(row) * over_seeds(seconds)['mean'] / 3600 if seconds else None

    def run(self, row: Row) -> bool:
        """Run what is missing of a row's experiment; whether it succeeded."""
        for (fold, seed), run in by_run(self.runs(row)).items():  # without their work folder they would be repeated
            kept = self.args.work_dir / f'{row.id}_cv' / run_folder(fold, seed) / 'result.json'
            if not kept.exists():
                kept.parent.mkdir(parents=True, exist_ok=True)
                write_whole(kept, json.dumps(run) + '\n')
        print(f'{row.id}: {self.command(row)}', flush=True)
        done = subprocess.run([sys.executable, str(CROSS_VALIDATE), *self.arguments(row)], check=False)
        return done.returncode == 0

    def state(self, row: Row) -> str:
        if row.command:
            return NO_DATA
        have, missing = len(self.runs(row)), self.missing(row)
        return f'have {have} of {have + missing} runs' if have else 'not run'


def dry_run(tables: list[Table], results: Results) -> None:
    total, unknown, seen = 0.0, 0, set()
    for table in tables:
        print(f'{table.name}: {table.title}')
        for row in table.rows:
            if row.experiment in seen and not row.command:
                print(f'  {row.id}: as {results.first[row.experiment].id}')
                continue
            estimate = 'hours unknown'
            if not row.command:
                seen.add(row.experiment)
                hours = results.hours(row)
                if hours is not None:
                    estimate = f'about {hours:.1f} hours{"" if results.of(row) else ", from other rows"}'
                total, unknown = total + (hours or 0), unknown + (hours is None)
            print(f'  {row.id}: {results.state(row)}, {estimate}\n    {results.command(row)}')
    print(f'all: about {total:.1f} hours' + (f' and {unknown} experiments of unknown hours' if unknown else ''))


def write_page(table: Table, results: Results) -> Path:
    """Write a table from the results there are, and its picture if several rows have any."""
    entries = {}
    for row in table.rows:
        result = results.of(row)
        command = result['command'] if result else results.command(row)
        entries[row.id] = Entry(
            row.label,
            results.runs(row),
            results.state(row),
            command,
            reference=row.reference or table.reference,
            published=str(row.paper or '-'),
            own_reference=row.reference is not None,
        )
    others = [f'{figure.label}: {figure}' for figure in table.published]
    path = results.args.results / f'{table.name}.md'
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = None
    if sum(bool(entry.runs) for entry in entries.values()) > 1:
        picture = f'{table.name}.png'
        save_figure(draw_comparison(table.title, entries, table.reference), path.with_name(picture))
    page = comparison_page(table.title, table.note, entries, table.reference, others, picture)
    write_whole(path, page)
    return path


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('tables', nargs='*', metavar='TABLE', help='names of tables; default all')
    parser.add_argument('--list', type=Path, default=Path('results/experiments.yml'), help='the list of experiments')
    parser.add_argument('--folds', type=int, nargs='+', default=[1, 2, 3, 4, 5])
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--jobs', type=int, default=1, help='runs at once; the cores are shared among them')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs'), help='runs go to WORK_DIR/ID_cv')
    parser.add_argument('--results', type=Path, default=Path('results'), help='folder of runs/ID.json and the tables')
    only = parser.add_mutually_exclusive_group()
    only.add_argument('--tables-only', action='store_true', help='run nothing, write the tables from what there is')
    only.add_argument('--dry-run', action='store_true', help='run and write nothing, list what there is and what not')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.jobs < 1:
        raise InputError(f'--jobs must be at least 1, got {args.jobs}')
    tables = read_list(args.list)
    known = [table.name for table in tables]
    if unknown := set(args.tables).difference(known):
        raise InputError(f'{args.list} has no table {", ".join(sorted(unknown))}; it has {", ".join(known)}')
    results = Results(tables, args)
    chosen = [table for table in tables if not args.tables or table.name in args.tables]
    if args.dry_run:
        return dry_run(chosen, results)
    wanted = {row.experiment for table in chosen for row in table.rows if not args.tables_only}
    failed = []
    for experiment, row in results.first.items():
        if experiment in wanted and results.missing(row) and not results.run(row):
            failed.append(row.id)
            print(f'{row.id} failed; the others go on', file=sys.stderr, flush=True)
    results.read()
    for table in chosen:
        print(write_page(table, results))
    if failed:
        raise InputError(f'{len(failed)} experiments failed: {", ".join(failed)}')


if __name__ == '__main__':
    with report_errors():
        main()
