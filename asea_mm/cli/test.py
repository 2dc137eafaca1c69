"""Test a checkpoint: scores of every sample, top-1 and top-5, accuracy of every class, and the confusion matrix.

Examples:
  asea test asea_demo work_dirs/asea_demo/epoch_8.pth
  asea test asea_sbu work_dirs/asea_sbu_fold1/epoch_80.pth --fold 1 --work-dir results/fold1
"""

import argparse
import json
from pathlib import Path

import numpy as np

from ..engine import run_test
from .options import add_config_options, add_launcher_options, config_of
from .output import say_written


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_options(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--dump', help='also dump all predictions to this .pkl, as mmaction2 does')
    add_launcher_options(parser)


def run(args: argparse.Namespace) -> None:
    path = run_test(config_of(args), args.checkpoint, args.dump)
    if path is None:
        return
    from ..visualization.confusion import draw_confusion  # matplotlib, for the first of several processes only
    from ..visualization.drawing import save_figure

    report = json.loads(path.read_text())
    picture = path.with_name('confusion.png')
    save_figure(draw_confusion(np.array(report['confusion']), report['classes']), picture)
    print(
        f'accuracy on {report["num_samples"]} samples, {len(report["classes"])} classes: top-1 {report["top1"]:.2%}, '
        f'top-5 {report["top5"]:.2%}, mean of classes {report["mean_class"]:.2%}'
    )
    for source, of_source in report.get('sources', {}).items():
        print(
            f'  {source}: {of_source["num_samples"]} samples, top-1 {of_source["top1"]:.2%}, '
            f'mean of classes {of_source["mean_class"]:.2%}'
        )
    if 'relation' in report:
        print(f'within pairs of classes that only the relation of the persons tells apart: {report["relation"]:.1%}')
    say_written(path, path.with_name('scores.npz'), picture, *([Path(args.dump)] if args.dump else []))
