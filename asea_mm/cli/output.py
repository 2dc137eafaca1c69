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
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from ..datasets.files.whole import write_whole
from ..engine.running import working_tree_commit


def console(stderr: bool = False) -> Console:
    """Where tables go; lines are not broken when they are piped."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else 200)


def print_table(title: str | None, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; figures are aligned right, below their column."""
    cells = [[cell if isinstance(cell, str) else as_text(cell) for cell in row] for row in rows]
    table = Table(title=title and Text(title), box=box.SIMPLE, padding=(0, 1))
    for column, values in zip(columns, zip(*cells, strict=True), strict=True):
        figures = all(not value or value[0] in '-0123456789' for value in values)
        table.add_column(Text(column), justify='right' if figures else 'left')
    for row in cells:
        table.add_row(*map(Text, row))
    console().print(table)


def print_rows(title: str, rows: Mapping[str, Mapping[str, float | None]]) -> None:
    """A table of figures by name, each with the same keys."""
    columns = list(next(iter(rows.values())))
    print_table(
        title,
        ['', *(column.replace('_', ' ') for column in columns)],
        ([name, *(row[column] for column in columns)] for name, row in rows.items()),
    )


def as_text(value: Any) -> str:
    """A figure as tables show it; ``-`` where there is none."""
    if value is None:
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
