"""What may be wrong with samples: the table of all findings, and the report that holds them."""

from dataclasses import asdict, dataclass, field
from typing import Any

from ...skeletons import Skeleton

# kind: (level, what is wrong, what to do). An error makes a file unfit for training.
KINDS: dict[str, tuple[str, str, str]] = {
    # structure
    'no samples': ('error', 'the file has no samples', 'write it anew'),
    'layout': ('error', 'the layout is unknown, or does not fit', "give --layout here and layout= in the config"),
    'keypoint': ('error', "'keypoint' is not an array of numbers", 'store a NumPy array of floats'),
    'compressed': (
        *('error', "PYSKL's compressed form: all poses of a sample in a row, and 'frame_inds'"),
        'asea prepare convert FILE OUT.pkl --layout coco17 says who is who in them',
    ),
    'shape': ('error', "'keypoint' is not (persons, frames, joints, 2 or 3)", 'bring the axes into this order'),
    'joints': ('error', 'another number of joints than the layout has', 'choose the right layout, or leave joints out'),
    'no frame': ('error', 'no person or no frame', 'leave these samples out'),
    'total_frames': ('error', "'total_frames' is not the number of frames of 'keypoint'", 'correct it'),
    'score': ('error', "'keypoint_score' is not an array (persons, frames, joints) of numbers", 'correct or drop it'),
    'zero scores': (
        *('error', "no 'keypoint_score' is above 0, which says that no joint is there"),
        'leave scores out that you do not have, or store 1',
    ),
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
        *('warning', 'two-dimensional coordinates that are shares of the image, and nobody says so'),
        "NormalizeByImage(unit='share', img_shape=(height, width)), and units='share' in 'meta'; or store pixels",
    ),
    'image pixels': (
        *('warning', "two-dimensional coordinates that are pixels, while 'meta' says shares of the image"),
        "NormalizeByImage(unit='pixel'), and units='pixel' in 'meta'",
    ),
    'image shape': ('warning', "'img_shape' is not two positive numbers", 'store (height, width)'),
    'image exchanged': (
        *('warning', "joints outside of the image, whose 'img_shape' looks exchanged"),
        "'img_shape' is (height, width)",
    ),
    'outside of the image': (
        *('warning', "joints outside of the image that 'img_shape' says"),
        'store (height, width) of the images that the joints were found in',
    ),
    'y down': (
        *('error', 'three-dimensional, and most heads are below the feet'),
        'turn y up: asea prepare custom --up=-y, or negate y and z, which keeps left left',
    ),
    'y not vertical': (
        *('error', 'three-dimensional, and most bodies stand along another axis than y'),
        'turn y up: asea prepare custom --up z, or rotate them',
    ),
    'upside down': ('warning', 'head below the feet', 'look at these samples'),
    'y up': ('warning', 'two-dimensional, and most heads are below the feet', 'y points down in images: negate it'),
    'mirrored': (
        *('warning', 'most persons have left and right swapped, or the axes are left-handed'),
        'swap the joints, or negate one axis',
    ),
    'joint order': (
        *('error', 'the bones of another layout fit most bodies much better: joints in another order'),
        'give that layout, or bring the joints into the order of this one',
    ),
    'lopsided': (
        *('warning', 'bones of the left and the right have very different lengths: joints in another order?'),
        "compare the order of the joints with that of the layout; --pictures shows what it makes of them",
    ),
    'bones': ('warning', 'bones change their length wildly', 'look for tracking errors and swapped joints'),
    'constant': ('warning', 'nothing moves', 'look at these samples'),
    'frame rates': ('warning', 'samples have different frame rates', 'resample them to one'),
    # persons
    'same body: most': ('error', 'most samples have one body twice in place of two persons', 'find the second person'),
    'same body': (
        *('warning', 'one body twice in place of two persons'),
        'clear the copy to zeros, or find the second person',
    ),
    'exchanged: most': ('error', 'in most samples, bodies exchange their rows between frames', 'track them'),
    'exchanged': ('warning', 'bodies exchange their rows between frames', 'look at them: rows are persons'),
    'one place': (
        *('error', 'both persons have a joint at the same place in all frames: how far they are apart is lost'),
        'add the places of the roots to root-relative poses',
    ),
    'missing joints': ('warning', 'more than 30 % of the joints of those present are missing (zero)', 'look at them'),
    'empty frames': (
        *('warning', 'nobody is there in more than half of the frames'),
        'cut the samples to who is there',
    ),
    'never two': ('warning', 'there are never two persons at the same time', 'nothing relates to nobody: look at them'),
    'more than two': (
        *('warning', 'more than two persons at the same time'),
        'num_person=2 takes the first two: put the right ones first',
    ),
}  # fmt: skip


@dataclass
class Finding:
    """One kind of thing that is wrong: a row of :data:`KINDS`, and which samples (or classes) have it."""

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
        finding.named.extend(names)

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
