"""A page of Markdown of models over tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from asea_mm.evaluation.statistics import as_percent, run_name, with_spread

from ..files import markdown_table
from .comparison import Comparison
from .comparison_page import Row, commits_in_words, gpus_in_words
from .tasks import ACCURACY, BALANCED, CROSS_ENTROPY, LEAST_PAIRS, Grid, gain, verdict

HEAD = f"""\
All measures are means over the validations of the last third of the epochs: nothing is chosen. Accuracy and balanced
accuracy (the mean over classes) in %, cross-entropy in nats, lower is better. A task's figure is the mean of its folds,
± the standard deviation over seeds; *mean of tasks* weighs tasks alike, *pooled* every test sample. Differences are
paired by task, fold and seed. p is of a two-sided sign-flip permutation test over the pairs of all tasks together; with
fewer than {LEAST_PAIRS} nothing is decided. It is not corrected for the number of models; folds share training samples
and seeds test samples, so it is smaller than it should be."""
MEASURES: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    ACCURACY: ('Late accuracy', as_percent),
    BALANCED: ('Balanced accuracy', as_percent),
    CROSS_ENTROPY: ('Cross-entropy', with_spread),
}


def tasks_page(
    title: str,
    note: str,
    grid: Grid,
    states: Mapping[str, str],
    commands: Mapping[str, str],
    picture: str | None = None,
) -> str:
    """The page: three measures by task, differences to the reference, verdicts, every pair, commands.

    Args:
        title: Title of the page.
        note: What to say before the tables.
        grid: The runs.
        states: What there is of each model, by its id.
        commands: What runs each model, by its id.
        picture: File of :func:`~lab.pictures.tasks.draw_tasks`, as seen from the page; None if there is none.
    """
    lines = [f'# {title}', '', note.strip(), '', HEAD, '', *([f'![{title}]({picture})', ''] if picture else [])]
    rows = [
        Row(grid.models[model], [run for task in grid.tasks for run in grid.runs.get((model, task), ())], '', '', '')
        for model in grid.models
    ]
    lines += [commits_in_words(rows)]
    if on_gpu := gpus_in_words(rows):
        lines += ['', on_gpu]
    lines += ['', '## Verdicts', '', f'Over all tasks together, each compared with {grid.models[grid.reference]}.', '']
    lines += markdown_table(
        ('', *(MEASURES[key][0] for key in (ACCURACY, CROSS_ENTROPY)), 'counts as'),
        [_verdicts(grid, model) for model in grid.models if model != grid.reference],
    )
    for key, (name, as_text) in MEASURES.items():
        lines += ['', f'## {name}', '']
        lines += markdown_table(
            ('', *grid.tasks.values(), 'mean of tasks', 'pooled'),
            [_figures(grid, model, key, as_text, states) for model in grid.models],
        )
        if grid.compared:
            lines += [
                '',
                f'Paired differences to {grid.models[grid.reference]}, mean ± standard deviation over pairs:',
                '',
            ]
            lines += markdown_table(
                ('', *grid.tasks.values(), 'all tasks', 'verdict'),
                [_differences(grid, model, key, as_text) for model in grid.compared],
            )
    if pairs := grid.pairs(ACCURACY):
        lines += ['', '## Every pair', '', 'Differences of late accuracy, in points:', '']
        cells = [
            [
                f'{grid.tasks[task]}, {run_name(fold, seed)}',
                *(f'{100 * values[model]:+.2f}' if model in values else '-' for model in grid.compared),
            ]
            for (task, fold, seed), values in pairs.items()
        ]
        lines += markdown_table(('', *(grid.models[model] for model in grid.compared)), cells)
    lines += ['', '## Commands', '']
    for model, label in grid.models.items():
        hours = f', {grid.seconds(model) / 3600:.1f} hours of runs' if grid.seconds(model) else ''
        command = f': `{commands[model]}`' if commands.get(model) else ''
        lines.append(f'- {label}, {states[model]}{hours}{command}')
    return '\n'.join(lines) + '\n'


def _figures(
    grid: Grid, model: str, key: str, as_text: Callable[[Mapping[str, Any]], str], states: Mapping[str, str]
) -> list[str]:
    of_tasks = [grid.summary(model, task, key) for task in grid.tasks]
    if not any(of_tasks):
        return [grid.models[model], states[model], *['-'] * (len(grid.tasks) + 1)]
    together = grid.over_tasks(model, key) or (None, None)
    return [
        grid.models[model],
        *(as_text(cell) if cell else 'not run' for cell in of_tasks),
        *map(_or_dash(as_text), together),
    ]


def _or_dash(as_text: Callable[[Mapping[str, Any]], str]) -> Callable[[Mapping[str, Any] | None], str]:
    return lambda cell: as_text(cell) if cell else '-'


def _differences(grid: Grid, model: str, key: str, as_text: Callable[[Mapping[str, Any]], str]) -> list[str]:
    def text(comparison: Comparison) -> str:
        if not comparison.differences:
            return '-'
        return f'{"+" * (comparison.summary["mean"] > 0)}{as_text(comparison.summary)}'

    everything = grid.over_all(model, key)
    of_tasks = [text(grid.difference(model, task, key)) for task in grid.tasks]
    return [grid.models[model], *of_tasks, text(everything), verdict(everything)]


def _verdicts(grid: Grid, model: str) -> list[str]:
    if model not in grid.compared:
        return [grid.models[model], 'not run', 'not run', '-']
    accuracy, cross_entropy = (grid.over_all(model, key) for key in (ACCURACY, CROSS_ENTROPY))
    return [grid.models[model], verdict(accuracy), verdict(cross_entropy), gain(accuracy, cross_entropy)]
