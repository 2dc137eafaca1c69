"""Measure models: parameters, GFLOPs, training and inference samples/s, side by side; or one model on a stream.

Models are those of configs, with random weights. They take turns, repeat by repeat, so that a noisy machine is noisy
for all of them; medians are reported, and ratios against the first. With --stream it is latency of a frame, frames a
second by number of pairs, and memory; frames are pushed as fast as they are taken.

Examples:
  asea benchmark asea_sbu ctrgcn_sbu --batch 16 --frames 64
  asea benchmark asea_ntu26 --device cuda --amp --out speed.json
  asea benchmark --stream asea_sbu --pairs 1 4 --seconds 60
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import torch
from mmengine.registry import init_default_scope
from rich.table import Table

from ..datasets.files.whole import write_whole
from ..engine.measuring import from_config, measure_models, print_rows
from ..engine.running import working_tree_commit
from ..errors import InputError
from ..models.backbones.interaction_backbone import input_size
from .options import CONFIG_HELP, add_device_option, command_line, console, say_written


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
        'command': command_line(),
        'commit': working_tree_commit(),
        'torch': torch.__version__,
        'device': torch.cuda.get_device_name() if device.type == 'cuda' else platform.processor() or platform.machine(),
        'threads': torch.get_num_threads(),
    }
    result |= run_stream(args) if args.stream else run_models(args, device)
    if args.out:
        write_whole(args.out, json.dumps(result, indent=1) + '\n')
        say_written(args.out)


def run_models(args: argparse.Namespace, device: torch.device) -> dict:
    """Measure the models of the configs, and show them."""
    models: dict[str, Any] = {config: from_config(config) for config in args.configs}
    inputs = {}
    for name, model in models.items():
        joints, channels = input_size(model.recognizer.backbone)
        inputs[name] = torch.randn(args.batch, args.persons, args.frames, joints, channels, device=device)
    rows = measure_models(models, inputs, args.repeats, args.amp, args.compile)
    print_rows(f'ratios: {args.configs[0]} = 1', rows)
    return {
        'input': {'batch': args.batch, 'persons': args.persons, 'frames': args.frames, 'amp': args.amp},
        'configs': rows,
    }


def run_stream(args: argparse.Namespace) -> dict:
    """Measure the model of one config on streams of several pairs, and show it."""
    from .stream_benchmark import FRAME_RATE, measure_stream, random_inferencer

    if len(args.configs) > 1 or min(args.pairs) < 1:
        raise InputError(f'--stream: expected one config and at least one pair, got {args.configs} and {args.pairs}')
    inferencer = random_inferencer(args.configs[0], args.device, args.num_clips)
    frames = max(args.stride, round(args.seconds * FRAME_RATE))
    rows = {pairs: measure_stream(inferencer, pairs, frames, args.window, args.stride) for pairs in args.pairs}
    columns = ('median_ms', 'p99_ms', 'evaluation_ms', 'frames_per_second', 'memory_start_mb', 'memory_end_mb')
    table = Table(title=f'{args.configs[0]}, window {args.window}, stride {args.stride}, {frames} frames each')
    for column in ('pairs', *columns):
        table.add_column(column.replace('_', ' '), justify='right')
    for pairs, row in rows.items():
        table.add_row(str(pairs), *(f'{row[column]:.2f}' for column in columns))
    console().print(table)
    settings = {name: getattr(args, name) for name in ('window', 'stride', 'num_clips')}
    return {'config': args.configs[0], 'settings': settings, 'pairs': {str(pairs): row for pairs, row in rows.items()}}
