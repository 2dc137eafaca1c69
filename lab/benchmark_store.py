"""What samples are best kept in: our annotation file against LMDB, HDF5 and ``numpy.memmap``.

    python -m lab.benchmark_store                       # 20,000 simulated samples
    python -m lab.benchmark_store --samples 114480      # as many as NTU RGB+D 120 has

Samples of NTU's shape (2 persons, 80 frames on average, 25 joints, 3 coordinates) are written one by one and read in
random order by worker processes, each with a reader of its own. To open is to know names, labels and shapes of all
samples. The memory is what one worker has more after its reads: in all (RSS), and not shared with others. The last
column is what a reader does whose file lost its last quarter.

`lmdb` and `h5py` must be installed. Files were just written, so they are read from the system's cache.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import redirect_stderr
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

import h5py
import lmdb
import numpy as np
from rich.console import Console
from rich.table import Table

from asea_mm.datasets import load_annotations, save_annotations
from asea_mm.datasets.files.plain_pickle import load_opcodes, opcodes
from asea_mm.datasets.files.whole import write_whole

JOINTS, COORDINATES = 25, 3


def simulate(count: int, dtype: str) -> Iterator[dict]:
    """Samples of about the lengths of NTU RGB+D 120."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(2, 400, JOINTS, COORDINATES)).astype(dtype)
    for number in range(count):
        frames = int(np.clip(rng.lognormal(np.log(75), 0.35), 20, 300))
        keypoint = noise[:, number % 100 : number % 100 + frames]
        yield dict(frame_dir=f'S{number:09d}', label=number % 120, total_frames=frames, keypoint=keypoint)


class OurFile:
    """An annotation file of :func:`save_annotations`."""

    def __init__(self, path: str) -> None:
        self.samples = load_annotations(path, lazy=True)['annotations']
        self.headers = [(head['frame_dir'], head['label'], head['keypoint'].shape) for head in self.samples.headers()]

    def __getitem__(self, number: int) -> np.ndarray:
        return self.samples[number]['keypoint']

    @staticmethod
    def write(path: str, samples: Iterator[dict], dtype: str) -> None:
        save_annotations(path, samples, {}, dict(layout='nturgbd25'))


class Lmdb:
    """A sample under every number, encoded as in our file, and their headers under a name."""

    def __init__(self, path: str) -> None:
        self.transaction: Any = lmdb.open(path, subdir=False, readonly=True, lock=False, readahead=False).begin()
        self.headers: Any = load_opcodes(self.transaction.get(b'headers') or b'')

    def __getitem__(self, number: int) -> np.ndarray:
        return load_opcodes(self.transaction.get(number.to_bytes(8, 'big')))['keypoint']

    @staticmethod
    def write(path: str, samples: Iterator[dict], dtype: str) -> None:
        headers = []
        with (
            lmdb.open(path, subdir=False, lock=False, map_size=2**40) as environment,
            environment.begin(write=True) as transaction,
        ):
            for number, sample in enumerate(samples):
                transaction.put(number.to_bytes(8, 'big'), opcodes(sample), append=True)
                headers.append((sample['frame_dir'], sample['label'], sample['keypoint'].shape))
            transaction.put(b'headers', opcodes(headers))


class Hdf5:
    """Frames of all samples one after another in chunks of about 100 KB."""

    def __init__(self, path: str) -> None:
        self.file = h5py.File(path, 'r')
        self.keypoint = self.file['keypoint']
        self.shapes, self.starts = self.file['shape'][:], self.file['start'][:]
        self.headers = list(zip(self.file['name'].asstr()[:], self.file['label'][:], self.shapes, strict=True))

    def __getitem__(self, number: int) -> np.ndarray:
        start, shape = self.starts[number], self.shapes[number]
        return self.keypoint[start : start + shape[0] * shape[1]].reshape(shape)

    @staticmethod
    def write(path: str, samples: Iterator[dict], dtype: str) -> None:
        names, labels, shapes, starts = [], [], [], [0]
        frame = (JOINTS, COORDINATES)
        with h5py.File(path, 'w') as file:
            frames = file.create_dataset('keypoint', (0, *frame), dtype, maxshape=(None, *frame), chunks=(640, *frame))
            for sample in samples:
                keypoint = sample['keypoint'].reshape(-1, *frame)
                frames.resize(starts[-1] + len(keypoint), axis=0)
                frames[starts[-1] :] = keypoint
                starts.append(starts[-1] + len(keypoint))
                names.append(sample['frame_dir'])
                labels.append(sample['label'])
                shapes.append(sample['keypoint'].shape)
            file['name'], file['label'], file['shape'], file['start'] = names, labels, shapes, starts


class Memmap:
    """Numbers of all samples one after another, and their headers in a second file."""

    def __init__(self, path: str) -> None:
        with np.load(f'{path}.npz') as index:
            self.shapes, self.starts, dtype = index['shapes'], index['starts'], str(index['dtype'])
            self.headers = list(zip(index['names'], index['labels'], self.shapes, strict=True))
        self.numbers = np.memmap(path, dtype, 'r')
        if len(self.numbers) != self.starts[-1]:
            raise ValueError('truncated')

    def __getitem__(self, number: int) -> np.ndarray:
        return np.array(self.numbers[self.starts[number] : self.starts[number + 1]]).reshape(self.shapes[number])

    @staticmethod
    def write(path: str, samples: Iterator[dict], dtype: str) -> None:
        names, labels, shapes, starts = [], [], [], [0]
        with open(path, 'wb') as file:
            for sample in samples:
                file.write(sample['keypoint'].tobytes())
                starts.append(starts[-1] + sample['keypoint'].size)
                names.append(sample['frame_dir'])
                labels.append(sample['label'])
                shapes.append(sample['keypoint'].shape)
        np.savez(f'{path}.npz', names=names, labels=labels, shapes=shapes, starts=starts, dtype=dtype)


ENGINES = {'annotation file': OurFile, 'LMDB': Lmdb, 'HDF5': Hdf5, 'numpy.memmap': Memmap}


def memory() -> np.ndarray:
    """RSS and unshared memory of this process, in MiB."""
    pairs = (line.split(':') for line in Path('/proc/self/smaps_rollup').read_text().splitlines()[1:])
    sizes = {name: int(value.split()[0]) / 1024 for name, value in pairs}
    return np.array([sizes['Rss'], sizes['Private_Clean'] + sizes['Private_Dirty']])


def read(engine: Any, path: str, numbers: list[int], answers: SimpleQueue) -> None:
    """Of a worker: open, read, and say how long each took and how much memory came."""
    before, start = memory(), time.perf_counter()
    reader: Any = engine(path)
    opened = time.perf_counter()
    for number in numbers:
        reader[number].any()
    answers.put((opened - start, time.perf_counter() - opened, *(memory() - before)))


def run_workers(engine: Any, path: str, parts: list[list[int]]) -> tuple[Any, list[int | None]]:
    """What the workers say, unless one of them failed, and their exit codes."""
    context = multiprocessing.get_context('fork')
    answers = context.SimpleQueue()
    workers = [context.Process(target=read, args=(engine, path, part, answers)) for part in parts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    codes = [worker.exitcode for worker in workers]
    return (None if any(codes) else np.array([answers.get() for _ in workers])), codes


def measure(engine: Any, folder: str, args: argparse.Namespace) -> dict[str, Any]:
    """One row of the table."""
    path = f'{folder}/samples.bin'
    start = time.perf_counter()
    engine.write(path, simulate(args.samples, args.dtype), args.dtype)
    row: dict[str, Any] = {'write_s': time.perf_counter() - start}
    row['size_mib'] = sum(file.stat().st_size for file in Path(folder).iterdir()) / 2**20
    order = np.random.default_rng(1).permutation(args.samples).tolist()
    figures, _ = run_workers(engine, path, [order])  # also fills the cache
    row['open_s'] = figures[0, 0]
    figures, _ = run_workers(engine, path, [order[first :: args.workers] for first in range(args.workers)])
    row['samples_per_s'] = args.samples / figures[:, 1].max()
    row['rss_mib'], row['unshared_mib'] = figures[:, 2].max(), figures[:, 3].max()
    os.truncate(path, int(os.path.getsize(path) * 0.75))
    with open(os.devnull, 'w') as nowhere, redirect_stderr(nowhere):  # the worker's traceback
        _, (code,) = run_workers(engine, path, [order])
    row['truncated'] = {0: 'not seen', 1: 'error'}.get(code or 0, f'killed by signal {-(code or 0)}')
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--samples', type=int, default=20_000)
    parser.add_argument('--workers', type=int, default=4)
    parser.add_argument('--dtype', choices=['float16', 'float32'], default='float16')
    parser.add_argument('--out', help='write the figures to this JSON file')
    args = parser.parse_args()
    rows = {}
    for name, engine in ENGINES.items():
        with tempfile.TemporaryDirectory() as folder:
            rows[name] = measure(engine, folder, args)
    table = Table('', *next(iter(rows.values())), title=f'{args.samples} samples, {args.dtype}, {args.workers} workers')
    for name, row in rows.items():
        table.add_row(name, *(value if isinstance(value, str) else f'{value:,.3g}' for value in row.values()))
    Console(width=120).print(table)
    if args.out:
        options = {name: value for name, value in vars(args).items() if name != 'out'}
        result = {**options, 'cores': os.cpu_count(), 'lmdb': lmdb.__version__, 'h5py': h5py.__version__}
        write_whole(args.out, json.dumps({**result, 'rows': rows}, indent=1) + '\n')


if __name__ == '__main__':
    main()
