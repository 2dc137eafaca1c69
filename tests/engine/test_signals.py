"""When signals act."""

import os
import signal
import subprocess
import sys

import pytest

from asea_mm.engine.signals import asked_to_stop, exits_on_sigterm, stops_between_steps


def test_signals_wait_for_the_end_of_a_step():
    before = signal.getsignal(signal.SIGTERM)
    for number in (signal.SIGTERM, signal.SIGINT):
        with stops_between_steps():
            assert asked_to_stop() is None
            signal.raise_signal(number)
            assert asked_to_stop() == number
    with stops_between_steps():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):  # who presses again has waited long enough
            signal.raise_signal(signal.SIGINT)
    assert asked_to_stop() is None
    assert signal.getsignal(signal.SIGTERM) is before


def test_sigterm_ends_as_an_exception():
    with pytest.raises(SystemExit) as ended, exits_on_sigterm():
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='processes are forked')
def test_killed_and_resumed():
    """The short form of the campaign: a training with workers, SIGTERM to all its processes, then SIGKILL."""
    words = [sys.executable, '-m', 'tests.campaigns.kill_and_resume', '--quick']
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert '"bitwise the same": true' in done.stdout
