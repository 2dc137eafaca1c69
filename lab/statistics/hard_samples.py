"""Samples that several runs get wrong: whether errors are of the model's making or of the data's."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from asea_mm.errors import InputError
from asea_mm.evaluation.scores import StreamScores, read_class_names

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
        ValueError: If two runs differ in the label of a sample or in the number of classes.
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


def as_cells(sample: HardSample, classes: Sequence[str]) -> tuple[str, ...]:
    """A sample as a row below :data:`COLUMNS`; of the wrong classes the most frequent first."""
    by_count = sorted(sample.predicted.items(), key=lambda choice: (-choice[1], choice[0]))
    predicted = ', '.join(f'{classes[label]} {count}×' for label, count in by_count)
    return sample.name, classes[sample.label], f'{sample.wrong} of {sample.tested}', predicted


def class_names(path: Path, num_classes: int) -> list[str]:
    """The names in the report that a test leaves beside its scores, or in the file of all runs; else numbers.

    Args:
        path: As of :func:`~asea_mm.evaluation.scores.read_runs`.
        num_classes: How many classes the scores have.

    Raises:
        ValueError: If a report is damaged.
    """
    if path.is_file() and (known := read_class_names(path)):
        return known
    folder = path if path.is_dir() else path.parent
    for report in (folder / 'report.json', *sorted(folder.glob('fold*_seed*/test/report.json'))):
        if not report.exists():
            continue
        try:
            names = json.loads(report.read_text())['classes']
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{report}: expected a report of tools/test.py with 'classes', got {error!r}") from None
        if len(names) == num_classes:
            return names
    return list(map(str, range(num_classes)))
