"""What an inferencer returns: plain Python objects that JSON can hold."""

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
    """The joints of a person that AT-NAC selected (ASEA, Eq. 8)."""

    person: int  # number of the person in the sample
    share: dict[str, float]  # of layers, windows and clips in which a joint was active, highest first; not those of 0
    layers: dict[str, list[str]]  # name of the AEA to the joints that were active in at least half of these


@dataclass
class Attention:
    """What a person's joints attend to (ASEA, Eq. 9): means over frames, clips and windows.

    The weights have a row for each joint of the person, in the layout's order, and a column for each joint of the
    others. A row sums up to the share in which its joint was active.
    """

    person: int  # number of the person in the sample
    others: list[int]  # the persons whose joints are the columns, one after another
    layers: dict[str, list[list[float]]]  # name of the AEA to its weights
    mean: list[list[float]]  # of the layers


@dataclass
class PairResult:
    """What two persons (or as many as the model takes) do."""

    persons: list[int]  # numbers in the sample, in the order in which the model saw them
    person_names: list[str]  # as the source calls them; the numbers where it does not
    label: int  # the class with the highest score
    label_name: str
    score: float
    scores: list[float]  # of all classes, merged over the windows
    top_k: list[Candidate]  # the best classes, best first
    windows: list[WindowScores]  # one with all frames where there are no windows
    active_joints: list[ActiveJoints] = field(default_factory=list)  # one a person; empty for models without AT-NAC
    attention: list[Attention] = field(default_factory=list)  # one a person, if asked for and the model has any

    @property
    def shown_names(self) -> list[str]:
        """What tables and pictures call the persons: as the source does, else by their numbers from 1 on."""
        named = zip(self.persons, self.person_names, strict=True)
        return [str(person + 1) if name == str(person) else name for person, name in named]


@dataclass
class InteractionResult:
    """What was recognised in one sample; ``label``, ``label_name``, ``score``, ``scores`` and ``top_k`` are the best
    pair's."""

    name: str
    num_frames: int
    num_person: int
    pairs: list[PairResult]
    notes: list[str] = field(default_factory=list)  # what was done to the recording, a line each

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
