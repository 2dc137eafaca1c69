"""Measure the NTU RGB+D converter: files/s, processor time per file, and memory of the parent.

    python tools/benchmark_ntu.py [--files 1500] [--frames 70] [--jobs 2] [--repeats 3]

The files are generated (two bodies in every frame, all twelve values of a joint written out, as the sensor does) and
removed at the end. Wall time depends on what else runs; processor time per file hardly does.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from asea_mm.datasets import save_annotations
from asea_mm.datasets.converters import convert_ntu
from asea_mm.engine import report_errors
from tests.datasets.ntu_files import person


def write_files(folder: Path, number: int, frames: int) -> None:
    """``number`` files of NTU-11, of twenty different contents."""
    rng = np.random.default_rng(0)
    texts = []
    for _ in range(min(number, 20)):
        bodies = [person(x, frames) + rng.normal(scale=0.005, size=(frames, 25, 3)) for x in (-0.5, 0.5)]
        rest = rng.normal(scale=300, size=(frames, 2, 25, 8))
        lines = [f'{frames}']
        for frame in range(frames):
            lines.append('2')
            for index, joints in enumerate(bodies):
                lines += [f'7205759403794473{index} 0 1 1 1 1 0 0.02764709 0.05745083 2', '25']
                rows = np.concatenate([joints[frame], rest[frame, index]], axis=1)
                lines += [' '.join(f'{value:.7g}' for value in row) + ' 2' for row in rows]
        texts.append('\r\n'.join(lines) + '\r\n')
    for index in range(number):
        rest, action = divmod(index, 11)
        rest, camera = divmod(rest, 3)
        setup, performer = divmod(rest, 106)
        name = f'S{setup + 1:03d}C{camera + 1:03d}P{performer + 1:03d}R001A{action + 50:03d}.skeleton'
        (folder / name).write_text(texts[index % len(texts)], newline='')


def _memory() -> float:
    """Resident memory of this process, MiB."""
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGESIZE') / 2**20


def _processor_time() -> float:
    return sum(os.times()[:4])


def main() -> None:
    """Generate, convert, save, and print one line per repeat."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--files', type=int, default=1500)
    parser.add_argument('--frames', type=int, default=70)
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=3)
    args = parser.parse_args()
    with report_errors(), tempfile.TemporaryDirectory() as folder:
        root, raw = Path(folder), Path(folder) / 'raw'
        raw.mkdir()
        write_files(raw, args.files, args.frames)
        for _ in range(args.repeats):
            memory, processor, start = _memory(), _processor_time(), time.perf_counter()
            result = convert_ntu(raw, 'ntu11', root / 'cache', args.jobs, keep_broken=True)
            save_annotations(root / 'out.pkl', result.annotations, result.split, result.meta)
            seconds, processor = time.perf_counter() - start, _processor_time() - processor
            result.remove_cache()
            workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            print(
                f'{len(result.samples)} files of {args.frames} frames, {args.jobs} processes: '
                f'{len(result.samples) / seconds:.0f} files/s, {1000 * processor / len(result.samples):.1f} ms of '
                f'processor time per file; parent {memory:.0f} -> {_memory():.0f} MiB, workers at most '
                f'{workers:.0f} MiB; load {os.getloadavg()[0]:.1f}'
            )


if __name__ == '__main__':
    main()
