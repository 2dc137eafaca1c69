"""Draw what a trained model looks at, and how its training went.

Of samples of the test set: active (which joints), attention (between persons), amplitude (beside two more of the
class), animation, page (all of it, to be clicked through). Of the data set: pairs (one of every class). Of the run:
training (curves), from the files beside the checkpoint or in the work dir.

Examples:
  asea visualize asea_demo work_dirs/asea_demo/epoch_8.pth
  asea visualize asea_sbu epoch_80.pth --fold 1 --sample s01s02_08_001 --what active attention --layers 1 10
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..apis.loading import load_model
from ..engine.running import build_test_dataset
from ..errors import InputError
from ..models.layers import AEA
from ..visualization.active_joints import draw_active_joints
from ..visualization.amplitudes import draw_amplitudes
from ..visualization.animation import animate
from ..visualization.attention import draw_attention
from ..visualization.clips import find_sample, probe_sample
from ..visualization.drawing import save_figure
from ..visualization.fonts import legible_name
from ..visualization.page import write_page
from ..visualization.pairs import plot_pairs
from ..visualization.training_curves import draw_training, read_scalars
from .options import add_config_options, config_of
from .output import say_written

OF_SAMPLES = ('active', 'attention', 'amplitude', 'animation', 'page')
PEERS = 2  # more samples of the class in the picture of amplitudes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_options(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--sample', nargs='+', default=['0'], help='names or indices within the test set (default: 0)')
    parser.add_argument(
        '--what', nargs='+', choices=[*OF_SAMPLES, 'pairs', 'training'], help='default: all there is data for'
    )
    parser.add_argument('--out', type=Path, help='folder for the pictures (default: pictures in the work dir)')
    parser.add_argument('--format', choices=['png', 'svg', 'pdf'], default='png', help='default: %(default)s')
    parser.add_argument('--clip', type=int, help='clip of the sample, from 0 (default: the one in the middle)')
    parser.add_argument('--frame', type=int, help='frame of the attention picture (default: mean over time)')
    parser.add_argument('--layers', type=int, nargs='+', help='layers of attention, from 1 (default: all)')
    parser.add_argument('--moments', type=int, default=6, help='moments of a film strip (default: %(default)s)')
    parser.add_argument('--fps', type=float, default=10.0, help='frames a second (default: %(default)s)')


def run(args: argparse.Namespace) -> None:
    if args.moments < 1 or args.fps <= 0:
        raise InputError(f'--moments, --fps: expected at least 1 and more than 0, got {args.moments} and {args.fps}')
    cfg = config_of(args)
    args.out = args.out or Path(cfg.work_dir) / 'pictures'
    what = args.what or [*OF_SAMPLES, 'pairs', 'training']
    model = load_model(cfg, args.checkpoint).model
    dataset = build_test_dataset(cfg) if {*OF_SAMPLES, 'pairs'}.intersection(what) else None
    if args.what is None and not any(isinstance(module, AEA) for module in model.modules()):
        print('left out the pictures of samples: this model has no attention between persons (AEA)')
    elif set(OF_SAMPLES).intersection(what):
        for index in dict.fromkeys(find_sample(dataset, sample) for sample in args.sample):
            draw_sample(args, what, model, dataset, index)
    if 'pairs' in what:
        draw_pairs(args, dataset)
    if 'training' in what:
        draw_run(args, [Path(args.checkpoint).parent, Path(cfg.work_dir)])


def draw_sample(args: argparse.Namespace, what: list[str], model: Any, dataset: Any, index: int) -> None:
    """Write the pictures of a sample."""
    layers = None if args.layers is None else [number - 1 for number in args.layers]
    clip = probe_sample(model, dataset, index, args.clip)
    stem = re.sub(r'[^\w.-]+', '_', clip.name)
    for kind in what:
        suffix = {'animation': 'gif', 'page': 'html'}.get(kind, args.format)
        path = args.out / f'{stem}_{kind}.{suffix}'
        if kind == 'active':
            save_figure(draw_active_joints(clip, args.moments, layers), path)
        elif kind == 'attention':
            save_figure(draw_attention(clip, args.frame, layers), path)
        elif kind == 'amplitude':
            peers = [probe_sample(model, dataset, peer, args.clip) for peer in peers_of(dataset, index)]
            save_figure(draw_amplitudes([clip, *peers], -1 if layers is None else layers[-1]), path)
        elif kind == 'animation':
            animate(clip, path, args.fps, layers)
        elif kind == 'page':
            write_page(clip, path, layers, args.fps)
        else:
            continue
        say_written(path)


def peers_of(dataset: Any, index: int) -> list[int]:
    """The next samples of the same class."""
    label = dataset.get_data_info(index)['label']
    later = [(index + step) % len(dataset) for step in range(1, len(dataset))]
    return [other for other in later if dataset.get_data_info(other)['label'] == label][:PEERS]


def draw_run(args: argparse.Namespace, folders: Sequence[Path]) -> None:
    """The curves of a training, from the first of the folders that has any."""
    logs = [sorted(folder.glob('*/vis_data/scalars.json')) for folder in folders]  # by the time of their start
    path = args.out / f'training.{args.format}'
    try:
        if not any(logs):
            raise InputError(f'no */vis_data/scalars.json in {" or ".join(map(str, folders))}')
        figure = draw_training(read_scalars(next(filter(None, logs))), f'Training of {Path(args.config).stem}')
    except InputError as error:
        if args.what is not None:
            raise
        print(f'left out training: {error}')
    else:
        save_figure(figure, path)
        say_written(path)


def draw_pairs(args: argparse.Namespace, dataset: Any) -> None:
    """The first pair of every class of the test set."""
    first: dict[int, Any] = {}
    for index in range(len(dataset)):
        sample = dataset.get_data_info(index)
        first.setdefault(sample['label'], sample)
    names = dataset.metainfo.get('classes')
    titles = {label: legible_name(label, names[label]) if names else str(label) for label in sorted(first)}
    samples = {title: first[label]['keypoint'] for label, title in titles.items()}
    path = args.out / f'pairs.{args.format}'
    plot_pairs(samples, next(iter(first.values()))['layout'], path, args.moments)
    say_written(path)
