"""What a checkpoint was trained on, so that nobody tests it on its own training samples unawares."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log

from ..errors import InputError
from .options import datasets_of

KEY = 'trained_on'  # in the meta of a checkpoint


class TrainedOnHook(Hook):
    """Notes in every checkpoint which samples it was trained on, and on which it was validated, as hashes.

    Those of the checkpoint that training began or went on from are among them.

    Args:
        cfg: The config, which says fold and split.
    """

    def __init__(self, cfg: Config) -> None:
        self.part = part_of(cfg.get('train_dataloader'))
        self.before: Mapping[str, Any] = {}
        self.note: dict[str, Any] = {}

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        self.before = (checkpoint.get('meta') or {}).get(KEY) or {}

    def before_train(self, runner: Any) -> None:
        parts, samples = self.before.get('parts', []), self.before.get('samples', torch.tensor([], dtype=torch.int64))
        validation = [] if runner.val_loop is None else hashes(runner.val_loop.dataloader.dataset)
        trained = set(hashes(runner.train_loop.dataloader.dataset)) | set(samples.tolist())
        self.note = {
            'parts': list(dict.fromkeys([*parts, self.part])),
            'samples': torch.tensor(sorted(trained), dtype=torch.int64),
            'validated': torch.tensor(sorted(validation), dtype=torch.int64),
        }

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        checkpoint['meta'][KEY] = self.note


def check_names(path: str, meta: Mapping, dataset: Any, anyway: bool) -> None:
    """Refuse to test a checkpoint on data whose classes have other names, or the same in another order.

    Args:
        path, meta, dataset, anyway: As of :func:`check_unseen`. Classes that either does not name may be the same.

    Raises:
        InputError: If a class is called otherwise.
    """
    trained, tested = (
        (about or {}).get('classes') for about in (meta.get('dataset_meta'), getattr(dataset, 'metainfo', {}))
    )
    if not trained or not tested or len(trained) != len(tested):
        return
    pairs = [(number, str(one), str(other)) for number, (one, other) in enumerate(zip(trained, tested, strict=True))]
    wrong = [pair for pair in pairs if pair[1] != pair[2] and not (pair[1].isdigit() or pair[2].isdigit())]
    if not wrong:
        return
    number, one, other = wrong[0]
    message = f'checkpoint {path}: class {number} is {one!r}, of the data it is {other!r} ({len(wrong)} differ)'
    if not anyway:
        raise InputError(f'{message}; bring them to one order by classes= of the dataset, or give --anyway')
    _say(f'{message}; the numbers are taken to mean the same')


def check_unseen(path: str, meta: Mapping, dataset: Any, cfg: Config, anyway: bool) -> None:
    """Refuse to test a checkpoint on samples that it was trained on and not validated on.

    Samples of a file whose training and validation splits overlap were in both: that is for ``asea check`` to tell.

    Args:
        path: The checkpoint.
        meta: Its meta.
        dataset: What it shall be tested on.
        cfg: The config of the test.
        anyway: Warn instead.

    Raises:
        InputError: If there is such a sample.
    """
    note = meta.get(KEY)
    if not note:
        _say(f'checkpoint {path} does not say what it was trained on: whether it has seen these samples is unknown')
        return
    tested = set(hashes(dataset))
    seen = tested & set(note['samples'].tolist()) - set(note['validated'].tolist())
    if not seen:
        return
    message = (
        f'checkpoint {path} was trained on {" and ".join(note["parts"])}: its training set holds the samples of '
        f'{part_of(cfg.test_dataloader)} ({len(seen)} of {len(tested)}), on which this tests'
    )
    if not anyway:
        raise InputError(f'{message}; test it on what it has not seen, or give --anyway')
    _say(f'{message}; what follows is no accuracy on new samples')


def _say(message: str) -> None:
    if is_main_process():
        print_log(message, logger='current', level=30)


def part_of(loader: Mapping | None) -> str:
    """Which part of the data a loader reads, in words: its fold, else its split."""
    parts = []
    for dataset in datasets_of(loader):
        fold, split = dataset.get('fold'), dataset.get('split')
        parts.append(f'fold {fold}' if fold is not None else f'split {split}' if split else 'all samples')
    return ' and '.join(dict.fromkeys(parts)) or 'its data'


def hashes(dataset: Any) -> list[int]:
    """A number of 64 bits for every sample, of its name and its frames."""
    return [
        int.from_bytes(hashlib.blake2b(f'{frames} {name}'.encode(), digest_size=8).digest(), 'little', signed=True)
        for name, frames in names(dataset)
    ]


def names(dataset: Any) -> Iterable[tuple[str, int]]:
    """Name and frames of every sample, also within wrappers; nothing for datasets that do not tell."""
    inner = [getattr(dataset, 'dataset', None), *getattr(dataset, 'datasets', [])]
    if any(one is not None for one in inner):
        return [name for one in inner if one is not None for name in names(one)]
    if hasattr(dataset, 'sample_names'):
        return dataset.sample_names()
    return _names_of_mmaction(dataset) if hasattr(dataset, 'get_data_info') else []


def _names_of_mmaction(dataset: Any) -> Iterator[tuple[str, int]]:
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        if 'frame_dir' in info:
            yield str(info['frame_dir']), int(info.get('total_frames') or 0)
