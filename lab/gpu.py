"""All that wants a GPU, in one go of at most eight minutes: ``make gpu``; a CPU can stand in for it, for a trial.

    python -m lab.gpu --out gpu.json
    python -m lab.gpu --device cpu --quick --out trial.json

The parts run one after the other, the most important first, each in a process of its own with a time limit. After each
the file is written whole, with what there is: figures, the exit code, how long it took, and the end of what it printed.
While the first part runs, others compile what the later ones measure, into the cache that they share.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from asea_mm.datasets.files.whole import write_whole
from asea_mm.errors import InputError

from .benchmark import TEXTBOOK_MODELS
from .commands import circumstances, lab_parser, run_main

SECONDS = 8 * 60
PRINTED = 4000  # letters of the end of what a part printed
TEXTBOOK, ASEA = TEXTBOOK_MODELS[:2]
FAST = 'compiled+bfloat16'


@dataclass(frozen=True)
class Part:
    """Words of a command of Python's, its seconds at most, and whether others run beside it."""

    name: str
    seconds: float
    words: Sequence[str]
    beside: bool = False


def parts(device: str, quick: bool) -> list[Part]:
    """What runs, the most important first."""
    tests = ['-m', 'pytest', '-q', '-x', '--no-header', '-p', 'no:cacheprovider']
    kernels = 'tests/models/kernels/test_on_gpu.py'
    small = ['--frames', '8', '--repeats', '1', '--threads', '1'] if quick else []
    batches = [1, 2] if quick else [1, 8, 256]
    largest = 2 if quick else 64

    def benchmark(batch: int, *words: str) -> list[str]:
        return ['-m', 'lab.benchmark', '--textbook', '--device', device, '--batch', str(batch), *small, *words]

    slow = ['eager'] if quick else ['eager', 'bfloat16', 'plain+bfloat16', FAST]
    fast = ['eager'] if quick else [FAST, f'plain+{FAST}']
    return [
        Part('compile_asea', 170, benchmark(largest, '--only', ASEA, '--forms', *fast), beside=True),
        Part('compile_textbook', 240, benchmark(largest, '--only', TEXTBOOK, '--forms', fast[0]), beside=True),
        Part('parity', 100, [*tests, kernels, 'tests/test_gpu.py', '-k', 'on_gpu or those_of_the_cpu']),
        Part('textbook_and_asea', 150, benchmark(largest, '--only', TEXTBOOK, ASEA, '--forms', *slow)),
        Part('profile', 60, ['-m', 'lab.profile', '--device', device, '--batch', str(largest), *small]),
        *(Part(f'batch_{n}', 60, benchmark(n, '--only', TEXTBOOK, ASEA, '--forms', *slow[::3])) for n in batches),
        Part('tests', 120, [*tests, 'tests/test_gpu.py']),
    ]


def run_parts(todo: Sequence[Part], out: Path, facts: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Run the parts within so many seconds; the file is whole after each."""
    started = time.monotonic()
    found: dict[str, Any] = {}

    def left() -> float:
        return max(0.0, started + seconds - time.monotonic())

    def keep(name: str, entry: dict[str, Any]) -> None:
        found[name] = entry
        write_whole(out, json.dumps({**facts, 'seconds': time.monotonic() - started, 'parts': found}, indent=1) + '\n')
        print(f'{name}: {entry["outcome"]}, {entry["seconds"]:.0f} s', flush=True)

    with tempfile.TemporaryDirectory() as folder:
        beside = [(part, Running(part, Path(folder))) for part in todo if part.beside]
        for part in todo:
            if part.beside:
                continue
            if part.name != 'parity':
                while beside:  # what is measured must have the machine for itself
                    other, running = beside.pop(0)
                    keep(other.name, running.finish(min(other.seconds - running.age(), left())))
            if left() <= 0:
                keep(part.name, {'outcome': 'no time was left', 'seconds': 0.0})
                continue
            keep(part.name, Running(part, Path(folder)).finish(min(part.seconds, left())))
    return found


class Running:
    """A part at work in a process of its own, of one thread: many small models on many threads wait for each other."""

    def __init__(self, part: Part, folder: Path) -> None:
        self.figures, self.printed = folder / f'{part.name}.json', folder / f'{part.name}.txt'
        words = [*part.words, '--out', str(self.figures)] if 'pytest' not in part.words else part.words
        self.started = time.monotonic()
        with self.printed.open('wb') as stream:
            environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'ASEA_TEST_GPU': '1'}
            self.process = subprocess.Popen(
                [sys.executable, *words], stdout=stream, stderr=subprocess.STDOUT, env=environment
            )

    def age(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.started

    def finish(self, seconds: float) -> dict[str, Any]:
        """What it gave; it is ended after so many seconds."""
        try:
            code: int | None = self.process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = None
        outcome = 'time limit' if code is None else 'done' if code == 0 else f'failed with {code}'
        entry: dict[str, Any] = {'outcome': outcome, 'seconds': self.age()}
        if self.figures.is_file():
            entry['figures'] = json.loads(self.figures.read_text(encoding='utf-8'))
        if code != 0 or 'figures' not in entry:
            entry['printed'] = self.printed.read_text(encoding='utf-8', errors='replace')[-PRINTED:]
        return entry


def main(arguments: Sequence[str] | None = None) -> None:
    parser = lab_parser(__doc__, device=True)
    parser.add_argument('--quick', action='store_true', help='tiny models and no compilation: whether it runs at all')
    parser.add_argument('--seconds', type=float, default=SECONDS, help='for all (default: %(default)s)')
    parser.add_argument('--out', type=Path, default=Path('gpu.json'), help='default: %(default)s')
    args: argparse.Namespace = parser.parse_args(arguments)
    device = torch.device(args.device)
    if device.type == 'cuda' and not torch.cuda.is_available():
        raise InputError('--device: there is no GPU; for a trial give --device cpu --quick')
    run_parts(parts(args.device, args.quick), args.out, circumstances('gpu', device), args.seconds)
    print(f'wrote {args.out}')


if __name__ == '__main__':
    run_main(main)
