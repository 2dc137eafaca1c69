"""A page of Markdown that sets cross-validations beside each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asea_mm.evaluation.statistics import as_percent, in_columns, run_name, with_spread

from ..files import by_run, markdown_table
from .comparison import Comparison, compare, mean_of_folds, measure_of, summary_of, together
from .selection import select_on_other_folds

# What a page says of its columns.
COLUMNS = """\
Top-1 in %. n is folds × seeds; last and best epoch are the mean of the folds, mean ± standard deviation over seeds.
The best epoch is chosen on the test fold, the last one is not. Difference: last epoch, in points, to the row named
below or after "to", over the pairs of runs of the same fold, seed, number of epochs and samples; mean ± standard
deviation over pairs. p is of a two-sided sign-flip permutation test; "within noise" is any p of 0.05 or more, and "too
few pairs" fewer than six, which cannot give less. p is not corrected for the number of rows, the folds of a
cross-validation share their training samples, the seeds of a fold its test samples: small values are weaker evidence
than they look. Published figures are those of papers, of the dataset in brackets, not measured here. Hours are of all
runs of a row; runs at once shared the cores."""
LATE_EPOCHS = """\
Late epochs, the mean of the last third of the validations: nothing is chosen, and where accuracies wander by an error
or two from epoch to epoch, this says more of a recipe than the one epoch that happens to be the last. Columns as
above."""
BEST_EPOCH = """\
Best epoch, which most papers compare: chosen on the test fold for each run, so that it is the higher the more the
accuracy wanders from epoch to epoch. Columns as above."""
CROSS_ENTROPY = """\
Cross-entropy of the last epoch, the mean over test samples of -log of the probability of the true class: lower is
better. An accuracy moves in steps of one error; this measure moves with every sample, and tells models apart that make
the same few errors. Models trained with smoothed labels are less sure by design: compare them with one another only.
Columns as above."""
SELECTED = """\
A row chosen without the test fold: for each fold the one with the highest last epoch on the other folds, out of those
with all runs of the row that others are compared with. The highest mean of a table is too high, since it was chosen on
the samples that it is of; this one was not, as far as these rows go."""
CLASSES = """\
Classes, last epoch of all runs: how much of how many test samples is recognised, and what the others are taken for, and
how often."""
TITLES = ('', 'n', 'epochs', 'last epoch', 'best epoch', 'difference', 'verdict', 'published', 'commit', 'hours')


@dataclass(frozen=True)
class Row:
    """A row of :func:`comparison_page`.

    Args:
        label: What it is called.
        runs: Its runs, as of :class:`~lab.files.Result`; none if it was not run.
        state: What to say in place of figures that are not there.
        command: What made the runs or would make them.
        reference: Name of the row it is compared with, which may be its own name.
        published: A figure of a paper, with its dataset.
        own_reference: Whether it is to be compared with that one in particular, not as most rows of the page are.
        classes: Names of the classes of its confusions; none if those are not known.
    """

    label: str
    runs: Sequence[Mapping[str, Any]]
    state: str
    command: str
    reference: str
    published: str = '-'
    own_reference: bool = False
    classes: Sequence[str] = ()


def comparison_page(
    title: str,
    note: str,
    rows: Mapping[str, Row],
    reference: str,
    published: Sequence[str] = (),
    picture: str | None = None,
) -> str:
    """A page of Markdown: the rows, their paired differences per run, and their commands.

    Args:
        title: Title of the page.
        note: What to say before the table.
        rows: The rows by name.
        reference: Name of the row that most are compared with.
        published: Lines of figures of others, to follow the table.
        picture: File of :func:`~lab.pictures.comparison.draw_comparison`, as seen from the page; None if there is none.
    """
    pairs = {
        name: compare(row.runs, rows[row.reference].runs)
        for name, row in rows.items()
        if row.runs and row.reference != name
    }
    lines = [f'# {title}', '', note.strip(), '', *([f'![{title}]({picture})', ''] if picture else [])]
    lines += [COLUMNS, '', f'Compared with: {rows[reference].label}.', '']
    lines += markdown_table(TITLES, [_cells(name, row, rows, pairs) for name, row in rows.items()])
    lines += ['', commits_in_words(rows.values())]
    if on_gpu := gpus_in_words(rows.values()):
        lines += ['', on_gpu]
    for name, comparison in pairs.items():
        if comparison.left_out:
            left_out = ', '.join(run_name(*run) for run in comparison.left_out)
            names = f'{rows[name].label} with {rows[rows[name].reference].label}'
            lines += ['', f'Not compared, {names}, as epochs or samples differ: {left_out}.']
    if runs := sorted({run for comparison in pairs.values() for run in comparison.differences}):
        cells = []
        for name, comparison in pairs.items():
            values = [comparison.differences.get(run) for run in runs]
            labels = [rows[name].label, rows[rows[name].reference].label]
            cells.append(labels + ['-' if value is None else f'{100 * value:+.2f}' for value in values])
        lines += ['', 'Paired differences of the last epoch, in points:', '']
        lines += markdown_table(['', 'to', *(run_name(*run) for run in runs)], cells)
    lines += _rowsof_own_reference(rows, pairs, as_percent)
    lines += _selected(rows, reference)
    lines += _of_measure(rows, 'late_top1', 'late epochs', LATE_EPOCHS, as_percent)
    lines += _of_measure(rows, 'best_top1', 'best epoch', BEST_EPOCH, as_percent)
    lines += _of_measure(rows, 'last_cross_entropy', 'cross-entropy', CROSS_ENTROPY, with_spread)
    lines += _by_fold(rows.values())
    lines += _by_class(rows.values())
    if published:
        lines += ['', 'Published by others, not measured here:', '', *(f'- {line}' for line in published)]
    lines += ['', 'Commands:', '']
    for row in rows.values():
        lines.append(f'- {row.label}{"" if row.runs else f", {row.state}"}: `{row.command}`')
    return '\n'.join(lines) + '\n'


def _cells(name: str, row: Row, rows: Mapping[str, Row], pairs: Mapping[str, Comparison]) -> list[str]:
    if not row.runs:
        return [row.label, row.state, *['-'] * 5, row.published, '-', '-']
    return [
        row.label,
        ' × '.join(str(len(set(axis))) for axis in zip(*by_run(row.runs), strict=True)),
        ', '.join(map(str, sorted({run['epochs'] for run in row.runs}))),
        *(as_percent(mean_of_folds(row.runs, key)) for key in ('last_top1', 'best_top1')),
        *_beside_reference(pairs.get(name), row, rows),
        row.published,
        ', '.join(sorted({run['commit'] for run in row.runs})),
        f'{sum(run["seconds"] for run in row.runs) / 3600:.1f}',
    ]


def _by_fold(rows: Iterable[Row]) -> list[str]:
    """Every measure of every fold."""
    lines = []
    for key, title, as_text in (
        ('last_top1', 'Last epoch', as_percent),
        ('best_top1', 'Best epoch', as_percent),
        ('last_cross_entropy', 'Cross-entropy', with_spread),
    ):
        by_label = {}
        for row in rows:
            known = row.runs and all(measure_of(run, key) is not None for run in row.runs)
            if known and len({run['fold'] for run in row.runs}) > 1:
                columns = in_columns(summary_of(row.runs, key))
                by_label[row.label] = {column: as_text(part) for column, part in columns.items()}
        if by_label:
            titles = list(dict.fromkeys(column for columns in by_label.values() for column in columns))
            cells = [[label, *(columns.get(title, '-') for title in titles)] for label, columns in by_label.items()]
            lines += ['', f'{title}, by fold:', '', *markdown_table(['', *titles], cells)]
    return lines


def _by_class(rows: Iterable[Row]) -> list[str]:
    """How much of each class the last epochs recognise, and as what else they see the rest."""
    groups = defaultdict(list)
    for row in rows:
        if row.runs and row.classes:
            groups[tuple(row.classes)].append(row)
    lines = []
    for classes, members in groups.items():
        cells = []
        for row in members:
            confusion = np.sum([run['confusion'] for run in row.runs], axis=0)
            hits = np.diag(confusion) / np.maximum(confusion.sum(axis=1), 1)
            wrong = [
                f'{classes[true]} as {classes[seen]} {count}'
                for (true, seen), count in np.ndenumerate(confusion)
                if count and true != seen
            ]
            counts = [f'{100 * share:.2f} of {total}' for share, total in zip(hits, confusion.sum(axis=1), strict=True)]
            cells.append([row.label, *counts, ', '.join(wrong) or '-'])
        lines += ['', CLASSES, '', *markdown_table(['', *classes, 'errors'], cells)]
    return lines


def _selected(rows: Mapping[str, Row], reference: str) -> list[str]:
    """What comes of a choice among the rows that does not know the fold it is tested on."""
    wanted = set(by_run(rows[reference].runs))
    candidates = {
        name: [run for run in row.runs if (run['fold'], run['seed']) in wanted]
        for name, row in rows.items()
        if wanted and wanted <= set(by_run(row.runs))
    }
    if len(candidates) < 2 or len({fold for fold, _ in wanted}) < 2:
        return []
    selection = select_on_other_folds(candidates)
    titles = ['out of', 'mean of folds', *(f'fold {fold}' for fold in selection.chosen)]
    labels = [rows[name].label for name in selection.chosen.values()]
    out_of = '; '.join(rows[name].label for name in candidates)
    return ['', SELECTED, '', *markdown_table(titles, [[out_of, as_percent(selection.mean_of_folds), *labels]])]


def _of_measure(
    rows: Mapping[str, Row], key: str, title: str, text: str, as_text: Callable[[Mapping[str, Any]], str]
) -> list[str]:
    """The lines of another measure than the last epoch's accuracy, of the rows that have it."""
    cells, pairs = [], {}
    for name, row in rows.items():
        if not row.runs or any(measure_of(run, key) is None for run in row.runs):
            continue
        if row.reference != name:
            pairs[name] = compare(row.runs, rows[row.reference].runs, key)
        beside = _beside_reference(pairs.get(name), row, rows, as_text)
        cells.append([row.label, as_text(mean_of_folds(row.runs, key)), *beside])
    if not cells:
        return []
    table = markdown_table(['', title, 'difference', 'verdict'], cells)
    return ['', text, '', *table, *_rowsof_own_reference(rows, pairs, as_text)]


def _rowsof_own_reference(
    rows: Mapping[str, Row], pairs: Mapping[str, Comparison], as_text: Callable[[Mapping[str, Any]], str]
) -> list[str]:
    """What rows that differ from a reference of their own say together, such as the same part in several models."""
    own = [name for name, comparison in pairs.items() if rows[name].own_reference and comparison.differences]
    if len(own) < 2:
        return []
    labels = '; '.join(rows[name].label for name in own)
    everything = together([pairs[name] for name in own])
    difference = _difference(everything, as_text)
    return ['', f'Together, each with its own reference ({labels}): {difference}, {everything.verdict}.']


def _beside_reference(
    comparison: Comparison | None,
    row: Row,
    rows: Mapping[str, Row],
    as_text: Callable[[Mapping[str, Any]], str] = as_percent,
) -> tuple[str, str]:
    """Difference and verdict; without a comparison the row is a reference itself."""
    if comparison is None:
        return 'reference', '-'
    difference = _difference(comparison, as_text) if comparison.differences else 'no pairs'
    if row.own_reference:
        difference += f' to {rows[row.reference].label}'
    return difference, comparison.verdict


def _difference(comparison: Comparison, as_text: Callable[[Mapping[str, Any]], str]) -> str:
    summary, count = comparison.summary, len(comparison.differences)
    return f'{"+" * (summary["mean"] > 0)}{as_text(summary)} ({count} pair{"s" * (count > 1)})'


def _labels_by(rows: Iterable[Row], of: Callable[[Mapping[str, Any]], str]) -> dict[str, list[str]]:
    """The labels of the rows that have a run with each value of something."""
    labels = defaultdict(list)
    for row in rows:
        for value in sorted({of(run) for run in row.runs}):
            labels[value].append(row.label)
    return labels


def _in_words(labels: Mapping[str, Sequence[str]]) -> str:
    return '; '.join(f'{value} ({", ".join(names)})' for value, names in labels.items())


def commits_in_words(rows: Iterable[Row]) -> str:
    """Whether all results are of the same code."""
    labels = _labels_by(rows, lambda run: run['commit'])
    if len(labels) > 1:
        return f'**Results are of different commits**, so differences may come from the code: {_in_words(labels)}.'
    return f'All results are of commit {next(iter(labels))}.' if labels else 'No row of this table has been run.'


def gpus_in_words(rows: Iterable[Row]) -> str:
    """Which rows were trained on a GPU; results of before, which name no device, are of CPUs."""
    labels = _labels_by(rows, lambda run: run.get('device') or 'CPU')
    labels.pop('CPU', None)
    return f'Trained on a GPU: {_in_words(labels)}. All others on CPUs.' if labels else ''
