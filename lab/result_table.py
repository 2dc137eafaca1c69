"""One Markdown table of several results: accuracies of tools/cross_validate.py, and speed of tools/benchmark.py.

    python tools/result_table.py results/sbu_ten_epochs/*.json --speed results/benchmark_sbu.json --out results/table.md

A row for each result, in the order given, with its runs, the epochs of each, last and best epoch told apart, the commit
and the command. Mean ± standard deviation over seeds, of the folds' mean. Results of several folders, one for each
setting that was tried, get a column that names the folder, and are sorted by model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from asea_mm.engine import report_errors
from asea_mm.errors import InputError
from asea_mm.evaluation.statistics import as_percent

from .statistics.pages import markdown_table, read_json


def read(path: Path, key: str) -> dict:
    """A result file that has this key."""
    result = read_json(path)
    if not isinstance(result, dict) or key not in result:
        raise InputError(f'{path}: expected a result with {key!r}, got {sorted(result) if result else result!r}')
    return result


def table(results: list[dict], speed: dict | None, settings: list[str]) -> list[str]:
    """The lines of the table; settings, if there are several, name the folder of each result."""
    several = len(set(settings)) > 1
    titles = ['model', 'folds', 'seeds', 'epochs', 'last epoch', 'best epoch']
    if speed is not None:
        titles += ['parameters', 'training samples/s', 'inference samples/s']
    titles += ['commit']
    if several:
        titles.insert(1, 'setting')
    rows = []
    for result, setting in zip(results, settings, strict=True):
        name, summary = Path(result['config']).stem, result['summary']
        row = [name, *(', '.join(map(str, summary[key])) for key in ('folds', 'seeds'))]
        row.append(', '.join(map(str, sorted({run['epochs'] for run in result['runs']}))))
        row += [as_percent(summary[key]['mean_of_folds']) for key in ('last_top1', 'best_top1')]
        if speed is not None:
            figures = speed['configs'].get(name)
            row += ['-'] * 3
            if figures is not None:
                row[-3] = f'{figures["parameters"]:,}'
                row[-2:] = [f'{figures[key]:.1f}' for key in ('train_samples_per_s', 'infer_samples_per_s')]
        if several:
            row.insert(1, setting)
        rows.append([*row, result['commit']])
    return markdown_table(titles, rows)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('results', type=Path, nargs='+', help='files of tools/cross_validate.py --out')
    parser.add_argument('--speed', type=Path, help='file of tools/benchmark.py CONFIG ... --out')
    parser.add_argument('--title', default='Results', help='title of the page')
    parser.add_argument('--out', type=Path, help='write the page here instead of printing it')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    paths = args.results
    if len({path.parent for path in paths}) > 1:
        paths = sorted(paths, key=lambda path: (path.stem, path.parent))
    results = [read(path, 'summary') for path in paths]
    speed = None if args.speed is None else read(args.speed, 'configs')
    lines = [f'# {args.title}', '', 'Top-1 in %. The best epoch is chosen on the test fold.', '']
    lines += [*table(results, speed, [path.parent.name for path in paths]), '']
    if speed is not None:
        shape = ', '.join(f'{name} {size}' for name, size in speed['input'].items())
        lines += [f'Speed: {shape}, {speed["threads"]} threads, commit {speed["commit"]}, `{speed["command"]}`.', '']
    lines += ['Commands:', '', *(f'- `{result["command"]}`' for result in results)]
    page = '\n'.join(lines) + '\n'
    if args.out is None:
        print(page, end='')
    else:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(page)


if __name__ == '__main__':
    with report_errors():
        main()
