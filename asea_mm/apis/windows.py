"""From a sample to windows for the model, and from what it says of them to a result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..datasets.recordings.samples import Sample, stack_persons
from ..errors import InputError
from ..keypoints import presence
from ..skeletons import Skeleton
from .results import ActiveJoints, Attention, InteractionResult, PairResult, WindowScores, ranking

MERGES = ('mean', 'max')


@dataclass
class Clip:
    """What the model sees at once: some persons over some frames.

    Shapes:
        keypoint ``(M, T, V, C)``, score ``(M, T, V)`` or None
    """

    name: str
    keypoint: np.ndarray
    score: np.ndarray | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class Findings:
    """What the model says of one clip: scores ``(classes,)``, and of every AEA its active joints, as the mean over
    clips of the pipeline ``(M, V)``, and its attention ``(M, V, (M-1)*V)``."""

    scores: np.ndarray
    active: dict[str, np.ndarray] = field(default_factory=dict)
    attention: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass
class Group:
    """One group of persons of a sample, while its windows are under way."""

    sample: Sample
    persons: tuple[int, ...]
    ranges: list[tuple[int, int]] = field(default_factory=list)
    findings: list[Findings] = field(default_factory=list)


def window_ranges(total: int, window: int | None, overlap: int = 0) -> list[tuple[int, int]]:
    """First frame and the one after the last of every window.

    Windows begin ``window - overlap`` frames apart; where frames remain, one more ends at the last frame. A clip that
    is no longer than a window is one window, and so is every clip if ``window`` is None.
    """
    if window is None or total <= window:
        return [(0, total)]
    starts = list(range(0, total - window + 1, window - overlap))
    if starts[-1] + window < total:
        starts.append(total - window)
    return [(start, start + window) for start in starts]


def clips_of(group: Group, window: int | None, overlap: int) -> Iterator[Clip]:
    """The windows in which someone of the group is there; notes their frames."""
    keypoint, score = stack_persons(group.sample, group.persons)
    anybody = np.any(presence(keypoint), axis=0)
    for start, stop in window_ranges(keypoint.shape[1], window, overlap):
        if anybody[start:stop].any():
            group.ranges.append((start, stop))
            # copies: windows overlap, and transforms may write into what they get
            part = None if score is None else score[:, start:stop].copy()
            yield Clip(group.sample.name, keypoint[:, start:stop].copy(), part, dict(group.sample.extra))


def make_result(
    groups: Sequence[Group], merge: str, topk: int, classes: Sequence[str], skeleton: Skeleton
) -> InteractionResult:
    """The result of a sample, all of whose groups have their findings.

    Raises:
        ValueError: If nobody of a group is there in any frame.
    """
    sample = groups[0].sample
    pairs = []
    for group in groups:
        if not group.findings:
            raise InputError(f'{sample.name}: expected someone of persons {group.persons} in some frame, got nobody')
        every = np.stack([findings.scores for findings in group.findings])
        scores = every[0] if len(every) == 1 else every.mean(axis=0) if merge == 'mean' else every.max(axis=0)
        top = ranking(scores, classes, topk)
        windows = [
            WindowScores(start, stop, int(one.argmax()), classes[int(one.argmax())], one.tolist())
            for (start, stop), one in zip(group.ranges, every, strict=True)
        ]
        pairs.append(
            PairResult(
                persons=list(group.persons),
                person_names=[sample.person_names[person] for person in group.persons],
                label=top[0].label,
                label_name=top[0].label_name,
                score=top[0].score,
                scores=scores.tolist(),
                top_k=top,
                windows=windows,
                active_joints=_active_joints(group, skeleton.joints),
                attention=_attention(group),
            )
        )
    return InteractionResult(sample.name, sample.keypoint.shape[1], len(sample.keypoint), pairs)


def _active_joints(group: Group, joints: Sequence[str]) -> list[ActiveJoints]:
    stages = _mean_over_windows([findings.active for findings in group.findings])
    if not stages:
        return []
    found = []
    for row, person in enumerate(group.persons):
        overall = np.mean([share[row] for share in stages.values()], axis=0)
        order = [int(joint) for joint in np.argsort(-overall, kind='stable') if overall[joint] > 0]
        found.append(
            ActiveJoints(
                person=person,
                share={joints[joint]: float(overall[joint]) for joint in order},
                stages={
                    name: [joints[j] for j in np.flatnonzero(of[row] >= 0.5).tolist()] for name, of in stages.items()
                },
            )
        )
    return found


def _mean_over_windows(notes: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.mean([note[name] for note in notes], axis=0) for name in notes[0]}


def _attention(group: Group) -> list[Attention]:
    stages = _mean_over_windows([findings.attention for findings in group.findings])
    if not stages:
        return []
    mean = np.mean(list(stages.values()), axis=0)
    return [
        Attention(
            person=person,
            others=[other for other in group.persons if other != person],
            stages={name: maps[k].tolist() for name, maps in stages.items()},
            mean=mean[k].tolist(),
        )
        for k, person in enumerate(group.persons)
    ]
