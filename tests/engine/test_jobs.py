"""Runs at once: their order, their share of the machine, what becomes of errors, and that none is left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from asea_mm.engine import jobs
from asea_mm.engine.jobs import call_in_job, run_jobs, threads_of_a_job, visible_gpus
from asea_mm.errors import InputError

ROOT = Path(__file__).parents[2]


def job(task):
    """A task is what is to be returned, or raised."""
    if isinstance(task, Exception):
        raise task
    return task, os.environ['OMP_NUM_THREADS'], os.environ.get('CUDA_VISIBLE_DEVICES', '')


def test_jobs_share_the_cores_that_may_be_used_and_the_gpus(monkeypatch):
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: set(range(8)), raising=False)
    assert [threads_of_a_job(jobs) for jobs in (1, 3, 20)] == ['8', '2', '1']
    monkeypatch.setenv('OMP_NUM_THREADS', '5')
    assert threads_of_a_job(4) == '5'
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '3,GPU-6')
    assert visible_gpus(3) == ['3', 'GPU-6', '3']
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 0)
    assert visible_gpus(2) == [None, None]


def test_results_and_errors_of_processes(monkeypatch, tmp_path):
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 1)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '7')
    assert list(run_jobs(job, ['a'], tmp_path / 'jobs')) == [('a', ('a', '1', '7'))]
    assert not (tmp_path / 'jobs').exists()
    with pytest.raises(InputError, match='--jobs'):
        list(run_jobs(job, [], tmp_path / 'jobs', jobs=0))
    assert call_in_job(job, InputError('clip7: NaN')) == ('clip7: NaN', None)
    assert call_in_job(job, OSError('full')) == ('full', None)
    with pytest.raises(ValueError, match='shapes'):
        call_in_job(job, ValueError('shapes'))


def wait(path):
    """Say which process this is, and take long."""
    Path(path).write_text(str(os.getpid()))
    time.sleep(600)


def alive(pid: int) -> bool:
    try:
        return Path(f'/proc/{pid}/stat').read_text().split()[2] != 'Z'
    except FileNotFoundError:
        return False


def wait_for(happened, seconds: int) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_jobs_end_with_the_process_that_began_them(tmp_path):
    noted = tmp_path / 'pid'
    code = f'from tests.engine.test_jobs import *; list(run_jobs(wait, [r"{noted}"], r"{tmp_path}/jobs"))'
    parent = subprocess.Popen([sys.executable, '-c', code], cwd=ROOT)
    try:
        wait_for(lambda: noted.exists() and noted.read_text(), 120)
        child = int(noted.read_text())
        assert alive(child)
        parent.terminate()
        assert parent.wait(30) == 128 + signal.SIGTERM
        wait_for(lambda: not alive(child), 30)
    finally:
        parent.kill()


@pytest.mark.skipif(sys.platform == 'win32', reason='signals to oneself')
@pytest.mark.parametrize(('number', 'error'), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_signal_while_a_job_begins_leaves_none(monkeypatch, tmp_path, number, error):
    began = []

    class Interrupted(jobs.LocalJob):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            began.append(self.process)
            signal.raise_signal(number)

    monkeypatch.setattr(jobs, 'LocalJob', Interrupted)
    with pytest.raises(error):
        list(run_jobs(wait, [tmp_path / 'pid'], tmp_path / 'jobs'))
    assert [process.is_alive() for process in began] == [False]
