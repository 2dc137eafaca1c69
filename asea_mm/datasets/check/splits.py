"""Checks of ids, labels, classes and splits against each other."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .findings import Report

SHOWN = 4  # of samples that are the same


@dataclass
class Members:
    """Who is in the file.

    Args:
        labels: Id of every sample to its label; ``None`` where it is wrong.
        split: Split name to ids.
        classes: Class names; ``None`` if unknown.
    """

    labels: Mapping[str, int | None]
    split: Mapping[str, Sequence[str]]
    classes: Sequence[str] | None

    def num_classes(self) -> int:
        """As many as are named; else up to the highest label."""
        if self.classes is not None:
            return len(self.classes)
        return 1 + max((label for label in self.labels.values() if label is not None), default=-1)

    def title(self, label: int) -> str:
        """Name of a class, or its number."""
        return str(label) if self.classes is None else f'{label} {self.classes[label]}'

    def counts(self) -> dict[str, dict[str, int]]:
        """Samples of every class, in all and in every split."""
        columns = {'samples': Counter(self.labels.values())}
        columns |= {str(name): Counter(self.labels.get(item) for item in ids) for name, ids in self.split.items()}
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
    present = set(members.labels.values())
    for label in range(members.num_classes()):
        if label not in present:
            report.add('class without samples', members.title(label))


def check_splits(report: Report, members: Members) -> None:
    """Splits against the samples and against each other."""
    present = {label for label in members.labels.values() if label is not None}
    for name, ids in members.split.items():
        if not ids:
            report.add('split: empty', str(name))
            continue
        for sample_id, count in Counter(ids).items():
            if count > 1:
                report.add('split: repeated', f'{sample_id} ({name})')
            if sample_id not in members.labels:
                report.add('split: unknown', f'{sample_id} ({name})')
        for label in sorted(present - {members.labels.get(sample_id) for sample_id in ids}):
            report.add('class not in split', f'{members.title(label)} ({name})')
    for train, other in members.partners():
        for sample_id in sorted(set(members.split[train]) & set(members.split[other])):
            report.add('split: overlap', f'{sample_id} ({train} and {other})')
    used = set().union(*members.split.values())
    for sample_id in members.labels if members.split else ():
        if sample_id not in used:
            report.add('split: none', sample_id)


def check_same_keypoints(report: Report, members: Members, digests: Mapping[str, bytes]) -> None:
    """The same keypoints under different ids, which is worst when one is trained and the other tested on."""
    groups: dict[bytes, list[str]] = defaultdict(list)
    for sample_id, digest in digests.items():
        groups[digest].append(sample_id)
    partners = [(set(members.split[train]), set(members.split[other])) for train, other in members.partners()]
    for ids in groups.values():
        if len(ids) > 1:
            leaks = any(train & {*ids} and (tested - train) & {*ids} for train, tested in partners)
            report.add('split: same keypoints' if leaks else 'same keypoints', ' = '.join(ids[:SHOWN]))
