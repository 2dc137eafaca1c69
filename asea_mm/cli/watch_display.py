"""What is seen while a source is watched: the events so far, and how far it is."""

import sys
import time
from types import TracebackType

from rich import box
from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from ..apis.videos import Watched, frame_step, labels_now
from ..apis.watching import EventWatcher
from ..evaluation.events import Event
from ..video.source import VideoSource
from .output import console, print_table

ROWS = 12  # of the last events on a terminal
COLUMNS = ('start', 'end', 'persons', 'interaction', 'score')
_PAUSE = 0.25  # seconds between two looks of the terminal


def row_of(event: Event) -> list[str]:
    """An event as it is shown; an arrow goes from who acts."""
    one, other = event.persons
    persons = f'{one} and {other}' if event.acts is None else f'{event.acts} → {other if event.acts == one else one}'
    return [f'{event.start:.1f}', f'{event.end:.1f}', persons, event.label, f'{event.score:.2f}']


class Display:
    """On a terminal a table with what goes on now and a bar below; where output is piped, a line for each event.

    Args:
        title: Of the source.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._console = console()
        self._progress = Progress(
            TextColumn('{task.description}'),
            BarColumn(),
            TextColumn('{task.fields[speed]}'),
            TimeRemainingColumn(),
            console=self._console,
        )
        self._task = self._progress.add_task(title, total=None, speed='')
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._shown, self._looked, self._tenths = 0, 0.0, 0

    def __enter__(self) -> 'Display':
        """Nothing is shown before the first frame."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back."""
        self._live.stop()

    def update(self, watched: Watched, watcher: EventWatcher, source: VideoSource) -> None:
        """After a frame."""
        total = source.num_frames and -(-source.num_frames // frame_step(source, watcher.options))
        done = watched.frames + watched.dropped
        if not self._console.is_terminal:
            for event in watched.events[self._shown :]:
                print('  '.join(row_of(event)), flush=True)
            self._shown = len(watched.events)
            if total and 10 * done // total > self._tenths:
                self._tenths = 10 * done // total
                left = (total - done) * watched.seconds['all'] / done
                print(
                    f'{self.title}: {done} of {total} frames, {max(left, 0):.0f} s left',
                    file=sys.stderr,
                    flush=True,
                )
            return
        now = time.monotonic()
        if now - self._looked < _PAUSE:
            return
        self._looked = now
        speed = f'{watched.frames / max(watched.seconds["all"], 1e-9):.1f} frames/s'
        speed += f', {watched.dropped} dropped' if source.live else ''
        self._progress.update(self._task, completed=done, total=total, speed=speed)
        self._live.start()
        self._live.update(Group(self._table(watched, watcher), self._progress), refresh=True)

    def _table(self, watched: Watched, watcher: EventWatcher) -> Table:
        table = Table(box=box.SIMPLE, padding=(0, 1))
        for column in COLUMNS:
            table.add_column(Text(column))
        for event in watched.events[-ROWS:]:
            table.add_row(*map(Text, row_of(event)))
        for label in labels_now(watcher):
            one, other = label.persons
            table.add_row('now', '', f'{one} and {other}', Text(label.text), f'{label.score:.2f}', style='bold')
        return table

    def finish(self, watched: Watched) -> None:
        """All events, once more on a terminal; where there are none, that."""
        self._live.stop()
        if not watched.events:
            print('no interaction')
        elif self._console.is_terminal:
            print_table(None, COLUMNS, [row_of(event) for event in watched.events])
        else:
            for event in watched.events[self._shown :]:
                print('  '.join(row_of(event)), flush=True)
