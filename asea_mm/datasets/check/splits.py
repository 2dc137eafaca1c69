"""Checks of ids, labels, classes and splits against each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .findings import Report

SHOWN = 4  # of samples that are the same


@dataclass
class Members:
    """Who is in the file.

    Args:
        ids: Of all samples.
        labels: Of all samples; ``None`` where it is wrong.
        split: Split name to ids.
        classes: Class names; ``None`` if unknown.
    """

    ids: Sequence[str]
    labels: Sequence[int | None]
    split: dict[str, list]
    classes: Sequence[str] | None

    def __post_init__(self) -> None:
        self.label_of = dict(zip(self.ids, self.labels, strict=True))

    def num_classes(self) -> int:
        """As many as are named; else up to the highest label."""
        if self.classes is not None:
            return len(self.classes)
        return 1 + max((label for label in self.labels if label is not None), default=-1)

    def title(self, label: int) -> str:
        """Name of a class, or its number."""
        return str(label) if self.classes is None else f'{label} {self.classes[label]}'

    def counts(self) -> dict[str, dict[str, int]]:
        """Samples of every class, in all and in every split."""
        columns = {'samples': Counter(self.labels)}
        columns |= {str(name): Counter(self.label_of.get(item) for item in ids) for name, ids in self.split.items()}
        return {
            self.title(label): {name: counts[label] for name, counts in columns.items()}
            for label in range(self.num_classes())
        }

    def partners(self) -> Iterator[tuple[str, str]]:
        """Splits for training, each with those that its models are tested on: ``fold1_train``, ``fold1_val``, ..."""
        for name in self.split:
            for other in ('val', 'validation', 'valid', 'dev', 'eval', 'test'):
                if isinstance(name, str) and 'train' in name and name.replace('train', other) in self.split:
                    yield name, name.replace('train', other)


def check_classes(report: Report, members: Members) -> None:
    """Classes without name or samples."""
    if members.classes is None:
        report.add('class names')
    present = set(members.labels)
    for label in range(members.num_classes()):
        if label not in present:
            report.add('class without samples', members.title(label))


def check_splits(report: Report, members: Members) -> None:
    """Splits against the samples and against each other."""
    present = {label for label in members.labels if label is not None}
    for name, ids in members.split.items():
        if not ids:
            report.add('split: empty', str(name))
            continue
        for sample_id, count in Counter(ids).items():
            if count > 1:
                report.add('split: repeated', f'{sample_id} ({name})')
            if sample_id not in members.label_of:
                report.add('split: unknown', f'{sample_id} ({name})')
        for label in sorted(present - {members.label_of.get(sample_id) for sample_id in ids}):
            report.add('class not in split', f'{members.title(label)} ({name})')
    for train, other in members.partners():
        tested = set(members.split[other])
        for sample_id in dict.fromkeys(members.split[train]):
            if sample_id in tested:
                report.add('split: overlap', f'{sample_id} ({train} and {other})')
    if members.split:
        used = {sample_id for ids in members.split.values() for sample_id in ids}
        for sample_id in members.ids:
            if sample_id not in used:
                report.add('split: none', sample_id)


def check_same_keypoints(report: Report, members: Members, digests: Sequence[bytes | None]) -> None:
    """The same keypoints under different ids, which is worst when one is trained and the other tested on."""
    groups: dict[bytes, dict[str, None]] = defaultdict(dict)
    for sample_id, digest in zip(members.ids, digests, strict=True):
        if digest is not None:
            groups[digest][sample_id] = None
    partners = [(set(members.split[train]), set(members.split[other])) for train, other in members.partners()]
    for group in groups.values():
        if len(group) > 1:
            ids = list(group)
            leaks = any(
                any(sample_id in train for sample_id in ids)
                and any(sample_id in tested and sample_id not in train for sample_id in ids)
                for train, tested in partners
            )
            report.add('split: same keypoints' if leaks else 'same keypoints', ' = '.join(ids[:SHOWN]))
