"""Measure how training data is loaded: time to open, samples per second, memory of all processes.

    python tools/benchmark_loading.py --samples 2000
    python tools/benchmark_loading.py --samples 114480 --pickle-samples 20000    # as many as NTU RGB+D 120 has

Simulated samples of NTU's shape (2 persons, about 80 frames, 25 joints) are written as an annotation store and as a
pickle. One epoch in random order is then loaded with worker processes: by InteractionPoseDataset from the store and
from the pickle, and by mmaction2's PoseDataset from the pickle. The files are deleted afterwards. They were just
written, so they are read from the system's file cache as far as the memory allows.

Memory is the largest sum, over the measuring process, the loading process and its workers, of RSS (which counts pages
that they share once for each) and of PSS (which counts them once), sampled from /proc.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from mmaction.datasets import PoseDataset
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from rich.console import Console
from rich.table import Table
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from asea_mm.datasets import InteractionPoseDataset, save_annotations
from asea_mm.engine import report_errors
from asea_mm.engine.running import working_tree_commit
from asea_mm.errors import InputError

PIPELINE = [
    dict(type='CentrePair'),
    dict(type='SampleClip', clip_len=64),
    dict(type='GenerateStream', stream='joint'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs'),
]
CLASSES = 120
META = dict(layout='nturgbd25', classes=[f'A{label:03d}' for label in range(1, CLASSES + 1)], units='m')


def sample_id(number: int) -> str:
    return f'S{number:09d}'


def simulate(count: int, dtype: str) -> Iterator[dict]:
    """Samples of NTU's shape; the lengths are about as NTU RGB+D 120's, 80 frames on average."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(2, 400, 25, 3)).astype(dtype)
    for number in range(count):
        frames = int(np.clip(rng.lognormal(np.log(75), 0.35), 20, 300))
        start = int(rng.integers(400 - frames))
        keypoint = noise[:, start : start + frames] + np.asarray(number % 7, dtype)
        yield dict(frame_dir=sample_id(number), label=number % CLASSES, total_frames=frames, keypoint=keypoint)


def with_layout(results: dict) -> dict:
    """mmaction2's dataset does not say which layout it has."""
    return {**results, 'layout': META['layout']}


def our_dataset(path: str) -> Dataset:
    return InteractionPoseDataset(path, PIPELINE, split='train')


def mmaction2_dataset(path: str) -> Dataset:
    return PoseDataset(path, [with_layout, *PIPELINE], split='train')


def load(dataset_of: Callable[[str], Dataset], path: str, args: argparse.Namespace, answer: Connection) -> None:
    """Open a file and load one epoch of it; runs in a process of its own, so that its memory is its own."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    dataset = dataset_of(path)
    opened = time.perf_counter() - start
    loader = DataLoader(
        dataset, batch_size=args.batch, shuffle=True, num_workers=args.workers, collate_fn=pseudo_collate
    )
    start = time.perf_counter()
    count = sum(len(batch['inputs']) for batch in loader)
    answer.send({'samples': count, 'open_s': opened, 'samples_per_s': count / (time.perf_counter() - start)})


def processes(parent: int) -> list[int]:
    """The process and its children."""
    found = [parent]
    for tasks in Path(f'/proc/{parent}/task').glob('*/children'):
        found += [grandchild for child in tasks.read_text().split() for grandchild in processes(int(child))]
    return found


def memory(pids: list[int]) -> tuple[float, float]:
    """Sums of RSS and PSS in GiB; processes that have ended count nothing."""
    sums = {'Rss': 0, 'Pss': 0}
    for pid in pids:
        try:
            lines = Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            name, _, value = line.partition(':')
            if name in sums:
                sums[name] += int(value.split()[0])
    return sums['Rss'] / 2**20, sums['Pss'] / 2**20


def measure(dataset_of: Callable[[str], Dataset], path: str, args: argparse.Namespace) -> dict[str, float]:
    context = multiprocessing.get_context('fork')
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=load, args=(dataset_of, path, args, send))
    process.start()
    send.close()
    most = (0.0, 0.0)
    this = multiprocessing.current_process().pid or 0
    while not receive.poll(args.interval):
        try:
            now = memory(processes(this))
        except OSError:  # a process ended while it was looked at
            continue
        most = (max(most[0], now[0]), max(most[1], now[1]))
    try:
        result = receive.recv()
    except EOFError:
        raise InputError(f'loading {path} failed; see above') from None
    finally:
        process.join()
    return {**result, 'rss_gib': most[0], 'pss_gib': most[1]}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--samples', type=int, default=2000, help='samples of the store (default: %(default)s)')
    parser.add_argument(
        '--pickle-samples', type=int, help='samples of the pickle, which must fit into memory three times; default all'
    )
    parser.add_argument('--dtype', choices=['float16', 'float32'], default='float16', help='of the keypoints on disk')
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--interval', type=float, default=0.5, help='seconds between two looks at the memory')
    parser.add_argument('--folder', help='folder for the files; default a temporary one')
    parser.add_argument('--out', help='write the figures to this JSON file')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    pickle_samples = args.samples if args.pickle_samples is None else args.pickle_samples
    if min(args.samples, pickle_samples, args.batch) < 1:
        raise InputError('--samples, --pickle-samples and --batch must be 1 or more')
    init_default_scope('mmaction')
    MMLogger.get_current_instance().setLevel('ERROR')
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(dir=args.folder, prefix='benchmark_loading_') as folder:
        need = (args.samples + pickle_samples) * 13_000 * np.dtype(args.dtype).itemsize
        if need > 0.9 * shutil.disk_usage(folder).free:
            raise InputError(f'{folder}: the files need about {need / 2**30:.1f} GiB; give --folder or fewer samples')
        paths = {'store': f'{folder}/ann.store', 'pickle': f'{folder}/ann.pkl'}
        sizes, writing = {}, {}
        for kind, count in (('store', args.samples), ('pickle', pickle_samples)):
            console.print(f'writing a {kind} of {count} samples', highlight=False)
            start = time.perf_counter()
            save_annotations(
                paths[kind], simulate(count, args.dtype), {'train': [sample_id(i) for i in range(count)]}, META
            )
            writing[kind] = time.perf_counter() - start
            files = [path for path in [Path(paths[kind]), *Path(paths[kind]).glob('*')] if path.is_file()]
            sizes[kind] = sum(path.stat().st_size for path in files) / 2**30
        rows = {}
        for name, dataset_of, kind in (
            ('InteractionPoseDataset, store', our_dataset, 'store'),
            ('InteractionPoseDataset, pickle', our_dataset, 'pickle'),
            ("mmaction2's PoseDataset, pickle", mmaction2_dataset, 'pickle'),
        ):
            console.print(f'loading: {name}', highlight=False)
            figures = measure(dataset_of, paths[kind], args)
            rows[name] = {**figures, 'file_gib': sizes[kind], 'write_s': writing[kind]}

    table = Table(title=f'one epoch, {args.workers} workers, batch {args.batch}, {args.dtype} on disk')
    table.add_column('')
    columns = ('samples', 'file_gib', 'write_s', 'open_s', 'samples_per_s', 'rss_gib', 'pss_gib')
    for column in columns:
        table.add_column(column, justify='right')
    for name, row in rows.items():
        table.add_row(name, f'{row["samples"]:,}', *(f'{row[column]:.2f}' for column in columns[1:]))
    Console(width=200 if not sys.stdout.isatty() else None).print(table)
    if args.out:
        result = {
            'command': ' '.join(['python', 'tools/benchmark_loading.py', *sys.argv[1:]]),
            'commit': working_tree_commit(),
            'loading': rows,
        }
        Path(args.out).write_text(json.dumps(result, indent=1) + '\n')


if __name__ == '__main__':
    with report_errors():
        main()
