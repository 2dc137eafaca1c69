"""Late fusion of experiments over their late epochs: kept scores, and the runs that their products are."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asea_mm.engine.late_epochs import late_measures
from asea_mm.engine.running import working_tree_commit
from asea_mm.evaluation.fusion import align, fuse
from asea_mm.evaluation.report import accuracies
from asea_mm.evaluation.scores import StreamScores, read_class_names, read_runs
from asea_mm.evaluation.statistics import Run

from .experiments import Experiment
from .files import by_run
from .scores import keep_scores

LateScores = Mapping[Run, Mapping[int, StreamScores]]  # of every run by epoch


def keep_late_scores(archive: Path, name: str, runs: LateScores, classes: Sequence[str]) -> None:
    """Add the scores of late epochs of an experiment to an archive, one ``NAME_epochN.npz`` for each epoch."""
    for epoch in sorted({epoch for late in runs.values() for epoch in late}):
        scores = {run: late[epoch] for run, late in runs.items() if epoch in late}
        keep_scores(archive, f'{name}_epoch{epoch}', scores, classes)


def kept_late_scores(archive: Path, name: str) -> tuple[dict[Run, dict[int, StreamScores]], list[str]]:
    """What :func:`keep_late_scores` has kept of an experiment, and the names of its classes; nothing if nothing."""
    runs: dict[Run, dict[int, StreamScores]] = {}
    classes: list[str] = []
    if not archive.exists():
        return runs, classes
    with zipfile.ZipFile(archive) as file, tempfile.TemporaryDirectory() as folder:
        epochs = {int(found[1]): member for member in file.namelist() if (found := _of(name).fullmatch(member))}
        for epoch in sorted(epochs):
            path = Path(file.extract(epochs[epoch], folder))
            classes = read_class_names(path) or []
            for run, scores in read_runs(path).items():
                runs.setdefault(run, {})[epoch] = scores
    return runs, classes


def _of(name: str) -> re.Pattern:
    return re.compile(rf'{re.escape(name)}_epoch(\d+)\.npz')


def fused_runs(
    archive: Path, members: Sequence[Experiment], results: Sequence[Sequence[Mapping[str, Any]]]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The runs of the product of two experiments with even weights, of the runs whose late scores both have.

    Late epochs are paired from the last one backwards; a member with a single one, such as a fit in closed form, has it
    beside each of the other's.

    Args:
        archive: As of :func:`keep_late_scores`.
        members: The two.
        results: Their runs; facts of a fused run are those of the first.
    """
    (first, classes), (second, _) = (kept_late_scores(archive, member.id) for member in members)
    facts, others = by_run(results[0]), by_run(results[1])
    both = first.keys() & second.keys() & facts.keys() & others.keys()
    folds = {fold for fold, _ in facts}
    runs = []
    for run in sorted(run for run in both if all((fold, run[1]) in both for fold in folds)):  # of whole seeds
        late = [list(scores[run].values()) for scores in (first, second)]
        count = max(map(len, late)) if min(map(len, late)) == 1 else min(map(len, late))
        pairs = zip(*(epochs * count if len(epochs) == 1 else epochs[-count:] for epochs in late), strict=True)
        fused = []
        for pair in pairs:
            streams = list(align(dict(zip((members[0].id, members[1].id), pair, strict=True))).values())
            fused.append(fuse(streams, (0.5, 0.5), 'product'))
        last = accuracies(fused[-1].scores, fused[-1].labels)
        runs.append(
            {
                **{key: facts[run][key] for key in ('fold', 'seed', 'epochs')},
                'commit': working_tree_commit(),
                'device': facts[run].get('device'),
                'num_samples': last['num_samples'],
                'last_top1': last['top1'],
                'last_cross_entropy': last['cross_entropy'],
                'best_top1': max(stream.top1 for stream in fused),
                'seconds': facts[run]['seconds'] + others[run]['seconds'],
                'confusion': last['confusion'],
                **late_measures(fused),
            }
        )
    return runs, classes
