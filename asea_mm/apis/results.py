"""What an inferencer returns: plain Python objects that JSON can hold."""

from collections.abc import Hashable
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
    person_names: list[str]  # as the source calls them, else counted from 1
    label: int  # the class with the highest score
    label_name: str
    score: float
    scores: list[float]  # of all classes, merged over the windows
    top_k: list[Candidate]  # the best classes, best first
    windows: list[WindowScores]  # one with all frames where there are no windows
    active_joints: list[ActiveJoints] = field(default_factory=list)  # one a person; empty for models without AT-NAC
    attention: list[Attention] = field(default_factory=list)  # one a person, if asked for and the model has any


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


@dataclass
class StreamResult:
    """What two persons did in the last window."""

    persons: tuple[Hashable, Hashable]  # their track ids, who came first first
    tracks: tuple[Hashable, Hashable]  # the first ids of their tracks, which do not change
    label: int  # the class with the highest score
    label_name: str
    score: float
    scores: list[float]  # of all classes, smoothed if that was asked for
    start: int  # first frame of the window, from 0 since the start of the stream
    stop: int  # the frame after its last
    times: tuple[float, float] | None = None  # timestamps of its first and last frame, where given
    together: bool = True  # whether they were near enough to have to do with each other
    efforts: tuple[float, ...] = ()  # how much each of them moves, see :func:`~asea_mm.evaluation.events.efforts`
    left_out: int = 0  # bodies of its frames, of anybody, that were left out for damage
