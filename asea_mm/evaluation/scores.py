"""Scores of test samples as files: of one test, or of all runs of a cross-validation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets.files.limits import read_npz
from ..datasets.files.whole import written_whole
from ..errors import InputError
from .statistics import Run, run_name

ARRAYS = ('ids', 'scores', 'labels')
OF_RUNS = ('folds', 'seeds')


@dataclass(frozen=True)
class StreamScores:
    """What one stream says of some samples.

    Args:
        ids: Names of the samples, in the order of the other two.
        scores: Scores of each sample, ``(samples, classes)``.
        labels: True classes, ``(samples,)``.
    """

    ids: tuple[str, ...]
    scores: np.ndarray
    labels: np.ndarray

    @property
    def top1(self) -> float:
        """Share of the samples whose highest score is of the true class."""
        return float((self.scores.argmax(axis=1) == self.labels).mean())

    def at(self, ids: Sequence[str]) -> StreamScores:
        """The same for some of the samples, in this order."""
        row = {name: index for index, name in enumerate(self.ids)}
        rows = [row[name] for name in ids]
        return StreamScores(tuple(ids), self.scores[rows], self.labels[rows])


def read_scores(path: str | Path) -> StreamScores:
    """Read ``scores.npz`` of one test, which :class:`InteractionReport` writes.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is of another form, has a sample twice, or scores that are not finite.
    """
    runs = _runs_of_file(Path(path))
    if list(runs) != [(0, 0)]:
        raise InputError(f'{path}: expected the scores of one test, got those of a cross-validation')
    return runs[0, 0]


def run_folder(fold: int, seed: int) -> str:
    """The folder of a run within a work folder of ``asea cross-validate``."""
    return f'fold{fold}_seed{seed}'


def read_runs(path: str | Path) -> dict[Run, StreamScores]:
    """Scores by fold and seed of the finished runs of a cross-validation, last epoch.

    Args:
        path: A work folder of ``asea cross-validate``, or the ``OUT.npz`` of its ``--out`` (:func:`write_runs`). A
            work folder of ``asea test`` or a ``scores.npz`` has one run: fold 0, seed 0.

    Raises:
        FileNotFoundError: If scores do not exist.
        InputError: If the folder has neither scores nor finished runs, or a file is refused by :func:`read_scores`.
    """
    path = Path(path)
    if not path.is_dir():
        return _runs_of_file(path)
    if (path / 'scores.npz').exists():
        return {(0, 0): read_scores(path / 'scores.npz')}
    runs = {}
    for folder in sorted(path.glob('fold*_seed*')):
        numbers = re.fullmatch(r'fold(\d+)_seed(\d+)', folder.name)
        if numbers and (folder / 'result.json').exists():  # else it is not finished
            runs[int(numbers[1]), int(numbers[2])] = read_scores(folder / 'test' / 'scores.npz')
    if not runs:
        raise InputError(f'{path}: expected scores.npz or finished runs of cross-validation, fold*_seed*; has none')
    return runs


def write_runs(path: str | Path, runs: Mapping[Run, StreamScores], classes: Sequence[str]) -> None:
    """Write the scores of all runs, in single precision, and the names of the classes to one file.

    A single run, fold 0 and seed 0, is written as a test is.
    """
    numbers: dict[str, Any] = {}
    if list(runs) != [(0, 0)]:
        for name, of_runs in zip(OF_RUNS, zip(*runs, strict=True), strict=True):
            numbers[name] = np.repeat(of_runs, [len(stream.ids) for stream in runs.values()])
    with written_whole(path) as part:
        np.savez_compressed(
            part,
            ids=np.array([name for stream in runs.values() for name in stream.ids]),
            scores=np.concatenate([stream.scores for stream in runs.values()]).astype(np.float32),
            labels=np.concatenate([stream.labels for stream in runs.values()]),
            classes=np.array(list(classes)),
            **numbers,
        )


def read_class_names(path: str | Path) -> list[str] | None:
    """The names of the classes in a file of :func:`write_runs`; None in one that has none."""
    classes = _read(Path(path)).get('classes')
    return None if classes is None else [str(name) for name in classes]


def _runs_of_file(path: Path) -> dict[Run, StreamScores]:
    arrays = _read(path)
    ids, scores, labels = (arrays[name] for name in ARRAYS)
    numbers = list(zip(*(arrays[name].tolist() for name in OF_RUNS), strict=True)) if 'folds' in arrays else []
    runs = {}
    for run in dict.fromkeys(numbers or [(0, 0)]):  # in their order
        rows = [number == run for number in numbers] if numbers else np.full(len(ids), True)
        where = f'{path}, {run_name(*run)}' if numbers else path
        if infinite := (~np.isfinite(scores[rows]).all(axis=1)).sum():
            raise InputError(f'{where}: scores of {infinite} samples are not finite')
        names = tuple(str(name) for name in ids[rows])
        if len(set(names)) < len(names):
            raise InputError(f'{where}: {len(names) - len(set(names))} samples have the name of another')
        runs[run] = StreamScores(names, scores[rows].astype(np.float64), labels[rows].astype(np.int64))
    return runs


def _read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file of scores, of shapes that fit each other."""
    if not path.is_file():
        raise FileNotFoundError(f'scores {path} do not exist')
    try:
        arrays = read_npz(path)
        samples, classes = arrays['scores'].shape
        shapes = {name: arrays[name].shape for name in ('ids', 'labels')}
    except Exception as error:  # a damaged archive raises almost anything
        reason = f'{error}'.partition('\n')[0] or type(error).__name__
        raise InputError(
            f'{path}: expected a file with ids, scores (samples, classes) and labels, got another or a damaged one '
            f'({reason})'
        ) from None
    shapes |= {name: arrays[name].shape for name in (*OF_RUNS, 'classes') if name in arrays}
    expected = {name: (classes if name == 'classes' else samples,) for name in shapes}
    if shapes != expected or not samples or len(shapes.keys() & OF_RUNS) == 1:
        raise InputError(
            f'{path}: expected ids, labels, and of runs folds and seeds, of {samples} samples and names of {classes} '
            f'classes, got {shapes}'
        )
    return arrays
