"""What may be wrong with samples: the table of all findings, and the report that holds them."""

from dataclasses import asdict, dataclass, field
from typing import Any

from ...skeletons import Skeleton

NAMED = 3  # how many samples a finding names

# kind: (level, what is wrong, what to do). An error makes a file unfit for training.
KINDS: dict[str, tuple[str, str, str]] = {
    # structure
    'no samples': ('error', 'the file has no samples', 'write it anew'),
    'layout': ('error', 'the layout is unknown, or does not fit', "give --layout here and layout= in the config"),
    'keypoint': ('error', "'keypoint' is not an array of numbers", 'store a NumPy array of floats'),
    'shape': ('error', "'keypoint' is not (persons, frames, joints, 2 or 3)", 'bring the axes into this order'),
    'joints': ('error', 'another number of joints than the layout has', 'choose the right layout, or leave joints out'),
    'no frame': ('error', 'no person or no frame', 'leave these samples out'),
    'total_frames': ('error', "'total_frames' is not the number of frames of 'keypoint'", 'correct it'),
    'score': ('error', "'keypoint_score' is not an array (persons, frames, joints) of numbers", 'correct or drop it'),
    'not finite': ('error', 'NaN or infinity among the values', 'store zeros for missing joints'),
    'absurd': ('error', 'coordinates beyond 1 km or 100,000 pixels', 'leave these samples out, or store metres'),
    'nobody': ('error', 'all keypoints are zero', 'leave these samples out'),
    'dtype': ('warning', 'keypoints are neither float32 nor float16', 'store float32: more is not used, less is lost'),
    'mixed': ('error', 'some samples have 2 coordinates, some 3', 'make a file of each kind'),
    'mixed scores': ('error', "some samples have 'keypoint_score', some not", 'give all of them scores, or none'),
    # ids, labels, splits
    'label': ('error', "'label' is not a class number from 0", 'store an integer'),
    'no class': ('error', 'the label is not below the number of classes', "complete 'classes', or correct the labels"),
    'class without samples': ('warning', 'classes without samples', 'leave these classes out, or find the samples'),
    'class not in split': ('warning', 'classes that a split has no samples of', 'split by class as well'),
    'class names': ('warning', "the file does not name its classes", "name them in 'meta', or metainfo in the config"),
    'split: repeated': ('error', 'a split names samples more than once', 'name each once'),
    'split: unknown': ('error', 'a split names samples that the file does not have', 'drop these names'),
    'split: empty': ('error', 'a split without samples', 'fill or drop it'),
    'split: none': ('warning', 'samples that are in no split', 'never used, unless split=None: is this meant?'),
    'split: overlap': ('error', 'the same samples for training and validation', 'take them out of one'),
    'split: same keypoints': (
        *('error', 'the same keypoints under two ids, one for training, one for validation'),
        'drop one of each pair',
    ),
    'same keypoints': ('warning', 'the same keypoints under two ids', 'drop one of each pair'),
    # values
    'units': ('error', 'bodies are more than 5 units large: millimetres, centimetres or pixels?', 'store metres'),
    'small': ('warning', 'bodies are less than 0.3 m large', 'store metres, if these are none'),
    'far': ('warning', 'joints more than 20 m from the origin', 'look for tracking errors'),
    'confidence': (
        *('error', 'the third coordinate lies between 0 and 1 where the others do not: a confidence?'),
        "store (x, y) as 'keypoint' and the confidence as 'keypoint_score'",
    ),
    'image shares': (
        *('warning', 'two-dimensional coordinates between 0 and 1: shares of the image?'),
        'store pixels: width and height are scaled differently',
    ),
    'y down': ('error', 'three-dimensional, and most heads are below the feet', 'negate y (and z, to keep left left)'),
    'y not vertical': ('error', 'three-dimensional, and most bodies stand along another axis than y', 'turn y up'),
    'upside down': ('warning', 'head below the feet', 'look at these samples'),
    'y up': ('warning', 'two-dimensional, and most heads are below the feet', 'y points down in images: negate it'),
    'mirrored': (
        *('warning', 'most persons have left and right swapped, or the axes are left-handed'),
        'swap the joints, or negate one axis',
    ),
    'bones': ('warning', 'bones change their length wildly', 'look for tracking errors and swapped joints'),
    'constant': ('warning', 'nothing moves', 'look at these samples'),
    'frame rates': ('warning', 'samples have different frame rates', 'resample them to one'),
    # persons
    'missing joints': ('warning', 'more than 30 % of the joints of those present are missing (zero)', 'look at them'),
    'empty frames': (
        *('warning', 'nobody is there in more than half of the frames'),
        'cut the samples to who is there; number frames one after another, not by milliseconds',
    ),
    'never two': ('warning', 'there are never two persons at the same time', 'nothing relates to nobody: look at them'),
    'more than two': (
        *('warning', 'more than two persons at the same time'),
        'num_person=2 takes the first two: put the right ones first',
    ),
}  # fmt: skip


@dataclass
class Finding:
    """One kind of thing that is wrong: a row of :data:`KINDS`, how many samples (or classes) have it, and the first."""

    kind: str
    level: str
    what: str
    advice: str
    count: int = 0
    named: list[str] = field(default_factory=list)


@dataclass
class Report:
    """What is in a file, and what is wrong with it.

    Args:
        path: The file, or what else was checked.
        skeleton: Its layout; ``None`` if unknown.
        facts: Counts and ranges, of plain values.
        findings: What is wrong, by kind.
        pictures: Class title to one moment of a few of its samples, each ``(M, V, C)``.
    """

    path: str
    skeleton: Skeleton | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)
    pictures: dict[str, list] = field(default_factory=dict)

    def add(self, kind: str, *names: str) -> None:
        """Note that something is wrong, with samples or on the whole."""
        finding = self.findings.setdefault(kind, Finding(kind, *KINDS[kind]))
        finding.count += max(len(names), 1)
        finding.named = [*finding.named, *names][:NAMED]

    def level(self, level: str) -> list[Finding]:
        """The errors, or the warnings, in the order of :data:`KINDS`."""
        return [self.findings[kind] for kind in KINDS if kind in self.findings and KINDS[kind][0] == level]

    @property
    def fit(self) -> bool:
        """Whether the file is fit for training: no errors."""
        return not self.level('error')

    def as_dict(self) -> dict:
        """Everything but the pictures, ready for JSON."""
        findings = [asdict(finding) for level in ('error', 'warning') for finding in self.level(level)]
        return {'file': self.path, 'fit': self.fit, 'findings': findings, 'facts': self.facts}
