"""Re-make the result tables: run what is missing of a list of experiments, then write a page and a picture of each.

    python -m lab.reproduce --dry-run                                   # what there is, what is missing, hours
    python -m lab.reproduce sbu_main sbu_aea --seeds 0 1 2 --jobs 5     # two tables
    python -m lab.reproduce sbu_options --rows options_gamma_01         # one row
    python -m lab.reproduce --tables-only                               # pages from the results there are

Rows that are the same experiment are run once, and a finished run is not repeated. Run it from the root of a clone.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from asea_mm.datasets.files.whole import write_whole
from asea_mm.errors import InputError
from asea_mm.evaluation.scores import read_scores, run_folder
from asea_mm.evaluation.statistics import over_seeds
from asea_mm.visualization.drawing import save_figure

from .commands import lab_parser, run_main
from .experiments import Experiment, Table, read_list
from .files import RESULTS, Result, by_run, read_results, write_results
from .pictures.comparison import draw_comparison
from .scores import keep_scores
from .statistics.comparison_page import Row, comparison_page
from .training import plan, run_all

NO_DATA = 'not run: data not available here'


class Results:
    """The results there are, and what it takes to get the others."""

    def __init__(self, tables: Sequence[Table], args: argparse.Namespace) -> None:
        self.args = args
        self.first: dict[str, tuple[str, Experiment]] = {}  # table and row that an experiment has its result under
        for table in tables:
            for row in table.rows:
                if not row.command:
                    self.first.setdefault(row.key, (table.name, row))
        self.files = {table.name: read_results(args.results / f'{table.name}.json') for table in tables}
        for name, row in self.first.values():
            result = self.files[name].get(row.id)
            if result and result.settings != row.settings:
                path = args.results / f'{name}.json'
                raise InputError(f'{path}: {row.id} is of {result.settings}, the list has {row.settings}')

    def of(self, row: Experiment) -> Result | None:
        """The result of a row, if it has one."""
        if row.command:
            return None
        table, first = self.first[row.key]
        return self.files[table].get(first.id)

    def runs(self, row: Experiment) -> Sequence[Mapping[str, Any]]:
        result = self.of(row)
        return result.runs if result else []

    def missing(self, row: Experiment) -> list[tuple[list[int], list[int]]]:
        """Folds and seeds to run, as products, so that every fold has every seed, those of now and those of before."""
        if not row.runs_here:
            return []
        folds = self.args.folds if row.folds else [0]
        present = set(by_run(self.runs(row)))
        if present.issuperset(product(folds, self.args.seeds)):
            return []
        old_folds, old_seeds = ({run[axis] for run in present} for axis in (0, 1))
        every_fold, new_seeds = sorted(old_folds.union(folds)), sorted(set(self.args.seeds) - old_seeds)
        new_folds = sorted(set(folds) - old_folds)
        products = [(every_fold, new_seeds), (new_folds, sorted(old_seeds))]
        return [(some_folds, seeds) for some_folds, seeds in products if some_folds and seeds]

    def count_missing(self, row: Experiment) -> int:
        return sum(len(folds) * len(seeds) for folds, seeds in self.missing(row))

    def hours(self, row: Experiment) -> float | None:
        """Estimate for the missing runs, from those of the row or, without any, of all results."""
        seconds, own = [], self.of(row)
        others = (result for results in self.files.values() for result in results.values())
        for result in [own] if own else others:
            jobs = re.search(r'--jobs[ =]([1-9]\d*)', result.command)  # runs at once share the cores
            seconds += [run['seconds'] / int(jobs[1] if jobs else 1) for run in result.runs]
        return self.count_missing(row) * over_seeds(seconds)['mean'] / 3600 if seconds else None

    def command(self, row: Experiment) -> str:
        """What runs a row."""
        if row.command:
            return row.command
        table, first = self.first[row.key]
        folds = [] if not row.folds or self.args.folds == [1, 2, 3, 4, 5] else ['--folds', *map(str, self.args.folds)]
        words = ['python', '-m', 'lab.reproduce', table, '--rows', first.id, *folds]
        return shlex.join([*words, '--seeds', *map(str, self.args.seeds), '--jobs', str(self.args.jobs)])

    def run(self, row: Experiment) -> None:
        """Run what is missing of a row's experiment and add it to the file of its table."""
        table, first = self.first[row.key]
        work_dir = self.args.work_dir / f'{first.id}_cv'
        plans = [
            plan(first.config, work_dir, folds, seeds, first.cfg_options, [first.overrides], first.stream)
            for folds, seeds in self.missing(first)
        ]
        runs = run_all(plans, work_dir / 'jobs', self.args.jobs)
        classes = runs[0]['classes']
        merged = sorted({**by_run(self.runs(first)), **by_run(runs)}.items())
        kept = [{key: run[key] for key in run if key not in ('classes', 'settings')} for _, run in merged]
        self.files[table][first.id] = Result(self.command(first), first.settings, classes, kept)
        write_results(self.args.results / f'{table}.json', self.files[table])
        files = {numbers: work_dir / run_folder(*numbers) / 'test' / 'scores.npz' for numbers in by_run(runs)}
        scores = {numbers: read_scores(file) for numbers, file in files.items() if file.exists()}
        keep_scores(self.args.results / 'scores.zip', first.id, scores, classes)

    def state(self, row: Experiment) -> str:
        if row.command:
            return NO_DATA
        present, missing = len(self.runs(row)), self.count_missing(row)
        if row.former:
            return f'of former code: {row.former}'
        return f'have {present} of {present + missing} runs' if present else 'not run'


def dry_run(tables: Sequence[Table], results: Results) -> None:
    total, unknown, seen = 0.0, 0, set()
    for table in tables:
        print(f'{table.name}: {table.title}')
        for row in table.rows:
            if row.key in seen and not row.command:
                print(f'  {row.id}: as {results.first[row.key][1].id}')
                continue
            estimate = ''
            if row.runs_here:
                seen.add(row.key)
                hours = results.hours(row)
                estimate = ', hours unknown'
                if hours is not None:
                    estimate = f', about {hours:.1f} hours{"" if results.of(row) else ", from other rows"}'
                total, unknown = total + (hours or 0), unknown + (hours is None)
            print(f'  {row.id}: {results.state(row)}{estimate}')
    print(f'all: about {total:.1f} hours' + (f' and {unknown} experiments of unknown hours' if unknown else ''))


def write_page(table: Table, results: Results) -> Path:
    """Write a table from the results there are, and its picture if several rows of today have any."""
    rows = {}
    for row in table.rows:
        result = results.of(row)
        rows[row.id] = Row(
            row.label,
            results.runs(row),
            results.state(row),
            result.command if result else results.command(row),
            reference=row.reference or table.reference,
            published=str(row.paper or '-'),
            own_reference=row.reference is not None,
            classes=result.classes if result else (),
        )
    others = [f'{figure.label}: {figure}' for figure in table.published]
    path = results.args.results / f'{table.name}.md'
    picture = None
    if sum(bool(rows[row.id].runs) for row in table.rows if not row.former) > 1:
        picture = f'{table.name}.png'
        save_figure(draw_comparison(table.title, rows, table.reference), path.with_name(picture))
    write_whole(path, comparison_page(table.title, table.note, rows, table.reference, others, picture))
    return path


def parse_args(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = lab_parser(__doc__, jobs=True, seeds=[0, 1, 2], work_dir=Path('work_dirs'))
    parser.add_argument('tables', nargs='*', metavar='TABLE', help='names of tables; default all')
    parser.add_argument('--rows', nargs='+', metavar='ID', help='run these rows only')
    parser.add_argument(
        '--list', type=Path, default=Path(__file__).with_name('experiments.yml'), help='the experiments'
    )
    parser.add_argument('--folds', type=int, nargs='+', default=[1, 2, 3, 4, 5])
    parser.add_argument('--results', type=Path, default=RESULTS, help='folder of the results')
    only = parser.add_mutually_exclusive_group()
    only.add_argument('--tables-only', action='store_true', help='run nothing, write the tables from what there is')
    only.add_argument('--dry-run', action='store_true', help='run and write nothing, list what there is and what not')
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    args = parse_args(arguments)
    tables = read_list(args.list)
    for given, known in (
        (args.tables, [table.name for table in tables]),
        (args.rows or [], [row.id for table in tables for row in table.rows]),
    ):
        if unknown := set(given).difference(known):
            raise InputError(f'{args.list} has no {", ".join(sorted(unknown))}; it has {", ".join(known)}')
    results = Results(tables, args)
    chosen = [table for table in tables if not args.tables or table.name in args.tables]
    if args.dry_run:
        return dry_run(chosen, results)
    wanted = {row.key for table in chosen for row in table.rows if not args.rows or row.id in args.rows}
    failed = []
    for key, (_, row) in results.first.items():
        if key in wanted and not args.tables_only and results.missing(row):
            print(f'{row.id}: {results.command(row)}', flush=True)
            try:
                results.run(row)
            except InputError as error:
                failed.append(row.id)
                print(f'{row.id} failed, the others go on: {error}', file=sys.stderr, flush=True)
    for table in chosen:
        print(write_page(table, results))
    if failed:
        raise InputError(f'{len(failed)} experiments failed: {", ".join(failed)}')


if __name__ == '__main__':
    run_main(main)
