"""Measure how training data is loaded: time to open, samples per second, memory of all processes.

    python -m lab.benchmark_loading --samples 2000
    python -m lab.benchmark_loading --samples 114480 --pickle-samples 20000    # as many as NTU RGB+D 120 has

Simulated samples of NTU's shape (2 persons, about 80 frames, 25 joints) are written as an annotation store and as a
pickle. One epoch in random order is then loaded with worker processes: by InteractionPoseDataset from either, and by
mmaction2's PoseDataset from the pickle. The files were just written, so they are read from the system's file cache as
far as the memory allows. Memory is the largest sum, over this process, the loading process and its workers, of PSS
(which counts pages that they share once).
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from mmaction.datasets import PoseDataset
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from torch.utils.data import DataLoader, Dataset

from asea_mm.cli.output import print_rows
from asea_mm.datasets import InteractionPoseDataset, save_annotations
from asea_mm.errors import InputError

from .commands import circumstances, lab_parser, run_main
from .files import RESULTS, put_entry

PIPELINE = [
    dict(type='CentrePair'),
    dict(type='SampleClip', clip_len=64),
    dict(type='GenerateStream', stream='joint'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs'),
]
CLASSES = 120
META = dict(layout='nturgbd25', classes=[f'A{label:03d}' for label in range(1, CLASSES + 1)], units='m')


def simulate(count: int) -> Iterator[dict]:
    """Samples of NTU's shape; the lengths are about as NTU RGB+D 120's, 80 frames on average."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(2, 400, 25, 3)).astype(np.float16)
    for number in range(count):
        frames = int(np.clip(rng.lognormal(np.log(75), 0.35), 20, 300))
        start = int(rng.integers(400 - frames))
        keypoint = noise[:, start : start + frames] + np.float16(number % 7)
        yield dict(frame_dir=f'S{number:09d}', label=number % CLASSES, total_frames=frames, keypoint=keypoint)


def our_dataset(path: str) -> Dataset:
    return InteractionPoseDataset(path, PIPELINE, split='train')


def with_layout(results: dict) -> dict:
    """mmaction2's dataset does not say which layout it has."""
    return {**results, 'layout': META['layout']}


def mmaction2_dataset(path: str) -> Dataset:
    return PoseDataset(path, [with_layout, *PIPELINE], split='train')


def load(dataset_of: Callable[[str], Dataset], path: str, args: argparse.Namespace, answer: Connection) -> None:
    """Open a file and load one epoch of it; runs in a process of its own, so that its memory is its own."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    dataset = dataset_of(path)
    opened = time.perf_counter() - start
    loader = DataLoader(dataset, args.batch, shuffle=True, num_workers=args.workers, collate_fn=pseudo_collate)
    start = time.perf_counter()
    count = sum(len(batch['inputs']) for batch in loader)
    answer.send({'samples': count, 'open_s': opened, 'samples_per_s': count / (time.perf_counter() - start)})


def memory_of(process: int) -> float:
    """PSS of a process and its children in GiB; those that have ended count nothing."""
    total = 0.0
    try:
        lines = Path(f'/proc/{process}/smaps_rollup').read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith('Pss:')) / 2**20
        children = [
            child for tasks in Path(f'/proc/{process}/task').glob('*/children') for child in tasks.read_text().split()
        ]
    except OSError:
        return total
    return total + sum(memory_of(int(child)) for child in children)


def measure(dataset_of: Callable[[str], Dataset], path: str, args: argparse.Namespace) -> dict[str, float]:
    """One epoch of a file: what :func:`load` tells, and the memory it took."""
    context = multiprocessing.get_context('fork')
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=load, args=(dataset_of, path, args, send))
    process.start()
    send.close()
    this, most = multiprocessing.current_process().pid or 0, 0.0
    while not receive.poll(0.5):
        most = max(most, memory_of(this))
    try:
        return {**receive.recv(), 'pss_gib': most}
    except EOFError:
        raise InputError(f'loading {path} failed; see above') from None
    finally:
        process.join()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = lab_parser(__doc__)
    parser.add_argument('--samples', type=int, default=2000, help='samples of the store (default: %(default)s)')
    parser.add_argument('--pickle-samples', type=int, help='of the pickle, which must fit into memory three times')
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--folder', help='folder for the files; default a temporary one')
    parser.add_argument('--keep', metavar='NAME', help='write the figures to this entry of benchmarks.json')
    args = parser.parse_args(arguments)
    init_default_scope('mmaction')
    MMLogger.get_current_instance().setLevel('ERROR')
    rows = {}
    with tempfile.TemporaryDirectory(dir=args.folder, prefix='benchmark_loading_') as folder:
        for kind, count, readers in (
            ('store', args.samples, {'InteractionPoseDataset': our_dataset}),
            (
                'pkl',
                args.pickle_samples or args.samples,
                {'InteractionPoseDataset': our_dataset, "mmaction2's PoseDataset": mmaction2_dataset},
            ),
        ):
            path = Path(folder) / f'annotations.{kind}'
            start = time.perf_counter()
            names = [sample['frame_dir'] for sample in simulate(count)]
            save_annotations(path, simulate(count), {'train': names}, META)
            seconds = time.perf_counter() - start
            size = sum(file.stat().st_size for file in [path, *path.rglob('*')] if file.is_file()) / 2**30
            for name, dataset_of in readers.items():
                figures = measure(dataset_of, str(path), args)
                rows[f'{name}, {kind}'] = {**figures, 'file_gib': size, 'write_s': seconds}
    print_rows(f'one epoch, {args.workers} workers, batch {args.batch}', rows)
    if args.keep:
        result = {**circumstances('benchmark_loading', torch.device('cpu')), 'loading': rows}
        put_entry(RESULTS / 'benchmarks.json', args.keep, result)


if __name__ == '__main__':
    run_main(main)
