"""Which test samples several runs get wrong: are errors the model's, or does every model make them?

    python tools/hard_samples.py work_dirs/asea_sbu_cv work_dirs/ctrgcn_sbu_cv --out results/sbu_hard_samples

Takes what ``tools/fuse_streams.py`` takes: work folders of ``tools/cross_validate.py`` (all their finished folds and
seeds, last epoch) or the ``OUT.npz`` of its results, folders of ``tools/test.py``, or ``scores.npz`` files. The models
may differ, the classes may not.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from asea_mm.engine import report_errors
from asea_mm.engine.running import working_tree_commit
from asea_mm.errors import InputError
from asea_mm.evaluation.scores import read_runs

from .statistics.hard_samples import COLUMNS, as_cells, class_names, hard_samples
from .statistics.pages import markdown_table, write_result


def markdown(result: dict, rows: list[tuple[str, ...]]) -> list[str]:
    return [
        '# Samples that runs get wrong',
        '',
        f'Command: `{result["command"]}`, commit {result["commit"]}. {result["summary"]}',
        '',
        *markdown_table(COLUMNS, rows),
    ]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('runs', nargs='+', type=Path, help='score files, or folders of tests or cross-validations')
    parser.add_argument('--out', help='write all samples to OUT.json and OUT.md')
    parser.add_argument('--show', type=int, default=20, help='samples to print; default 20')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if len(set(args.runs)) < len(args.runs):
        raise InputError(f'one is given twice: {" ".join(map(str, args.runs))}')
    runs = {
        f'{path}, fold {fold}, seed {seed}': scores
        for path in args.runs
        for (fold, seed), scores in read_runs(path).items()
    }
    samples = hard_samples(runs)
    classes = class_names(args.runs[0], next(iter(runs.values())).scores.shape[1])
    num_samples = len({name for run in runs.values() for name in run.ids})
    errors, always = sum(sample.wrong for sample in samples), [s for s in samples if s.wrong == s.tested]
    mostly = [sample for sample in samples if 2 * sample.wrong > sample.tested]
    summary = (
        f'{len(runs)} runs, {num_samples} samples, {errors} errors of {len(samples)} samples. Wrong in every run: '
        f'{len(always)}; in more than half of their runs: {len(mostly)}, which makes '
        f'{sum(sample.wrong for sample in mostly)} of the errors.'
    )
    rows = [as_cells(sample, classes) for sample in samples]
    table = Table(*COLUMNS)
    for row in rows[: args.show]:
        table.add_row(*row)
    console = Console()
    console.print(table)
    if len(rows) > args.show:
        console.print(f'and {len(rows) - args.show} more')
    console.print(summary)
    if args.out:
        result = {
            'command': ' '.join(['python', 'tools/hard_samples.py', *sys.argv[1:]]),
            'commit': working_tree_commit(),
            'summary': summary,
            'classes': classes,
            'samples': [asdict(sample) for sample in samples],
        }
        write_result(args.out, result, markdown(result, rows))


if __name__ == '__main__':
    with report_errors():
        main()
