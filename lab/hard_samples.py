"""Which test samples several runs get wrong: are errors the model's, or does every model make them?

    python -m lab.hard_samples sbu work_dirs/asea_sbu_cv work_dirs/ctrgcn_sbu_cv

Takes what ``asea fuse`` takes: work folders of ``asea cross-validate`` (all their finished folds and seeds, last epoch)
or the ``OUT.npz`` of its results, folders of ``asea test``, or ``scores.npz`` files. The models may differ, the classes
may not. The samples go to an entry of ``hard_samples.json``, from which its page is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from asea_mm.datasets.files.whole import write_whole
from asea_mm.engine.running import working_tree_commit
from asea_mm.errors import InputError
from asea_mm.evaluation.scores import StreamScores, read_class_names, read_runs

from .commands import lab_parser, noted_command, run_main
from .files import RESULTS, markdown_table, put_entry, read_json

COLUMNS = ('sample', 'true class', 'wrong in', 'predicted instead')


@dataclass(frozen=True)
class HardSample:
    """A sample that at least one run got wrong.

    Args:
        name: Name of the sample.
        label: Its true class.
        tested: How many runs had it among their test samples.
        predicted: How often each wrong class was predicted.
    """

    name: str
    label: int
    tested: int
    predicted: Mapping[int, int]

    @property
    def wrong(self) -> int:
        """How many runs got it wrong."""
        return sum(self.predicted.values())


def hard_samples(runs: Mapping[str, StreamScores]) -> list[HardSample]:
    """The samples that runs got wrong, those first that the largest share of the runs got wrong.

    Args:
        runs: Scores of each run by its name, of the same samples or of others, as the folds of a cross-validation are.

    Raises:
        InputError: If two runs differ in the label of a sample or in the number of classes.
    """
    tested: Counter[str] = Counter()
    predicted: dict[str, Counter[int]] = {}
    first: dict[str, tuple[int, str]] = {}  # label, and the run that says so
    classes = {name: run.scores.shape[1] for name, run in runs.items()}
    if len(set(classes.values())) > 1:
        raise InputError(f'expected runs of the same number of classes, got {classes}')
    for run_name, run in runs.items():
        for name, label, choice in zip(run.ids, run.labels.tolist(), run.scores.argmax(axis=1).tolist(), strict=True):
            known, where = first.setdefault(name, (label, run_name))
            if known != label:
                raise InputError(f'sample {name!r} has label {label} in {run_name}, {known} in {where}')
            tested[name] += 1
            if choice != label:
                predicted.setdefault(name, Counter())[choice] += 1
    samples = [HardSample(name, first[name][0], tested[name], dict(wrong)) for name, wrong in predicted.items()]
    return sorted(samples, key=lambda sample: (-sample.wrong / sample.tested, -sample.wrong, sample.name))


def sample_rows(samples: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> list[list[str]]:
    """Samples of a result as rows below :data:`COLUMNS`; of the wrong classes the most frequent first."""
    rows = []
    for sample in samples:
        by_count = sorted(sample['predicted'].items(), key=lambda choice: (-choice[1], int(choice[0])))
        predicted = ', '.join(f'{classes[int(label)]} {count}×' for label, count in by_count)
        wrong = f'{sum(sample["predicted"].values())} of {sample["tested"]}'
        rows.append([sample['name'], classes[sample['label']], wrong, predicted])
    return rows


def class_names(path: Path, num_classes: int) -> list[str]:
    """The names in a file of scores, or in the report that a test leaves beside its scores; else numbers."""
    if path.is_file() and (known := read_class_names(path)):
        return known
    folder = path if path.is_dir() else path.parent
    for report in (folder / 'report.json', *sorted(folder.glob('fold*_seed*/test/report.json'))):
        if report.exists() and len(names := read_json(report)['classes']) == num_classes:
            return names
    return list(map(str, range(num_classes)))


def page(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """The page of all entries."""
    lines = ['# Samples that runs get wrong']
    for name, entry in entries.items():
        lines += ['', f'## {name}', '', f'Command: `{entry["command"]}`, commit {entry["commit"]}. {entry["summary"]}']
        lines += ['', *markdown_table(COLUMNS, sample_rows(entry['samples'], entry['classes']))]
    return '\n'.join(lines) + '\n'


def main(arguments: Sequence[str] | None = None) -> None:
    parser = lab_parser(__doc__)
    parser.add_argument('name', help='of the entry')
    parser.add_argument('runs', nargs='+', type=Path, help='score files, or folders of tests or cross-validations')
    parser.add_argument('--out', type=Path, default=RESULTS / 'hard_samples.json', help='default: %(default)s')
    args = parser.parse_args(arguments)
    if len(set(args.runs)) < len(args.runs):
        raise InputError(f'one is given twice: {" ".join(map(str, args.runs))}')
    runs = {
        f'{path}, fold {fold}, seed {seed}': scores
        for path in args.runs
        for (fold, seed), scores in read_runs(path).items()
    }
    samples = hard_samples(runs)
    mostly = [sample for sample in samples if 2 * sample.wrong > sample.tested]
    summary = (
        f'{len(runs)} runs, {len({name for run in runs.values() for name in run.ids})} samples, '
        f'{sum(sample.wrong for sample in samples)} errors of {len(samples)} samples. Wrong in every run: '
        f'{sum(sample.wrong == sample.tested for sample in samples)}; in more than half of their runs: {len(mostly)}, '
        f'which makes {sum(sample.wrong for sample in mostly)} of the errors.'
    )
    entry = {
        'command': noted_command('hard_samples'),
        'commit': working_tree_commit(),
        'summary': summary,
        'classes': class_names(args.runs[0], next(iter(runs.values())).scores.shape[1]),
        'samples': [asdict(sample) for sample in samples],
    }
    write_whole(args.out.with_suffix('.md'), page(put_entry(args.out, args.name, entry)))
    print(summary)


if __name__ == '__main__':
    run_main(main)
