"""Measure models: parameters, GFLOPs, training and inference samples/s, side by side; or one model on a stream.

Models are those of configs, with random weights. They take turns, repeat by repeat, so that a noisy machine is noisy
for all of them; medians are reported, and ratios against the first. With --stream it is latency of a frame, frames a
second by number of pairs, and memory; frames are pushed as fast as they are taken.

Examples:
  asea benchmark asea_sbu ctrgcn_sbu --batch 16 --frames 64
  asea benchmark asea_ntu26 --device cuda --amp --out speed.json
  asea benchmark --stream asea_sbu --pairs 1 4 --seconds 60
"""

import argparse
import os
import platform
import tempfile
import time
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmaction.registry import MODELS
from mmengine.registry import init_default_scope

from ..apis import InteractionInferencer, StreamingRecognizer
from ..apis.loading import load_model
from ..deploy.export import trial_recording
from ..engine import load_config
from ..engine.measuring import Classifier, measure_models
from ..errors import InputError
from ..models.backbones.interaction_backbone import input_size
from .options import CONFIG_HELP, add_device_option
from .output import circumstances, print_rows, write_json

FRAME_RATE = 30
MOST_BODIES = 200  # of a frame

Recording = dict[str, np.ndarray]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('configs', nargs='+', help=CONFIG_HELP)
    add_device_option(parser)
    parser.add_argument('--threads', type=int, help='CPU threads (default: as torch chooses)')
    parser.add_argument('--out', type=Path, metavar='OUT.json', help='write the figures')
    models = parser.add_argument_group('models')
    models.add_argument('--batch', type=int, default=8, help='samples (default: %(default)s)')
    models.add_argument('--frames', type=int, default=64, help='of a clip (default: %(default)s)')
    models.add_argument('--persons', type=int, default=2, help='default: %(default)s')
    models.add_argument('--repeats', type=int, default=9, help='timed training steps (default: %(default)s)')
    models.add_argument('--amp', action='store_true', help='bfloat16 autocast')
    models.add_argument('--compile', action='store_true', help='torch.compile for inference')
    stream = parser.add_argument_group('stream')
    stream.add_argument('--stream', action='store_true', help='measure the streaming recognizer instead')
    stream.add_argument('--pairs', type=int, nargs='+', default=[1, 2, 4, 8], help='default: 1 2 4 8')
    stream.add_argument('--window', type=int, default=32, help='frames of a window (default: %(default)s)')
    stream.add_argument('--stride', type=int, default=8, help='frames between evaluations (default: %(default)s)')
    stream.add_argument('--num-clips', type=int, help='clips of a window (default: as in the config)')
    stream.add_argument('--seconds', type=float, default=20, help='of stream for each number of pairs (default: 20)')


def run(args: argparse.Namespace) -> None:
    for name in ('batch', 'frames', 'persons', 'repeats', 'window', 'stride', 'seconds', 'threads'):
        if getattr(args, name) is not None and getattr(args, name) <= 0:
            raise InputError(f'--{name}: expected more than 0, got {getattr(args, name)}')
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    init_default_scope('mmaction')
    device = torch.device(args.device)
    result = {
        **circumstances(),
        'torch': torch.__version__,
        'device': torch.cuda.get_device_name() if device.type == 'cuda' else platform.processor() or platform.machine(),
        'threads': torch.get_num_threads(),
        **(run_stream(args) if args.stream else run_models(args, device)),
    }
    if args.out:
        write_json(args.out, result)


def run_models(args: argparse.Namespace, device: torch.device) -> dict:
    """Measure the models of the configs, and show them."""
    models: dict[str, Any] = {config: Classifier(MODELS.build(load_config(config).model)) for config in args.configs}
    inputs = {}
    for name, model in models.items():
        joints, channels = input_size(model.recognizer.backbone)
        inputs[name] = torch.randn(args.batch, args.persons, args.frames, joints, channels, device=device)
    rows = measure_models(models, inputs, args.repeats, args.amp, args.compile)
    print_rows(f'ratios: {args.configs[0]} = 1', rows)
    settings = {name: getattr(args, name) for name in ('batch', 'persons', 'frames', 'amp')}
    return {'input': settings, 'configs': rows}


def run_stream(args: argparse.Namespace) -> dict:
    """Measure the model of one config on streams of several pairs, and show it."""
    if len(args.configs) > 1 or min(args.pairs) < 1:
        raise InputError(f'--stream: expected one config and at least one pair, got {args.configs} and {args.pairs}')
    inferencer, recording = random_inferencer(args.configs[0], args.device, args.num_clips)
    frames = max(args.stride, round(args.seconds * FRAME_RATE))
    rows = {
        str(pairs): measure_stream(inferencer, recording, pairs, frames, args.window, args.stride)
        for pairs in args.pairs
    }
    print_rows(f'{args.configs[0]} by pairs, window {args.window}, stride {args.stride}', rows)
    settings = {name: getattr(args, name) for name in ('window', 'stride', 'num_clips')}
    return {'config': args.configs[0], 'settings': settings, 'pairs': rows}


def random_inferencer(config: str, device: str, num_clips: int | None) -> tuple[InteractionInferencer, Recording]:
    """The model of a config with random weights, which do not matter for time, and a recording as it takes them.

    Batch norms are fused.
    """
    cfg = load_config(config)
    weights = MODELS.build(cfg.model).state_dict()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'random.pth'
        torch.save(dict(state_dict=weights, meta=dict(cfg=cfg.pretty_text)), path)
        recording = trial_recording(load_model(path), MOST_BODIES // 2)
        return InteractionInferencer(path, device=device, fuse=True, num_clips=num_clips), recording


def measure_stream(
    inferencer: InteractionInferencer, recording: Recording, pairs: int, frames: int, window: int, stride: int
) -> dict[str, float]:
    """Push so many frames as fast as they are taken, after two windows that do not count.

    There are as few persons as make so many pairs; the bodies of a recording stand for them. Memory, in MB, is NaN
    where it is unknown.
    """
    persons = next(count for count in range(2, pairs + 2) if count * (count - 1) // 2 >= pairs)
    if persons > MOST_BODIES:
        raise InputError(f'--pairs: expected those of at most {MOST_BODIES} persons, got {pairs}, of {persons}')
    bodies, score = recording['keypoint'], recording.get('keypoint_score')
    bodies = bodies.reshape(-1, *bodies.shape[2:])[:persons].copy()
    # side by side: frames of one person lie so near to one another that they would be taken for one body
    bodies[..., 0] += 0.1 * np.ptp(bodies[0, :, 0]) * np.arange(persons, dtype=np.float32)[:, None]
    scores = None if score is None else score.reshape(-1, score.shape[2])[:persons]
    img_shape = recording['img_shape'].astype(int).tolist() if 'img_shape' in recording else None
    options: dict[str, Any] = dict(smoothing=0.5, max_persons=persons, max_pairs=pairs, img_shape=img_shape)
    stream = StreamingRecognizer(inferencer, window, stride, **options)
    seconds = np.empty(frames)
    evaluations, start_memory = 0, float('nan')
    for number in range(-2 * window, frames):
        if number == 0:
            start_memory = resident_megabytes()
        moved = bodies * np.float32(1 + 0.1 * np.sin(number / 5))
        frame: dict[Hashable, Any] = dict(enumerate(moved if scores is None else zip(moved, scores, strict=True)))
        began = time.perf_counter()
        results = stream.push(frame)
        if number >= 0:
            seconds[number] = time.perf_counter() - began
            evaluations += bool(results and results[0].stop == stream.num_frames)
    return {
        'persons': persons,
        'frames': frames,
        'evaluations': evaluations,
        'median_ms': float(np.median(seconds) * 1e3),
        'p99_ms': float(np.percentile(seconds, 99) * 1e3),
        'evaluation_ms': float(np.median(np.sort(seconds)[-evaluations:]) * 1e3) if evaluations else float('nan'),
        'frames_per_second': float(frames / seconds.sum()),
        'memory_start_mb': start_memory,
        'memory_end_mb': resident_megabytes(),
    }


def resident_megabytes() -> float:
    """Memory of this process that is in RAM now, in MB; NaN where the system does not tell."""
    pages = Path('/proc/self/statm')
    return int(pages.read_text().split()[1]) * os.sysconf('SC_PAGESIZE') / 2**20 if pages.is_file() else float('nan')
