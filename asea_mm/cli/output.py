"""What subcommands say and write: tables, progress, files."""

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from ..datasets.files.whole import write_whole
from ..engine.running import working_tree_commit

PIPED = 80  # columns of a table that goes to a file or another program
GAP, EDGE = 3, 1  # of each column of a table, and of the table
LAST = 12  # least width of a last column that is broken


def console(stderr: bool = False) -> Console:
    """Where tables go; lines are not broken when they are piped."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else 200)


def print_table(title: str | None, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table that fits the terminal, or 80 columns where it is piped; figures are aligned right, below their column.

    One with too many columns of figures becomes several, each with the first column. What is piped is broken in the
    last column only, between words, so that names stay whole.
    """
    cells = [[cell if isinstance(cell, str) else as_text(cell) for cell in row] for row in rows]
    screen = console()
    room = screen.width if screen.is_terminal else PIPED
    widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    figures = [index > 0 and is_figures([row[index] for row in cells]) for index in range(len(columns))]
    for block in blocks(widths, room, figures):
        table = Table(title=title and Text(title), box=box.SIMPLE, padding=(0, 1))
        for index in block:
            whole = not screen.is_terminal and (index != block[-1] or figures[index])
            last = None if whole else max(LAST, room - EDGE - sum(widths[i] + GAP for i in block[:-1]) - GAP)
            justify: Any = 'right' if figures[index] else 'left'
            table.add_column(Text(columns[index]), justify=justify, no_wrap=whole, max_width=last, overflow='fold')
        for row in cells:
            table.add_row(*(Text(row[index]) for index in block))
        screen.print(table)
        title = None


def is_figures(values: Sequence[str]) -> bool:
    """Whether a column is all figures, or what stands for one that is not known."""
    return all(not value or value[0] in '-0123456789' for value in values)


def blocks(widths: Sequence[int], room: int, figures: Sequence[bool]) -> list[list[int]]:
    """The columns of each table: all in one, unless all but the first are figures and do not fit beside each other."""
    room -= EDGE
    if sum(widths) + GAP * len(widths) <= room or not all(figures[1:]):
        return [list(range(len(widths)))]
    parts = [[0]]
    for index in range(1, len(widths)):
        if len(parts[-1]) > 1 and sum(widths[i] + GAP for i in [*parts[-1], index]) > room:
            parts.append([0])
        parts[-1].append(index)
    return parts


def print_rows(title: str, rows: Mapping[str, Mapping[str, float | None]]) -> None:
    """A table of figures by name, each with the same keys."""
    columns = list(next(iter(rows.values())))
    print_table(
        title,
        ['', *(column.replace('_', ' ') for column in columns)],
        ([name, *(row[column] for column in columns)] for name, row in rows.items()),
    )


def as_text(value: Any) -> str:
    """A figure as tables show it; ``-`` where there is none, or it is NaN."""
    if value is None or value != value:  # NaN
        return '-'
    return f'{value:,}' if isinstance(value, int) else f'{value:.3f}'


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function that shows how many are done of how many: a bar, or a line for every tenth where it is piped."""
    messages = console(stderr=True)
    bar = Progress(console=messages, transient=True)
    task = bar.add_task(what, total=None)
    tenths = 0

    def show(done: int, total: int) -> None:
        nonlocal tenths
        if messages.is_terminal:
            bar.start()  # not before processes have been forked
            bar.update(task, completed=done, total=total)
        elif 10 * done // total > tenths:
            tenths = 10 * done // total
            print(f'{what}: {done} of {total}', file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        bar.stop()


def write_json(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write a file of JSON, and say so."""
    write_whole(path, json.dumps(content, indent=1) + '\n')
    say_written(path)


def circumstances() -> dict[str, str]:
    """What was typed, and the commit of the code that ran; for result files."""
    return {'command': shlex.join(['asea', *sys.argv[1:]]), 'commit': working_tree_commit()}


def shown(path: str | os.PathLike) -> str:
    """A path as people would type it: from the current folder on, if it is within."""
    full, here = Path(path).absolute(), Path.cwd()
    return str(full.relative_to(here)) if full.is_relative_to(here) else str(path)


def say_written(*paths: str | os.PathLike) -> None:
    """Tell of files that were written."""
    for path in paths:
        print(f'wrote {Path(path)}')
