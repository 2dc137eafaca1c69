"""The page of late fusions: results of ``asea fuse`` beside each other.

unzip lab/results/scores.zip -d work_dirs/scores
asea fuse work_dirs/scores/max_asea.npz work_dirs/scores/kernel_sbu.npz --rule product --out work_dirs/max
python -m lab.fusions max work_dirs/max        # an entry of sbu_fused.json; without arguments the page only
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from asea_mm.datasets.files.whole import write_whole
from asea_mm.evaluation.scores import read_runs
from asea_mm.evaluation.statistics import as_percent, in_columns, run_name, with_spread

from .commands import lab_parser, run_main
from .files import RESULTS, markdown_table, put_entry, read_json
from .hard_samples import COLUMNS, class_names, hard_samples, sample_rows

NOTE = """\
Top-1 in %, last epoch, mean ± standard deviation over seeds, of every stream and of their fused scores, and the
cross-entropy. In each fusion the samples that the fused scores get wrong."""


def page(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """The page of all fusions."""
    lines = ['# Late fusions on SBU', '', NOTE]
    for name, entry in entries.items():
        rows = [*entry['streams'], entry['fused']]
        titles = list(in_columns(entry['fused']['accuracy']))
        cells = [
            [
                row['name'],
                *map(as_percent, in_columns(row['accuracy']).values()),
                with_spread(row['cross_entropy']['mean_of_folds']) if 'cross_entropy' in row else '-',
            ]
            for row in rows
        ]
        weights = {part: ', '.join(f'{weight:g}' for weight in given) for part, given in entry['weights'].items()}
        in_words = '; '.join(f'{part}: {given}' for part, given in weights.items())
        if len(set(weights.values())) == 1:
            in_words = next(iter(weights.values()))
        lines += ['', f'## {name}', '', *markdown_table(['stream', *titles, 'cross-entropy'], cells), '']
        lines += [
            f'{entry["num_runs"]} runs of each stream, rule {entry["rule"]}, weights {in_words}. {entry["errors"]}',
            '',
            *markdown_table(COLUMNS, sample_rows(entry['wrong'], entry['classes'])),
            '',
            f'Command: `{entry["command"]}`, commit {entry["commit"]}.',
        ]
    return '\n'.join(lines) + '\n'


def entry_of(out: Path) -> dict[str, Any]:
    """What is kept of a fusion: its result, and which samples the fused scores get wrong."""
    scores = out.with_name(f'{out.name}.npz')
    runs = {run_name(*run): stream for run, stream in read_runs(scores).items()}
    wrong = hard_samples(runs)
    errors = f'Errors of the fused scores: {sum(sample.wrong for sample in wrong)}, of {len(wrong)} different samples.'
    return {
        **read_json(out.with_name(f'{out.name}.json')),
        'errors': errors,
        'classes': class_names(scores, next(iter(runs.values())).scores.shape[1]),
        'wrong': [asdict(sample) for sample in wrong],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = lab_parser(__doc__)
    parser.add_argument('name', nargs='?', help='of the entry')
    parser.add_argument('fused', nargs='?', type=Path, help='OUT of asea fuse')
    parser.add_argument('--out', type=Path, default=RESULTS / 'sbu_fused.json', help='default: %(default)s')
    args = parser.parse_args(arguments)
    entries = put_entry(args.out, args.name, entry_of(args.fused)) if args.fused else read_json(args.out)
    write_whole(args.out.with_suffix('.md'), page(entries))


if __name__ == '__main__':
    run_main(main)
