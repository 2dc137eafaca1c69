"""Draw what a trained model looks at, and how its training went.

Of samples of the test set: active (which joints), attention (between persons), amplitude (beside others of the class),
animation, page (all of it, to be clicked through). Of the data set: pairs (one of every class). Of the run: confusion,
training (curves).

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
from .options import add_config_options, config_of, say_written

OF_SAMPLES = ('active', 'attention', 'amplitude', 'animation', 'page')
OF_RUNS = ('pairs', 'confusion', 'training')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_options(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--sample', nargs='+', default=['0'], help='names or indices within the test set (default: 0)')
    parser.add_argument('--what', nargs='+', choices=[*OF_SAMPLES, *OF_RUNS], help='default: all there is data for')
    parser.add_argument('--out', type=Path, help='folder for the pictures (default: pictures in the work dir)')
    parser.add_argument('--format', choices=['png', 'svg', 'pdf'], default='png', help='default: %(default)s')
    parser.add_argument('--dpi', type=int, default=100, help='pixels of an inch of a PNG (default: %(default)s)')
    parser.add_argument('--animation-format', choices=['gif', 'mp4'], default='gif', help='default: %(default)s')
    parser.add_argument('--clip', type=int, help='clip of the sample, from 0 (default: the one in the middle)')
    parser.add_argument('--frame', type=int, help='frame of the attention picture (default: mean over time)')
    parser.add_argument('--layers', type=int, nargs='+', help='layers of attention, from 1 (default: all)')
    parser.add_argument('--moments', type=int, default=6, help='moments of a film strip (default: %(default)s)')
    parser.add_argument('--peers', type=int, default=3, help='samples of a class in an amplitude picture')
    parser.add_argument('--fps', type=float, default=10.0, help='frames a second (default: %(default)s)')
    parser.add_argument('--report', type=Path, help='report.json of a test (default: beside the checkpoint)')
    parser.add_argument('--scalars', type=Path, help='scalars.json of the training (default: the latest, likewise)')


def run(args: argparse.Namespace) -> None:
    for name in ('moments', 'peers', 'dpi'):
        if getattr(args, name) < 1:
            raise InputError(f'--{name}: expected at least 1, got {getattr(args, name)}')
    cfg = config_of(args)
    args.out = args.out or Path(cfg.work_dir) / 'pictures'
    what = args.what or [*OF_SAMPLES, *OF_RUNS]
    model = load_model(cfg, args.checkpoint).model
    written = []
    dataset = None
    if {*OF_SAMPLES, 'pairs'}.intersection(what):
        dataset = build_test_dataset(cfg)
    if set(OF_SAMPLES).intersection(what):
        if args.what is None and not any(isinstance(module, AEA) for module in model.modules()):
            print('left out the pictures of samples: this model has no attention between persons (AEA)')
        else:
            written += draw_samples(args, what, model, dataset)
    written += draw_run(args, what, dataset, [Path(args.checkpoint).parent, Path(cfg.work_dir)])
    say_written(*written)


def draw_samples(args: argparse.Namespace, what: Sequence[str], model: Any, dataset: Any) -> list[Path]:
    """Write the pictures of the samples that were named; returns their paths."""
    from ..visualization import (
        animate,
        draw_active_joints,
        draw_amplitudes,
        draw_attention,
        probe_sample,
        save_figure,
        write_page,
    )
    from ..visualization.clips import find_sample, unit_of

    unit = unit_of(dataset)
    layers = None if args.layers is None else [number - 1 for number in args.layers]
    written = []

    def path(name: str, kind: str, suffix: str) -> Path:
        stem = re.sub(r'[^\w.-]+', '_', name)
        written.append(args.out / f'{stem}_{kind}.{suffix}')
        return written[-1]

    for index in dict.fromkeys(find_sample(dataset, sample) for sample in args.sample):
        clip = probe_sample(model, dataset, index, args.clip, unit)
        if 'active' in what:
            save_figure(draw_active_joints(clip, args.moments, layers), path(clip.name, 'active', args.format), args.dpi)
        if 'attention' in what:
            figure = draw_attention(clip, args.frame, layers)
            save_figure(figure, path(clip.name, 'attention', args.format), args.dpi)
        if 'amplitude' in what:
            peers = peers_of(dataset, index, args.peers)
            clips = [clip, *(probe_sample(model, dataset, peer, args.clip, unit) for peer in peers)]
            figure = draw_amplitudes(clips, -1 if layers is None else layers[-1])
            save_figure(figure, path(clip.name, 'amplitude', args.format), args.dpi)
        if 'animation' in what:
            animate(clip, path(clip.name, 'animation', args.animation_format), args.fps, layers)
        if 'page' in what:
            write_page(clip, path(clip.name, 'page', 'html'), layers, args.fps)
    return written


def peers_of(dataset: Any, index: int, count: int) -> list[int]:
    """The next samples of the same class, so many that there are ``count`` with the sample itself."""
    label = dataset.get_data_info(index)['label']
    later = [(index + step) % len(dataset) for step in range(1, len(dataset))]
    return [other for other in later if dataset.get_data_info(other)['label'] == label][: count - 1]


def draw_run(args: argparse.Namespace, what: Sequence[str], dataset: Any, folders: Sequence[Path]) -> list[Path]:
    """Write the pictures of the data set, of a test and of the training.

    What was not asked for by ``--what`` is left out where its file is missing.
    """
    written = []
    drawing = {'pairs': lambda: draw_pairs(args, dataset), 'confusion': lambda: draw_confusion_of(args, folders)}
    drawing['training'] = lambda: draw_training_of(args, folders)
    for kind in OF_RUNS:
        if kind not in what:
            continue
        try:
            written.append(drawing[kind]())
        except FileNotFoundError as error:
            if args.what is not None or args.report is not None or args.scalars is not None:
                raise
            print(f'left out {kind}: {error}')
    return written


def draw_pairs(args: argparse.Namespace, dataset: Any) -> Path:
    """The first pair of every class of the test set."""
    from ..visualization import plot_pairs

    names = dataset.metainfo.get('classes')
    samples: dict[int, Any] = {}
    for index in range(len(dataset)):
        sample = dataset.get_data_info(index)
        samples.setdefault(sample['label'], sample)
        if names and len(samples) == len(names):
            break
    chosen = [samples[label] for label in sorted(samples)]
    titles = [names[sample['label']] if names else str(sample['label']) for sample in chosen]
    path = args.out / f'pairs.{args.format}'
    plot_pairs([sample['keypoint'] for sample in chosen], chosen[0]['layout'], path, args.moments, titles)
    return path


def draw_confusion_of(args: argparse.Namespace, folders: Sequence[Path]) -> Path:
    """The confusion matrix that ``asea test`` found."""
    from ..visualization import draw_confusion, save_figure

    source = find_file(args.report, 'report.json', folders, 'asea test writes it')
    try:
        report = json.loads(source.read_text())
        confusion, classes = np.array(report['confusion']), report['classes']
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f'{source}: expected a report of asea test with confusion and classes ({error})') from None
    path = args.out / f'confusion.{args.format}'
    save_figure(draw_confusion(confusion, classes), path, args.dpi)
    return path


def draw_training_of(args: argparse.Namespace, folders: Sequence[Path]) -> Path:
    """Curves of the training; of what AT-NAC did also from the checkpoint."""
    from ..visualization import draw_training, read_active_joints, read_scalars, save_figure

    source = find_file(args.scalars, '*/vis_data/scalars.json', folders, 'asea train writes it')
    curves = read_scalars(source)
    if not any(key.startswith('aea/') for key in curves):
        curves = {**curves, **read_active_joints(args.checkpoint)}
    path = args.out / f'training.{args.format}'
    save_figure(draw_training(curves, f'Training of {Path(args.config).stem}'), path, args.dpi)
    return path


def find_file(given: Path | None, pattern: str, folders: Sequence[Path], hint: str) -> Path:
    """The file that was named, or the latest that fits the pattern in one of the folders.

    Raises:
        FileNotFoundError: If there is none.
    """
    if given is not None:
        if not given.is_file():
            raise FileNotFoundError(f'{given} does not exist')
        return given
    for folder in folders:
        if files := sorted(folder.glob(pattern)):
            return files[-1]
    raise FileNotFoundError(f'no {pattern} in {" or ".join(map(str, folders))}; {hint}')
