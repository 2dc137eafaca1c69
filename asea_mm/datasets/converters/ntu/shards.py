"""NTU RGB+D: many raw files in several processes, resumable, without holding their keypoints.

The files are cut into shards of a fixed size, in the order of their names. A shard that is done lies in the cache as
two files, the keypoints and what became of every file; the second appears last, whole or not at all. Nothing depends
on the number of processes or on which run made a shard, so the annotations do not either.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import signal
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ....errors import InputError
from ...recordings.ntu_skeleton import parse_ntu_skeleton
from ...recordings.persons import two_persons

FILES_PER_SHARD = 64
# Part of every shard's key: raise it when parser or body rules change what they return.
RULES_VERSION = 2

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Outcome:
    """What became of one file: its number of frames, or why it was refused, and notes about its bodies."""

    sample_id: str
    frames: int = 0
    error: str | None = None
    notes: dict[str, int] | None = None


@dataclass(frozen=True)
class Shard:
    """A fixed slice of the files. ``files`` are sample ids and paths; ``stem`` is the path in the cache."""

    files: tuple[tuple[str, str], ...]
    stem: Path
    dtype: str

    @property
    def keypoint_file(self) -> Path:
        """Keypoints by sample id."""
        return self.stem.with_suffix('.npz')

    @property
    def outcome_file(self) -> Path:
        """What became of every file; its presence says that the shard is done."""
        return self.stem.with_suffix('.json')

    def key(self) -> str:
        """Changes when a file or the way to read it does."""
        states = []
        for sample_id, path in self.files:
            try:
                state = os.stat(path)
                states.append((sample_id, path, state.st_size, state.st_mtime_ns))
            except OSError:  # reading it will say what is wrong with this one file
                states.append((sample_id, path, 0, 0))
        return hashlib.sha256(json.dumps([RULES_VERSION, self.dtype, states]).encode()).hexdigest()

    def finished(self) -> list[Outcome] | None:
        """The outcomes of an earlier run; ``None`` if there are none, or of other files."""
        try:
            content = json.loads(self.outcome_file.read_text(encoding='utf-8'))
            if content['key'] == self.key() and zipfile.is_zipfile(self.keypoint_file):
                return [Outcome(**outcome) for outcome in content['outcomes']]
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None


def make_shards(files: Sequence[tuple[str, str]], cache: Path, dtype: str) -> list[Shard]:
    """Cut the files into shards of :data:`FILES_PER_SHARD`."""
    return [
        Shard(tuple(files[start : start + FILES_PER_SHARD]), cache / f'{start // FILES_PER_SHARD:06d}', dtype)
        for start in range(0, len(files), FILES_PER_SHARD)
    ]


def convert_shard(shard: Shard) -> list[Outcome]:
    """Convert the files of a shard and leave the result in the cache."""
    key = shard.key()  # before reading: a file that changes meanwhile makes the shard stale
    outcomes, keypoints = [], {}
    for sample_id, path in shard.files:
        try:
            keypoint, notes = two_persons(parse_ntu_skeleton(path))
            keypoint = keypoint.astype(shard.dtype)
            if not keypoint.any():
                raise InputError(f'expected at least one body, got positions that are zero in {shard.dtype}')
        except (ValueError, OSError) as error:
            reason = str(error)
            outcomes.append(Outcome(sample_id, error=reason if path in reason else f'{path}: {reason}'))
        else:
            keypoints[sample_id] = keypoint
            outcomes.append(Outcome(sample_id, keypoint.shape[1], notes=asdict(notes)))
    temporary = shard.stem.with_suffix('.tmp')
    with temporary.open('wb') as file:
        np.savez(file, **keypoints)  # type: ignore[arg-type]
    os.replace(temporary, shard.keypoint_file)
    temporary.write_text(json.dumps({'key': key, 'outcomes': [asdict(outcome) for outcome in outcomes]}))
    os.replace(temporary, shard.outcome_file)
    return outcomes


def convert_shards(shards: Sequence[Shard], jobs: int, progress: Progress) -> list[Outcome]:
    """Convert what no earlier run has, in ``jobs`` processes.

    Args:
        shards: All shards.
        jobs: Number of processes; one means this one.
        progress: Called with the files done and all files.

    Returns:
        The outcomes of all files, in their order.

    Raises:
        OSError: If the cache cannot be written, or a process was killed.
    """
    total = sum(len(shard.files) for shard in shards)
    outcomes = {index: done for index, shard in enumerate(shards) if (done := shard.finished()) is not None}
    missing = [index for index in range(len(shards)) if index not in outcomes]

    def report() -> None:
        progress(sum(len(shards[index].files) for index in outcomes), total)

    if min(jobs, len(missing)) <= 1:
        report()
        for index in missing:
            outcomes[index] = convert_shard(shards[index])
            report()
    else:
        # Importing this package takes seconds and 300 MB a process, which forking saves where it is safe.
        context = multiprocessing.get_context('fork' if sys.platform == 'linux' else None)
        executor = ProcessPoolExecutor(min(jobs, len(missing)), context, initializer=_ignore_interrupt)
        try:
            futures = {executor.submit(convert_shard, shards[index]): index for index in missing}
            report()
            for future in as_completed(futures):
                outcomes[futures.pop(future)] = future.result()
                report()
        except BrokenProcessPool:
            raise OSError('a converting process was killed (out of memory?); try again with fewer jobs') from None
        finally:
            executor.shutdown(cancel_futures=True)
    return [outcome for index in range(len(shards)) for outcome in outcomes[index]]


def remove_shards(cache: Path) -> None:
    """Remove all shards, and the folder if nothing else is in it."""
    for file in cache.glob('[0-9]*.*'):
        if re.fullmatch(r'\d{6}\.(npz|json|tmp)', file.name):
            file.unlink(missing_ok=True)
    with suppress(OSError):
        cache.rmdir()


def _ignore_interrupt() -> None:
    """Ctrl-C reaches every process; the workers finish their shard, the parent stops."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def read_keypoints(shards: Sequence[Shard]) -> Iterator[tuple[str, np.ndarray]]:
    """Sample ids and keypoints of all converted files, in order, one at a time."""
    for shard in shards:
        with np.load(shard.keypoint_file, allow_pickle=False) as keypoints:
            for sample_id, _ in shard.files:
                if sample_id in keypoints:
                    yield sample_id, keypoints[sample_id]
