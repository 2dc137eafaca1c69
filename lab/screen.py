"""Which parts of a recipe matter: their effects from a few runs, each of which lacks about half of the parts.

    python tools/screen.py results/sbu_screening.yml --jobs 2 --out results/sbu_screening

The list names a config, and for each part the options that take it away. The runs take turns in the folds; how easy a
fold is, is known from a reference, a result of ``tools/cross_validate.py`` in the folder of the list. With two seeds
there are twice as many runs: those of every second seed have what those of the first lack, and the other way round,
which tells effects of parts from those of pairs of parts. Every run is a call of ``tools/cross_validate.py``: finished
ones are not repeated, interrupted ones resume.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from asea_mm.engine import report_errors
from asea_mm.engine.jobs import run_at_once
from asea_mm.errors import InputError
from asea_mm.evaluation.scores import run_folder
from asea_mm.visualization import save_figure

from .pictures.effects import draw_effects
from .statistics.comparison import read_result
from .statistics.pages import markdown_table, read_yaml, write_result
from .statistics.screening import Effect, effects, screening_design

CROSS_VALIDATE = Path(__file__).resolve().parent / 'cross_validate.py'
KEYS = {'title': str, 'note': str, 'config': str, 'folds': list, 'runs': int, 'reference': str, 'parts': list}
MEASURES = {'last_top1': ('last epoch, in points', 100, 2), 'last_cross_entropy': ('cross-entropy', 1, 3)}
OF_RUN = ('fold', 'seed', 'commit', 'settings', 'last_top1', 'last_cross_entropy', 'best_top1', 'epochs', 'seconds')
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
        options = part.get('without') if isinstance(part, dict) and set(part) == {'label', 'without'} else None
        if not isinstance(options, list) or not all(isinstance(text, str) and '=' in text for text in options):
            raise InputError(f"{path}: expected parts with a label and options 'key=value' without it, got {part!r}")
    return content


def options_of(screening: Mapping[str, Any], has: Sequence[bool]) -> list[str]:
    """Options of ``tools/cross_validate.py`` that take away the parts that a run has not."""
    parts = zip(screening['parts'], has, strict=True)
    without = [option for part, there in parts if not there for option in part['without']]
    return ['--cfg-options', *without] if without else []


@dataclass(frozen=True)
class PlannedRun:
    """A run of the experiment: its place in the work folder, its fold and seed, and the parts it has."""

    name: str
    fold: int
    seed: int
    has: tuple[bool, ...]


def plan(screening: Mapping[str, Any], seeds: Sequence[int]) -> list[PlannedRun]:
    """All runs; the folds take turns within a seed, and from seed to seed a run moves on by a fold."""
    design, folds = screening_design(len(screening['parts']), screening['runs']), screening['folds']
    return [
        PlannedRun(
            f'seed{seed}_run{number:02d}',
            folds[(number + turn) % len(folds)],
            seed,
            tuple(bool(there) != bool(turn % 2) for there in row),
        )
        for turn, seed in enumerate(seeds)
        for number, row in enumerate(design)
    ]


def run_all(screening: Mapping[str, Any], planned: Sequence[PlannedRun], args: argparse.Namespace) -> list[dict]:
    """Train and test every run that is not finished; returns their results."""

    def run(of: PlannedRun, environment: dict[str, str]) -> dict:
        work_dir = args.work_dir / of.name
        command = [sys.executable, str(CROSS_VALIDATE), screening['config'], '--folds', str(of.fold)]
        # of one run each; the number of jobs tells it which share of the cores it has
        command += ['--seeds', str(of.seed), '--jobs', str(args.jobs), '--work-dir', str(work_dir)]
        command += options_of(screening, of.has)
        silent = {'stdout': subprocess.DEVNULL, 'stderr': subprocess.PIPE}
        done = subprocess.run(command, check=False, text=True, env=environment, **silent)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ['no message'])[-1]
            raise InputError(f'{of.name} failed: {last}')
        return json.loads((work_dir / run_folder(of.fold, of.seed) / 'result.json').read_text())

    runs = run_at_once(run, planned, args.jobs)
    return list(track(runs, 'runs', total=len(planned), console=Console(stderr=True)))


def effects_of(results: Sequence[dict], reference: Sequence[Mapping[str, Any]], design: np.ndarray) -> dict[str, list]:
    """The effects of the parts on each measure."""
    of_fold = defaultdict(list)
    for run in reference:
        of_fold[run['fold']].append(run)
    found = {}
    for key in MEASURES:
        if any(result.get(key) is None for result in [*results, *reference]):  # scores that are no probabilities
            continue
        expected = {fold: np.mean([run[key] for run in runs]) for fold, runs in of_fold.items()}
        found[key] = effects(design, np.array([result[key] - expected[result['fold']] for result in results]))
    return found


def as_text(effect: Effect, factor: float, digits: int) -> tuple[str, str]:
    """An effect with its error, and p."""
    scaled = effect.scaled(factor)
    mean = f'{scaled.mean:+.{digits}f}'
    return (mean, '-') if scaled.error is None else (f'{mean} ± {scaled.error:.{digits}f}', f'{scaled.p_value:.3f}')


def rows_of(result: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Titles and rows of the table of effects."""
    titles, rows = ['part'], [[part] for part in result['parts']]
    for key, values in result['effects'].items():
        title, factor, digits = MEASURES[key]
        titles += [title, 'p']
        for row, effect in zip(rows, values, strict=True):
            row += as_text(Effect(**effect), factor, digits)
    return titles, rows


def markdown(result: Mapping[str, Any], note: str, picture: str) -> list[str]:
    runs = []
    for run in result['runs']:
        signs = ''.join('+' if there else '-' for there in run['parts'])
        loss = '-' if run['last_cross_entropy'] is None else f'{run["last_cross_entropy"]:.3f}'
        runs.append([run['name'], str(run['fold']), f'`{signs}`', f'{100 * run["last_top1"]:.2f}', loss])
    return [
        f'# {result["title"]}',
        '',
        note.strip(),
        '',
        f'![{result["title"]}]({picture})',
        '',
        COLUMNS,
        '',
        *markdown_table(*rows_of(result)),
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


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('list', type=Path, help='the list of parts, YAML')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0])
    parser.add_argument('--jobs', type=int, default=1, help='runs at once; they share the cores')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs/screening'), help='folder of the runs')
    parser.add_argument('--out', required=True, help='write OUT.json, OUT.md and OUT.png')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.jobs < 1:
        raise InputError(f'--jobs must be at least 1, got {args.jobs}')
    if len(set(args.seeds)) < len(args.seeds):
        raise InputError(f'--seeds: one is given twice, got {" ".join(map(str, args.seeds))}')
    screening = read_screening(args.list)
    planned = plan(screening, args.seeds)
    reference = read_result(args.list.parent / screening['reference'])
    if unknown := {of.fold for of in planned} - {run['fold'] for run in reference['runs']}:
        raise InputError(f'{screening["reference"]} has no fold {", ".join(map(str, sorted(unknown)))}')
    results = run_all(screening, planned, args)
    found = effects_of(results, reference['runs'], np.array([of.has for of in planned]))
    labels = [part['label'] for part in screening['parts']]
    result = {
        'command': ' '.join(['python', 'tools/screen.py', *sys.argv[1:]]),
        'title': screening['title'],
        'commit': ', '.join(sorted({run['commit'] for run in results})),
        'reference': screening['reference'],
        'reference_commit': ', '.join(sorted({run['commit'] for run in reference['runs']})),
        'seconds': sum(run['seconds'] for run in results),
        'parts': labels,
        'effects': {key: [asdict(effect) for effect in values] for key, values in found.items()},
        'runs': [
            {'name': of.name, 'parts': of.has, **{key: run[key] for key in OF_RUN}}
            for of, run in zip(planned, results, strict=True)
        ],
    }
    titles, rows = rows_of(result)
    table = Table(*titles, title=result['title'])
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    picture = Path(f'{args.out}.png')
    write_result(args.out, result, markdown(result, screening['note'], picture.name))
    panels = {MEASURES[key][0]: [effect.scaled(MEASURES[key][1]) for effect in values] for key, values in found.items()}
    save_figure(draw_effects(result['title'], labels, panels), picture)


if __name__ == '__main__':
    with report_errors():
        main()
