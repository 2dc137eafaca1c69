"""Make the tables of ``experiments.yml``: run what is missing, then write JSON, page and picture of each.

    python -m lab.reproduce sbu_main --dry-run                          # what there is, what is missing, hours
    python -m lab.reproduce sbu_main --folds 1 2 3 4 5 --seeds 0 --jobs 2
    python -m lab.reproduce sbu_main --rows stgcnpp_sbu --seeds 0       # one row
    python -m lab.reproduce tasks --models baseline asea --tasks sbu_to_k3hi --seeds 0 1 2 3
    python -m lab.reproduce tasks --jobs 16 --minutes 12                # what fits; called again, it goes on
    python -m lab.reproduce --tables-only                               # pages from the results there are

Rows that are the same experiment are run once, and a finished run is not repeated. Run it from the root of a clone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from asea_mm.datasets.files.whole import write_whole
from asea_mm.errors import InputError
from asea_mm.visualization.drawing import save_figure

from .commands import lab_parser, run_main
from .experiments import Experiment, Table, read_list
from .files import RESULTS
from .ledger import Ledger
from .pictures.comparison import draw_comparison
from .pictures.tasks import draw_tasks
from .statistics.comparison_page import Row, comparison_page
from .statistics.tasks import Grid
from .statistics.tasks_page import tasks_page


def dry_run(tables: Sequence[Table], ledger: Ledger, wanted: Sequence[Experiment]) -> None:
    """Say of the wanted rows of tables what there is and what is missing."""
    total, unknown, seen = 0.0, 0, set()
    for table in tables:
        print(f'{table.name}: {table.title}')
        for row in (row for row in table.rows if row in wanted):
            if row.key in seen and not row.command:
                print(f'  {row.id}: as {ledger.first[row.key][1].id}')
                continue
            estimate = ''
            if row.runs_here:
                seen.add(row.key)
                hours = ledger.hours(row)
                estimate = ', hours unknown'
                if hours is not None:
                    estimate = f', about {hours:.1f} hours{"" if ledger.of(row) else ", from other rows"}'
                total, unknown = total + (hours or 0), unknown + (hours is None)
            print(f'  {row.id}: {ledger.state(row)}{estimate}')
    print(f'all: about {total:.1f} hours' + (f' and {unknown} experiments of unknown hours' if unknown else ''))


def write_page(table: Table, ledger: Ledger) -> Path:
    """Write a table from the results there are, and its picture if several rows of today have any."""
    return write_tasks_page(table, ledger) if table.models else write_rows_page(table, ledger)


def write_tasks_page(table: Table, ledger: Ledger) -> Path:
    """Write a table of models over tasks, and its picture if any can be compared."""
    labels = {model.id: model.label for model in table.models}
    runs = {(row.model, row.task): ledger.runs(row) for row in table.rows if ledger.runs(row)}
    tasks = {task.name: task.label for task in table.common.tasks}
    reference = next(row.model for row in table.rows if row.id == table.reference)
    grid = Grid(labels, tasks, runs, reference)
    states, commands = {}, {}
    for model in table.models:
        rows = [row for row in table.rows if row.model == model.id]
        states[model.id] = 'not run: its config is not chosen yet'
        if rows:
            present, missing = sum(len(ledger.runs(row)) for row in rows), sum(map(ledger.count_missing, rows))
            states[model.id] = f'have {present} of {present + missing} runs' if present else 'not run'
            seeds = ' '.join(map(str, ledger.args.seeds))
            commands[model.id] = f'python -m lab.reproduce {table.name} --models {model.id} --seeds {seeds}'
    path = ledger.args.results / f'{table.name}.md'
    picture = None
    if grid.compared:
        picture = f'{table.name}.png'
        save_figure(draw_tasks(table.title, grid), path.with_name(picture))
    write_whole(path, tasks_page(table.title, table.note, grid, states, commands, picture))
    return path


def write_rows_page(table: Table, ledger: Ledger) -> Path:
    """Write a table of rows."""
    rows = {}
    for row in table.rows:
        result = ledger.of(row)
        rows[row.id] = Row(
            row.label,
            ledger.runs(row),
            ledger.state(row),
            result.command if result else ledger.command(row),
            reference=row.reference or table.reference,
            published=str(row.paper or '-'),
            own_reference=row.reference is not None,
            classes=result.classes if result else (),
        )
    others = [f'{figure.label}: {figure}' for figure in table.published]
    path = ledger.args.results / f'{table.name}.md'
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
    parser.add_argument('--models', nargs='+', metavar='ID', help='of a table of models: run these only')
    parser.add_argument('--tasks', nargs='+', metavar='NAME', help='of a table of models: run these only')
    parser.add_argument(
        '--list', type=Path, default=Path(__file__).with_name('experiments.yml'), help='the experiments'
    )
    parser.add_argument('--folds', type=int, nargs='+', default=[1, 2, 3, 4, 5])
    parser.add_argument('--results', type=Path, default=RESULTS, help='folder of the results')
    parser.add_argument('--minutes', type=float, help='end then; trainings save their state, and the next call goes on')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='a trial: options over those of every row, such as train_cfg.max_epochs=1; needs other --results',
    )
    only = parser.add_mutually_exclusive_group()
    only.add_argument('--tables-only', action='store_true', help='run nothing, write the tables from what there is')
    only.add_argument('--dry-run', action='store_true', help='run and write nothing, list what there is and what not')
    args = parser.parse_args(arguments)
    if args.cfg_options and args.results.resolve() == RESULTS.resolve():
        raise InputError('--cfg-options is for trials: give them --results and --work-dir of their own')
    return args


def wanted_rows(tables: Sequence[Table], args: argparse.Namespace) -> list[Experiment]:
    """The rows of tables that the options choose.

    Raises:
        InputError: If an option names what the list does not have.
    """
    rows = [row for table in tables for row in table.rows]
    for option, of in (('rows', 'id'), ('models', 'model'), ('tasks', 'task')):
        chosen = getattr(args, option)
        if chosen is None:
            continue
        known = list(dict.fromkeys(getattr(row, of) for row in rows if getattr(row, of)))
        refuse_unknown(f'--{option}: ', args.list, chosen, known)
        rows = [row for row in rows if getattr(row, of) in chosen]
    return rows


def refuse_unknown(option: str, path: Path, given: Sequence[str], known: Sequence[str]) -> None:
    if unknown := sorted(set(given).difference(known)):
        raise InputError(f'{option}{path} has no {", ".join(unknown)}; it has {", ".join(known)}')


def main(arguments: Sequence[str] | None = None) -> None:
    args = parse_args(arguments)
    tables = read_list(args.list)
    if args.cfg_options:
        tables = [replace(table, rows=tuple(_tried(row, args.cfg_options) for row in table.rows)) for table in tables]
    refuse_unknown('', args.list, args.tables, [table.name for table in tables])
    chosen = [table for table in tables if not args.tables or table.name in args.tables]
    rows = wanted_rows(chosen, args)
    ledger = Ledger(tables, args)
    if args.dry_run:
        return dry_run(chosen, ledger, rows)
    wanted = {row.key for row in rows}
    failed = {}
    if not args.tables_only:
        failed = ledger.run([row for key, (_, row) in ledger.first.items() if key in wanted])
    for table in chosen:
        print(write_page(table, ledger))
    if failed:
        raise InputError(f'{len(failed)} experiments failed: {", ".join(failed)}')


def _tried(row: Experiment, options: Sequence[str]) -> Experiment:
    return row if row.fused else replace(row, cfg_options=(*row.cfg_options, *options))


if __name__ == '__main__':
    run_main(main)
