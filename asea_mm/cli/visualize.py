"""Pictures that explain a trained model: active joints, attention between persons, amplitudes, how training went.

python tools/visualize.py configs/asea_demo.py "$(cat work_dirs/asea_demo/last_checkpoint)" --sample 0
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..engine import load_config, parse_options, report_errors
from ..errors import InputError
from ..models.layers import AEA
from ..visualization import (
    animate,
    draw_active_joints,
    draw_amplitudes,
    draw_attention,
    draw_confusion,
    draw_training,
    probe_sample,
    read_active_joints,
    read_scalars,
    save_figure,
    write_page,
)
from ..visualization.clips import find_sample, unit_of
from ..visualization.loading import load_model, load_test_data

OF_SAMPLES = ('active', 'attention', 'amplitude', 'animation', 'page')
OF_RUNS = ('confusion', 'training')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Pictures that explain a trained model')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--sample', nargs='+', default=['0'], help='names or indices within the test set (default: 0)')
    parser.add_argument('--what', nargs='+', choices=[*OF_SAMPLES, *OF_RUNS], help='default: all there is data for')
    parser.add_argument('--out', type=Path, help='folder for the pictures (default: pictures in the work dir)')
    parser.add_argument('--format', choices=['png', 'svg', 'pdf'], default='png', help='default: %(default)s')
    parser.add_argument('--dpi', type=int, default=100, help='pixels of an inch of a PNG (default: %(default)s)')
    parser.add_argument('--animation-format', choices=['gif', 'mp4'], default='gif', help='default: %(default)s')
    parser.add_argument('--clip', type=int, help='clip of the sample, from 0 (default: the one in the middle)')
    parser.add_argument('--frame', type=int, help='frame of the attention picture (default: mean over time)')
    parser.add_argument('--stages', type=int, nargs='+', help='stages, from 1 (default: all)')
    parser.add_argument('--moments', type=int, default=6, help='moments of a film strip (default: %(default)s)')
    parser.add_argument('--peers', type=int, default=3, help='samples of a class in an amplitude picture')
    parser.add_argument('--fps', type=float, default=10.0, help='frames a second (default: %(default)s)')
    parser.add_argument('--report', type=Path, help='report.json of a test (default: beside the checkpoint)')
    parser.add_argument('--scalars', type=Path, help='scalars.json of the training (default: the latest, likewise)')
    args = parse_options(parser)
    for name in ('moments', 'peers', 'dpi'):
        if getattr(args, name) < 1:
            parser.error(f'--{name} must be at least 1')
    return args


def draw_sample(args: argparse.Namespace, what: list[str], model: Any, dataset: Any, index: int) -> list[Path]:
    """Write the pictures of one sample; returns their paths."""
    unit = unit_of(dataset)
    clip = probe_sample(model, dataset, index, args.clip, unit)
    stages = None if args.stages is None else [number - 1 for number in args.stages]
    stem = re.sub(r'[^\w.-]+', '_', clip.name)
    written = []

    def path(kind: str, suffix: str) -> Path:
        written.append(args.out / f'{stem}_{kind}.{suffix}')
        return written[-1]

    if 'active' in what:
        save_figure(draw_active_joints(clip, args.moments, stages), path('active', args.format), args.dpi)
    if 'attention' in what:
        save_figure(draw_attention(clip, args.frame, stages), path('attention', args.format), args.dpi)
    if 'amplitude' in what:
        peers = peers_of(dataset, index, args.peers)
        clips = [clip, *(probe_sample(model, dataset, peer, args.clip, unit) for peer in peers)]
        figure = draw_amplitudes(clips, -1 if stages is None else stages[-1])
        save_figure(figure, path('amplitude', args.format), args.dpi)
    if 'animation' in what:
        animate(clip, path('animation', args.animation_format), args.fps, stages)
    if 'page' in what:
        write_page(clip, path('page', 'html'), stages, args.fps)
    return written


def peers_of(dataset: Any, index: int, count: int) -> list[int]:
    """The next samples of the same class, so many that there are ``count`` with the sample itself."""
    label = dataset.get_data_info(index)['label']
    later = [(index + step) % len(dataset) for step in range(1, len(dataset))]
    return [other for other in later if dataset.get_data_info(other)['label'] == label][: count - 1]


def find_file(given: Path | None, pattern: str, folders: list[Path], hint: str) -> Path:
    """The file that was named, or the latest that fits the pattern in one of the folders.

    Raises:
        FileNotFoundError: If there is none.
    """
    if given is not None:
        if not given.is_file():
            raise FileNotFoundError(f'{given} does not exist')
        return given
    for folder in folders:
        if found := sorted(folder.glob(pattern)):
            return found[-1]
    raise FileNotFoundError(f'no {pattern} in {" or ".join(map(str, folders))}; {hint}')


def draw_run(args: argparse.Namespace, what: list[str], folders: list[Path]) -> list[Path]:
    """Write the confusion matrix of a test and the curves of the training.

    What was not asked for by ``--what`` is left out where its file is missing.
    """
    written = []
    for kind in OF_RUNS:
        if kind not in what:
            continue
        try:
            written.append(draw_confusion_of(args, folders) if kind == 'confusion' else draw_training_of(args, folders))
        except FileNotFoundError as error:
            if args.what is not None or args.report is not None or args.scalars is not None:
                raise
            print(f'left out {kind}: {error}')
    return written


def draw_confusion_of(args: argparse.Namespace, folders: list[Path]) -> Path:
    """The confusion matrix that ``tools/test.py`` found."""
    source = find_file(args.report, 'report.json', folders, 'tools/test.py writes it')
    try:
        report = json.loads(source.read_text())
        figure = draw_confusion(np.array(report['confusion']), report['classes'])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f'{source}: expected a report of tools/test.py with confusion and classes ({error})') from None
    path = args.out / f'confusion.{args.format}'
    save_figure(figure, path, args.dpi)
    return path


def draw_training_of(args: argparse.Namespace, folders: list[Path]) -> Path:
    """Curves of the training; of what AT-NAC did also from the checkpoint."""
    source = find_file(args.scalars, '*/vis_data/scalars.json', folders, 'tools/train.py writes it')
    curves = read_scalars(source)
    if not any(key.startswith('aea/') for key in curves):
        curves = {**curves, **read_active_joints(args.checkpoint)}
    path = args.out / f'training.{args.format}'
    save_figure(draw_training(curves, f'Training of {Path(args.config).stem}'), path, args.dpi)
    return path


def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    args.out = args.out or Path(cfg.work_dir) / 'pictures'
    what = list(args.what or (*OF_SAMPLES, *OF_RUNS))
    model = load_model(cfg, args.checkpoint)
    written = []
    if set(what) & set(OF_SAMPLES):
        dataset = load_test_data(cfg)
        if args.what is None and not any(isinstance(module, AEA) for module in model.modules()):
            print('left out the pictures of samples: this model has no attention between persons (AEA)')
        else:
            for index in dict.fromkeys(find_sample(dataset, sample) for sample in args.sample):
                written += draw_sample(args, what, model, dataset, index)
    written += draw_run(args, what, [Path(args.checkpoint).parent, Path(cfg.work_dir)])
    for path in written:
        print(path)


if __name__ == '__main__':
    with report_errors():
        main()
