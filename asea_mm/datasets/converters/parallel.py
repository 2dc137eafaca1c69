"""A function of many items in several processes, in their order, without holding more than a few results."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

Item = TypeVar('Item')
Result = TypeVar('Result')

CHUNK = 16  # items that a process takes at a time
AHEAD = 16 * CHUNK  # items of each process that are worked on before all their results are taken


def ordered_map(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[Result]:
    """``map(function, items)`` in ``jobs`` processes; one means this one.

    Raises:
        OSError: If a process was killed.
    """
    jobs = min(jobs, -(-len(items) // CHUNK))
    if jobs <= 1:
        yield from map(function, items)
        return
    # Importing this package takes seconds and 300 MB a process, which forking saves where it is safe.
    context = multiprocessing.get_context('fork' if sys.platform == 'linux' else None)
    # Ctrl-C reaches every process; the workers finish their items, the parent stops.
    ignore_interrupt = signal.signal, (signal.SIGINT, signal.SIG_IGN)
    with ProcessPoolExecutor(jobs, context, *ignore_interrupt) as executor:
        try:
            for start in range(0, len(items), jobs * AHEAD):
                yield from executor.map(function, items[start : start + jobs * AHEAD], chunksize=CHUNK)
        except BrokenProcessPool:
            raise OSError('a converting process was killed (out of memory?); try again with fewer jobs') from None
