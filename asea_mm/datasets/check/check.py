"""One pass over samples that gathers all that is wrong with them."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import Any

import numpy as np

from ...errors import InputError
from ...skeletons import Skeleton, get_skeleton
from ..files.annotations import load_annotations
from ..files.validation import find_problems
from .findings import Report
from .measures import Landmarks, Measures, measure_sample
from .splits import Members, check_classes, check_same_keypoints, check_splits

PICTURES = 3  # samples kept of every class
MOST_CLASSES = 10_000  # of a file that does not name them

# Thresholds of the findings; lengths in metres.
LARGE, SMALL, FAR = 5.0, 0.3, 20.0
UPSIDE_DOWN = -0.3  # head minus feet along y, as a share of the body
MOST = 0.5  # of the samples that can be judged
MIRRORED = 0.8  # of them; facing directions are noisier
EMPTY = 0.5  # of the frames of a sample
MISSING = 0.3
VARYING_BONES = 0.3


def check_annotations(
    path: str | os.PathLike,
    layout: str | Mapping | Skeleton | None = None,
    track: Callable[[Any], Iterable] = iter,
) -> Report:
    """Check an annotation file of ours, mmaction2's or PYSKL's; samples of ours are read one at a time.

    Args:
        path: The file.
        layout: Skeleton layout; by default what the file says.
        track: Wraps the samples, to show progress.

    Returns:
        What is in the file, and everything that is wrong with it.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it cannot be read at all, or the layout that was given is unknown.
    """
    content = load_annotations(path, lazy=True, repeated_ids=True)
    return check_samples(track(content['annotations']), content['split'], content['meta'], layout, str(path))


def check_samples(
    annotations: Iterable[Mapping],
    split: Mapping[str, Iterable],
    meta: Mapping[str, Any],
    layout: str | Mapping | Skeleton | None = None,
    source: str = '',
) -> Report:
    """Check samples in memory, as :func:`check_annotations` checks those of a file.

    Args:
        annotations: The samples, each with ``frame_dir``; taken one by one.
        split: Split name to ids.
        meta: ``layout``, ``classes``, ``source`` and ``units``, of which any may be missing.
        layout: Skeleton layout; by default what ``meta`` says.
        source: What the report is called.

    Raises:
        InputError: If the layout that was given is unknown.
    """
    report = Report(source)
    if layout is not None:
        report.skeleton = get_skeleton(layout)
    elif meta.get('layout') is None:
        report.add('layout', "'meta' names none")
    else:
        try:
            report.skeleton = get_skeleton(meta['layout'])
        except (InputError, TypeError, AttributeError) as error:  # fields of other types than those of a layout
            report.add('layout', str(error))
    checks = _Pass(report, split, meta)
    for annotation in annotations:
        checks.sample(annotation)
    checks.finish()
    return report


class _Pass:
    """What is gathered while the samples go by; small, whatever the size of the file."""

    def __init__(self, report: Report, split: Mapping[str, Iterable], meta: Mapping[str, Any]) -> None:
        self.report = report
        self.skeleton = report.skeleton
        self.landmarks = None if report.skeleton is None else Landmarks.of(report.skeleton)
        self.split = {name: [item if isinstance(item, str) else repr(item) for item in split[name]] for name in split}
        names = meta.get('classes')
        self.classes = [str(name) for name in names] if isinstance(names, (list, tuple)) else None
        self.num_classes = MOST_CLASSES if self.classes is None else len(self.classes)
        self.ids: list[str] = []
        self.labels: list[int | None] = []
        self.digests: list[bytes | None] = []
        self.lengths: list[int] = []
        self.sizes: list[float] = []
        self.frame_rates: set[float] = set()
        self.counts: dict[str, Counter] = defaultdict(Counter)
        self.missing = np.zeros(self.skeleton.num_joints if self.skeleton else 0, dtype=np.int64)
        self.bodies = 0
        self.low, self.high = np.full(3, np.inf), np.full(3, -np.inf)
        self.votes: dict[str, list[str]] = defaultdict(list)
        self.judged: Counter[str] = Counter()
        self.moments: dict[int, list[np.ndarray]] = defaultdict(list)

    def note(self, sample_id: str, verdicts: Mapping[str, Any]) -> None:
        """Report those kinds that are true of a sample."""
        for kind, wrong in verdicts.items():
            if wrong:
                self.report.add(kind, sample_id)

    def sample(self, annotation: Mapping[str, Any]) -> None:
        sample_id: str = annotation['frame_dir']
        label: Any = annotation.get('label')
        keypoint: Any = annotation.get('keypoint')
        num_joints = None if self.skeleton is None else self.skeleton.num_joints
        kinds = [kind for kind, _, _ in find_problems(annotation, num_joints, self.num_classes)]
        for kind in kinds:
            self.report.add(kind, f'{sample_id} (label {label})' if kind == 'no class' else sample_id)
        label = None if 'label' in kinds or 'no class' in kinds else int(label)
        self.ids.append(sample_id)
        self.labels.append(label)
        self.digests.append(None)
        if isinstance(annotation.get('fps'), (int, float, np.number)):
            self.frame_rates.add(float(annotation['fps']))
        if 'keypoint' in kinds:
            return
        self.counts['dtypes'][str(keypoint.dtype)] += 1
        if 'shape' in kinds:
            return
        _, frames, joints, coordinates = keypoint.shape
        self.lengths.append(frames)
        self.counts['coordinates'][coordinates] += 1
        self.counts['scored'][annotation.get('keypoint_score') is not None] += 1
        self.counts['joints'][joints] += 1
        self.note(sample_id, {'dtype': keypoint.dtype not in (np.float16, np.float32), 'one frame': frames == 1})
        if not {'no frame', 'not finite', 'nobody'}.intersection(kinds):
            self._values(keypoint, sample_id, label, joints == num_joints)

    def _values(self, keypoint: np.ndarray, sample_id: str, label: int | None, fits: bool) -> None:
        content = f'{keypoint.dtype}{keypoint.shape}'.encode() + keypoint.tobytes()
        self.digests[-1] = hashlib.blake2b(content, digest_size=16).digest()
        measures = measure_sample(keypoint, self.skeleton if fits else None, self.landmarks)
        coordinates = keypoint.shape[3]
        seen = keypoint.reshape(-1, coordinates)
        seen = seen[seen.any(axis=1)].astype(np.float64)
        low, high = seen.min(axis=0), seen.max(axis=0)
        self.low[:coordinates] = np.minimum(self.low[:coordinates], low)
        self.high[:coordinates] = np.maximum(self.high[:coordinates], high)
        for count, frames in zip(*np.unique(measures.persons, return_counts=True), strict=True):
            self.counts['persons'][int(count)] += int(frames)
        if fits:
            self.missing += measures.missing
            self.bodies += measures.bodies
        self.note(
            sample_id,
            {
                'missing joints': measures.missing.sum() > MISSING * measures.bodies * keypoint.shape[2],
                'empty frames': (measures.persons == 0).mean() > EMPTY,
                'never two': measures.persons.max() < 2,
                'more than two': measures.persons.max() > 2,
                'constant': measures.constant,
                'bones': measures.bones is not None and measures.bones > VARYING_BONES,
                'image shares': coordinates == 2 and low.min() >= 0 and high.max() <= 1,
            },
        )
        self._judge(measures, low, high, sample_id)
        if fits and label is not None and len(self.moments[label]) < PICTURES:
            fullest = np.flatnonzero(measures.persons == measures.persons.max())
            self.moments[label].append(keypoint[:, fullest[len(fullest) // 2]].astype(np.float32))

    def _judge(self, measures: Measures, low: np.ndarray, high: np.ndarray, sample_id: str) -> None:
        """Units and axes; of some, only what most samples say counts, see :meth:`_axes`."""
        if measures.size is None:
            return
        self.sizes.append(measures.size)
        verdicts = {'upside down': None if measures.upright is None else measures.upright < UPSIDE_DOWN}
        if len(low) == 3:
            large = measures.size > LARGE
            confidence = large and low[2] >= 0 and high[2] <= 1
            small = measures.size < SMALL
            far = max(-low.min(), high.max()) > FAR and not (large or small)
            self.note(
                sample_id, {'confidence': confidence, 'units': large and not confidence, 'small': small, 'far': far}
            )
            if confidence:
                return
            verdicts['y not vertical'] = None if measures.vertical is None else measures.vertical != 1
            verdicts['mirrored'] = None if not measures.handed else measures.handed < 0
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
        if len(self.counts['coordinates']) > 1:
            report.add('mixed')
        if len(self.counts['scored']) > 1:
            report.add('mixed scores')
        if len(self.frame_rates) > 1:
            report.add('frame rates', f'{min(self.frame_rates):g} to {max(self.frame_rates):g}')
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

        share = {kind: len(votes) / self.judged[kind] for kind, votes in self.votes.items()}
        if share.get('y not vertical', 0) > MOST:
            add('y not vertical', self.votes['y not vertical'])
        elif share.get('upside down', 0) > MOST:
            add('y up' if self.counts['coordinates'][2] else 'y down', self.votes['upside down'])
        elif self.counts['coordinates'][3]:
            add('upside down', self.votes['upside down'])
        if share.get('mirrored', 0) > MIRRORED:
            add('mirrored', self.votes['mirrored'])

    def _facts(self, members: Members) -> dict[str, Any]:
        frames = sum(self.counts['persons'].values())
        facts: dict[str, Any] = {
            'samples': len(self.ids),
            'layout': None if self.skeleton is None else self.skeleton.name,
            'joints': dict(self.counts['joints']),
            'coordinates': dict(self.counts['coordinates']),
            'dtypes': dict(self.counts['dtypes']),
            'frames': _spread(self.lengths),
            'splits': {str(name): len(ids) for name, ids in self.split.items()},
            'classes': members.counts(),
            'share of frames with persons': {
                str(count): self.counts['persons'][count] / frames for count in sorted(self.counts['persons'])
            },
            'body size': _spread(self.sizes),
            'range': {
                axis: [float(low), float(high)]
                for axis, low, high in zip('xyz', self.low, self.high, strict=True)
                if low <= high
            },
        }
        if self.skeleton is not None and self.bodies:
            share = self.missing / self.bodies
            worst = [int(joint) for joint in np.argsort(-share, kind='stable')[:3] if share[joint]]
            facts['joints missing'] = float(share.mean())
            facts['most often missing'] = {self.skeleton.joints[joint]: float(share[joint]) for joint in worst}
        return facts


def _spread(values: list) -> list[float] | None:
    return [float(min(values)), float(median(values)), float(max(values))] if values else None
