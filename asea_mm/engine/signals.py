"""Signals: what asks a training to stop waits for the end of a step, and who has lost its parent ends."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from types import FrameType
from typing import NoReturn

GRACE = 60.0  # seconds in which a process that is asked to stop saves its state
STOPPING = (signal.SIGINT, signal.SIGTERM)
_asked: int | None = None  # signals are of the process, and so is this


def asked_to_stop() -> int | None:
    """The signal that has asked this process to stop, within :func:`stops_between_steps`."""
    return _asked


def stop(number: int) -> NoReturn:
    """End as the signal would have: as Ctrl-C does in Python, or with the exit code 128 + number of the signal."""
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)


@contextmanager
def stops_between_steps() -> Iterator[None]:
    """SIGTERM and the first Ctrl-C are only noted, for who asks :func:`asked_to_stop` between two steps.

    A second Ctrl-C acts at once. In another thread than the main one, which cannot have signals, nothing is changed.
    """
    global _asked

    def note(number: int, frame: FrameType | None) -> None:
        global _asked
        if _asked is not None and number == signal.SIGINT:
            stop(number)
        _asked = number

    with _handled(STOPPING, note):
        try:
            yield
        finally:
            _asked = None


@contextmanager
def exits_on_sigterm() -> Iterator[None]:
    """SIGTERM ends as an exception does: what is to be cleaned up, is."""
    with _handled((signal.SIGTERM,), lambda number, frame: stop(number)):
        yield


@contextmanager
def stops_afterwards() -> Iterator[None]:
    """SIGTERM and Ctrl-C act when this is done: for what must not be left half done."""
    asked: list[int] = []
    with _handled(STOPPING, lambda number, frame: asked.append(number)):
        yield
    if asked:
        stop(asked[0])


@contextmanager
def _handled(numbers, handler) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def leave_signals_to_parent() -> None:
    """In a worker of a data loader: end by the training alone, not by Ctrl-C and SIGTERM, which a whole group may get.

    The training stops between two steps, for which it may need its workers. Where nobody can tell who has sent a
    SIGTERM, as on macOS, it still ends the worker.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, 'sigwaitinfo'):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_by_parent, daemon=True).start()


def _end_by_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        continue
    os._exit(0)


def stop_with_parent() -> None:
    """In a process that multiprocessing began: stop as by SIGTERM when its parent is gone, however that ended."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch(sentinel: int) -> None:
        wait([sentinel])
        _end_in(GRACE)
        if sys.platform == 'win32':
            signal.raise_signal(signal.SIGTERM)
        else:
            os.kill(os.getpid(), signal.SIGTERM)  # also wakes the main thread

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()


def _end_in(seconds: float) -> None:
    timer = threading.Timer(seconds, os._exit, (1,))
    timer.daemon = True
    timer.start()
