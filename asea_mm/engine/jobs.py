"""Several runs at once, each in a process of its own: on this machine, or on a Slurm cluster by submitit."""

import math
import multiprocessing
import os
import shlex
import shutil
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

import torch
from submitit import AutoExecutor

from ..errors import InputError
from .signals import GRACE, exits_on_sigterm, stop_with_parent, stops_afterwards

Task = TypeVar('Task')
Result = TypeVar('Result')
MOST = 60 if sys.platform == 'win32' else 10_000  # Windows waits for 63 things at most


def run_jobs(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    folder: str | os.PathLike,
    jobs: int = 1,
    cluster: str = 'local',
    seconds: float | None = None,
    **parameters: Any,
) -> Iterator[tuple[Task, Result]]:
    """Call a function for every task, and yield each task with its result as they are done.

    Jobs of this machine share the cores that it may use, unless ``OMP_NUM_THREADS`` says how many threads each has, and
    the GPUs that it may see. All end when one of them fails, and with this process, however it ends: they get SIGTERM,
    upon which a training saves its state.

    Args:
        function: A function of a module; task and result must be picklable.
        tasks: What it is called with.
        folder: For the output of every job, and the files of submitit. It is removed if all succeed.
        jobs: How many at once.
        cluster: ``'local'`` or ``'slurm'``.
        seconds: After these, what still runs is ended in the same way, and the iteration with it.
        parameters: As ``submitit.AutoExecutor.update_parameters`` takes them, e.g. ``slurm_partition``.

    Raises:
        InputError: If a job ends with one, or an OSError.
        RuntimeError: If a job fails otherwise; it has the traceback.
    """
    if jobs < 1:
        raise InputError(f'--jobs: expected at least 1, got {jobs}')
    end = math.inf if seconds is None else time.monotonic() + seconds
    waiting, running = deque(tasks), dict[Any, tuple[Task, Callable[..., Any]]]()
    jobs = min(jobs, MOST, max(1, len(waiting)))
    free = deque[Callable[..., Any]]()
    if cluster == 'local':
        every_variables = [local_variables(jobs, gpu) for gpu in visible_gpus(jobs)]
        free += [partial(LocalJob, folder=Path(folder), variables=variables) for variables in every_variables]
    else:
        free += [cluster_executor(folder, cluster, parameters).submit] * jobs
    with exits_on_sigterm():
        try:
            while running or waiting:
                while waiting and free:
                    task, begin = waiting.popleft(), free.popleft()
                    with stops_afterwards():  # or a job that has begun is not among those that are ended
                        running[begin(call_in_job, function, task)] = task, begin
                for job in [job for job in running if job.done()]:
                    refused, result = job.result()
                    if refused:
                        raise InputError(f'{refused} (see {job.paths.stdout})')
                    task, begin = running.pop(job)
                    free.append(begin)
                    yield task, result
                if time.monotonic() >= end:
                    return
                time.sleep(0.1)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            for job in running:
                job.cancel(check=False)
            wait_for_end([job for job in running if isinstance(job, LocalJob)])


class LocalJob:
    """A call in a process of its own on this machine, with as much of submitit's jobs as is used of them.

    Args:
        function: What is called.
        arguments: Its arguments; all picklable.
        folder: Where the process writes its output, to a file of its own.
        variables: Of its environment, from its first import on.
    """

    def __init__(self, function: Callable, *arguments: Any, folder: Path, variables: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.connection, theirs = multiprocessing.Pipe(duplex=False)
        context = multiprocessing.get_context('spawn')  # a fork of a process with threads or a GPU may hang
        target = partial(_run_job, theirs, str(folder), function, *arguments)
        self.process = context.Process(target=target)
        with _environment(variables):
            self.process.start()
        theirs.close()
        self.stdout = folder / f'{self.process.pid}.log'

    @property
    def paths(self) -> 'LocalJob':
        return self

    def done(self) -> bool:
        return self.connection.poll() or not self.process.is_alive()

    def result(self) -> Any:
        """What the function returned; RuntimeError with its traceback if it failed, or what became of the process."""
        try:
            failure, result = self.connection.recv()
        except EOFError:
            failure, result = '', None
        self.process.join()
        if failure is not None:
            raise RuntimeError(failure or f'a job ended with {self.process.exitcode}, see {self.stdout}')
        return result

    def cancel(self, check: bool = True) -> None:
        self.process.terminate()


def wait_for_end(jobs: list[LocalJob]) -> None:
    """Wait for jobs that were cancelled, and kill those that take too long."""
    try:
        last = time.monotonic() + GRACE
        for job in jobs:
            job.process.join(max(0, last - time.monotonic()))
    finally:  # also at a second Ctrl-C
        for job in jobs:
            job.process.kill()


def _run_job(connection: Connection, folder: str, function: Callable, *arguments: Any) -> None:
    """Within the process: its output goes to its file, the result to the parent."""
    stop_with_parent()
    with Path(folder, f'{os.getpid()}.log').open('wb', 0) as log:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(log.fileno(), stream.fileno())
    try:
        connection.send((None, function(*arguments)))
    except Exception:
        print(traceback.format_exc(), file=sys.stderr)
        connection.send((traceback.format_exc(), None))


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def visible_gpus(jobs: int) -> list[str | None]:
    """The GPU of each of the jobs at once: those that this process may see in turn, None where there are none."""
    count = torch.cuda.device_count()
    visible = os.environ.get('CUDA_VISIBLE_DEVICES', ','.join(map(str, range(count)))).split(',')
    return [visible[job % count] if count else None for job in range(jobs)]


def threads_of_a_job(jobs: int) -> str:
    """What ``OMP_NUM_THREADS`` says, else a share of the cores that this process may run on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    return os.environ.get('OMP_NUM_THREADS') or str(max(1, cores // jobs))


def local_variables(jobs: int, gpu: str | None) -> dict[str, str]:
    """What a job of this machine finds in its environment."""
    return {'OMP_NUM_THREADS': threads_of_a_job(jobs)} | ({} if gpu is None else {'CUDA_VISIBLE_DEVICES': gpu})


def cluster_executor(folder: str | os.PathLike, cluster: str, parameters: Mapping[str, Any]) -> AutoExecutor:
    """What submits jobs to a cluster, which gives them cores and GPUs."""
    packages = [str(Path(__file__).parents[2]), os.environ.get('PYTHONPATH')]  # this asea_mm, wherever another is
    python = shlex.join(['env', f'PYTHONPATH={os.pathsep.join(filter(None, packages))}', sys.executable])
    executor = AutoExecutor(Path(folder), cluster=cluster, **{f'{cluster}_python': python})
    executor.update_parameters(stderr_to_stdout=True, **parameters)
    return executor


def call_in_job(function: Callable[[Task], Result], task: Task) -> tuple[str | None, Result | None]:
    """Within the job: what the user can mend, and the result."""
    try:
        return None, function(task)
    except (InputError, OSError) as error:
        return str(error), None
