"""One pass over an annotation file that gathers all that is wrong with it."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from ...skeletons import Skeleton, get_skeleton
from ..files.annotations import load_annotations
from .findings import Report
from .measures import Landmarks, Measures, measure
from .splits import Members, check_classes, check_same_keypoints, check_splits

PICTURES = 3  # samples kept of every class
MOST_CLASSES = 10_000  # a higher label is no class number

# Thresholds of the findings; lengths in metres.
LARGE, SMALL, FAR = 20.0, 0.3, 20.0
UPSIDE_DOWN = -0.3  # head minus feet along y, as a share of the body
MOST = 0.5  # of the samples that can be judged
MIRRORED = 0.8  # of them; facing directions are noisier
MISSING = 0.3
VARYING_BONES = 0.3


def check_annotations(
    path: str | os.PathLike,
    layout: str | Mapping | Skeleton | None = None,
    track: Callable[[Sequence], Iterable] = iter,
) -> Report:
    """Check an annotation file or store of ours, mmaction2's or PYSKL's; samples of a store are read one at a time.

    Args:
        path: The file.
        layout: Skeleton layout; by default what the file says.
        track: Wraps the samples, to show progress.

    Returns:
        What is in the file, and everything that is wrong with it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read at all, or the layout that was given is unknown.
    """
    given = None if layout is None else get_skeleton(layout)
    content = load_annotations(path, lazy=True, repeated_ids=True)
    report = Report(str(path))
    report.skeleton = given or _layout_of(content['meta'], report)
    checking = _Pass(report, content, report.skeleton)
    for annotation in track(content['annotations']):
        checking.sample(annotation)
    checking.finish()
    return report


def _layout_of(meta: Mapping, report: Report) -> Skeleton | None:
    if meta.get('layout') is None:
        report.add('layout', "'meta' names none")
        return None
    try:
        return get_skeleton(meta['layout'])
    except (ValueError, TypeError, AttributeError) as error:
        report.add('layout', str(error))
        return None


class _Pass:
    """What is gathered while the samples go by; small, whatever the size of the file."""

    def __init__(self, report: Report, content: Mapping, skeleton: Skeleton | None) -> None:
        self.report = report
        self.split = {name: [_as_id(item) for item in ids] for name, ids in content['split'].items()}
        self.meta = content['meta']
        self.skeleton = skeleton
        self.landmarks = None if skeleton is None else Landmarks.of(skeleton)
        names = self.meta.get('classes')
        self.classes = [str(name) for name in names] if isinstance(names, (list, tuple)) else None
        self.ids: list[str] = []
        self.labels: list[int | None] = []
        self.digests: list[bytes | None] = []
        self.lengths: list[int] = []
        self.dtypes: Counter[str] = Counter()
        self.coordinates: Counter[int] = Counter()
        self.scored: Counter[bool] = Counter()
        self.joints: Counter[int] = Counter()
        self.persons: Counter[int] = Counter()
        self.missing = np.zeros(skeleton.num_joints if skeleton else 0, dtype=np.int64)
        self.bodies = 0
        self.low, self.high = np.full(3, np.inf), np.full(3, -np.inf)
        self.votes: dict[str, list[str]] = defaultdict(list)
        self.judged: Counter[str] = Counter()
        self.sizes: list[float] = []
        self.moments: dict[int, list[np.ndarray]] = defaultdict(list)

    def sample(self, annotation: Mapping[str, Any]) -> None:
        sample_id = annotation['frame_dir']
        label = self._label(annotation.get('label'), sample_id)
        keypoint = annotation.get('keypoint')
        self.ids.append(sample_id)
        self.labels.append(label)
        self.digests.append(None)
        if not isinstance(keypoint, np.ndarray) or keypoint.dtype.kind not in 'fiu':
            self.report.add('keypoint', sample_id)
            return
        self.dtypes[str(keypoint.dtype)] += 1
        if keypoint.ndim != 4 or keypoint.shape[3] not in (2, 3):
            self.report.add('shape', sample_id)
            return
        persons, frames, joints, coordinates = keypoint.shape
        self.lengths.append(frames)
        self.coordinates[coordinates] += 1
        self.scored[annotation.get('keypoint_score') is not None] += 1
        self.joints[joints] += 1
        for kind, wrong in (
            ('dtype', keypoint.dtype not in (np.float16, np.float32)),
            ('no frame', not (persons and frames)),
            ('one frame', frames == 1),
            ('joints', self.skeleton is not None and joints != self.skeleton.num_joints),
            ('total_frames', annotation.get('total_frames') != frames),
            ('score', _wrong_score(annotation.get('keypoint_score'), keypoint.shape[:3])),
        ):
            if wrong:
                self.report.add(kind, sample_id)
        if keypoint.size:
            self._values(keypoint, sample_id, label)

    def _label(self, label: Any, sample_id: str) -> int | None:
        if isinstance(label, bool) or not isinstance(label, (int, np.integer)) or not 0 <= label < MOST_CLASSES:
            self.report.add('label', sample_id)
            return None
        if self.classes is not None and label >= len(self.classes):
            self.report.add('no class', f'{sample_id} (label {label})')
            return None
        return int(label)

    def _values(self, keypoint: np.ndarray, sample_id: str, label: int | None) -> None:
        if not np.isfinite(keypoint).all():
            self.report.add('not finite', sample_id)
            return
        if not keypoint.any():
            self.report.add('nobody', sample_id)
            return
        plain = np.ascontiguousarray(keypoint)
        self.digests[-1] = hashlib.blake2b(f'{plain.dtype}{plain.shape}'.encode() + plain.tobytes()).digest()[:16]
        fits = self.skeleton is not None and keypoint.shape[2] == self.skeleton.num_joints
        found = measure(keypoint, self.skeleton if fits else None, self.landmarks)
        coordinates = keypoint.shape[3]
        flat = keypoint.reshape(-1, coordinates)
        flat = flat[flat.any(axis=1)].astype(np.float64)  # those that are there
        low, high = flat.min(axis=0), flat.max(axis=0)
        self.low[:coordinates] = np.minimum(self.low[:coordinates], low)
        self.high[:coordinates] = np.maximum(self.high[:coordinates], high)
        self._persons(found, sample_id, keypoint.shape[2], fits)
        self._judge(found, low, high, sample_id)
        for kind, wrong in (
            ('constant', found.constant),
            ('bones', found.bones is not None and found.bones > VARYING_BONES),
        ):
            if wrong:
                self.report.add(kind, sample_id)
        if fits and label is not None and len(self.moments[label]) < PICTURES:
            full = np.flatnonzero(found.persons == found.persons.max())
            self.moments[label].append(keypoint[:, full[len(full) // 2]].astype(np.float32))

    def _persons(self, found: Measures, sample_id: str, joints: int, fits: bool) -> None:
        for count, frames in zip(*np.unique(found.persons, return_counts=True), strict=True):
            self.persons[int(count)] += int(frames)
        if fits:
            self.missing += found.missing
            self.bodies += found.present
        for kind, wrong in (
            ('missing joints', found.missing.sum() > MISSING * found.present * joints),
            ('empty frames', (found.persons == 0).mean() > 0.5),
            ('never two', found.persons.max() < 2),
            ('more than two', found.persons.max() > 2),
        ):
            if wrong:
                self.report.add(kind, sample_id)

    def _judge(self, found: Measures, low: np.ndarray, high: np.ndarray, sample_id: str) -> None:
        """Units and axes; of some, only what most samples say counts, see :meth:`_axes`."""
        flat = len(low) == 2
        if flat and low.min() >= 0 and high.max() <= 1:
            self.report.add('image shares', sample_id)
        if found.size is None:
            return
        self.sizes.append(found.size)
        verdicts = {'upside down': None if found.upright is None else found.upright < UPSIDE_DOWN}
        if not flat:
            if low[2] >= 0 and high[2] <= 1 and found.size > LARGE:
                self.report.add('confidence', sample_id)
                return
            if found.size > LARGE:
                self.report.add('units', sample_id)
            elif found.size < SMALL:
                self.report.add('small', sample_id)
            elif max(-low.min(), high.max()) > FAR:
                self.report.add('far', sample_id)
            verdicts['y not vertical'] = None if found.vertical is None else found.vertical != 1
            verdicts['mirrored'] = None if not found.handed else found.handed < 0
        for kind, verdict in verdicts.items():
            if verdict is not None:
                self.judged[kind] += 1
                if verdict:
                    self.votes[kind].append(sample_id)

    def finish(self) -> None:
        report = self.report
        members = Members(self.ids, self.labels, self.split, self.classes)
        report.facts = self._facts(members)
        if not self.ids:
            report.add('no samples')
            return
        if len(self.coordinates) > 1:
            report.add('mixed')
        if len(self.scored) > 1:
            report.add('mixed scores')
        for sample_id, count in Counter(self.ids).items():
            if count > 1:
                report.add('repeated id', sample_id)
        self._axes()
        check_classes(report, members)
        check_splits(report, members)
        check_same_keypoints(report, members, self.digests)
        if self.moments:
            report.pictures = {members.title(label): self.moments[label] for label in range(members.num_classes())}

    def _axes(self) -> None:
        def add(kind: str, votes: list[str]) -> None:
            for sample_id in votes:
                self.report.add(kind, sample_id)

        share = {kind: len(votes) / self.judged[kind] for kind, votes in self.votes.items() if votes}
        sideways = share.get('y not vertical', 0) > MOST
        if sideways:
            add('y not vertical', self.votes['y not vertical'])
        elif share.get('upside down', 0) > MOST:
            add('y up' if self.coordinates.get(2) else 'y down', self.votes['upside down'])
        elif self.coordinates.get(3):
            add('upside down', self.votes['upside down'])
        if share.get('mirrored', 0) > MIRRORED:
            add('mirrored', self.votes['mirrored'])

    def _facts(self, members: Members) -> dict[str, Any]:
        frames = sum(self.persons.values())
        facts: dict[str, Any] = {
            'samples': len(self.ids),
            'layout': None if self.skeleton is None else self.skeleton.name,
            'joints': dict(self.joints),
            'coordinates': dict(self.coordinates),
            'dtypes': dict(self.dtypes),
            'frames': _spread(self.lengths),
            'splits': {str(name): len(ids) for name, ids in self.split.items()},
            'classes': members.counts(),
            'share of frames with persons': {
                str(count): self.persons[count] / frames for count in sorted(self.persons)
            },
            'body size': _spread(self.sizes),
        }
        axes = [axis for axis in range(max(self.coordinates, default=0)) if np.isfinite(self.low[axis])]
        facts['range'] = {'xyz'[axis]: [float(self.low[axis]), float(self.high[axis])] for axis in axes}
        if self.skeleton is not None and self.bodies:
            share = self.missing / self.bodies
            worst = [int(joint) for joint in np.argsort(-share, kind='stable')[:3] if share[joint]]
            facts['joints missing'] = float(share.mean())
            facts['most often missing'] = {self.skeleton.joints[joint]: float(share[joint]) for joint in worst}
        return facts


def _as_id(item: Any) -> str:
    return item if isinstance(item, str) else repr(item)


def _spread(values: list) -> list[float] | None:
    return [float(min(values)), float(median(values)), float(max(values))] if values else None


def _wrong_score(score: Any, shape: tuple[int, ...]) -> bool:
    if score is None:
        return False
    if not isinstance(score, np.ndarray) or score.dtype.kind not in 'fiu' or score.shape != shape:
        return True
    return not np.isfinite(score).all()
