"""What is there of the results of tables, what is missing, and how it comes to be there."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from asea_mm.engine.late_epochs import read_late_scores
from asea_mm.errors import InputError
from asea_mm.evaluation.scores import read_scores, run_folder
from asea_mm.evaluation.statistics import Run, over_seeds

from .experiments import Experiment, Table
from .files import Result, by_run, read_results, write_results
from .late_fusion import fused_runs, keep_late_scores
from .scores import keep_scores
from .training import Task, plan, run_all

NO_DATA = 'not run: data not available here'
SCORES, LATE_SCORES = 'scores.zip', 'late_scores.zip'


class Ledger:
    """The results there are, and what it takes to get the others.

    Args:
        tables: All tables of the list.
        args: ``folds``, ``seeds``, ``jobs``, ``minutes``, ``work_dir`` and ``results``, as of ``lab.reproduce``.
    """

    def __init__(self, tables: Sequence[Table], args: argparse.Namespace) -> None:
        self.args = args
        self.first: dict[str, tuple[str, Experiment]] = {}  # table and row that an experiment has its result under
        for table in tables:
            for row in table.rows:
                if not row.command:
                    self.first.setdefault(row.key, (table.name, row))
        self.by_id = {row.id: row for table in tables for row in table.rows}
        self.files = {table.name: read_results(args.results / f'{table.name}.json') for table in tables}
        for name, row in self.first.values():
            result = self.files[name].get(row.id)
            if result and result.settings != row.settings:
                path = args.results / f'{name}.json'
                raise InputError(f'{path}: {row.id} is of {result.settings}, the list has {row.settings}')
        fused = [self.by_id[member].key for row in self.by_id.values() for member in row.fused]
        self.members = {self.first[key][1].id for key in fused}  # whose late scores are kept

    def of(self, row: Experiment) -> Result | None:
        """The result of a row, if it has one."""
        if row.command:
            return None
        table, first = self.first[row.key]
        return self.files[table].get(first.id)

    def runs(self, row: Experiment) -> Sequence[Mapping[str, Any]]:
        result = self.of(row)
        return result.runs if result else []

    def missing(self, row: Experiment) -> list[tuple[list[int], list[int]]]:
        """Folds and seeds to run, as products, so that every fold has every seed, those of now and those of before."""
        if not row.runs_here:
            return []
        folds = self.args.folds if row.folds else [0]
        present = set(by_run(self.runs(row)))
        if present.issuperset(product(folds, self.args.seeds)):
            return []
        old_folds, old_seeds = ({run[axis] for run in present} for axis in (0, 1))
        every_fold, new_seeds = sorted(old_folds.union(folds)), sorted(set(self.args.seeds) - old_seeds)
        new_folds = sorted(set(folds) - old_folds)
        products = [(new_folds, sorted(old_seeds)), (every_fold, new_seeds)]
        return [(some_folds, seeds) for some_folds, seeds in products if some_folds and seeds]

    def count_missing(self, row: Experiment) -> int:
        return sum(len(folds) * len(seeds) for folds, seeds in self.missing(row))

    def hours(self, row: Experiment) -> float | None:
        """Estimate for the missing runs, from those of the row or, without any, of all results; fusing takes none."""
        if row.fused:
            return 0.0
        seconds, own = [], self.of(row)
        others = (result for results in self.files.values() for result in results.values())
        for result in [own] if own else others:
            jobs = re.search(r'--jobs[ =]([1-9]\d*)', result.command)  # runs at once share the cores
            seconds += [run['seconds'] / int(jobs[1] if jobs else 1) for run in result.runs]
        return self.count_missing(row) * over_seeds(seconds)['mean'] / 3600 if seconds else None

    def command(self, row: Experiment) -> str:
        """What runs a row."""
        if row.command:
            return row.command
        table, first = self.first[row.key]
        folds = [] if not row.folds or self.args.folds == [1, 2, 3, 4, 5] else ['--folds', *map(str, self.args.folds)]
        words = ['python', '-m', 'lab.reproduce', table, '--rows', first.id, *folds]
        return shlex.join([*words, '--seeds', *map(str, self.args.seeds), '--jobs', str(self.args.jobs)])

    def run(self, rows: Sequence[Experiment]) -> dict[str, InputError]:
        """Run what is missing of rows, all in one queue: by seeds, within a seed in the order of the rows.

        So of a queue that is stopped, as by ``--minutes``, there are whole seeds, first of the first rows. Results are
        written whenever every fold of a seed is there.

        Returns:
            What failed, by row.
        """
        began = time.monotonic()
        trained = [row for row in rows if not row.fused]
        count_before = {row.id: len(self.runs(row)) for row in trained}
        queue: list[tuple[Experiment, Task]] = []
        for row in trained:
            for folds, seeds in self.missing(row):
                work_dir = self.args.work_dir / f'{row.id}_cv'
                settings = (row.cfg_options, [row.overrides], row.stream)
                wanted = plan(row.config, work_dir, folds, seeds, *settings)
                queue += [(row, (wanted, run)) for run in wanted.runs]
        rank = {row.id: number for number, row in enumerate(trained)}
        queue.sort(key=lambda item: (item[1][1][1], rank[item[0].id]))  # seed, row
        wanted_folds = {row.id: {run[0] for item, (_, run) in queue if item.id == row.id} for row in trained}
        for row in trained:
            wanted_folds[row.id] |= {fold for fold, _ in by_run(self.runs(row))}
            if count := sum(item.id == row.id for item, _ in queue):
                print(f'{row.id}, {count} runs: {self.command(row)}', flush=True)
        done: dict[str, dict[Run, dict[str, Any]]] = defaultdict(dict)
        failed: dict[str, InputError] = {}
        seconds = None if self.args.minutes is None else 60 * self.args.minutes - (time.monotonic() - began)
        jobs_folder = self.args.work_dir / f'jobs_{os.getpid()}'
        for number, result in run_all([task for _, task in queue], jobs_folder, self.args.jobs, seconds):
            row, (_, run) = queue[number]
            if isinstance(result, InputError):
                failed.setdefault(row.id, result)
                print(f'{row.id} failed, the others go on: {result}', file=sys.stderr, flush=True)
                continue
            done[row.id][run] = result
            self._add(row, done[row.id], wanted_folds[row.id])
        changed = {row.id for row in trained if len(self.runs(row)) != count_before[row.id]}
        for row in rows:
            if row.fused and (self.missing(row) or changed.intersection(member.id for member in self._members(row))):
                self._fuse(row)
        return failed

    def _add(self, row: Experiment, done: dict[Run, dict[str, Any]], folds: set[int]) -> None:
        """Move what is done of whole seeds into the file of the row's table."""
        before = by_run(self.runs(row))
        together = {**before, **done}
        whole = {seed for _, seed in together if all((fold, seed) in together for fold in folds)}
        new = {run: done.pop(run) for run in sorted(done) if run[1] in whole}
        if not new or not {seed for _, seed in before} <= whole:
            done.update(new)
            return
        classes = next(iter(new.values()))['classes']
        self._write(row, {**before, **new}, classes)
        folders = {run: self.args.work_dir / f'{row.id}_cv' / run_folder(*run) for run in new}
        files = {run: folder / 'test' / 'scores.npz' for run, folder in folders.items()}
        scores = {run: read_scores(file) for run, file in files.items() if file.exists()}
        keep_scores(self.args.results / SCORES, row.id, scores, classes)
        if row.id in self.members:
            late = {run: read_late_scores(folder, new[run]['epochs']) for run, folder in folders.items()}
            for run, stream in scores.items():
                late[run][new[run]['epochs']] = stream  # the last one, with the test pipeline
            keep_late_scores(self.args.results / LATE_SCORES, row.id, late, classes)

    def _fuse(self, row: Experiment) -> None:
        """Fuse the scores of the runs that both members of a row have."""
        members = self._members(row)
        runs, classes = fused_runs(self.args.results / LATE_SCORES, members, [self.runs(member) for member in members])
        if runs:
            self._write(row, by_run(runs), classes)

    def _members(self, row: Experiment) -> list[Experiment]:
        """The experiments that a row fuses."""
        return [self.first[self.by_id[member].key][1] for member in row.fused]

    def _write(self, row: Experiment, runs: Mapping[Run, Mapping[str, Any]], classes: Sequence[str]) -> None:
        table, _ = self.first[row.key]
        kept = [{key: run[key] for key in run if key not in ('classes', 'settings')} for _, run in sorted(runs.items())]
        self.files[table][row.id] = Result(self.command(row), row.settings, classes, kept)
        write_results(self.args.results / f'{table}.json', self.files[table])

    def state(self, row: Experiment) -> str:
        if row.command:
            return NO_DATA
        present, missing = len(self.runs(row)), self.count_missing(row)
        if row.former:
            return f'of former code: {row.former}'
        return f'have {present} of {present + missing} runs' if present else 'not run'
