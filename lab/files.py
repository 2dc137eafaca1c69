"""What the lab keeps: results as JSON, one file a table, and the pages that are made of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from asea_mm.datasets.files.whole import write_whole
from asea_mm.errors import InputError
from asea_mm.evaluation.statistics import Run

RESULTS = Path(__file__).resolve().parent / 'results'
NUMBER = (int, float)
# Of a run; more is kept as it is.
FIELDS: dict[str, Any] = {
    'fold': int,
    'seed': int,
    'commit': str,
    'num_samples': int,
    'last_top1': NUMBER,
    'best_top1': NUMBER,
    'epochs': int,
    'seconds': NUMBER,
    'device': (str, type(None)),  # not of earlier runs, which were on CPUs
    'last_cross_entropy': (*NUMBER, type(None)),  # not of earlier runs; None of scores that are logits
    'curve': (list, type(None)),  # top-1 of every validation; not of all earlier runs
}


@dataclass(frozen=True)
class Result:
    """What an experiment gave.

    Args:
        command: What made it.
        settings: As of :class:`~lab.experiments.Experiment`.
        classes: Names of the classes, in the order of the confusions.
        runs: A mapping for each fold and seed, with the keys of :data:`FIELDS`.
    """

    command: str
    settings: Mapping[str, Any]
    classes: Sequence[str]
    runs: Sequence[Mapping[str, Any]]


def by_run(runs: Iterable[Mapping[str, Any]]) -> dict[Run, Mapping[str, Any]]:
    """Runs by fold and seed."""
    return {(run['fold'], run['seed']): run for run in runs}


def read_results(path: Path) -> dict[str, Result]:
    """The results of a table's file by id; none if there is no file.

    Raises:
        InputError: If it is not of that form, or a result has a run twice or lacks a fold of a seed.
    """
    content = read_json(path) if path.exists() else {}
    try:
        results = {name: Result(**result) for name, result in content.items()}
    except (AttributeError, TypeError) as error:
        raise InputError(f'{path}: expected results of experiments by id, got something else ({error})') from None
    for name, result in results.items():
        check_runs(result.runs, f'{path}, {name}')
    return results


def check_runs(runs: Any, where: str) -> None:
    """Refuse runs that lack something, or a fold of a seed."""
    if not isinstance(runs, list) or not runs:
        raise InputError(f"{where}: expected a list of 'runs', got {runs!r}")
    for number, run in enumerate(runs):
        for key, kind in FIELDS.items():
            if not isinstance(run, dict) or not isinstance(run.get(key), kind):
                got = repr(run.get(key, 'nothing')) if isinstance(run, dict) else repr(run)
                raise InputError(f'{where}: run {number} has no valid {key!r}, got {got}')
        if wrong := [value for value in run.get('curve') or () if not isinstance(value, NUMBER)]:
            raise InputError(f"{where}: run {number} has no valid 'curve', got {wrong[0]!r} in it")
    numbers = by_run(runs)
    folds, seeds = {fold for fold, _ in numbers}, {seed for _, seed in numbers}
    if len(numbers) != len(runs) or len(folds) * len(seeds) != len(runs):
        present = sorted((run['fold'], run['seed']) for run in runs)
        raise InputError(f'{where}: expected every fold with every seed once, got (fold, seed) {present}')


def write_results(path: Path, results: Mapping[str, Result]) -> None:
    """Write the results of a table; every run is a line, so that a difference of two versions can be read."""
    blocks = []
    for name, result in results.items():
        head = {key: value for key, value in asdict(result).items() if key != 'runs'}
        lines = [f'  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},' for key, value in head.items()]
        runs = ',\n'.join(f'   {json.dumps(dict(run), ensure_ascii=False)}' for run in result.runs)
        blocks.append('\n'.join([f' {json.dumps(name)}: {{', *lines, '  "runs": [', runs, '  ]', ' }']))
    write_whole(path, '{\n' + ',\n'.join(blocks) + '\n}\n')


def put_entry(path: Path, name: str, entry: Any) -> dict[str, Any]:
    """Set a named entry of a JSON file and return all of them."""
    entries = read_json(path) if path.exists() else {}
    entries[name] = entry
    text = ',\n'.join(f'{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}' for key, value in entries.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, f'{{\n{text}\n}}\n')
    return entries


def markdown_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table in Markdown; bars within cells do not split them."""
    lines = [' | '.join(cell.replace('|', '\\|') for cell in row) for row in (titles, *rows)]
    return [f'| {lines[0]} |', '|---' * len(titles) + '|', *(f'| {line} |' for line in lines[1:])]


def read_json(path: Path) -> Any:
    """The content of a JSON file; one that is none is named."""
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise InputError(f'{path}: expected a JSON file, got {error}') from None


def read_yaml(path: Path, what: str) -> Any:
    """The content of a YAML file; one that is none, or is not there, is named.

    Args:
        path: The file.
        what: What it should be, for the error.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{what} {path} does not exist')
    try:
        return yaml.safe_load(path.read_text(encoding='utf-8'))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: expected YAML, got {error}') from None
