"""NTU RGB+D 60 and 120: raw ``.skeleton`` files or PYSKL's pickles to annotations of a benchmark."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import InputError
from ...files.annotations import load_annotations
from ...recordings.ntu_skeleton import parse_ntu_skeleton
from ...recordings.persons import two_persons
from ..protocol import Conversion, Converter, Progress, convert_each, listed, no_progress
from .facts import BENCHMARKS, MISSING_SKELETONS, parse_ntu_name


def read_ntu_skeleton(path: str | os.PathLike) -> np.ndarray:
    """Read the two persons of one ``.skeleton`` file.

    Args:
        path: The file.

    Shapes:
        returns ``(M, T, V, C)`` = ``(2, T, 25, 3)``, float32, metres; what is absent is zero

    Raises:
        InputError: If the file is not as it should be, or has no body; the message names the file.
    """
    raw = parse_ntu_skeleton(path)
    try:
        return two_persons(raw).astype(np.float32)
    except ValueError as error:
        raise InputError(f'{path}: {error}') from None


def convert_ntu(
    source: str | os.PathLike,
    benchmark: str = 'ntu26',
    jobs: int = 1,
    progress: Progress = no_progress,
    skip_bad: bool = False,
) -> Conversion:
    """Convert NTU RGB+D to the annotations of a benchmark, with its official splits.

    Args:
        source: Folder with raw ``.skeleton`` files, also nested, or PYSKL's ``ntu60_3d.pkl`` or ``ntu120_3d.pkl``.
        benchmark: A name in :data:`~.facts.BENCHMARKS`.
        jobs: Number of processes for raw files.
        progress, skip_bad: See :class:`~..protocol.Converter`.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        InputError: If an argument is unknown, or there is no sample of the benchmark.
    """
    if benchmark not in BENCHMARKS or jobs < 1:
        raise InputError(f'expected a benchmark of {sorted(BENCHMARKS)} and jobs from 1, got {benchmark!r} and {jobs}')
    path, selected = Path(source), BENCHMARKS[benchmark]
    if not path.exists():
        raise FileNotFoundError(f'{path}: no such folder or file; expected .skeleton files or ntu60_3d.pkl')
    published_split: dict[str, list[str]] = {}
    if path.is_dir():
        recordings = [(file.stem, file, file) for file in _skeleton_files(path)]
        convert: Callable[[Any], dict] = _from_file
    elif path.suffix in ('.pkl', '.pickle'):
        content = load_annotations(path)
        recordings = [(item['frame_dir'], path, item) for item in content['annotations']]
        convert, published_split, jobs = partial(_from_annotation, path=path), content['split'], 1
    else:
        raise InputError(f'{path}: expected a folder of .skeleton files or a pickle (ntu60_3d.pkl, ntu120_3d.pkl)')

    labels = {action: label for label, action in enumerate(selected.actions)}
    chosen, problems = [], []
    others = missing = 0
    for sample_id, file, recording in recordings:
        try:
            action = parse_ntu_name(sample_id).action
        except InputError as error:
            problems.append(f'{file}: {error}')
            continue
        if action not in labels:
            others += 1
        elif sample_id in MISSING_SKELETONS:
            missing += 1
        else:
            chosen.append((sample_id, labels[action], recording))
    notes = [f'left out {others} samples of other classes'] if others else []
    if missing:
        notes.append(f'left out {missing} samples that the authors list as missing skeletons')
    if not chosen:
        expected = f'{path}: expected samples of {selected.title}, e.g. S001C002P003R002A050.skeleton, got none'
        raise listed(problems, '; '.join([expected, *notes]))
    # What the file says goes before what the names say.
    split = selected.split(sample_id for sample_id, _, _ in chosen)
    split |= {name: ids for name, ids in published_split.items() if name in split}
    if (present := len(chosen) + missing) < selected.num_samples:
        notes.append(f'got {present} of the {selected.num_samples} samples of {selected.title}')
    meta = {'layout': 'nturgbd25', 'classes': selected.classes, 'source': selected.title, 'units': 'metre'}
    conversion = Conversion(split, meta, notes, problems)
    conversion.annotations = convert_each(chosen, convert, conversion, path, progress, skip_bad, jobs)
    return conversion


def _skeleton_files(root: Path) -> list[Path]:
    """All ``.skeleton`` files below a folder, by name; folders in it may be links, what is hidden is no data."""
    below = {file for folder in (root, *root.glob('*/')) for file in folder.rglob('*.skeleton')}
    hidden = {file for file in below if any(part.startswith(('.', '__')) for part in file.relative_to(root).parts)}
    return sorted(below - hidden, key=lambda file: (file.name, file))


def _from_file(recording: tuple[str, int, Path]) -> dict:
    """A sample of one raw file."""
    sample_id, label, file = recording
    keypoint = read_ntu_skeleton(file)
    return {'frame_dir': sample_id, 'label': label, 'total_frames': keypoint.shape[1], 'keypoint': keypoint}


def _from_annotation(recording: tuple[str, int, dict], path: Path) -> dict:
    """A sample of one of PYSKL's."""
    sample_id, label, annotation = recording
    expected = parse_ntu_name(sample_id).action - 1
    given = annotation.get('label')
    if not isinstance(given, int | np.integer) or given != expected:
        raise InputError(f"{path}: sample {sample_id!r}: expected 'label' {expected}, got {given!r}")
    return {**annotation, 'label': label}


CONVERTER = Converter(
    title='NTU RGB+D 60 and 120',
    source="folder with .skeleton files, or PYSKL's ntu60_3d.pkl or ntu120_3d.pkl",
    out='data/ntu/{benchmark}.pkl',
    convert=convert_ntu,
    options={
        'benchmark': dict(choices=list(BENCHMARKS), default='ntu26', help='classes and splits (default: %(default)s)'),
        'jobs': dict(type=int, default=os.cpu_count() or 1, help='processes for raw files (default: one per core)'),
    },
    skip_bad=True,
)
