"""Which parts of a recipe matter: their effects from a few runs, each of which lacks about half of the parts.

    python -m lab.screen --jobs 2

The list, ``screening.yml``, names a config, and for each part what takes it away. The runs take turns in the folds; how
easy a fold is, is known from a reference, a result of the tables. With two seeds there are twice as many runs: those of
every second seed have what those of the first lack, and the other way round, which tells effects of parts from those of
pairs of parts. Finished runs are not repeated, interrupted ones resume.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asea_mm.datasets.files.whole import write_whole
from asea_mm.errors import InputError
from asea_mm.visualization.drawing import save_figure

from .commands import lab_parser, noted_command, run_main
from .files import RESULTS, markdown_table, read_results, read_yaml
from .pictures.effects import draw_effects
from .statistics.screening import Effect, effects, screening_design
from .training import plan, run_plans

KEYS = {'title': str, 'note': str, 'config': str, 'folds': list, 'runs': int, 'reference': dict, 'parts': list}
MEASURES = {'last_top1': ('last epoch, in points', 100, 2), 'last_cross_entropy': ('cross-entropy', 1, 3)}
OF_RUN = ('fold', 'seed', 'commit', 'last_top1', 'last_cross_entropy', 'best_top1', 'epochs', 'seconds')
COLUMNS = """\
A screening experiment: the runs are a fractional factorial design, so every run tells of every part. An effect is the
mean of the runs with the part minus that of the runs without it, the other parts being there in half of either: of the
last epoch's top-1 more is better, of its cross-entropy less. The mean of the reference in the same fold is taken from
each run before. ± is the standard error, p of a two-sided t-test, not corrected for the number of parts. With one seed,
the effect of a part cannot be told from those of some pairs of other parts."""


def read_screening(path: Path) -> dict[str, Any]:
    """The list of parts and how they are screened."""
    content = read_yaml(path, 'list of parts')
    if not isinstance(content, dict) or set(content) != set(KEYS):
        got = sorted(content) if isinstance(content, dict) else content
        raise InputError(f'{path}: expected {sorted(KEYS)}, got {got!r}')
    for key, kind in KEYS.items():
        if not isinstance(content[key], kind) or not content[key]:
            raise InputError(f'{path}: expected {key} of type {kind.__name__}, got {content[key]!r}')
    for part in content['parts']:
        if not isinstance(part, dict) or 'label' not in part or not set(part) & {'cfg_options', 'overrides'}:
            raise InputError(f"{path}: expected parts with a label and 'cfg_options' or 'overrides', got {part!r}")
    return content


@dataclass(frozen=True)
class PlannedRun:
    """A run of the experiment: its place in the work folder, its fold and seed, and the parts it has."""

    name: str
    fold: int
    seed: int
    has: tuple[bool, ...]


def planned_runs(screening: Mapping[str, Any], seeds: Sequence[int]) -> list[PlannedRun]:
    """All runs; the folds take turns within a seed, and from seed to seed a run moves on by a fold."""
    design, folds = screening_design(len(screening['parts']), screening['runs']), screening['folds']
    return [
        PlannedRun(
            f'seed{seed}_run{number:02d}',
            folds[(number + turn) % len(folds)],
            seed,
            tuple(bool(has) != bool(turn % 2) for has in row),
        )
        for turn, seed in enumerate(seeds)
        for number, row in enumerate(design)
    ]


def run_planned(screening: Mapping[str, Any], planned: Sequence[PlannedRun], args: argparse.Namespace) -> list[dict]:
    """Train and test every run that is not finished; returns their results."""
    plans = []
    for run in planned:
        without = [part for part, has in zip(screening['parts'], run.has, strict=True) if not has]
        cfg_options = [option for part in without for option in part.get('cfg_options', ())]
        overrides = [part.get('overrides', {}) for part in without]
        work_dir = args.work_dir / run.name
        plans.append(plan(screening['config'], work_dir, [run.fold], [run.seed], cfg_options, overrides))
    return run_plans(plans, args.work_dir / 'jobs', args.jobs)


def effects_of(results: Sequence[dict], reference: Sequence[Mapping[str, Any]], design: np.ndarray) -> dict[str, list]:
    """The effects of the parts on each measure."""
    by_fold = defaultdict(list)
    for run in reference:
        by_fold[run['fold']].append(run)
    by_measure = {}
    for key in MEASURES:
        if any(result.get(key) is None for result in [*results, *reference]):  # scores that are no probabilities
            continue
        expected = {fold: np.mean([run[key] for run in runs]) for fold, runs in by_fold.items()}
        by_measure[key] = effects(design, np.array([result[key] - expected[result['fold']] for result in results]))
    return by_measure


def table_of(result: Mapping[str, Any]) -> list[str]:
    """The lines of the table of effects: each with its error, and p."""
    titles, rows = ['part'], [[part] for part in result['parts']]
    for key, values in result['effects'].items():
        title, factor, digits = MEASURES[key]
        titles += [title, 'p']
        for row, value in zip(rows, values, strict=True):
            effect = Effect(**value).scaled(factor)
            spread = '' if effect.error is None else f' ± {effect.error:.{digits}f}'
            row += [f'{effect.mean:+.{digits}f}{spread}', '-' if effect.error is None else f'{effect.p_value:.3f}']
    return markdown_table(titles, rows)


def page(result: Mapping[str, Any], note: str, picture: str) -> str:
    runs = []
    for run in result['runs']:
        signs = ''.join('+' if has else '-' for has in run['parts'])
        loss = '-' if run['last_cross_entropy'] is None else f'{run["last_cross_entropy"]:.3f}'
        runs.append([run['name'], str(run['fold']), f'`{signs}`', f'{100 * run["last_top1"]:.2f}', loss])
    lines = [
        f'# {result["title"]}',
        '',
        note.strip(),
        '',
        f'![{result["title"]}]({picture})',
        '',
        COLUMNS,
        '',
        *table_of(result),
        '',
        f'{len(runs)} runs of commit {result["commit"]}, {result["seconds"] / 3600:.1f} hours of '
        f'runs; the reference is {result["reference"]}, of commit {result["reference_commit"]}.',
        '',
        f'Command: `{result["command"]}`',
        '',
        'The runs; + for a part that is there, in the order of the table:',
        '',
        *markdown_table(['run', 'fold', 'parts', 'last epoch', 'cross-entropy'], runs),
    ]
    return '\n'.join(lines) + '\n'


def main(arguments: Sequence[str] | None = None) -> None:
    parser = lab_parser(__doc__, jobs=True, seeds=[0], work_dir=Path('work_dirs/screening'))
    parser.add_argument('--list', type=Path, default=Path(__file__).with_name('screening.yml'), help='the parts')
    parser.add_argument('--results', type=Path, default=RESULTS, help='folder of the tables')
    parser.add_argument('--out', type=Path, default=RESULTS / 'sbu_screening', help='OUT.json, OUT.md and OUT.png')
    args = parser.parse_args(arguments)
    screening = read_screening(args.list)
    planned = planned_runs(screening, args.seeds)
    table, name = (screening['reference'].get(key) for key in ('table', 'id'))
    known = read_results(args.results / f'{table}.json')
    if name not in known:
        raise InputError(f'{args.list}: table {table} has no result {name}; it has {list(known)}')
    reference = known[name].runs
    if unknown := {run.fold for run in planned} - {run['fold'] for run in reference}:
        raise InputError(f'{table}, {name} has no fold {", ".join(map(str, sorted(unknown)))}')
    results = run_planned(screening, planned, args)
    by_measure = effects_of(results, reference, np.array([run.has for run in planned]))
    result = {
        'command': noted_command('screen'),
        'title': screening['title'],
        'commit': ', '.join(sorted({run['commit'] for run in results})),
        'reference': f'{name} of {table}',
        'reference_commit': ', '.join(sorted({run['commit'] for run in reference})),
        'seconds': sum(run['seconds'] for run in results),
        'parts': [part['label'] for part in screening['parts']],
        'effects': {key: [asdict(effect) for effect in values] for key, values in by_measure.items()},
        'runs': [
            {'name': run.name, 'parts': run.has, **{key: result[key] for key in OF_RUN}}
            for run, result in zip(planned, results, strict=True)
        ],
    }
    picture = args.out.with_name(f'{args.out.name}.png')
    write_whole(args.out.with_name(f'{args.out.name}.json'), json.dumps(result) + '\n')
    write_whole(args.out.with_name(f'{args.out.name}.md'), page(result, screening['note'], picture.name))
    panels = {
        title: [effect.scaled(factor) for effect in by_measure[key]]
        for key, (title, factor, _) in MEASURES.items()
        if key in by_measure
    }
    save_figure(draw_effects(result['title'], result['parts'], panels), picture)
    print('\n'.join(table_of(result)))


if __name__ == '__main__':
    run_main(main)
