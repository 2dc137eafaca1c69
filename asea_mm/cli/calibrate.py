"""Have a checkpoint's scores say how sure it is: temperature scaling on samples that it was not trained on.

The temperature is written into the checkpoint, where inference finds it. SCORES is scores.npz of asea test, of a
validation split; the order of classes of a sample never changes.

Examples:
  asea test asea_sbu epoch_60.pth --fold 1
  asea calibrate epoch_60.pth work_dirs/asea_sbu_fold1/scores.npz --out calibrated.pth
"""

import argparse
from pathlib import Path

from ..engine.calibrating import calibrate_checkpoint
from ..errors import InputError
from ..evaluation.scores import read_scores
from .output import print_table, say_written


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('model', metavar='CHECKPOINT', help='checkpoint of training')
    parser.add_argument('scores', metavar='SCORES', help='scores.npz of asea test, or the folder with it')
    parser.add_argument('--out', type=Path, metavar='OUT.pth', help='default: the checkpoint itself')


def run(args: argparse.Namespace) -> None:
    path = Path(args.scores)
    scores = read_scores(path / 'scores.npz' if path.is_dir() else path)
    if args.out is None and not Path(args.model).is_file():
        raise InputError(f'--out: expected the file to write, as {args.model} is none of yours')
    out = args.out or Path(args.model)
    calibration = calibrate_checkpoint(args.model, scores.scores, scores.labels, out)
    columns = ['samples', 'temperature', 'calibration error before', 'after']
    values = [calibration[name] for name in ('samples', 'temperature', 'ece_before', 'ece')]
    print_table(None, columns, [values])
    say_written(out)
