"""Check an annotation file before you train on it.

    python tools/check_data.py data/mine/mine.pkl --pictures mine.png

Any annotation file will do: ours, mmaction2's, PYSKL's, or a store. What is in it and everything that is wrong with it
goes to stdout. Exit code: 0 fit for training, 1 not fit (there are errors), 2 the file cannot be read, or a picture or
JSON file cannot be written.
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

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ..datasets.check import Finding, Report, check_annotations
from ..skeletons import SKELETONS
from ..visualization.contact_sheet import plot_contact_sheet

FIT, NOT_FIT, UNREADABLE = 0, 1, 2


def print_report(report: Report, console: Console) -> None:
    """Facts, classes, findings, verdict."""
    facts = report.facts

    def line(name: str, text: str) -> None:
        console.print(Text.assemble((f'{name:22}', 'bold'), text), soft_wrap=True)

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
        console.print(class_table(facts))
    for level, style in (('error', 'bold red'), ('warning', 'yellow')):
        for finding in report.level(level):
            print_finding(finding, style, console)
    errors, warnings = len(report.level('error')), len(report.level('warning'))
    verdict = Text('fit for training', 'bold green') if report.fit else Text('not fit for training', 'bold red')
    console.print(verdict + Text(f' ({errors} kinds of errors, {warnings} of warnings)', ''), soft_wrap=True)


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


def print_finding(finding: Finding, style: str, console: Console) -> None:
    more = ', ...' if finding.count > len(finding.named) else ''
    count = f' [{finding.count}]' if finding.count > 1 or finding.named else ''
    console.print(Text.assemble((finding.level, style), f'{count} {finding.what}'), soft_wrap=True)
    if finding.named:
        console.print(Text(f'    {", ".join(finding.named)}{more}', 'dim'), soft_wrap=True)
    console.print(Text(f'    -> {finding.advice}'), soft_wrap=True)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('file', help='annotation file or store')
    parser.add_argument('--layout', choices=sorted(SKELETONS), help='skeleton layout; default what the file says')
    parser.add_argument('--pictures', metavar='OUT.png', help='write a page with skeletons of every class')
    parser.add_argument('--json', metavar='OUT.json', help='write the report as JSON')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    output = Console(width=None if sys.stdout.isatty() else 200)
    messages = Console(stderr=True)

    def progress(samples: Sequence) -> Iterable:
        return track(samples, description='checking', console=messages, transient=True)

    try:
        report = check_annotations(args.file, args.layout, progress)
    except (ValueError, OSError) as error:
        print('error:', error, file=sys.stderr)
        return UNREADABLE
    print_report(report, output)
    try:
        if args.json:
            Path(args.json).parent.mkdir(parents=True, exist_ok=True)
            Path(args.json).write_text(json.dumps(report.as_dict(), indent=1) + '\n', encoding='utf-8')
        if args.pictures and report.pictures and report.skeleton:
            plot_contact_sheet(report.pictures, report.skeleton, args.pictures)
            output.print(f'wrote {args.pictures}', markup=False, highlight=False, soft_wrap=True)
        elif args.pictures:
            print('warning: no pictures: no sample can be drawn', file=sys.stderr)
    except (ValueError, OSError) as error:
        print('error:', error, file=sys.stderr)
        return UNREADABLE
    return FIT if report.fit else NOT_FIT


if __name__ == '__main__':
    sys.exit(main())
