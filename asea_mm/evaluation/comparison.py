"""Cross-validations beside each other: differences of the runs that both have, and whether they are noise."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from .pages import markdown_table
from .statistics import Run, as_percent, over_seeds, run_name, summarise_runs, with_spread

NUMBER = (int, float)
FIELDS: dict[str, Any] = {
    'settings': dict,
    'fold': int,
    'seed': int,
    'commit': str,
    'num_samples': int,
    'last_top1': NUMBER,
    'best_top1': NUMBER,
    'epochs': int,
    'seconds': NUMBER,
    'last_cross_entropy': (*NUMBER, type(None)),  # not in results of before, None for scores that are logits
}
SIGNIFICANT = 0.05
ENOUGH_PAIRS = 6  # p is at least 2 of 2^6 sign choices; with five it is at least 0.0625
EXACT_UP_TO = 16  # differences that are not zero: 65,536 ways to choose their signs
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
BEST_EPOCH = """\
Best epoch, which most papers compare: chosen on the test fold for each run, so that it is the higher the more the
accuracy wanders from epoch to epoch. Columns as above."""
CROSS_ENTROPY = """\
Cross-entropy of the last epoch, the mean over test samples of -log of the probability of the true class: lower is
better. An accuracy moves in steps of one error; this measure moves with every sample, and tells models apart that make
the same few errors. Models trained with smoothed labels are less sure by design: compare them with one another only.
Columns as above."""
TITLES = ('', 'n', 'epochs', 'last epoch', 'best epoch', 'difference', 'verdict', 'published', 'commit', 'hours')


def read_result(path: str | Path) -> dict[str, Any]:
    """Read the JSON file that ``tools/cross_validate.py --out`` writes.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not of that form, has a run twice or lacks a fold of a seed.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'result {path} does not exist')
    try:
        result = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f'{path}: expected a JSON file, got {error}') from None
    runs = result.get('runs') if isinstance(result, dict) else None
    if not isinstance(runs, list) or not runs or not isinstance(result.get('command'), str):
        raise ValueError(f"{path}: expected 'command' and 'runs' of tools/cross_validate.py, got another file")
    for number, run in enumerate(runs):
        for field, kind in FIELDS.items():
            if not isinstance(run, dict) or not isinstance(run.get(field), kind):
                got = repr(run.get(field, 'nothing')) if isinstance(run, dict) else repr(run)
                raise ValueError(f'{path}: run {number} has no valid {field!r}, got {got}')
    numbers = sorted(by_run(runs))
    folds, seeds = {fold for fold, _ in numbers}, {seed for _, seed in numbers}
    if len(numbers) != len(runs) or len(folds) * len(seeds) != len(runs):
        found = sorted((run['fold'], run['seed']) for run in runs)
        raise ValueError(f'{path}: expected every fold with every seed once, got (fold, seed) {found}')
    return result


def by_run(runs: Sequence[Mapping[str, Any]]) -> dict[Run, Mapping[str, Any]]:
    """Runs by fold and seed."""
    return {(run['fold'], run['seed']): run for run in runs}


def mean_of_folds(runs: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    """Mean of the folds of one measure of the runs, with its spread over seeds, as of :func:`over_seeds`."""
    values, num_samples = ({numbers: run[k] for numbers, run in by_run(runs).items()} for k in (key, 'num_samples'))
    return summarise_runs(values, num_samples)['mean_of_folds']


@dataclass(frozen=True)
class Comparison:
    """Paired differences of two experiments.

    Args:
        differences: For each fold and seed that both have, the measure of the one minus that of the reference. Those of
            :func:`together` have the number of the comparison before fold and seed.
        left_out: Folds and seeds that both have, but of another number of epochs or of other samples.
        lower_is_better: Whether the measure is an error, not an accuracy.
    """

    differences: Mapping[tuple, float]
    left_out: tuple[Run, ...] = ()
    lower_is_better: bool = False

    @property
    def summary(self) -> dict[str, Any]:
        """Mean and standard deviation over the pairs, as of :func:`over_seeds`."""
        return over_seeds(list(self.differences.values()))

    @cached_property
    def p_value(self) -> float:
        return sign_flip_test(list(self.differences.values()))

    @property
    def outcome(self) -> str:
        """``better``, ``worse``, ``within noise``, ``too few pairs`` or ``no pairs``."""
        if not self.differences:
            return 'no pairs'
        if self.p_value < SIGNIFICANT:
            return 'better' if (self.summary['mean'] > 0) != self.lower_is_better else 'worse'
        return 'within noise' if len(self.differences) >= ENOUGH_PAIRS else 'too few pairs'

    @property
    def verdict(self) -> str:
        """The outcome with the p-value; a dash without pairs."""
        if not self.differences:
            return '-'
        p = self.p_value
        return f'{self.outcome} (p = {p:.3f})' if p >= 0.001 else f'{self.outcome} (p < 0.001)'


def compare(
    runs: Sequence[Mapping[str, Any]], reference: Sequence[Mapping[str, Any]], key: str = 'last_top1'
) -> Comparison:
    """Pair the runs of two experiments by fold and seed.

    Only runs of the same number of epochs and of test samples make a pair.

    Args:
        runs: Runs of the one, as of :func:`read_result`.
        reference: Runs of the other.
        key: The measure to compare, ``last_top1``, ``best_top1`` or ``last_cross_entropy``; runs that lack it
            make no pair.
    """
    first, second = by_run(runs), by_run(reference)
    shared = sorted(set(first) & set(second))
    alike = [run for run in shared if all(first[run][k] == second[run][k] for k in ('epochs', 'num_samples'))]
    both = [run for run in alike if first[run].get(key) is not None and second[run].get(key) is not None]
    return Comparison(
        {run: first[run][key] - second[run][key] for run in both},
        tuple(run for run in shared if run not in alike),
        lower_is_better=key == 'last_cross_entropy',
    )


def together(comparisons: Sequence[Comparison]) -> Comparison:
    """The pairs of several comparisons of one measure as those of one."""
    return Comparison(
        {(n, *run): value for n, comparison in enumerate(comparisons) for run, value in comparison.differences.items()},
        lower_is_better=any(comparison.lower_is_better for comparison in comparisons),
    )


def sign_flip_test(differences: Sequence[float]) -> float:
    """Two-sided paired permutation test of a mean of zero: p over all ways to choose the signs of the differences.

    Differences of zero do not change it. With up to 16 others it is exact, else it is estimated from 65,535 random
    choices with a fixed seed. It needs no distribution and stands ties and zeros, which small test folds have many of;
    Wilcoxon's test has no exact form there.

    Args:
        differences: One for each pair.

    Returns:
        The p-value; 1 without any difference.
    """
    values = np.array([value for value in differences if abs(value) > 1e-12])
    if len(values) < 2:  # scipy wants two; of one both signs are as far from zero
        return 1.0
    exact = len(values) <= EXACT_UP_TO
    test = stats.permutation_test(
        (values,),
        lambda sample, axis: sample.mean(axis=axis),
        permutation_type='samples',
        vectorized=True,
        n_resamples=2**EXACT_UP_TO if exact else 2**EXACT_UP_TO - 1,
        batch=4096,
        random_state=np.random.default_rng(0),
    )
    return min(1.0, float(test.pvalue))


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


def _of_measure(
    entries: Mapping[str, Entry], key: str, title: str, text: str, as_text: Callable[[Mapping[str, Any]], str]
) -> list[str]:
    """The lines of another measure than the last epoch's accuracy, of the rows that have it."""
    rows, pairs = [], {}
    for name, entry in entries.items():
        if not entry.runs or any(run.get(key) is None for run in entry.runs):
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


def _commits(entries: Iterable[Entry]) -> str:
    """Whether all results are of the same code."""
    labels = defaultdict(list)
    for entry in entries:
        for commit in sorted({run['commit'] for run in entry.runs}):
            labels[commit].append(entry.label)
    if len(labels) > 1:
        which = '; '.join(f'{commit} ({", ".join(names)})' for commit, names in labels.items())
        return f'**Results are of different commits**, so differences may come from the code: {which}.'
    return f'All results are of commit {next(iter(labels))}.' if labels else 'No row of this table has been run.'
