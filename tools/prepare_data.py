"""Make annotation files from raw data.

    python tools/prepare_data.py sbu PATH [--out data/sbu/sbu.pkl]

Every source is a subcommand: a converter in ``asea_mm/datasets/converters`` plus one small function here.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from asea_mm.datasets.annotation_file import save_annotations
from asea_mm.datasets.converters import convert_sbu
from asea_mm.datasets.converters.sbu import FOLD_SIZES

# Results go to stdout, everything about the run to stderr.
output, messages = Console(), Console(stderr=True)


def _progress(items: Sequence) -> Iterable:
    return track(items, description='converting', console=messages, transient=True)


def summary_table(annotations: list[dict], groups: dict[str, list[str]], classes: Sequence[str], title: str) -> Table:
    """Samples per class and group (folds or splits), and the fewest/median/most frames.

    Args:
        annotations: The samples.
        groups: Column title to the ids of its samples.
        classes: Class names.
        title: Title of the table.
    """
    labels = {sample['frame_dir']: sample['label'] for sample in annotations}
    table = Table(title=title, show_footer=True, box=box.SIMPLE, padding=0)  # fits 80 columns
    table.add_column('class', footer='all', no_wrap=True)
    counts = {group: Counter(labels[sample_id] for sample_id in ids) for group, ids in groups.items()}
    for group, ids in groups.items():
        table.add_column(group, footer=str(len(ids)), justify='right')
    table.add_column('all', footer=str(len(annotations)), justify='right')
    table.add_column('frames', footer=_frames(annotations), justify='right', no_wrap=True)
    for label, name in enumerate(classes):
        members = [sample for sample in annotations if sample['label'] == label]
        row = [str(counts[group][label]) for group in groups]
        table.add_row(name, *row, str(len(members)), _frames(members))
    return table


def _frames(samples: list[dict]) -> str:
    """Fewest/median/most frames."""
    lengths = sorted(sample['total_frames'] for sample in samples)
    return f'{lengths[0]}/{median(lengths):.0f}/{lengths[-1]}' if lengths else '-'


def prepare_sbu(args: argparse.Namespace) -> None:
    """SBU Kinect Interaction v2 (clean): either folder tree to five folds."""
    annotations, split, meta = convert_sbu(args.path, track=_progress)
    save_annotations(args.out, annotations, split, meta)
    folds = {f'fold {fold}': split[f'fold{fold}_val'] for fold in FOLD_SIZES}
    output.print(summary_table(annotations, folds, meta['classes'], f'{meta["source"]}, samples per fold'))
    for fold, expected in FOLD_SIZES.items():
        if (found := len(split[f'fold{fold}_val'])) != expected:
            messages.print(Text(f'warning: fold {fold} has {found} sequences, expected {expected}', style='yellow'))
    output.print(f'wrote {len(annotations)} samples to {args.out}', markup=False, highlight=False, soft_wrap=True)


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description='Make annotation files from raw data.')
    sources = parser.add_subparsers(title='sources', required=True, metavar='SOURCE')
    sbu = sources.add_parser('sbu', help='SBU Kinect Interaction v2 (clean)', description=prepare_sbu.__doc__)
    sbu.add_argument('path', type=Path, help='folder that holds s01s02, s01s03, ... or fold1 ... fold5')
    sbu.add_argument('--out', type=Path, default=Path('data/sbu/sbu.pkl'), help='file to write (default: %(default)s)')
    sbu.set_defaults(prepare=prepare_sbu)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; what is wrong with the data is one line, not a traceback."""
    args = build_parser().parse_args(arguments)
    try:
        args.prepare(args)
    except (ValueError, OSError) as error:
        messages.print(Text.assemble(('error: ', 'bold red'), str(error)), soft_wrap=True)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
