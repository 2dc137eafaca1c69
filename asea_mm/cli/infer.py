"""Recognise interactions in recordings, with a trained model.

    python tools/infer.py recording.json --model work_dirs/mine/epoch_80.pth
    python tools/infer.py long.npz --model epoch_80.pth --window 48 --overlap 36 --picture long.png --json long.json

INPUT is a recording as docs/custom_data.md lists them, NTU's .skeleton, an annotation file or store, or a folder of
recordings. The checkpoint carries its config.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ..apis import InteractionInferencer, InteractionResult
from ..apis.picture import plot_result
from ..datasets.recordings.recording import UNITS, UP_AXES
from ..datasets.recordings.samples import ReadOptions, Sample, read_samples
from ..engine import report_errors
from ..errors import InputError


def parse_pairs(text: str) -> str | list[tuple[int, ...]] | None:
    """``'all'``, or ``'0-2,1-3'``."""
    if text in ('all', 'auto'):
        return 'all' if text == 'all' else None
    try:
        return [tuple(int(person) for person in pair.split('-')) for pair in text.split(',')]
    except ValueError:
        raise InputError(f'--pairs: expected auto, all or numbers such as 0-2,1-3, got {text!r}') from None


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('inputs', nargs='+', metavar='INPUT', help='recordings, annotation files, folders')
    parser.add_argument('--model', required=True, metavar='CHECKPOINT', help='checkpoint of training')
    parser.add_argument('--config', help='config file, where the checkpoint carries none or another is wanted')
    parser.add_argument('--device', default='cpu', help='default: %(default)s')
    parser.add_argument('--window', type=int, help='frames of a sliding window (default: the whole clip at once)')
    parser.add_argument('--overlap', type=int, help='frames that windows share (default: half a window)')
    parser.add_argument('--merge', choices=['mean', 'max'], default='mean', help='of windows (default: %(default)s)')
    parser.add_argument('--pairs', default='auto', help='auto, all, or person numbers such as 0-2,1-3')
    parser.add_argument('--split', help='split of annotation files (default: all samples)')
    parser.add_argument('--fold', type=int, help='fold of annotation files; tests its validation part')
    parser.add_argument('--units', choices=UNITS, help='of recordings (default: metre for 3-D, pixel for 2-D)')
    parser.add_argument('--up', choices=UP_AXES, metavar='{y,z,-y}', help='axis of recordings that points up; --up=-y')
    parser.add_argument('--fill-missing', action='store_true', help='interpolate missing joints of 3-D recordings')
    parser.add_argument('--img-shape', type=int, nargs=2, metavar=('H', 'W'), help='image, where 2-D files do not say')
    parser.add_argument('--batch-size', type=int, default=32, help='default: %(default)s')
    parser.add_argument('--topk', type=int, default=3, help='classes to show (default: %(default)s)')
    parser.add_argument('--explain', action='store_true', help='show active joints; attention goes to --json')
    parser.add_argument('--json', type=Path, metavar='OUT.json', help='write everything that was found')
    parser.add_argument('--picture', type=Path, metavar='OUT.png', help='draw it; several get numbers')
    return parser.parse_args()


def result_table(results: list[InteractionResult], explain: bool) -> Table:
    """A line for each pair of each sample."""
    table = Table(box=box.SIMPLE, padding=(0, 1))
    for column in ('sample', 'frames', 'persons', 'interaction', 'score', 'next'):
        table.add_column(column, justify='right' if column in ('frames', 'score') else 'left')
    if explain:
        table.add_column('most active joints')
    for result in results:
        for pair in result.pairs:
            following = ', '.join(f'{one.label_name} {one.score:.2f}' for one in pair.top_k[1:])
            row = [result.name, str(result.num_frames), ', '.join(pair.person_names), pair.label_name]
            row += [f'{pair.score:.2f}', following]
            if explain:
                best = [f'{joints.person}: {", ".join(list(joints.share)[:3])}' for joints in pair.active_joints]
                row.append('; '.join(best) or '-')
            table.add_row(*map(Text, row))
    return table


def numbered(path: Path, number: int, count: int) -> Path:
    return path if count == 1 else path.with_stem(f'{path.stem}_{number}')


def main() -> None:
    args = parse_args()
    pairs = parse_pairs(args.pairs)
    model = (args.model,) if args.config is None else (args.config, args.model)
    inferencer = InteractionInferencer(*model, device=args.device)
    options = ReadOptions(args.split, args.fold, args.units, args.up, args.fill_missing)
    samples: list[Sample] = []
    for source in track(args.inputs, description='reading', console=Console(stderr=True), transient=True):
        samples.extend(read_samples(source, inferencer.skeleton, options))
    results = inferencer(
        samples,
        pairs=pairs,
        window=args.window,
        overlap=args.overlap,
        merge=args.merge,
        batch_size=args.batch_size,
        topk=args.topk,
        explain=args.explain,
        img_shape=args.img_shape,
    )
    output = Console(width=None if sys.stdout.isatty() else 200)
    output.print(result_table(results, args.explain))
    if args.json is not None:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        content = {'classes': inferencer.classes, 'results': [result.to_dict() for result in results]}
        args.json.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
        output.print(f'wrote {args.json}', markup=False, highlight=False, soft_wrap=True)
    if args.picture is not None:
        found = [(sample, pair) for sample, result in zip(samples, results, strict=True) for pair in result.pairs]
        for number, (sample, pair) in enumerate(found):
            path = numbered(args.picture, number, len(found))
            plot_result(sample.keypoint[pair.persons], inferencer.skeleton, pair, path, sample.name)
            output.print(f'wrote {path}', markup=False, highlight=False, soft_wrap=True)


if __name__ == '__main__':
    with report_errors():
        main()
