"""Make annotation files from raw data.

    python tools/prepare_data.py sbu PATH [--out data/sbu/sbu.pkl]
    python tools/prepare_data.py kinetics10 PATH [--out data/kinetics/kinetics10.pkl]
    python tools/prepare_data.py ntu PATH [--benchmark ntu26|ntu11|ntu60|ntu120] [--out data/ntu/ntu26.pkl]
    python tools/prepare_data.py custom PATH --layout LAYOUT --labels LABELS --split SPLIT [--out FILE]

Every source is a subcommand: a converter in ``asea_mm/datasets/converters`` plus one small function here.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from rich import box
from rich.console import Console
from rich.progress import Progress, track
from rich.table import Table
from rich.text import Text

from ..datasets.check import check_samples
from ..datasets.converters import convert_custom, convert_kinetics10, convert_ntu, convert_sbu
from ..datasets.converters.ntu.facts import BENCHMARKS
from ..datasets.converters.sbu.convert import FOLD_SIZES
from ..datasets.files.annotations import STORE_SUFFIX, save_annotations
from ..datasets.recordings.recording import UNITS, UP_AXES
from ..errors import InputError

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


def check_out(out: Path, *inputs: Path | str | None) -> None:
    """Refuse an output that would replace what it is made of."""
    if out.suffix not in ('.pkl', '.pickle', STORE_SUFFIX):
        raise InputError(f'--out: expected a file that ends in .pkl or {STORE_SUFFIX}, got {out}')
    if any(name is not None and out.resolve() == Path(name).resolve() for name in inputs):
        raise InputError(f'--out: {out} is what is converted; choose another file')


def prepare_sbu(args: argparse.Namespace) -> None:
    """SBU Kinect Interaction v2 (clean): either folder tree to five folds."""
    check_out(args.out, args.path)
    annotations, split, meta = convert_sbu(args.path, track=_progress)
    save_annotations(args.out, annotations, split, meta)
    folds = {f'fold {fold}': split[f'fold{fold}_val'] for fold in FOLD_SIZES}
    output.print(summary_table(annotations, folds, meta['classes'], f'{meta["source"]}, samples per fold'))
    for fold, expected in FOLD_SIZES.items():
        if (found := len(split[f'fold{fold}_val'])) != expected:
            messages.print(Text(f'warning: fold {fold} has {found} sequences, expected {expected}', style='yellow'))
    output.print(f'wrote {len(annotations)} samples to {args.out}', markup=False, highlight=False, soft_wrap=True)


def prepare_kinetics10(args: argparse.Namespace) -> None:
    """Kinetics-10: the two-person classes of Kinetics-400, from ST-GCN's skeletons or PYSKL's HRNet poses."""
    check_out(args.out, args.path)
    problems: list[str] = []
    try:
        annotations, split, meta = convert_kinetics10(args.path, track=_progress, report=problems.append)
    finally:
        for problem in problems:
            messages.print(Text(f'left out: {problem}', style='yellow'), soft_wrap=True)
    if problems and args.strict:
        raise InputError(
            f'{args.path}: clips that cannot be converted: {len(problems)}; nothing was written (--strict)'
        )
    save_annotations(args.out, annotations, split, meta)
    output.print(summary_table(annotations, split, meta['classes'], f'{meta["source"]}, samples per split'))
    if problems:
        messages.print(
            Text(f'warning: left out {len(problems)} of {len(problems) + len(annotations)} clips', style='yellow')
        )
    output.print(f'wrote {len(annotations)} samples to {args.out}', markup=False, highlight=False, soft_wrap=True)


def prepare_ntu(args: argparse.Namespace) -> None:
    """NTU RGB+D 60 and 120: raw .skeleton files or PYSKL's pickle to a benchmark (rules: docs/ntu.md)."""
    out = args.out or Path(f'data/ntu/{args.benchmark}.pkl')
    check_out(out, args.path)
    report, cache = Path(f'{out}.report.txt'), Path(f'{out}.partial')
    progress = Progress(console=messages, transient=True)
    task = progress.add_task('converting', total=None)

    def show(done: int, total: int) -> None:
        progress.live.start()  # not before the processes have been forked
        progress.update(task, completed=done, total=total)

    try:
        done = convert_ntu(args.path, args.benchmark, cache, args.jobs, args.keep_broken, args.dtype, show)
        if done.refused and args.strict:
            first = next(iter(done.refused.values()))
            raise InputError(f'{len(done.refused)} refused, so nothing is written (--strict); the first: {first}')
        save_annotations(out, done.annotations, done.split, done.meta)
    except KeyboardInterrupt:
        messages.print(f'stopped; the same command goes on from {cache}', markup=False, soft_wrap=True)
        raise SystemExit(130) from None
    finally:
        progress.live.stop()
    done.remove_cache()
    report.unlink(missing_ok=True)
    benchmark = BENCHMARKS[args.benchmark]
    names = [f'A{number:03d} {name[:26]}' for number, name in zip(benchmark.actions, benchmark.classes, strict=True)]
    groups = {name.replace('_', '\n'): ids for name, ids in done.split.items()}
    output.print(summary_table(done.samples, groups, names, f'{benchmark.title}, samples per split'))
    for remark in done.remarks():
        messages.print(remark, markup=False, highlight=False, soft_wrap=True)
    if (found := len(done.samples) + len(done.broken) + len(done.refused)) < benchmark.num_samples:
        expected = f'expected {benchmark.num_samples} with the broken ones'
        messages.print(Text(f'warning: {found} samples of {benchmark.title}, {expected}', style='yellow'))
    if done.refused:
        report.write_text(''.join(f'{reason}\n' for reason in done.refused.values()), encoding='utf-8')
        messages.print(Text(f'warning: {len(done.refused)} refused, all of them in {report}:', style='yellow'))
        for reason in list(done.refused.values())[:10]:
            messages.print(f'  {reason}', markup=False, highlight=False, soft_wrap=True)
    output.print(f'wrote {len(done.samples)} samples to {out}', markup=False, highlight=False, soft_wrap=True)


def prepare_custom(args: argparse.Namespace) -> None:
    """Your own recordings: arrays, CSV, JSON, OpenPose, COCO results, mmpose. All forms: docs/custom_data.md."""
    if args.out is not None:
        check_out(args.out, args.path, args.labels, args.classes, args.layout)
    skipped: list[str] = []
    options = {name: getattr(args, name) for name in ('classes', 'num_person', 'units', 'up', 'fps', 'seed')}
    skip = skipped.append if args.skip_bad else None
    annotations, split, meta = convert_custom(
        args.path, args.layout, args.labels, args.split, fill=args.fill_missing, skip=skip, track=_progress, **options
    )
    out = args.out or Path('data/custom') / f'{meta["source"]}.pkl'
    save_annotations(out, annotations, split, meta)
    for message in skipped:
        messages.print(Text(f'left out: {message}', style='yellow'), soft_wrap=True)
    folds = {name.removesuffix('_val').replace('fold', 'fold '): split[name] for name in split if name[-4:] == '_val'}
    plain = {name: ids for name, ids in split.items() if not name.startswith('fold')}
    output.print(summary_table(annotations, {**plain, **folds}, meta['classes'], f'{meta["source"]}, samples'))
    for finding in check_samples(annotations, split, meta).findings.values():
        messages.print(Text(str(finding), style='yellow'), soft_wrap=True)
    channels, scores = annotations[0]['keypoint'].shape[-1], int('keypoint_score' in annotations[0])
    layout = meta['layout'] if isinstance(meta['layout'], str) else f'the content of {args.layout}'
    output.print(
        f'for the config: layout {layout}, num_classes={len(meta["classes"])}, in_channels={channels + scores} for one '
        f'stream, {2 * channels + scores} for two',
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    output.print(f'wrote {len(annotations)} samples to {out}', markup=False, highlight=False, soft_wrap=True)


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description='Make annotation files from raw data.')
    sources = parser.add_subparsers(title='sources', required=True, metavar='SOURCE')
    sbu = sources.add_parser('sbu', help='SBU Kinect Interaction v2 (clean)', description=prepare_sbu.__doc__)
    sbu.add_argument('path', type=Path, help='folder that holds s01s02, s01s03, ... or fold1 ... fold5')
    sbu.add_argument('--out', type=Path, default=Path('data/sbu/sbu.pkl'), help='file to write (default: %(default)s)')
    sbu.set_defaults(prepare=prepare_sbu)
    k10 = sources.add_parser('kinetics10', help='Kinetics-10, of Kinetics-400', description=prepare_kinetics10.__doc__)
    k10.add_argument('path', type=Path, help="ST-GCN's folder that holds kinetics_train, or PYSKL's k400_hrnet.pkl")
    k10.add_argument('--out', type=Path, default=Path('data/kinetics/kinetics10.pkl'), help='default: %(default)s')
    k10.add_argument('--strict', action='store_true', help='write nothing if any clip cannot be converted')
    k10.set_defaults(prepare=prepare_kinetics10)
    ntu = sources.add_parser('ntu', help='NTU RGB+D 60 and 120', description=prepare_ntu.__doc__)
    ntu.add_argument('path', type=Path, help="folder with .skeleton files, or PYSKL's ntu60_3d.pkl or ntu120_3d.pkl")
    ntu.add_argument('--benchmark', choices=list(BENCHMARKS), default='ntu26', help='default: %(default)s')
    ntu.add_argument('--out', type=Path, help='file to write (default: data/ntu/{benchmark}.pkl)')
    ntu.add_argument('--jobs', type=int, default=os.cpu_count() or 1, help='processes (default: one per core)')
    ntu.add_argument('--keep-broken', action='store_true', help='keep the 535 samples listed as missing skeletons')
    ntu.add_argument('--dtype', choices=['float32', 'float16'], default='float32', help='default: %(default)s')
    ntu.add_argument('--strict', action='store_true', help='write nothing if any file is refused')
    ntu.set_defaults(prepare=prepare_ntu)
    custom = sources.add_parser('custom', help='your own recordings', description=prepare_custom.__doc__)
    custom.add_argument('path', type=Path, help='folder of recordings: .npy, .npz, .csv, .json, OpenPose folders')
    custom.add_argument('--layout', required=True, help='sbu15, nturgbd25, coco17, openpose18, body25 or a JSON file')
    custom.add_argument('--labels', required=True, help="CSV 'name,label[,split][,subject][,fold]', or: folders")
    custom.add_argument('--split', required=True, help='column, ratio:0.8, subject:3,7,9 or kfold:5')
    custom.add_argument('--classes', type=Path, help='text file, one class name a line (default: sorted labels)')
    custom.add_argument('--num-person', type=int, default=2, help='persons to keep (default: %(default)s)')
    custom.add_argument('--units', choices=UNITS, help='default: metre for 3-D, pixel for 2-D')
    custom.add_argument(
        '--up', nargs='?', const='', choices=['', *UP_AXES], metavar='{y,z,-y}', help='axis that points up in 3-D'
    )
    # argparse takes the value of `--up -y` for an option, so it is one.
    custom.add_argument('-y', dest='up', action='store_const', const='-y', help=argparse.SUPPRESS)
    custom.add_argument('--fps', type=float, help='frames per second of recordings that do not say')
    custom.add_argument('--fill-missing', action='store_true', help='interpolate missing joints in time')
    custom.add_argument('--skip-bad', action='store_true', help='leave out bad recordings instead of stopping')
    custom.add_argument('--seed', type=int, default=0, help='of random splits (default: %(default)s)')
    custom.add_argument('--out', type=Path, help='file to write (default: data/custom/{name of the folder}.pkl)')
    custom.set_defaults(prepare=prepare_custom)
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
