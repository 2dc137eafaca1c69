"""What an inferencer returns: plain Python objects that JSON can hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Candidate:
    """A class and its score."""

    label: int
    label_name: str
    score: float


@dataclass
class WindowScores:
    """Scores of the frames from ``start`` up to, not including, ``stop``."""

    start: int
    stop: int
    label: int
    label_name: str
    scores: list[float]


@dataclass
class ActiveJoints:
    """The joints of a person that AT-NAC selected (ASEA, Eq. 8).

    Args:
        person: Number of the person in the sample.
        share: Joint name to the share of layers, windows and clips in which it was active, highest first; without
            those that never were.
        layers: Name of the AEA to the joints that were active in at least half of its windows and clips.
    """

    person: int
    share: dict[str, float]
    layers: dict[str, list[str]]


@dataclass
class Attention:
    """What a person's joints attend to (ASEA, Eq. 9): means over frames, clips and windows.

    Args:
        person: Number of the person in the sample.
        others: Numbers of the persons whose joints are the columns, one after another.
        layers: Name of the AEA to its weights: a row for each joint of the person, in the layout's order, a
            column for each joint of the others. A row sums up to the share in which its joint was active.
        mean: Mean of the layers.
    """

    person: int
    others: list[int]
    layers: dict[str, list[list[float]]]
    mean: list[list[float]]


@dataclass
class PairResult:
    """What two persons (or as many as the model takes) do.

    Args:
        persons: Numbers of the persons in the sample, in the order in which the model saw them.
        person_names: What the source calls them; the numbers where it does not.
        label, label_name, score: The class with the highest score.
        scores: Scores of all classes, merged over the windows.
        top_k: The best classes, best first.
        windows: Scores of every window; one with all frames where there are no windows.
        active_joints: One entry a person; empty for models without AT-NAC.
        attention: One entry a person if it was asked for and the model has any.
    """

    persons: list[int]
    person_names: list[str]
    label: int
    label_name: str
    score: float
    scores: list[float]
    top_k: list[Candidate]
    windows: list[WindowScores]
    active_joints: list[ActiveJoints] = field(default_factory=list)
    attention: list[Attention] = field(default_factory=list)


@dataclass
class InteractionResult:
    """What was recognised in one sample; ``label``, ``label_name``, ``score``, ``scores`` and ``top_k`` are the best
    pair's.

    Args:
        name, num_frames, num_person: Of the sample.
        pairs: One entry for each pair that was recognised.
    """

    name: str
    num_frames: int
    num_person: int
    pairs: list[PairResult]

    @property
    def best(self) -> PairResult:
        """The pair with the highest score; the first of equals."""
        return max(self.pairs, key=lambda pair: pair.score)

    @property
    def label(self) -> int:
        return self.best.label

    @property
    def label_name(self) -> str:
        return self.best.label_name

    @property
    def score(self) -> float:
        return self.best.score

    @property
    def scores(self) -> list[float]:
        return self.best.scores

    @property
    def top_k(self) -> list[Candidate]:
        return self.best.top_k

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain containers, such as JSON holds."""
        return asdict(self)
