"""Export a checkpoint to one file that runs without this package, and check that it computes the same.

    python tools/export.py configs/asea_sbu.py work_dirs/asea_sbu/epoch_80.pth --out asea_sbu.onnx

The test data of the config (or the annotation file of --check) go through its own test pipeline; without data, with
--samples 0, only random keypoints are compared. Exits with 1 if the file and PyTorch differ.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from mmaction.registry import DATASETS
from mmengine.registry import init_default_scope
from rich.console import Console
from rich.table import Table

from ..apis.loading import load_model
from ..deploy import agreement as check
from ..deploy.export import (
    LOWEST_OPSET,
    describe,
    inference_model,
    input_shape,
    trace,
    trial_clips,
    with_absence,
    write_onnx,
    write_torch,
)
from ..engine import load_config, parse_options, report_errors
from ..engine.measuring import interleaved
from ..errors import InputError

SUFFIXES = {'onnx': '.onnx', 'torch': '.pt2'}
BATCH = 8


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', type=Path, help='the file to write; default: beside the checkpoint, named as it')
    parser.add_argument('--format', choices=list(SUFFIXES), default='onnx', help='default: %(default)s')
    parser.add_argument('--frames', type=int, help='frames of a clip; default: clip_len of the test pipeline')
    parser.add_argument('--opset', type=int, default=LOWEST_OPSET, help='ONNX opset (default: %(default)s)')
    parser.add_argument('--check', metavar='ANNOTATIONS', help="annotation file to check with instead of the config's")
    parser.add_argument('--samples', type=int, default=50, help='test samples to check with (default: %(default)s)')
    parser.add_argument('--tolerance', type=float, default=1e-4, help='largest difference (default: %(default)s)')
    parser.add_argument('--repeats', type=int, default=10, help='timed runs, 0 for none (default: %(default)s)')
    args = parse_options(parser)
    for name in ('samples', 'repeats'):
        if getattr(args, name) < 0:
            parser.error(f'--{name} must not be negative')
    return args


def output_path(args: argparse.Namespace) -> Path:
    """Where the file goes.

    Raises:
        ValueError: If its name does not fit the format.
    """
    suffix = SUFFIXES[args.format]
    path = args.out or Path(args.checkpoint).with_suffix(suffix)
    if path.suffix != suffix:
        raise InputError(f'--out: expected a name that ends in {suffix} for --format {args.format}, got {path}')
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def read_samples(cfg, args: argparse.Namespace) -> list:
    """Samples of the test set behind its pipeline.

    Raises:
        ValueError: If the clips are not of the frames that were exported.
    """
    if not args.samples:
        return []
    dataset = cfg.test_dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    if args.check is not None:
        dataset.ann_file = args.check
    return check.test_samples(DATASETS.build(dataset), args.samples)


def compare(trained, samples: list, size: tuple, exported: Callable) -> dict[str, check.Agreement]:
    """The exported model beside PyTorch: over random keypoints, and over samples as testing scores them."""
    plain = check.as_function(inference_model(trained.model, 'auto'))
    rows = {}
    for clips in (1, 3):
        trials = trial_clips(trained.model, size, clips).numpy()
        rows[f'random keypoints and absence, {clips} clips'] = check.compare(plain, exported, [trials, trials[1:2]])
    if samples:
        keypoint = np.stack([sample['inputs'].numpy() for sample in samples])
        if keypoint.shape[2:] != size:
            raise InputError(
                f'--frames: the test pipeline gives clips of (M, T, V, C) {keypoint.shape[2:]}, not {size}'
            )
        batches = [keypoint[start : start + BATCH] for start in range(0, len(keypoint), BATCH)]
        rows['test samples'] = check.compare(plain, exported, batches)
        several = torch.from_numpy(np.resize(keypoint, (6, *keypoint.shape[1:])))
        rows['test samples with absence'] = check.compare(plain, exported, [with_absence(several).numpy()])
        tested = check.tested_scores(trained.model, samples, BATCH)
        ours = np.concatenate([exported(batch)[0] for batch in batches])
        same = int((ours.argmax(axis=1) == tested.argmax(axis=1)).sum())
        difference = float(np.abs(ours - tested).max())
        rows['test samples, as tools/test.py scores them'] = check.Agreement(len(samples), difference, same)
    return rows


def print_agreement(rows: dict[str, check.Agreement], tolerance: float) -> None:
    table = Table(title='Exported file and PyTorch')
    for column in ('', 'samples', 'largest difference', 'same class', ''):
        table.add_column(column, justify='left' if not table.columns else 'right')
    for name, row in rows.items():
        verdict = 'agrees' if row.within(tolerance) else 'DIFFERS'
        table.add_row(name, str(row.samples), f'{row.difference:.1e}', f'{row.same}/{row.samples}', verdict)
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def print_speed(plain: Callable, exported: Callable, name: str, size: tuple, clips: int, repeats: int) -> None:
    """Milliseconds of both, in turn, on the same threads."""
    table = Table(title=f'Milliseconds a batch, median, {torch.get_num_threads()} threads')
    for column in ('batch', 'PyTorch, gathered', name, 'PyTorch / exported'):
        table.add_column(column, justify='right')
    for batch in (1, BATCH):
        x = torch.rand(batch, clips, *size).numpy()
        calls = {'torch': lambda x=x: plain(x), 'exported': lambda x=x: exported(x)}
        seconds = interleaved(calls, repeats, torch.device('cpu'))
        ratio = seconds['torch'] / seconds['exported']
        table.add_row(str(batch), *(f'{1e3 * value:.1f}' for value in seconds.values()), f'{ratio:.2f}')
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    init_default_scope(cfg.get('default_scope', 'mmaction'))
    path = output_path(args)
    trained = load_model(cfg, args.checkpoint)
    size = input_shape(trained, args.frames)
    samples = read_samples(cfg, args)
    metadata = describe(trained, size[1])
    program = trace(trained.model, size)
    if args.format == 'onnx':
        write_onnx(program, path, metadata, args.opset)
        exported = check.open_onnx(path, torch.get_num_threads())
    else:
        write_torch(program, path, metadata)
        exported = check.open_torch(path)
    print(f'{path}: {path.stat().st_size / 2**20:.1f} MiB, input (N, clips, M, T, V, C) = (N, clips, {str(size)[1:]}')
    rows = compare(trained, samples, size, exported)
    print_agreement(rows, args.tolerance)
    if args.repeats:
        clips = int(metadata['num_clips'])
        plain = check.as_function(inference_model(trained.model, 'auto'))
        print_speed(
            plain, exported, {'onnx': 'onnxruntime', 'torch': 'torch.export'}[args.format], size, clips, args.repeats
        )
    if not all(row.within(args.tolerance) for row in rows.values()):
        raise InputError(
            f'{path} and PyTorch differ by more than --tolerance {args.tolerance:g}, or choose other classes'
        )


if __name__ == '__main__':
    with report_errors():
        main()
