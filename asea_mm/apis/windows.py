"""From a sample to windows for the model, and from what it says of them to a result."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np

from ..datasets.recordings.finish import Sample
from ..datasets.recordings.notes import Note
from ..datasets.recordings.together import are_together
from ..errors import InputError
from ..keypoints import NO_INTERACTION, presence
from ..skeletons import Skeleton
from .results import ActiveJoints, Attention, Candidate, InteractionResult, PairResult, WindowScores


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
    together: list[bool] = field(default_factory=list)  # of every range, whether the rule lets them interact
    findings: list[Findings] = field(default_factory=list)


def whole_number(name: str, value: Any, least: int = 1) -> int:
    """An argument that must be a whole number, Python's or NumPy's, not below ``least``.

    Raises:
        InputError: Names the argument.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral) or value < least:
        raise InputError(f'{name}: expected a whole number from {least}, got {value!r}')
    return int(value)


def require_finite(scores: np.ndarray, sample: Sample) -> None:
    """Raise if scores are not finite.

    Raises:
        InputError: Names the sample and its largest coordinate.
    """
    if not np.isfinite(scores).all():
        raise InputError(
            f'{sample.name}: the scores are not finite; expected coordinates as in training, got values up to '
            f'{np.abs(sample.keypoint).max():.3g}'
        )


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


def clips_of(group: Group, window: int | None, overlap: int) -> Iterator[Sample]:
    """The windows in which someone of the group is there; notes their frames."""
    persons, sample = list(group.persons), group.sample
    anybody = np.any(presence(sample.keypoint[persons]), axis=0)
    for start, stop in window_ranges(len(anybody), window, overlap):
        if anybody[start:stop].any():
            group.ranges.append((start, stop))
            # copies: windows overlap, and transforms may write into what they get
            score = None if sample.score is None else sample.score[persons, start:stop]
            clip = Sample(sample.name, sample.keypoint[persons, start:stop], score, extra=dict(sample.extra))
            group.together.append(len(persons) > 2 or are_together(clip.keypoint))
            yield clip


def ruled_scores(scores: np.ndarray, together: Sequence[bool], classes: Sequence[str]) -> np.ndarray:
    """Scores of windows, those of ``no interaction`` for persons who are not together, if there is this class.

    Shapes:
        scores: ``(windows, classes)``
    """
    if NO_INTERACTION not in classes:
        return scores
    nothing = np.array([name == NO_INTERACTION for name in classes], dtype=scores.dtype)
    return np.where(np.asarray(together, dtype=bool)[:, None], scores, nothing)


def make_result(
    groups: Sequence[Group], merge: str, topk: int, classes: Sequence[str], skeleton: Skeleton
) -> InteractionResult:
    """The result of a sample, all of whose groups have their findings.

    Raises:
        InputError: If nobody of a group is there in any frame, or scores are not finite.
    """
    sample = groups[0].sample
    pairs = []
    for group in groups:
        if not group.findings:
            raise InputError(f'{sample.name}: expected someone of persons {group.persons} in some frame, got nobody')
        of_windows = np.stack([findings.scores for findings in group.findings])
        require_finite(of_windows, sample)
        of_windows = ruled_scores(of_windows, group.together, classes)
        scores = of_windows.mean(axis=0) if merge == 'mean' else of_windows.max(axis=0)
        order = np.argsort(-scores, kind='stable')[:topk].tolist()  # of equal scores the lower label first
        top = [Candidate(label, classes[label], float(scores[label])) for label in order]
        windows = [
            WindowScores(start, stop, int(row.argmax()), classes[int(row.argmax())], row.tolist())
            for (start, stop), row in zip(group.ranges, of_windows, strict=True)
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
    apart = [group.persons for group in groups if not any(group.together)]
    if apart and NO_INTERACTION not in classes:
        what = f'persons who are never near each other got a label; this model has no class {NO_INTERACTION!r}'
        sample.notes.append(Note(what, f'persons {" and ".join(sample.person_names[person] for person in apart[0])}'))
    notes = [str(note) for note in sample.notes]
    return InteractionResult(sample.name, sample.keypoint.shape[1], len(sample.keypoint), pairs, notes)


def _active_joints(group: Group, joints: Sequence[str]) -> list[ActiveJoints]:
    layers = _mean_over_windows([findings.active for findings in group.findings])
    active = []
    for row, person in enumerate(group.persons if layers else ()):
        overall = np.mean([share[row] for share in layers.values()], axis=0)
        order = np.argsort(-overall, kind='stable').tolist()
        shares = {joints[joint]: float(overall[joint]) for joint in order if overall[joint] > 0}
        often = {
            name: [joint for joint, part in zip(joints, share[row], strict=True) if part >= 0.5]
            for name, share in layers.items()
        }
        active.append(ActiveJoints(person, shares, often))
    return active


def _attention(group: Group) -> list[Attention]:
    layers = _mean_over_windows([findings.attention for findings in group.findings])
    return [
        Attention(
            person=person,
            others=[other for other in group.persons if other != person],
            layers={name: maps[row].tolist() for name, maps in layers.items()},
            mean=np.mean([maps[row] for maps in layers.values()], axis=0).tolist(),
        )
        for row, person in enumerate(group.persons if layers else ())
    ]


def _mean_over_windows(notes: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.mean([note[name] for note in notes], axis=0) for name in notes[0]}
