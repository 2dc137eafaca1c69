"""Several runs at once, each in a process of its own: on this machine or on a Slurm cluster, by submitit."""

import os
import shlex
import shutil
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import torch
from submitit import AutoExecutor, Job

from ..errors import InputError

Task = TypeVar('Task')
Result = TypeVar('Result')
A_YEAR = 365 * 24 * 60  # submitit ends local jobs after some minutes unless told otherwise


def run_jobs(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    folder: str | os.PathLike,
    jobs: int = 1,
    cluster: str = 'local',
    **parameters: Any,
) -> Iterator[tuple[Task, Result]]:
    """Call a function for every task, and yield each task with its result as they are done.

    Jobs of this machine share the cores that it may use, unless ``OMP_NUM_THREADS`` says how many threads each has, and
    the GPUs that it may see. All end with this process, also when it gets SIGTERM, and when one of them fails.

    Args:
        function: A function of a module; task and result must be picklable.
        tasks: What it is called with.
        folder: Where submitit keeps its files: pickles, and the output of every job. It is removed if all succeed.
        jobs: How many at once.
        cluster: ``'local'`` or ``'slurm'``.
        parameters: As ``submitit.AutoExecutor.update_parameters`` takes them, e.g. ``slurm_partition``.

    Raises:
        InputError: If a job ends with one, or an OSError.
        RuntimeError: If a job fails otherwise; it has the traceback.
    """
    if jobs < 1:
        raise InputError(f'--jobs: expected at least 1, got {jobs}')
    free = deque(
        AutoExecutor(Path(folder), cluster=cluster, **{f'{cluster}_python': python_of_a_job(jobs, gpu, cluster)})
        for gpu in visible_gpus(jobs)
    )
    for executor in free:
        executor.update_parameters(**{'timeout_min': A_YEAR, 'stderr_to_stdout': True, **parameters})
    waiting, running = deque(tasks), dict[Job, tuple[Task, AutoExecutor]]()
    handler = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        while running or waiting:
            while waiting and free:
                task, executor = waiting.popleft(), free.popleft()
                running[executor.submit(call_in_job, function, task)] = task, executor
            for job in [job for job in running if job.done()]:
                refused, result = job.result()
                if refused:
                    raise InputError(f'{refused} (see {job.paths.stdout})')
                task, executor = running.pop(job)
                free.append(executor)
                yield task, result
            time.sleep(0.2)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        for job in running:
            job.cancel(check=False)
        signal.signal(signal.SIGTERM, handler)


def visible_gpus(jobs: int) -> list[str | None]:
    """The GPU of each of the jobs at once: those that this process may see in turn, None where there are none."""
    count = torch.cuda.device_count()
    visible = os.environ.get('CUDA_VISIBLE_DEVICES', ','.join(map(str, range(count)))).split(',')
    return [visible[job % count] if count else None for job in range(jobs)]


def threads_of_a_job(jobs: int) -> str:
    """What ``OMP_NUM_THREADS`` says, else a share of the cores that this process may run on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    return os.environ.get('OMP_NUM_THREADS') or str(max(1, cores // jobs))


def python_of_a_job(jobs: int, gpu: str | None, cluster: str) -> str:
    """The command line of a job's interpreter, with the environment that it needs from its first import on."""
    packages = [str(Path(__file__).parents[2]), os.environ.get('PYTHONPATH')]  # this asea_mm, wherever another is
    settings = {'PYTHONPATH': os.pathsep.join(filter(None, packages))}
    if cluster == 'local':  # Slurm gives cores and GPUs itself; submitit takes the GPUs of a local job away
        settings |= {'OMP_NUM_THREADS': threads_of_a_job(jobs)} | ({} if gpu is None else {'CUDA_VISIBLE_DEVICES': gpu})
    return shlex.join(['env', *(f'{name}={value}' for name, value in settings.items()), sys.executable])


def call_in_job(function: Callable[[Task], Result], task: Task) -> tuple[str | None, Result | None]:
    """Within the job: what the user can mend, and the result."""
    try:
        return None, function(task)
    except (InputError, OSError) as error:
        return str(error), None
