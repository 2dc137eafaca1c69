"""Check an annotation file before you train on it: what is in it, and everything that is wrong with it.

Any annotation file will do: ours, mmaction2's or PYSKL's. Exits with 0 if it is fit for training, with 1 if
it is not or cannot be read.

Examples:
  asea check data/mine/mine.pkl --pictures mine.png
  asea check ntu60_3d.pkl --layout nturgbd25 --json report.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from ..datasets.check import Finding, Report, check_annotations
from ..datasets.files.whole import write_whole
from ..skeletons import SKELETONS
from .options import console, say_written


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('file', help='annotation file')
    parser.add_argument('--layout', choices=sorted(SKELETONS), help='layout (default: what the file says)')
    parser.add_argument('--pictures', type=Path, metavar='OUT.png', help='draw skeletons of every class')
    parser.add_argument('--json', type=Path, metavar='OUT.json', help='write the report as JSON')


def run(args: argparse.Namespace) -> int:
    def progress(samples: Sequence) -> Iterable:
        return track(samples, description='checking', console=console(stderr=True), transient=True)

    report = check_annotations(args.file, args.layout, progress)
    print_facts(report, console())
    print_findings(report, console())
    if args.json:
        write_whole(args.json, json.dumps(report.as_dict(), indent=1) + '\n')
        say_written(args.json)
    if args.pictures and report.pictures and report.skeleton:
        from ..visualization.contact_sheet import plot_contact_sheet

        plot_contact_sheet(report.pictures, report.skeleton, args.pictures)
        say_written(args.pictures)
    elif args.pictures:
        print('warning: no pictures: no sample can be drawn', file=sys.stderr)
    return 0 if report.fit else 1


def print_facts(report: Report, output: Console) -> None:
    """What is in the file."""
    facts = report.facts

    def line(name: str, text: str) -> None:
        output.print(Text.assemble((f'{name:22}', 'bold'), text), soft_wrap=True)

    line('file', report.path)
    line('samples', f'{facts["samples"]:,}')
    coordinates = ' and '.join(f'{count}-D' for count in facts['coordinates'])
    joints = ' and '.join(str(count) for count in facts['joints'])
    line('layout', f'{facts["layout"] or "unknown"} ({joints or "no"} joints, {coordinates or "no coordinates"})')
    line('dtype', ', '.join(facts['dtypes']) or '-')
    line('frames', spread(facts['frames'], '.0f'))
    line('body size', spread(facts['body size'], '.4g'))
    for axis, (low, high) in facts['range'].items():
        line(f'range of {axis}', f'{low:.4g} to {high:.4g}')
    shares = facts['share of frames with persons'].items()
    line('persons in a frame', ', '.join(f'{count}: {share:.1%}' for count, share in shares) or '-')
    if facts.get('joints missing'):
        worst = ', '.join(f'{name} {share:.1%}' for name, share in facts['most often missing'].items())
        line('joints missing', f'{facts["joints missing"]:.2%} (most often {worst})')
    if facts['classes']:
        output.print(class_table(facts))


def spread(values: Sequence[float] | None, form: str) -> str:
    if values is None:
        return '-'
    low, middle, high = (format(value, form) for value in values)
    return f'{low} to {high}, median {middle}'


def class_table(facts: dict) -> Table:
    """Samples of every class, in all and in every split."""
    columns = ['samples', *facts['splits']]
    table = Table(show_footer=True, box=box.SIMPLE, padding=(0, 1))
    table.add_column('class', footer='all')
    for column in columns:
        total = facts['samples'] if column == 'samples' else facts['splits'][column]
        table.add_column(Text(column), footer=str(total), justify='right')
    for title, counts in facts['classes'].items():
        table.add_row(Text(title), *(str(counts[column]) for column in columns))
    return table


def print_findings(report: Report, output: Console) -> None:
    """Everything that is wrong, with what to do about it, and the verdict."""
    for level, style in (('error', 'bold red'), ('warning', 'yellow')):
        for finding in report.level(level):
            print_finding(finding, style, output)
    errors, warnings = len(report.level('error')), len(report.level('warning'))
    verdict = Text('fit for training', 'bold green') if report.fit else Text('not fit for training', 'bold red')
    output.print(verdict + Text(f' ({errors} kinds of errors, {warnings} of warnings)', ''), soft_wrap=True)


def print_finding(finding: Finding, style: str, output: Console) -> None:
    more = ', ...' if finding.count > len(finding.named) else ''
    count = f' [{finding.count}]' if finding.count > 1 or finding.named else ''
    output.print(Text.assemble((finding.level, style), f'{count} {finding.what}'), soft_wrap=True)
    if finding.named:
        output.print(Text(f'    {", ".join(finding.named)}{more}', 'dim'), soft_wrap=True)
    output.print(Text(f'    -> {finding.advice}'), soft_wrap=True)
