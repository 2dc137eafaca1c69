"""Recognise interactions in recordings, with your model or one that comes along.

INPUT is a recording as docs/custom_data.md lists them, NTU's .skeleton, an annotation file, or a folder of
recordings. One that cannot be read is reported, and the others go on; the exit code is then 1.

Without --model it is pair3d for joints in space, in metres, and pair2d for joints in images, as the first recording
has them: docs/weights.md says what they know. A layout other than common13 is given by --layout.

Examples:
  asea infer recording.json --layout coco17
  asea infer recording.json --model work_dirs/mine/epoch_80.pth
  asea infer long.npz --model epoch_80.pth --window 48 --overlap 36 --picture long.png --json long.json
  asea infer recordings/ --model epoch_80.pth --pairs all --up z --units millimetre
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from ..apis import InteractionInferencer, InteractionResult, PairResult, model_for
from ..datasets.recordings.finish import Sample
from ..datasets.recordings.notes import Note, gather_notes
from ..engine import find_config
from ..errors import InputError, one_line
from ..skeletons import read_layout
from .options import add_model_options, add_recording_options, add_subset_options, given_model
from .output import print_table, say_written, write_json

# Of the inferencer's call, by the same names.
READING = ('split', 'fold', 'units', 'up', 'fill_missing', 'img_shape')
OPTIONS = ('window', 'overlap', 'merge', 'batch_size', 'topk', 'explain', *READING)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('inputs', nargs='+', metavar='INPUT', help='recordings, annotation files, folders')
    parser.add_argument('--layout', help="of the recordings' joints: a name or a JSON file (default: the model's)")
    parser.add_argument('--window', type=int, help='frames of a sliding window (default: the whole clip at once)')
    parser.add_argument('--overlap', type=int, help='frames that windows share (default: half a window)')
    parser.add_argument('--merge', choices=['mean', 'max'], default='mean', help='of windows (default: %(default)s)')
    parser.add_argument(
        '--pairs', default='auto', help='auto, all, or persons as the table calls them, such as 1-3,2-4'
    )
    parser.add_argument('--img-shape', type=int, nargs=2, metavar=('H', 'W'), help='image, where 2-D files do not say')
    parser.add_argument('--batch-size', type=int, default=32, help='default: %(default)s')
    parser.add_argument('--topk', type=int, default=3, help='classes to show (default: %(default)s)')
    parser.add_argument('--explain', action='store_true', help='show active joints; attention goes to --json')
    parser.add_argument('--json', type=Path, metavar='OUT.json', help='write everything that was found')
    parser.add_argument('--picture', type=Path, metavar='OUT.png', help='draw it; more than one get names of their own')
    add_model_options(parser, 'by the data')
    add_recording_options(parser)
    add_subset_options(parser.add_argument_group('annotation files'))


def run(args: argparse.Namespace) -> int:
    pairs = parse_pairs(args.pairs)
    layout = None if args.layout is None else read_layout(args.layout)
    given: dict[str, Any] = {name: getattr(args, name) for name in OPTIONS}
    checkpoint = given_model(args, lambda: model_for(args.inputs, layout, **{name: given[name] for name in READING}))
    model = (checkpoint,) if args.config is None else (find_config(args.config), checkpoint)
    inferencer = InteractionInferencer(*model, device=args.device, layout=layout, allow_imports=args.allow_import)
    results: list[InteractionResult] = []
    problems: list[Exception] = []
    pictures: list[Path] = []
    notes: list[tuple[str, Note]] = []

    def on_result(sample: Sample, result: InteractionResult) -> None:
        results.append(result)
        notes.extend((sample.name, note) for note in sample.notes)
        if args.picture is not None:
            for pair in result.pairs:
                pictures.append(draw(args.picture, inferencer, sample, pair, first=not pictures))

    def on_error(error: Exception) -> None:
        problems.append(error)
        print('error:', one_line(error), file=sys.stderr)

    inferencer(args.inputs, pairs=pairs, on_result=on_result, on_error=on_error, **given)
    if results:
        columns = ['sample', 'frames', 'persons', 'interaction', 'score', 'next']
        pairs_of_all = [(result, pair) for result in results for pair in result.pairs]
        print_table(None, columns, [row_of(result, pair) for result, pair in pairs_of_all])
        if args.explain:
            rows = [(result.name, *joints) for result, pair in pairs_of_all for joints in active_joints_of(pair)]
            print_table(None, ['sample', 'person', 'most active joints'], rows)
    for line in gather_notes(notes):
        print('note:', line, file=sys.stderr)
    say_written(*pictures)
    if args.json is not None:
        content = {'classes': inferencer.classes, 'results': [result.to_dict() for result in results]}
        write_json(args.json, content)
    if problems:
        print(f'{len(problems)} inputs could not be read, {len(results)} could', file=sys.stderr)
    return 1 if problems else 0


def parse_pairs(text: str) -> str | list[tuple[str, ...]] | None:
    """``'all'``, or the names of persons: ``[('1', '3'), ('2', '4')]`` of ``'1-3,2-4'``."""
    if text in ('all', 'auto'):
        return 'all' if text == 'all' else None
    pairs = [tuple(pair.split('-')) for pair in text.split(',')]
    if not all(person for pair in pairs for person in pair):
        raise InputError(
            f'--pairs: expected auto, all or persons as the table calls them, such as 1-3,2-4, got {text!r}'
        )
    return pairs


def row_of(result: InteractionResult, pair: PairResult) -> list[str]:
    """What is shown of a pair."""
    following = ', '.join(f'{label.label_name} {label.score:.2f}' for label in pair.top_k[1:])
    row = [result.name, str(result.num_frames), ', '.join(pair.person_names), pair.label_name]
    return [*row, f'{pair.score:.2f}', following]


def active_joints_of(pair: PairResult) -> list[tuple[str, str]]:
    """Each person of a pair and the joints that were active most; of a model that selects none, all and ``-``."""
    names = dict(zip(pair.persons, pair.person_names, strict=True))
    most = [(names[joints.person], ', '.join(list(joints.share)[:3]) or '-') for joints in pair.active_joints]
    return most or [(', '.join(pair.person_names), '-')]


def draw(path: Path, inferencer: InteractionInferencer, sample: Sample, pair: PairResult, first: bool) -> Path:
    """Draw a pair; the first of all goes to the path itself, others get a name of their own."""
    from ..apis.picture import plot_result

    if not first:
        path = path.with_stem(
            '_'.join([path.stem, Path(sample.name).name, *(str(person + 1) for person in pair.persons)])
        )
    plot_result(sample.keypoint[pair.persons], inferencer.skeleton, pair, path, sample.name)
    return path
