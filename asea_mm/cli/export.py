"""Export a checkpoint to one file that runs without this package, and check that it computes the same.

The suffix of --out decides: .onnx, or .pt2 for torch.export. The file takes recordings, with the test pipeline inside,
unless --no-preparation is given. Exits with 1 if the file and PyTorch differ.

Examples:
  asea export pair3d pair3d --samples 0
  asea export asea_sbu work_dirs/asea_sbu/epoch_80.pth --out asea_sbu.onnx
  asea export asea_ntu26 epoch_110.pth --out asea.pt2 --no-preparation --samples 0
"""

import argparse
import sys
from pathlib import Path

from ..apis.loading import load_model, part_name
from ..deploy.agreement import compare
from ..deploy.export import export_model
from ..engine.running import build_test_dataset
from ..errors import InputError
from .options import add_config_options, config_of
from .output import print_table, say_written

# Steps that need what a file is not given, and what it takes instead.
NOT_IN_A_FILE = {
    'ResampleFrameRate': 'it takes recordings at the frame rate of this step',
    'ProjectTo2D': 'it takes poses in images; random ones are compared, test samples are not',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_options(parser)
    parser.add_argument('checkpoint', help='checkpoint file, or pair3d or pair2d, which come along')
    parser.add_argument('--out', type=Path, help='file to write (default: .onnx beside the checkpoint)')
    parser.add_argument('--no-preparation', dest='preparation', action='store_false', help='the network alone')
    parser.add_argument('--samples', type=int, default=50, help='test samples to check with, 0 for random ones only')
    parser.add_argument('--tolerance', type=float, default=1e-4, help='largest difference (default: %(default)s)')


def run(args: argparse.Namespace) -> None:
    if args.samples < 0:
        raise InputError(f'--samples: expected 0 or more, got {args.samples}')
    cfg = config_of(args)
    trained = load_model(cfg, args.checkpoint)
    left_out = {name for step in trained.pipeline if (name := part_name(step)) in NOT_IN_A_FILE}
    trained.pipeline = [step for step in trained.pipeline if part_name(step) not in left_out]
    for name in sorted(left_out):
        print(f'note: {name} is not in the file: {NOT_IN_A_FILE[name]}', file=sys.stderr)
    path = args.out or Path(args.checkpoint).with_suffix('.onnx')
    export_model(trained, path, args.preparation)
    say_written(path)
    takes_test_samples = 'ProjectTo2D' not in left_out  # those are in space
    dataset = build_test_dataset(cfg) if args.samples and takes_test_samples else None
    rows = compare(trained, path, dataset, args.samples, args.preparation)
    print_table(
        f'{path.name} ({path.stat().st_size / 2**20:.1f} MiB) beside PyTorch',
        ('', 'samples', 'largest difference', 'same class', ''),
        [
            (
                name,
                row.samples,
                f'{row.difference:.1e}',
                f'{row.same}/{row.samples}',
                'agrees' if row.within(args.tolerance) else 'DIFFERS',
            )
            for name, row in rows.items()
        ],
    )
    if not all(row.within(args.tolerance) for row in rows.values()):
        raise InputError(f'{path} and PyTorch differ by more than --tolerance {args.tolerance:g} or in their classes')
