"""Test a checkpoint: scores of every sample, top-1 and top-5, accuracy of every class, and the confusion matrix.

What it writes goes to --work-dir, by default beside the checkpoint where a training left it, else to work_dirs/CONFIG.
A checkpoint knows which samples it was trained on, and is not tested on them unless --anyway is given. One of several
models (asea fuse) brings them with their test pipelines; of the config its data counts.

Examples:
  asea test asea_demo work_dirs/asea_demo/epoch_8.pth
  asea test asea_sbu work_dirs/asea_sbu_fold1/epoch_80.pth --fold 1 --work-dir results/fold1
"""

import argparse
import json
from pathlib import Path

import numpy as np

from ..engine import run_test
from ..engine.checkpoints import local_checkpoint, read_checkpoint
from ..engine.fused import members_of
from ..errors import InputError
from .options import add_compile_option, add_config_options, add_launcher_options, config_of
from .output import print_table, say_written


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_options(parser)
    parser.add_argument('checkpoint', help='checkpoint file, or pair3d or pair2d, which come along')
    parser.add_argument('--dump', help='also dump all predictions to this .pkl, as mmaction2 does')
    parser.add_argument('--anyway', action='store_true', help='also on samples that the checkpoint was trained on')
    add_compile_option(parser)
    add_launcher_options(parser)


def run(args: argparse.Namespace) -> None:
    cfg = config_of(args)
    folder = local_checkpoint(args.checkpoint).parent
    is_chosen = args.work_dir is not None or any(option.startswith('work_dir=') for option in args.cfg_options)
    if not is_chosen and (folder / 'last_checkpoint').is_file():  # the work folder of a training
        cfg.work_dir = str(folder)
    if args.stream and members_of(read_checkpoint(args.checkpoint)['meta'], args.checkpoint):
        raise InputError(f'--stream: {args.checkpoint} is several models as one, each of which has its own streams')
    path = run_test(cfg, args.checkpoint, args.dump, args.anyway)
    if path is None:
        return
    from ..visualization.confusion import draw_confusion  # matplotlib, for the first of several processes only
    from ..visualization.drawing import save_figure

    report = json.loads(path.read_text(encoding='utf-8'))
    picture = path.with_name('confusion.png')
    save_figure(draw_confusion(np.array(report['confusion']), report['classes']), picture)
    counts = [sum(row) for row in report['confusion']]
    right = [row[label] for label, row in enumerate(report['confusion'])]
    shares = ['-' if share is None else f'{share:.1%}' for share in report['per_class']]
    print_table(
        None,
        ('class', 'samples', 'right', 'accuracy'),
        [*zip(report['classes'], counts, right, shares, strict=True)],
    )
    print(
        f'accuracy on {report["num_samples"]} samples, {len(report["classes"])} classes: top-1 {report["top1"]:.2%}, '
        f'top-5 {report["top5"]:.2%}, balanced accuracy (mean of classes) {report["mean_class"]:.2%}'
    )
    for source, of_source in report.get('sources', {}).items():
        print(
            f'  {source}: {of_source["num_samples"]} samples, top-1 {of_source["top1"]:.2%}, '
            f'mean of classes {of_source["mean_class"]:.2%}'
        )
    if 'relation' in report:
        print(f'within pairs of classes that only the relation of the persons tells apart: {report["relation"]:.1%}')
    say_written(path, path.with_name('scores.npz'), picture, *([Path(args.dump)] if args.dump else []))
