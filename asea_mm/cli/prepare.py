"""Make an annotation file from a data set or from your own recordings, check it, and say what to do next.

Every source is a subcommand with options of its own: asea prepare SOURCE --help. What is written is read by mmaction2
and PYSKL, too. convert writes an annotation file of theirs, or a store of before, as one of ours, whose samples are
read one at a time.

Examples:
  asea prepare sbu ~/sbu
  asea prepare ntu ~/nturgb+d_skeletons --benchmark ntu26 --jobs 8
  asea prepare custom recordings/ --layout coco17 --labels labels.csv --split kfold:5
  asea prepare custom recordings/ --layout mine.json --labels folders --split ratio:0.8 --up -y --units millimetre
  asea prepare convert ntu120_3d.pkl data/ntu/ntu120.pkl --layout nturgbd25
"""

import argparse
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from ..datasets.check import check_annotations
from ..datasets.converters import CONVERTERS, Converter
from ..datasets.converters.annotation_file import convert_annotations
from ..datasets.converters.protocol import MOST_MESSAGES, grouped
from ..datasets.files.annotations import save_annotations
from ..engine.configs import known_configs
from ..errors import InputError
from ..skeletons import SKELETONS
from .check import print_report
from .options import RECORDING_OPTIONS
from .output import progress, say_written

SUFFIXES = ('.pkl', '.pickle')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    sources = parser.add_subparsers(title='sources', required=True, metavar='SOURCE')
    for name, converter in CONVERTERS.items():
        source = sources.add_parser(name, help=converter.title, description=converter.title)
        source.add_argument('path', help=converter.source)
        source.add_argument('--out', type=Path, help=f'file to write (default: {converter.out})')
        for option, settings in converter.options.items():
            source.add_argument(f'--{option.replace("_", "-")}', **(RECORDING_OPTIONS.get(option) or settings))
        source.add_argument(
            '--skip-bad',
            action=argparse.BooleanOptionalAction,
            default=converter.skip_bad,
            help='leave out recordings that cannot be converted, instead of writing nothing',
        )
        source.set_defaults(prepare=prepare_source, converter=converter)
    convert = sources.add_parser('convert', help='an annotation file of mmaction2 or PYSKL, or a store of before')
    convert.add_argument('path', help='annotation file, or the folder of a store')
    convert.add_argument('out', type=Path, help='file to write')
    convert.add_argument('--layout', choices=sorted(SKELETONS), help='layout to note in a file that does not name one')
    convert.set_defaults(prepare=prepare_file)


def run(args: argparse.Namespace) -> int:
    return args.prepare(args)


def prepare_source(args: argparse.Namespace) -> int:
    """Convert, write, check; returns 1 if the file is not fit for training."""
    converter: Converter = args.converter
    options = {name: getattr(args, name) for name in converter.options}
    out = args.out or Path(converter.out.format(name=Path(args.path).resolve().stem, **options))
    check_out(out, [args.path, *options.values()])
    with progress('converting') as show:
        conversion = converter.convert(args.path, progress=show, skip_bad=args.skip_bad, **options)
        save_annotations(out, conversion.annotations, conversion.split, conversion.meta)
    for problem in grouped(conversion.problems)[:MOST_MESSAGES]:
        print(f'left out: {problem}', file=sys.stderr)
    if conversion.problems:
        print(f'warning: left out {len(conversion.problems)} recordings', file=sys.stderr)
    report = check_annotations(out)
    print_report(report)
    for note in conversion.notes:
        print(note)
    print(f'wrote {report.facts["samples"]} samples to {out}')
    file = shlex.quote(str(out))
    config = f'asea_{out.stem}' if f'asea_{out.stem}' in known_configs() else 'your_config.py'
    print(f'next:\n  asea check {file} --pictures {shlex.quote(str(out.with_suffix(".png")))}\n  asea train {config}')
    return 0 if report.fit else 1


def prepare_file(args: argparse.Namespace) -> int:
    """An annotation file as this package writes it."""
    check_out(args.out, [args.path])
    convert_annotations(args.path, args.out, args.layout)
    say_written(args.out)
    return 0


def check_out(out: Path, inputs: Iterable[object]) -> None:
    """Refuse an output that would replace what it is made of."""
    if out.suffix not in SUFFIXES:
        raise InputError(f'--out: expected a file that ends in .pkl, got {out}')
    if any(isinstance(name, (str, Path)) and out.resolve() == Path(name).resolve() for name in inputs):
        raise InputError(f'--out: {out} is what is converted; choose another file')
