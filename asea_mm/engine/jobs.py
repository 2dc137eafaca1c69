"""Several trainings at once on one machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

import torch

Job = TypeVar('Job')
Result = TypeVar('Result')


def gpus_of(jobs: int) -> SimpleQueue[str | None]:
    """The GPU of each of the jobs at once: all visible ones in turn, None where there are none."""
    count = torch.cuda.device_count()
    visible = os.environ.get('CUDA_VISIBLE_DEVICES', ','.join(map(str, range(count)))).split(',')
    gpus: SimpleQueue[str | None] = SimpleQueue()
    for job in range(jobs):
        gpus.put(visible[job % count] if count else None)
    return gpus


def environment_of(jobs: int, gpu: str | None) -> dict[str, str]:
    """The environment of a process that is one of several at once: its share of the cores, and its GPU if any."""
    environment = {**os.environ, 'OMP_NUM_THREADS': str(max(1, (os.cpu_count() or 1) // jobs))}
    return environment if gpu is None else {**environment, 'CUDA_VISIBLE_DEVICES': gpu}


def run_at_once(run: Callable[[Job, dict[str, str]], Result], what: Iterable[Job], jobs: int) -> Iterator[Result]:
    """Call ``run`` for each of several things, some at once, and yield the results in their order.

    Args:
        run: Takes one of the things and the environment for its processes (:func:`environment_of`), in which it has a
            GPU that no other has while there are enough.
        what: The things.
        jobs: How many at once.

    Raises:
        Exception: What a call raised. Those under way go on to their end, others are not begun.
    """
    gpus = gpus_of(jobs)

    def run_with_a_gpu(one: Job) -> Result:
        gpu = gpus.get()  # as many as jobs, so there is one
        try:
            return run(one, environment_of(jobs, gpu))
        finally:
            gpus.put(gpu)

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(run_with_a_gpu, what)
