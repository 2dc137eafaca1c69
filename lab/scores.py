"""Scores of the test samples of experiments, all in one archive: ``ID.npz``, as ``asea fuse`` reads them.

unzip lab/results/scores.zip -d work_dirs/scores
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from asea_mm.datasets.files.whole import written_whole
from asea_mm.evaluation.scores import StreamScores, read_runs, write_runs
from asea_mm.evaluation.statistics import Run


def kept_scores(archive: Path, name: str) -> dict[Run, StreamScores]:
    """The scores of an experiment by fold and seed; none if the archive has none of it."""
    member = f'{name}.npz'
    if not archive.exists():
        return {}
    with zipfile.ZipFile(archive) as file, tempfile.TemporaryDirectory() as folder:
        return read_runs(Path(file.extract(member, folder))) if member in file.namelist() else {}


def keep_scores(archive: Path, name: str, runs: Mapping[Run, StreamScores], classes: Sequence[str]) -> None:
    """Add scores of runs to those of an experiment that the archive has, or put them in their place.

    Args:
        archive: The archive; made if it is not there.
        name: Id of the experiment.
        runs: Its scores by fold and seed; without any nothing is done.
        classes: Names of the classes.
    """
    if not runs:
        return
    members = {}
    if archive.exists():
        with zipfile.ZipFile(archive) as file:
            members = {member: file.read(member) for member in file.namelist()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f'{name}.npz'
        write_runs(path, dict(sorted({**kept_scores(archive, name), **runs}.items())), classes)
        members[path.name] = path.read_bytes()
    with written_whole(archive) as part, zipfile.ZipFile(part, 'w') as file:
        for member, content in sorted(members.items()):
            file.writestr(zipfile.ZipInfo(member), content)
