"""NTU RGB+D 60 and 120: raw ``.skeleton`` files or PYSKL's pickles to annotations of a benchmark."""

from __future__ import annotations

import os
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import InputError
from ...files.annotations import load_annotations, validate_annotation
from ...recordings.ntu_skeleton import NUM_JOINTS, parse_ntu_skeleton
from ...recordings.persons import two_persons
from ..protocol import Conversion, Converter, OnProblem, Problems, Progress, convert_each, no_progress
from .facts import BENCHMARKS, MISSING_SKELETONS, parse_ntu_name

_LISTED = 'that the authors list as missing skeletons'


def read_ntu_skeleton(path: str | os.PathLike) -> np.ndarray:
    """Read the two persons of one ``.skeleton`` file.

    Args:
        path: The file.

    Shapes:
        returns ``(M, T, V, C)`` = ``(2, T, 25, 3)``, float32, metres; what is absent is zero

    Raises:
        ValueError: If the file is not as it should be, or has no body; the message names the file.
    """
    raw = parse_ntu_skeleton(path)
    try:
        return two_persons(raw).astype(np.float32)
    except ValueError as error:
        raise InputError(f'{path}: {error}') from None


def find_ntu_files(root: Path, on_problem: OnProblem) -> dict[str, Path]:
    """All ``.skeleton`` files below a folder, in the order of their names; hidden files and folders are not data.

    Args:
        root: The folder; folders in it may be links to other disks.
        on_problem: Called with the message of each file with a wrong name, or of a sample that is there twice.

    Returns:
        Sample id to file.
    """
    files: dict[str, Path] = {}
    below = {file for folder in (root, *root.glob('*/')) for file in folder.rglob('*.skeleton')}
    for file in sorted(below, key=lambda file: (file.name, file)):
        if any(part.startswith(('.', '__')) for part in file.relative_to(root).parts):
            continue
        try:
            parse_ntu_name(file.stem)
        except InputError as error:
            on_problem(f'{file}: {error}')
            continue
        if file.stem in files:
            on_problem(f'{file}: expected every sample once, got it again after {files[file.stem]}')
        else:
            files[file.stem] = file
    return files


def convert_ntu(
    source: str | os.PathLike,
    benchmark: str = 'ntu26',
    jobs: int = 1,
    keep_broken: bool = False,
    dtype: str = 'float32',
    progress: Progress = no_progress,
    on_problem: OnProblem | None = None,
) -> Conversion:
    """Convert NTU RGB+D to the annotations of a benchmark, with its official splits.

    Args:
        source: Folder with raw ``.skeleton`` files, also nested, or PYSKL's ``ntu60_3d.pkl`` or ``ntu120_3d.pkl``.
        benchmark: A name in :data:`~.facts.BENCHMARKS`.
        jobs: Number of processes for raw files.
        keep_broken: Keep the samples in the authors' list of missing skeletons, if they have any body.
        dtype: Of the keypoints of raw files, ``'float32'`` or ``'float16'``. Pickles keep theirs.
        progress, on_problem: See :class:`~..protocol.Converter`.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        InputError: If an argument is unknown, or there is no sample of the benchmark.
    """
    if benchmark not in BENCHMARKS:
        raise InputError(f'unknown benchmark {benchmark!r}; known are {sorted(BENCHMARKS)}')
    if dtype not in ('float32', 'float16'):
        raise InputError(f"dtype must be 'float32' or 'float16', got {dtype!r}")
    if jobs < 1:
        raise InputError(f'jobs must be at least 1, got {jobs}')
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f'{path}: no such folder or file; expected .skeleton files or ntu60_3d.pkl')
    selected = BENCHMARKS[benchmark]
    problems = Problems(path, on_problem)
    if path.is_dir():
        recordings: dict[str, Any] = find_ntu_files(path, problems.add)
        convert, published_split = partial(_from_file, dtype=dtype), {}
        if not recordings and not problems.messages:
            raise InputError(f'{path}: expected files such as S001C002P003R002A050.skeleton, got none')
    elif path.suffix in ('.pkl', '.pickle'):
        content = load_annotations(path)
        recordings = {annotation['frame_dir']: annotation for annotation in content['annotations']}
        convert, published_split, jobs = partial(_from_annotation, path=path), content['split'], 1
    else:
        raise InputError(f'{path}: expected a folder of .skeleton files or a pickle (ntu60_3d.pkl, ntu120_3d.pkl)')

    labels = {action: label for label, action in enumerate(selected.actions)}
    chosen = []
    left_out: Counter[str] = Counter()
    for sample_id, recording in recordings.items():
        try:
            action = parse_ntu_name(sample_id).action
        except InputError as error:
            problems.add(f'{path}: sample {sample_id!r}: {error}')
            continue
        if action not in labels:
            left_out['of other classes'] += 1
        elif sample_id in MISSING_SKELETONS and not keep_broken:
            left_out[_LISTED] += 1
        else:
            chosen.append((sample_id, labels[action], recording))
    notes = [f'left out {count} samples {reason}' for reason, count in left_out.items()]
    if not chosen:
        raise InputError(
            problems.listing('; '.join([f'{path}: expected samples of {selected.title}, got none', *notes]))
        )
    sample_ids = [sample_id for sample_id, _, _ in chosen]
    # What the file says goes before what the names say.
    split = {name: published_split.get(name, ids) for name, ids in selected.split(sample_ids).items()}
    if (present := len(chosen) + left_out[_LISTED]) < selected.num_samples:
        notes.append(f'got {present} of the {selected.num_samples} samples of {selected.title}')
    meta = {'layout': 'nturgbd25', 'classes': selected.classes, 'source': selected.title, 'units': 'metre'}
    return convert_each(chosen, convert, split, meta, problems, progress, jobs, notes)


def _from_file(recording: tuple[str, int, Path], dtype: str) -> dict:
    """A sample of one raw file."""
    sample_id, label, file = recording
    keypoint = read_ntu_skeleton(file).astype(dtype)
    if not keypoint.any():
        raise InputError(f'{file}: expected at least one body, got positions that are zero in {dtype}')
    return {'frame_dir': sample_id, 'label': label, 'total_frames': keypoint.shape[1], 'keypoint': keypoint}


def _from_annotation(recording: tuple[str, int, dict], path: Path) -> dict:
    """A sample of one of PYSKL's."""
    sample_id, label, annotation = recording
    validate_annotation(annotation, NUM_JOINTS, source=path)
    expected = parse_ntu_name(sample_id).action - 1
    if annotation['label'] != expected:
        raise InputError(f"{path}: sample {sample_id!r}: expected 'label' {expected}, got {annotation['label']}")
    return {**annotation, 'label': label}


CONVERTER = Converter(
    title='NTU RGB+D 60 and 120',
    source="folder with .skeleton files, or PYSKL's ntu60_3d.pkl or ntu120_3d.pkl",
    out='data/ntu/{benchmark}.pkl',
    convert=convert_ntu,
    options={
        'benchmark': dict(choices=list(BENCHMARKS), default='ntu26', help='classes and splits (default: %(default)s)'),
        'jobs': dict(type=int, default=os.cpu_count() or 1, help='processes for raw files (default: one per core)'),
        'keep_broken': dict(action='store_true', help='keep the 535 samples listed as missing skeletons'),
        'dtype': dict(choices=['float32', 'float16'], default='float32', help='of raw files (default: %(default)s)'),
    },
    skip_bad=True,
)
