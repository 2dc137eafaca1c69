"""Draw what a trained model looks at, and how its training went.

Of samples of the test set: active (which joints), attention (between persons), amplitude (beside two more of the
class), animation, page (all of it, to be clicked through). Of the data set: pairs (one of every class). Of the run:
confusion (of asea test) and training (curves), from the files beside the checkpoint or in the work dir.

Examples:
  asea visualize asea_demo work_dirs/asea_demo/epoch_8.pth
  asea visualize asea_sbu epoch_80.pth --fold 1 --sample s01s02_08_001 --what active attention --layers 1 10
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..apis.loading import load_model
from ..engine.running import build_test_dataset
from ..errors import InputError
from ..models.layers import AEA
from ..visualization.active_joints import draw_active_joints
from ..visualization.amplitudes import draw_amplitudes
from ..visualization.animation import animate
from ..visualization.attention import draw_attention
from ..visualization.clips import find_sample, probe_sample
from ..visualization.confusion import draw_confusion
from ..visualization.drawing import save_figure
from ..visualization.page import write_page
from ..visualization.pairs import plot_pairs
from ..visualization.training_curves import draw_training, read_scalars
from .options import add_config_options, config_of, say_written

OF_SAMPLES = ('active', 'attention', 'amplitude', 'animation', 'page')
OF_RUNS = ('pairs', 'confusion', 'training')
PEERS = 2  # more samples of the class in the picture of amplitudes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_options(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--sample', nargs='+', default=['0'], help='names or indices within the test set (default: 0)')
    parser.add_argument('--what', nargs='+', choices=[*OF_SAMPLES, *OF_RUNS], help='default: all there is data for')
    parser.add_argument('--out', type=Path, help='folder for the pictures (default: pictures in the work dir)')
    parser.add_argument('--format', choices=['png', 'svg', 'pdf'], default='png', help='default: %(default)s')
    parser.add_argument('--dpi', type=int, default=100, help='pixels of an inch of a PNG (default: %(default)s)')
    parser.add_argument('--clip', type=int, help='clip of the sample, from 0 (default: the one in the middle)')
    parser.add_argument('--frame', type=int, help='frame of the attention picture (default: mean over time)')
    parser.add_argument('--layers', type=int, nargs='+', help='layers of attention, from 1 (default: all)')
    parser.add_argument('--moments', type=int, default=6, help='moments of a film strip (default: %(default)s)')
    parser.add_argument('--fps', type=float, default=10.0, help='frames a second (default: %(default)s)')


def run(args: argparse.Namespace) -> None:
    if args.moments < 1 or args.dpi < 1 or args.fps <= 0:
        given = f'{args.moments}, {args.dpi} and {args.fps}'
        raise InputError(f'--moments, --dpi, --fps: expected at least 1, 1 and more than 0, got {given}')
    cfg = config_of(args)
    args.out = args.out or Path(cfg.work_dir) / 'pictures'
    what = args.what or [*OF_SAMPLES, *OF_RUNS]
    model = load_model(cfg, args.checkpoint).model
    dataset = build_test_dataset(cfg) if {*OF_SAMPLES, 'pairs'}.intersection(what) else None
    folders = [Path(args.checkpoint).parent, Path(cfg.work_dir)]
    if args.what is None and not any(isinstance(module, AEA) for module in model.modules()):
        print('left out the pictures of samples: this model has no attention between persons (AEA)')
    elif set(OF_SAMPLES).intersection(what):
        say_written(*draw_samples(args, what, model, dataset))
    if 'pairs' in what:
        say_written(draw_pairs(args, dataset))
    for kind, pattern, draw in (
        ('confusion', 'report.json', draw_test),
        ('training', '*/vis_data/scalars.json', draw_curves),
    ):
        sources = [path for folder in folders for path in sorted(folder.glob(pattern), reverse=True)]
        if kind in what and sources:
            say_written(draw(args, sources[0]))
        elif kind in what:
            print(f'left out {kind}: no {pattern} in {" or ".join(map(str, folders))}')


def draw_samples(args: argparse.Namespace, what: Sequence[str], model: Any, dataset: Any) -> list[Path]:
    """Write the pictures of the samples that were named; returns their paths."""
    layers = None if args.layers is None else [number - 1 for number in args.layers]
    written: list[Path] = []
    for index in dict.fromkeys(find_sample(dataset, sample) for sample in args.sample):
        clip = probe_sample(model, dataset, index, args.clip)
        stem = re.sub(r'[^\w.-]+', '_', clip.name)
        paths = {kind: args.out / f'{stem}_{kind}.{args.format}' for kind in ('active', 'attention', 'amplitude')}
        paths |= {'animation': args.out / f'{stem}_animation.gif', 'page': args.out / f'{stem}_page.html'}
        if 'active' in what:
            save_figure(draw_active_joints(clip, args.moments, layers), paths['active'], args.dpi)
        if 'attention' in what:
            save_figure(draw_attention(clip, args.frame, layers), paths['attention'], args.dpi)
        if 'amplitude' in what:
            peers = [probe_sample(model, dataset, peer, args.clip) for peer in peers_of(dataset, index)]
            figure = draw_amplitudes([clip, *peers], -1 if layers is None else layers[-1])
            save_figure(figure, paths['amplitude'], args.dpi)
        if 'animation' in what:
            animate(clip, paths['animation'], args.fps, layers)
        if 'page' in what:
            write_page(clip, paths['page'], layers, args.fps)
        written += [path for kind, path in paths.items() if kind in what]
    return written


def peers_of(dataset: Any, index: int) -> list[int]:
    """The next samples of the same class."""
    label = dataset.get_data_info(index)['label']
    later = [(index + step) % len(dataset) for step in range(1, len(dataset))]
    return [other for other in later if dataset.get_data_info(other)['label'] == label][:PEERS]


def draw_pairs(args: argparse.Namespace, dataset: Any) -> Path:
    """The first pair of every class of the test set."""
    first: dict[int, Any] = {}
    for index in range(len(dataset)):
        sample = dataset.get_data_info(index)
        first.setdefault(sample['label'], sample)
    names = dataset.metainfo.get('classes')
    samples = {names[label] if names else str(label): first[label]['keypoint'] for label in sorted(first)}
    path = args.out / f'pairs.{args.format}'
    plot_pairs(samples, next(iter(first.values()))['layout'], path, args.moments)
    return path


def draw_test(args: argparse.Namespace, source: Path) -> Path:
    """The confusion matrix that ``asea test`` found."""
    report = json.loads(source.read_text())
    path = args.out / f'confusion.{args.format}'
    save_figure(draw_confusion(np.array(report['confusion']), report['classes']), path, args.dpi)
    return path


def draw_curves(args: argparse.Namespace, source: Path) -> Path:
    """Curves of the training, and of what AT-NAC did."""
    path = args.out / f'training.{args.format}'
    save_figure(draw_training(read_scalars(source), f'Training of {Path(args.config).stem}'), path, args.dpi)
    return path
