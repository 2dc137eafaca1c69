"""Scores of the test samples of experiments, all in one archive: ``ID.npz``, as ``asea fuse`` reads them.

unzip lab/results/scores.zip -d work_dirs/scores
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from asea_mm.datasets.files.whole import write_whole, written_whole


def take_scores(archive: Path, name: str, scores: Path) -> None:
    """Write the scores of an experiment, if the archive has any, to a file."""
    if archive.exists():
        with zipfile.ZipFile(archive) as file:
            if f'{name}.npz' in file.namelist():
                write_whole(scores, file.read(f'{name}.npz'))


def keep_scores(archive: Path, name: str, scores: Path) -> None:
    """Put the scores of an experiment into the archive, in place of those of before.

    Args:
        archive: The archive; made if it is not there.
        name: Id of the experiment.
        scores: File of ``asea cross-validate --out``; of one that is not there nothing is kept.
    """
    if not scores.exists():
        return
    kept = {}
    if archive.exists():
        with zipfile.ZipFile(archive) as file:
            kept = {member: file.read(member) for member in file.namelist()}
    kept[f'{name}.npz'] = scores.read_bytes()
    with written_whole(archive) as part, zipfile.ZipFile(part, 'w') as file:
        for member, content in sorted(kept.items()):
            file.writestr(zipfile.ZipInfo(member), content)
