"""A page of Markdown that sets cross-validations beside each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asea_mm.evaluation.statistics import as_percent, run_name, with_spread

from .comparison import Comparison, by_run, compare, mean_of_folds, measure_of, together
from .pages import markdown_table
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
TITLES = ('', 'n', 'epochs', 'last epoch', 'best epoch', 'difference', 'verdict', 'published', 'commit', 'hours')


@dataclass(frozen=True)
class Entry:
    """A row of :func:`comparison_page`.

    Args:
        label: What it is called.
        runs: Its runs, as of :func:`read_result`; none if it was not run.
        state: What to say in place of figures that are not there.
        command: What made the runs or would make them.
        reference: Name of the entry it is compared with, which may be its own name.
        published: A figure of a paper, with its dataset.
        own_reference: Whether it is to be compared with that one in particular, not as most rows of the page are.
    """

    label: str
    runs: Sequence[Mapping[str, Any]]
    state: str
    command: str
    reference: str
    published: str = '-'
    own_reference: bool = False


def comparison_page(
    title: str,
    note: str,
    entries: Mapping[str, Entry],
    reference: str,
    published: Sequence[str] = (),
    picture: str | None = None,
) -> str:
    """A page of Markdown: the entries, their paired differences per run, and their commands.

    Args:
        title: Title of the page.
        note: What to say before the table.
        entries: The rows by name.
        reference: Name of the entry that most are compared with.
        published: Lines of figures of others, to follow the table.
        picture: File of :func:`~asea_mm.visualization.draw_comparison`, as seen from the page; None if there is none.
    """
    pairs = {
        name: compare(entry.runs, entries[entry.reference].runs)
        for name, entry in entries.items()
        if entry.runs and entry.reference != name
    }
    lines = [f'# {title}', '', note.strip(), '', *([f'![{title}]({picture})', ''] if picture else [])]
    lines += [COLUMNS, '', f'Compared with: {entries[reference].label}.', '']
    lines += markdown_table(TITLES, [_cells(name, entry, entries, pairs) for name, entry in entries.items()])
    lines += ['', _commits(entries.values())]
    if on_gpu := _on_gpu(entries.values()):
        lines += ['', on_gpu]
    for name, comparison in pairs.items():
        if comparison.left_out:
            left_out = ', '.join(run_name(*run) for run in comparison.left_out)
            names = f'{entries[name].label} with {entries[entries[name].reference].label}'
            lines += ['', f'Not compared, {names}, as epochs or samples differ: {left_out}.']
    if runs := sorted({run for comparison in pairs.values() for run in comparison.differences}):
        rows = []
        for name, comparison in pairs.items():
            values = [comparison.differences.get(run) for run in runs]
            row = [entries[name].label, entries[entries[name].reference].label]
            rows.append(row + ['-' if value is None else f'{100 * value:+.2f}' for value in values])
        lines += ['', 'Paired differences of the last epoch, in points:', '']
        lines += markdown_table(['', 'to', *(run_name(*run) for run in runs)], rows)
    lines += _rows_of_own_reference(entries, pairs, as_percent)
    lines += _selected(entries, reference)
    lines += _of_measure(entries, 'late_top1', 'late epochs', LATE_EPOCHS, as_percent)
    lines += _of_measure(entries, 'best_top1', 'best epoch', BEST_EPOCH, as_percent)
    lines += _of_measure(entries, 'last_cross_entropy', 'cross-entropy', CROSS_ENTROPY, with_spread)
    if published:
        lines += ['', 'Published by others, not measured here:', '', *(f'- {line}' for line in published)]
    lines += ['', 'Commands:', '']
    for entry in entries.values():
        lines.append(f'- {entry.label}{"" if entry.runs else f", {entry.state}"}: `{entry.command}`')
    return '\n'.join(lines) + '\n'


def _cells(name: str, entry: Entry, entries: Mapping[str, Entry], pairs: Mapping[str, Comparison]) -> list[str]:
    if not entry.runs:
        return [entry.label, entry.state, *['-'] * 5, entry.published, '-', '-']
    return [
        entry.label,
        ' × '.join(str(len(set(axis))) for axis in zip(*by_run(entry.runs), strict=True)),
        ', '.join(map(str, sorted({run['epochs'] for run in entry.runs}))),
        *(as_percent(mean_of_folds(entry.runs, key)) for key in ('last_top1', 'best_top1')),
        *_beside_reference(pairs.get(name), entry, entries),
        entry.published,
        ', '.join(sorted({run['commit'] for run in entry.runs})),
        f'{sum(run["seconds"] for run in entry.runs) / 3600:.1f}',
    ]


def _selected(entries: Mapping[str, Entry], reference: str) -> list[str]:
    """What comes of a choice among the rows that does not know the fold it is tested on."""
    wanted = set(by_run(entries[reference].runs))
    rows = {
        name: [run for run in entry.runs if (run['fold'], run['seed']) in wanted]
        for name, entry in entries.items()
        if wanted and wanted <= set(by_run(entry.runs))
    }
    if len(rows) < 2 or len({fold for fold, _ in wanted}) < 2:
        return []
    selection = select_on_other_folds(rows)
    titles = ['out of', 'mean of folds', *(f'fold {fold}' for fold in selection.chosen)]
    labels = [entries[name].label for name in selection.chosen.values()]
    candidates = '; '.join(entries[name].label for name in rows)
    return ['', SELECTED, '', *markdown_table(titles, [[candidates, as_percent(selection.mean_of_folds), *labels]])]


def _of_measure(
    entries: Mapping[str, Entry], key: str, title: str, text: str, as_text: Callable[[Mapping[str, Any]], str]
) -> list[str]:
    """The lines of another measure than the last epoch's accuracy, of the rows that have it."""
    rows, pairs = [], {}
    for name, entry in entries.items():
        if not entry.runs or any(measure_of(run, key) is None for run in entry.runs):
            continue
        if entry.reference != name:
            pairs[name] = compare(entry.runs, entries[entry.reference].runs, key)
        beside = _beside_reference(pairs.get(name), entry, entries, as_text)
        rows.append([entry.label, as_text(mean_of_folds(entry.runs, key)), *beside])
    if not rows:
        return []
    table = markdown_table(['', title, 'difference', 'verdict'], rows)
    return ['', text, '', *table, *_rows_of_own_reference(entries, pairs, as_text)]


def _rows_of_own_reference(
    entries: Mapping[str, Entry], pairs: Mapping[str, Comparison], as_text: Callable[[Mapping[str, Any]], str]
) -> list[str]:
    """What rows that differ from a reference of their own say together, such as the same part in several models."""
    own = [name for name, comparison in pairs.items() if entries[name].own_reference and comparison.differences]
    if len(own) < 2:
        return []
    labels = '; '.join(entries[name].label for name in own)
    everything = together([pairs[name] for name in own])
    difference = _difference(everything, as_text)
    return ['', f'Together, each with its own reference ({labels}): {difference}, {everything.verdict}.']


def _beside_reference(
    comparison: Comparison | None,
    entry: Entry,
    entries: Mapping[str, Entry],
    as_text: Callable[[Mapping[str, Any]], str] = as_percent,
) -> tuple[str, str]:
    """Difference and verdict; without a comparison the entry is a reference itself."""
    if comparison is None:
        return 'reference', '-'
    difference = _difference(comparison, as_text) if comparison.differences else 'no pairs'
    if entry.own_reference:
        difference += f' to {entries[entry.reference].label}'
    return difference, comparison.verdict


def _difference(comparison: Comparison, as_text: Callable[[Mapping[str, Any]], str]) -> str:
    summary, count = comparison.summary, len(comparison.differences)
    return f'{"+" * (summary["mean"] > 0)}{as_text(summary)} ({count} pair{"s" * (count > 1)})'


def _labels_by(entries: Iterable[Entry], of: Callable[[Mapping[str, Any]], str]) -> dict[str, list[str]]:
    """The labels of the rows that have a run with each value of something."""
    labels = defaultdict(list)
    for entry in entries:
        for value in sorted({of(run) for run in entry.runs}):
            labels[value].append(entry.label)
    return labels


def _in_words(labels: Mapping[str, Sequence[str]]) -> str:
    return '; '.join(f'{value} ({", ".join(names)})' for value, names in labels.items())


def _commits(entries: Iterable[Entry]) -> str:
    """Whether all results are of the same code."""
    labels = _labels_by(entries, lambda run: run['commit'])
    if len(labels) > 1:
        return f'**Results are of different commits**, so differences may come from the code: {_in_words(labels)}.'
    return f'All results are of commit {next(iter(labels))}.' if labels else 'No row of this table has been run.'


def _on_gpu(entries: Iterable[Entry]) -> str:
    """Which rows were trained on a GPU; results of before, which name no device, are of CPUs."""
    labels = _labels_by(entries, lambda run: run.get('device') or 'CPU')
    labels.pop('CPU', None)
    return f'Trained on a GPU: {_in_words(labels)}. All others on CPUs.' if labels else ''
