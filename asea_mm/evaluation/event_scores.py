"""How well events that were found meet the true ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from .events import Event


@dataclass(frozen=True)
class EventScore:
    """How well found events meet the true ones."""

    found: int
    true: int
    hits: int
    start_errors: tuple[float, ...]  # seconds, of the hits

    @property
    def precision(self) -> float:
        return self.hits / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        return self.hits / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.hits / (self.found + self.true) if self.found + self.true else 1.0


def temporal_iou(one: Event, other: Event) -> float:
    """Seconds that two events share, as a share of those of either."""
    shared = min(one.end, other.end) - max(one.start, other.start)
    whole = max(one.end, other.end) - min(one.start, other.start)
    return max(shared, 0.0) / whole if whole else 0.0


def score_events(
    recordings: Iterable[tuple[Sequence[Event], Sequence[Event]]], iou: float = 0.5, labels: bool = True
) -> EventScore:
    """Compare found with true events: a hit has the same persons and label and a temporal IoU of ``iou`` at least.

    Every event is in one hit at most; of all ways it is the one with most hits.

    Args:
        recordings: Found and true events of each.
        iou: Least temporal intersection over union.
        labels: Whether labels must agree.
    """
    num_found = num_true = hits = 0
    errors: list[float] = []
    for found, true in recordings:
        overlap = np.array([[temporal_iou(a, b) for b in true] for a in found]).reshape(len(found), len(true))
        alike = [[set(a.persons) == set(b.persons) and (not labels or a.label == b.label) for b in true] for a in found]
        overlap = np.where((overlap >= iou) & np.array(alike, dtype=bool).reshape(overlap.shape), 1 + overlap, 0)
        matched = [(a, b) for a, b in zip(*linear_sum_assignment(-overlap), strict=True) if overlap[a, b]]
        hits += len(matched)
        errors += [found[a].start - true[b].start for a, b in matched]
        num_found, num_true = num_found + len(found), num_true + len(true)
    return EventScore(num_found, num_true, hits, tuple(errors))
