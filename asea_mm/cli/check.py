"""Check an annotation file before you train on it: what is in it, and everything that is wrong with it.

Any annotation file will do: ours, mmaction2's or PYSKL's. Exits with 0 if it is fit for training, with 1 if
it is not or cannot be read.

Examples:
  asea check data/mine/mine.pkl --pictures mine.png
  asea check ntu60_3d.pkl --layout nturgbd25 --json report.json
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.progress import track
from rich.text import Text

from ..datasets.check import Report, check_annotations
from ..skeletons import SKELETONS
from .output import console, print_table, say_written, write_json

NAMED = 5  # how many samples of a finding are shown; the JSON file names all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('file', help='annotation file')
    parser.add_argument('--layout', choices=sorted(SKELETONS), help='layout (default: what the file says)')
    parser.add_argument('--pictures', type=Path, metavar='OUT.png', help='draw skeletons of every class')
    parser.add_argument('--json', type=Path, metavar='OUT.json', help='write the report as JSON')


def run(args: argparse.Namespace) -> int:
    report = check_annotations(
        args.file,
        args.layout,
        lambda samples: track(samples, 'checking', console=console(stderr=True), transient=True),
    )
    print_report(report)
    if args.json:
        write_json(args.json, report.as_dict())
    if args.pictures and report.pictures and report.skeleton:
        from ..visualization.contact_sheet import plot_contact_sheet

        plot_contact_sheet(report.pictures, report.skeleton, args.pictures)
        say_written(args.pictures)
    elif args.pictures:
        print('warning: no pictures: no sample can be drawn', file=sys.stderr)
    return 0 if report.fit else 1


def print_report(report: Report) -> None:
    """What is in the file, everything that is wrong, with what to do about it, and the verdict."""
    output, facts = console(), report.facts
    for name, text in facts_as_text(report).items():
        output.print(Text.assemble((f'{name:22}', 'bold'), text), soft_wrap=True)
    if facts['classes']:
        rows = [[title, *counts.values()] for title, counts in facts['classes'].items()]
        rows.append(['all', facts['samples'], *facts['splits'].values()])
        print_table(None, ['class', 'samples', *facts['splits']], rows)
    for level, style in (('error', 'bold red'), ('warning', 'yellow')):
        for finding in report.level(level):
            count = f' [{finding.count}]' if finding.count > 1 or finding.named else ''
            output.print(Text.assemble((level, style), f'{count} {finding.what}'), soft_wrap=True)
            if finding.named:
                names = [*finding.named[:NAMED], *(['...'] if len(finding.named) > NAMED else [])]
                output.print(Text(f'    {", ".join(names)}', 'dim'), soft_wrap=True)
            output.print(Text(f'    -> {finding.advice}'), soft_wrap=True)
    verdict = ('fit for training', 'bold green') if report.fit else ('not fit for training', 'bold red')
    kinds = f' ({len(report.level("error"))} kinds of errors, {len(report.level("warning"))} of warnings)'
    output.print(Text.assemble(verdict, kinds), soft_wrap=True)


def facts_as_text(report: Report) -> dict[str, str]:
    """What is in the file, a line each."""
    facts = report.facts
    coordinates = ' and '.join(f'{count}-D' for count in facts['coordinates'])
    joints = ' and '.join(map(str, facts['joints']))
    shares = facts['share of frames with persons'].items()
    lines = {
        'file': report.path,
        'samples': f'{facts["samples"]:,}',
        'layout': f'{facts["layout"] or "unknown"} ({joints or "no"} joints, {coordinates or "no coordinates"}, '
        f'{facts["pairs of left and right"] or "no"} pairs of left and right)',
        'dtype': ', '.join(facts['dtypes']) or '-',
        'frames': spread(facts['frames'], '.0f'),
        'body size': spread(facts['body size'], '.4g'),
        **{f'range of {axis}': f'{low:.4g} to {high:.4g}' for axis, (low, high) in facts['range'].items()},
        'persons in a frame': ', '.join(f'{count}: {share:.1%}' for count, share in shares) or '-',
    }
    if facts.get('joints missing'):
        worst = ', '.join(f'{name} {share:.1%}' for name, share in facts['most often missing'].items())
        lines['joints missing'] = f'{facts["joints missing"]:.2%} (most often {worst})'
    return lines


def spread(values: Sequence[float] | None, form: str) -> str:
    if values is None:
        return '-'
    low, middle, high = (format(value, form) for value in values)
    return f'{low} to {high}, median {middle}'
