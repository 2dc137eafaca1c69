"""NTU RGB+D 60 and 120: raw ``.skeleton`` files or PYSKL's pickles to annotations of a benchmark."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import InputError
from ...files.annotations import load_annotations, validate_annotation
from ...recordings.ntu_skeleton import NUM_JOINTS, parse_ntu_skeleton
from ...recordings.persons import two_persons
from .facts import BENCHMARKS, Benchmark, parse_ntu_name
from .missing import MISSING_SKELETONS
from .shards import Outcome, Progress, Shard, convert_shards, make_shards, read_keypoints, remove_shards


@dataclass
class NTUConversion:
    """What :func:`convert_ntu` returns: the arguments of ``save_annotations``, and a report.

    Args:
        annotations: The samples; can be read once or more, and reads keypoints only when asked for.
        split: Split name to ids.
        meta: Layout, classes, source and units.
        samples: All samples without their keypoints.
        refused: File or sample to the reason why it is left out.
        broken: Ids of samples in the authors' list of missing skeletons that were met and left out.
        other_classes: How many samples are not of the benchmark.
        notes: How many bodies were joined across ids, merged or left out.
        cache: Folder to remove when the annotations are saved.
    """

    annotations: Iterable[dict]
    split: dict[str, list[str]]
    meta: dict[str, Any]
    samples: list[dict]
    refused: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    other_classes: int = 0
    notes: Counter = field(default_factory=Counter)
    cache: Path | None = None

    def remarks(self) -> list[str]:
        """What a user should know about the samples that are left out, and about the bodies."""
        remarks = [f'{self.other_classes} samples of other classes'] if self.other_classes else []
        if self.broken:
            remarks.append(f'{len(self.broken)} samples left out that the authors list as missing skeletons')
        if any(self.notes.values()):
            remarks.append(
                'bodies: {joined} joined across ids, {duplicates} duplicates merged; left out: {not_persons} not '
                'shaped like a person, {surplus} beyond two'.format(**self.notes)
            )
        return remarks

    def remove_cache(self) -> None:
        """Remove what only a further run would need; other files in the folder stay."""
        if self.cache is not None:
            remove_shards(self.cache)


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
        return two_persons(raw)[0].astype(np.float32)
    except ValueError as error:
        raise InputError(f'{path}: {error}') from None


def convert_ntu(
    path: str | os.PathLike,
    benchmark: str = 'ntu26',
    cache: str | os.PathLike = 'ntu.partial',
    jobs: int = 1,
    keep_broken: bool = False,
    dtype: str = 'float32',
    progress: Progress = lambda done, total: None,
) -> NTUConversion:
    """Convert NTU RGB+D to the annotations of a benchmark, with its official splits.

    Args:
        path: Folder with raw ``.skeleton`` files, also nested, or PYSKL's ``ntu60_3d.pkl`` or ``ntu120_3d.pkl``.
        benchmark: A name in :data:`~asea_mm.datasets.converters.ntu_facts.BENCHMARKS`.
        cache: Folder for results of raw files until the annotations are saved; a run that was stopped goes on from it.
        jobs: Number of processes for raw files.
        keep_broken: Keep the samples in the authors' list of missing skeletons, if they have any body.
        dtype: Of the keypoints of raw files, ``'float32'`` or ``'float16'``. Pickles keep theirs.
        progress: Called with the number of files done and of all files.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ValueError: If an argument is unknown, or no sample of the benchmark can be converted. A single wrong file or
            sample raises nothing, it is in ``refused``.
    """
    if benchmark not in BENCHMARKS:
        raise InputError(f'unknown benchmark {benchmark!r}; known are {sorted(BENCHMARKS)}')
    if dtype not in ('float32', 'float16'):
        raise InputError(f"dtype must be 'float32' or 'float16', got {dtype!r}")
    if jobs < 1:
        raise InputError(f'jobs must be at least 1, got {jobs}')
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f'{path}: no such folder or file; expected .skeleton files or ntu60_3d.pkl')
    selected = BENCHMARKS[benchmark]
    if path.is_dir():
        conversion = _convert_folder(path, selected, Path(cache), jobs, keep_broken, dtype, progress)
    elif path.suffix in ('.pkl', '.pickle'):
        conversion = _convert_pickle(path, selected, keep_broken)
    else:
        raise InputError(f'{path}: expected a folder of .skeleton files or a pickle (ntu60_3d.pkl, ntu120_3d.pkl)')
    if not conversion.samples:
        found = [f'{conversion.other_classes} samples of other classes', f'{len(conversion.broken)} known as broken']
        found.append(f'{len(conversion.refused)} refused')
        first = next((f'; the first: {reason}' for reason in conversion.refused.values()), '')
        raise InputError(f'{path}: no sample of {selected.title} could be converted: {", ".join(found)}{first}')
    return conversion


def _meta(benchmark: Benchmark) -> dict[str, Any]:
    return {'layout': 'nturgbd25', 'classes': benchmark.classes, 'source': benchmark.title, 'units': 'metre'}


def _without_broken(ids: Iterable[str], keep_broken: bool) -> tuple[list[str], list[str]]:
    """Ids to use, and those in the authors' list."""
    ids = list(ids)
    broken = [] if keep_broken else [sample_id for sample_id in ids if sample_id in MISSING_SKELETONS]
    left_out = set(broken)
    return [sample_id for sample_id in ids if sample_id not in left_out], broken


def find_ntu_files(root: str | Path) -> tuple[dict[str, str], dict[str, str]]:
    """All ``.skeleton`` files below a folder, in the order of their names; hidden files and folders are not data.

    Returns:
        Sample id to file, and file to the reason why it is refused: a wrong name, or a sample that is there twice.
    """
    found: dict[str, str] = {}
    refused: dict[str, str] = {}
    visited = set()
    for folder, folders, names in os.walk(str(root), followlinks=True):
        if (real := os.path.realpath(folder)) in visited:  # a link back, or a second one
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith(('.', '__')))
        for name in sorted(names):
            stem, suffix = os.path.splitext(name)
            if suffix.lower() != '.skeleton' or name.startswith('.'):
                continue
            file = os.path.join(folder, name)
            try:
                parse_ntu_name(stem)
            except ValueError as error:
                refused[file] = f'{file}: {error}'
                continue
            if stem in found:
                refused[file] = f'{file}: expected every sample once, got it again after {found[stem]}'
            else:
                found[stem] = file
    return dict(sorted(found.items())), refused


class _ShardedAnnotations:
    """Annotations of converted shards; iterating reads one at a time."""

    def __init__(self, shards: Sequence[Shard], samples: Sequence[dict]) -> None:
        self.shards, self.samples = shards, samples

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[dict]:
        for sample, (sample_id, keypoint) in zip(self.samples, read_keypoints(self.shards), strict=True):
            if sample['frame_dir'] != sample_id:
                raise InputError(f'{self.shards[0].stem.parent}: the cache changed while it was read; run again')
            yield {**sample, 'keypoint': keypoint}


def _convert_folder(
    root: Path, benchmark: Benchmark, cache: Path, jobs: int, keep_broken: bool, dtype: str, progress: Progress
) -> NTUConversion:
    files, refused = find_ntu_files(root)
    if not files and not refused:
        raise InputError(f'{root}: expected files such as S001C002P003R002A050.skeleton, got none')
    labels = {action: label for label, action in enumerate(benchmark.actions)}
    wanted = {sample_id: labels.get(parse_ntu_name(sample_id).action) for sample_id in files}
    ids, broken = _without_broken((name for name, label in wanted.items() if label is not None), keep_broken)
    outcomes: list[Outcome] = []
    shards: list[Shard] = []
    if ids:
        cache.mkdir(parents=True, exist_ok=True)
        shards = make_shards([(sample_id, files[sample_id]) for sample_id in ids], cache, dtype)
        outcomes = convert_shards(shards, jobs, progress)
    samples = [
        {'frame_dir': item.sample_id, 'label': wanted[item.sample_id], 'total_frames': item.frames}
        for item in outcomes
        if item.error is None
    ]
    refused |= {files[item.sample_id]: item.error for item in outcomes if item.error is not None}
    notes: Counter = Counter()
    for item in outcomes:
        notes.update(item.notes or {})
    return NTUConversion(
        annotations=_ShardedAnnotations(shards, samples),
        split=benchmark.split(sample['frame_dir'] for sample in samples),
        meta=_meta(benchmark),
        samples=samples,
        refused=refused,
        broken=broken,
        other_classes=sum(label is None for label in wanted.values()),
        notes=notes,
        cache=cache,
    )


def _convert_pickle(path: Path, benchmark: Benchmark, keep_broken: bool) -> NTUConversion:
    content = load_annotations(path)
    labels = {action: label for label, action in enumerate(benchmark.actions)}
    annotations: list[dict] = []
    refused: dict[str, str] = {}
    other_classes = 0
    kept, broken = _without_broken((item['frame_dir'] for item in content['annotations']), keep_broken)
    left_out = set(broken)
    for annotation in content['annotations']:
        sample_id = annotation['frame_dir']
        if sample_id in left_out:
            continue
        try:
            action = parse_ntu_name(sample_id).action
            if action not in labels:
                other_classes += 1
                continue
            validate_annotation(annotation, NUM_JOINTS, source=path)
            if annotation['label'] != action - 1:
                raise InputError(
                    f"{path}: sample {sample_id!r}: expected 'label' {action - 1}, got {annotation['label']}"
                )
        except ValueError as error:
            refused[f'{path}: {sample_id}'] = str(error)
            continue
        annotations.append({**annotation, 'label': labels[action]})
    known = {annotation['frame_dir'] for annotation in annotations}
    split = benchmark.split(annotation['frame_dir'] for annotation in annotations)
    for name in split.keys() & content['split'].keys():  # what the file says goes before what the names say
        split[name] = [sample_id for sample_id in content['split'][name] if sample_id in known]
    fields = ('frame_dir', 'label', 'total_frames')
    return NTUConversion(
        annotations=annotations,
        split=split,
        meta=_meta(benchmark),
        samples=[{name: annotation[name] for name in fields} for annotation in annotations],
        refused=refused,
        broken=[sample_id for sample_id in broken if int(sample_id[-3:]) in labels],
        other_classes=other_classes,
    )
