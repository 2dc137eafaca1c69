"""Measure the streaming recognizer: latency of a frame, frames per second by number of pairs, and memory over time.

    python tools/benchmark_streaming.py --out results/streaming_cpu.json
    python tools/benchmark_streaming.py --pairs 1 --minutes 10

The model has random weights: they do not matter for time. Frames are pushed as fast as they are taken.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ..apis import InteractionInferencer, StreamingRecognizer
from ..apis.loading import mmaction_scope
from ..engine import report_errors
from ..engine.running import working_tree_commit
from ..errors import InputError

FRAME_RATE = 30
CONFIG = Path(__file__).resolve().parents[1] / 'configs' / 'asea_sbu.py'


def random_inferencer(config: str, device: str, fold: bool, num_clips: int | None) -> InteractionInferencer:
    """The model of a config with random weights, through a checkpoint as training writes it."""
    cfg = Config.fromfile(config)
    torch.manual_seed(0)
    with mmaction_scope():
        weights = MODELS.build(cfg.model).state_dict()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'random.pth'
        torch.save(dict(state_dict=weights, meta=dict(cfg=cfg.pretty_text)), path)
        return InteractionInferencer(path, device=device, fold=fold, num_clips=num_clips)


def persons_for(pairs: int) -> int:
    """The fewest persons that make so many pairs."""
    persons = 2
    while persons * (persons - 1) // 2 < pairs:
        persons += 1
    return persons


def walk(persons: int, joints: int, frames: int) -> np.ndarray:
    """People who sway, ``(M, T, V, 3)``; the stream repeats them."""
    rng = np.random.default_rng(0)
    bodies = rng.normal(scale=0.4, size=(persons, 1, joints, 3)) + rng.normal(scale=2, size=(persons, 1, 1, 3))
    phase = rng.uniform(0, 2 * np.pi, size=(persons, 1, joints, 3))
    return (bodies + 0.1 * np.sin(phase + np.arange(frames)[:, None, None] / 5)).astype(np.float32)


def resident_megabytes() -> float:
    """Memory of this process that is in RAM now, in MB; NaN where the system does not tell."""
    status = Path('/proc/self/status')
    if not status.is_file():
        return float('nan')
    lines = dict(line.split(':', 1) for line in status.read_text().splitlines() if ':' in line)
    return int(lines['VmRSS'].split()[0]) / 1024


def measure(inferencer: InteractionInferencer, pairs: int, frames: int, args: argparse.Namespace) -> dict[str, float]:
    """Push so many frames, after two windows that do not count."""
    persons = persons_for(pairs)
    clip = walk(persons, len(inferencer.skeleton.joints), 300)
    stream = StreamingRecognizer(
        inferencer, args.window, args.stride, smoothing=0.5, max_persons=persons, max_pairs=pairs
    )
    seconds = np.empty(frames)
    evaluated = 0
    start_memory = 0.0
    for number in range(-2 * args.window, frames):
        if number == 0:
            start_memory = resident_megabytes()
        frame = {person: clip[person, number % 300] for person in range(persons)}
        began = time.perf_counter()
        found = stream.push(frame)
        if number >= 0:
            seconds[number] = time.perf_counter() - began
            evaluated += bool(found) and found[0].stop == stream.num_frames
    assert found is not None
    assert len(found) == pairs
    return {
        'persons': persons,
        'frames': frames,
        'evaluations': evaluated,
        'median_ms': float(np.median(seconds) * 1e3),
        'p99_ms': float(np.percentile(seconds, 99) * 1e3),
        'evaluation_ms': float(np.median(np.sort(seconds)[-evaluated:]) * 1e3) if evaluated else float('nan'),
        'frames_per_second': float(frames / seconds.sum()),
        'memory_start_mb': start_memory,
        'memory_end_mb': resident_megabytes(),
    }


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--config', default=str(CONFIG), help='default: configs/asea_sbu.py')
    parser.add_argument('--pairs', type=int, nargs='+', default=[1, 2, 4, 8, 16], help='default: 1 2 4 8 16')
    parser.add_argument('--window', type=int, default=32, help='frames of a window (default: %(default)s)')
    parser.add_argument('--stride', type=int, default=8, help='frames between evaluations (default: %(default)s)')
    parser.add_argument('--num-clips', type=int, help='clips of a window (default: as in the config)')
    parser.add_argument('--seconds', type=float, default=20, help='of stream for each number of pairs (default: 20)')
    parser.add_argument('--minutes', type=float, help='instead: of stream, for the memory over a long time')
    parser.add_argument('--no-fold', dest='fold', action='store_false', help='leave batch norms as they are')
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--threads', type=int, help='CPU threads; default as torch chooses')
    parser.add_argument('--out', type=Path, help='write the figures to this JSON file')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    frames = round((args.minutes * 60 if args.minutes else args.seconds) * FRAME_RATE)
    if frames < args.stride or min(args.pairs) < 1:
        raise InputError(f'expected at least a stride of frames and one pair, got {frames} frames and {args.pairs}')
    inferencer = random_inferencer(args.config, args.device, args.fold, args.num_clips)
    rows = {str(pairs): measure(inferencer, pairs, frames, args) for pairs in args.pairs}
    table = Table(title=f'window {args.window}, stride {args.stride}, {frames} frames each')
    columns = ('median_ms', 'p99_ms', 'evaluation_ms', 'frames_per_second', 'memory_start_mb', 'memory_end_mb')
    for column in ('pairs', *columns):
        table.add_column(column.replace('_', ' '), justify='right')
    for pairs, row in rows.items():
        table.add_row(pairs, *(f'{row[column]:.2f}' for column in columns))
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    if args.out is not None:
        result = {
            'command': ' '.join(['python', 'tools/benchmark_streaming.py', *sys.argv[1:]]),
            'commit': working_tree_commit(),
            'torch': torch.__version__,
            'device': platform.processor() or platform.machine() if args.device == 'cpu' else args.device,
            'threads': torch.get_num_threads(),
            'config': Path(args.config).name,
            'settings': {name: getattr(args, name) for name in ('window', 'stride', 'num_clips', 'fold')},
            'pairs': rows,
        }
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(result, indent=1) + '\n')


if __name__ == '__main__':
    with report_errors():
        main()
