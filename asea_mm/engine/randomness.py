"""Everything random in a training as a function of its seed and of where it is, so that a resumed one is the same run.

No state of a random generator is kept in checkpoints. A training step draws from generators that are seeded with the
seed, the rank and the number of the step; a sample from such that are seeded with the seed, the epoch and the sample's
place in it. So it does not matter in which process, of how many, a sample is loaded, or where a training was stopped.
"""
# ruff: noqa: NPY002 (transforms draw from NumPy's global generator)

import random
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_dist_info, get_rank
from mmengine.hooks import Hook
from torch.utils.data import DataLoader

from .signals import leave_signals_to_parent

_EPOCH, _STEP, _SAMPLE = range(3)  # what is seeded: no two share their numbers


def seed_generators(*numbers: int, cuda: bool = False) -> None:
    """Seed Python's, NumPy's and torch's generators with numbers from 0 on; with ``cuda`` the GPUs', too."""
    words = np.random.SeedSequence(numbers).generate_state(4)
    random.seed(words.tobytes())
    np.random.seed(words)
    seed = int(words[:2].view(np.uint64)[0]) >> 1
    torch.default_generator.manual_seed(seed)
    if cuda and torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


class SeedingHook(Hook):
    """Seeds the generators of this process for every epoch, which a sampler may draw from, and for every step."""

    priority = 'HIGHEST'

    def before_train_epoch(self, runner) -> None:
        seed_generators(runner.seed, _EPOCH, runner.epoch, cuda=True)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        seed_generators(runner.seed, _STEP, get_rank(), runner.iter, cuda=True)


class Batch(list):
    """Indices of the samples of a batch, and where they stand among all of the epoch, of all ranks.

    Args:
        indices: The indices.
        epoch: The epoch.
        first: Place of the first in the epoch.
        step: From the place of a sample to that of the next.
    """

    def __init__(self, indices: Sequence[int] = (), epoch: int = 0, first: int = 0, step: int = 1) -> None:
        super().__init__(indices)
        self.epoch, self.first, self.step = epoch, first, step


class PlacedBatches:
    """The batches of a batch sampler as :class:`Batch`, from any of them on.

    Args:
        batches: The batch sampler, which says the epoch as its sampler does, in ``epoch``.
    """

    def __init__(self, batches: Any) -> None:
        self.batches = batches
        self.skipped = 0  # batches of the next epoch that are left out, since an interrupted one has had them

    def __iter__(self) -> Iterator[Batch]:
        rank, ranks = get_dist_info()
        epoch = getattr(self.sampler, 'epoch', 0)
        skipped, self.skipped = self.skipped, 0
        place = 0
        for number, indices in enumerate(self.batches):
            if number >= skipped:
                yield Batch(indices, epoch, rank + ranks * place, ranks)
            place += len(indices)

    def __len__(self) -> int:
        return len(self.batches)

    def __getattr__(self, name: str) -> Any:  # mmengine asks for sampler and batch_size
        if name == 'batches':  # not there yet, when this is unpickled
            raise AttributeError(name)
        return getattr(self.batches, name)


class SeededSamples:
    """Loads the samples of a :class:`Batch`, each with generators seeded for it, and leaves them as they were.

    It is what torch calls as the ``__getitems__`` of a dataset.
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset = dataset
        self.seed = seed

    def __call__(self, batch: Batch) -> list[Any]:
        before = random.getstate(), np.random.get_state(), torch.get_rng_state()
        try:
            samples = []
            for number, index in enumerate(batch):
                seed_generators(self.seed, _SAMPLE, batch.epoch, batch.first + number * batch.step)
                samples.append(self.dataset[index])
            return samples
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])
            torch.set_rng_state(before[2])


def make_seeded(loader: DataLoader, seed: int) -> DataLoader:
    """Have a data loader load each sample with the generators seeded for it; returns it.

    One without batches of indices, such as that of an iterable dataset, stays as it is, and one of a plain list.
    """
    indices = loader.batch_sampler is not None and not isinstance(loader.dataset, torch.utils.data.IterableDataset)
    if not indices or isinstance(loader.batch_sampler, PlacedBatches) or not hasattr(loader.dataset, '__dict__'):
        return loader
    # DataLoader itself refuses, since workers that are already running would not know; there are none yet
    object.__setattr__(loader, 'batch_sampler', PlacedBatches(loader.batch_sampler))
    vars(loader.dataset)['__getitems__'] = SeededSamples(loader.dataset, seed)
    loader.worker_init_fn = partial(_begin_worker, loader.worker_init_fn)
    return loader


def reseed(loader: DataLoader, seed: int, sampler_seed: int | None) -> None:
    """Change the seeds of a loader of :func:`make_seeded`, before its workers begin."""
    samples = getattr(loader.dataset, '__getitems__', None)
    if isinstance(samples, SeededSamples):
        samples.seed = seed
    if sampler_seed is not None and hasattr(loader.sampler, 'seed'):
        loader.sampler.seed = sampler_seed


def _begin_worker(given: Any, number: int) -> None:
    leave_signals_to_parent()
    if given is not None:
        given(number)
