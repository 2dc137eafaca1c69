"""NTU RGB+D 60 and 120: names, classes, benchmarks and splits, as the authors publish them.

Shahroudy et al., "NTU RGB+D: A Large Scale Dataset for 3D Human Activity Analysis", CVPR 2016; Liu et al., "NTU RGB+D
120: A Large-Scale Benchmark for 3D Human Activity Understanding", TPAMI 2019.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import NamedTuple

from ....errors import InputError

# A001 to A120, one a line. Mutual actions are A050 to A060 and A106 to A120.
ACTIONS = tuple(files(__package__).joinpath('actions.txt').read_text(encoding='utf-8').splitlines())

# X-Sub: performers of the training set, 20 of the 40 of NTU RGB+D 60 and 33 of the 66 that came with 120.
TRAIN_SUBJECTS = frozenset(
    (
        *(1, 2, 4, 5, 8, 9, *range(13, 20), 25, 27, 28, 31, 34, 35, 38),
        *(45, 46, 47, 49, 50, *range(52, 60), 70, 74, 78, *range(80, 87), 89, *range(91, 96), 97, 98, 100, 103),
    )
)

# 535 samples without complete skeletons, the 302 of setups 1 to 17 of NTU RGB+D 60: the authors' own list
# (github.com/shahroudy/NTURGB-D), who ask to leave them out of training and testing.
MISSING_SKELETONS = frozenset(files(__package__).joinpath('missing_skeletons.txt').read_text(encoding='utf-8').split())

_NAME = re.compile(r'S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})', re.ASCII)
_LARGEST = {'setup': 32, 'camera': 3, 'performer': 106, 'replication': 2, 'action': 120}


class NTUName(NamedTuple):
    """What a sample's name says, all counted from 1."""

    setup: int
    camera: int
    performer: int
    replication: int
    action: int


def parse_ntu_name(name: str) -> NTUName:
    """Read a name such as ``S001C002P003R002A050``.

    Raises:
        InputError: If it is not of this form, or a number is beyond what the dataset has.
    """
    match = _NAME.fullmatch(name)
    if not match:
        raise InputError(f'expected a name of the form SsssCcccPpppRrrrAaaa, e.g. S001C002P003R002A050, got {name!r}')
    parsed = NTUName(*map(int, match.groups()))
    for (field, largest), number in zip(_LARGEST.items(), parsed, strict=True):
        if not 1 <= number <= largest:
            raise InputError(f'{name}: expected {field} 1 to {largest}, got {number}')
    return parsed


# Which samples are for training: by subjects, cameras (60 only) or even setups (120 only).
IN_TRAINING: dict[str, Callable[[NTUName], bool]] = {
    'xsub': lambda name: name.performer in TRAIN_SUBJECTS,
    'xview': lambda name: name.camera in (2, 3),
    'xset': lambda name: name.setup % 2 == 0,
}


@dataclass(frozen=True)
class Benchmark:
    """A selection of classes, relabelled 0, 1, ... in its order.

    Args:
        title: For people.
        actions: Action numbers, from 1.
        protocols: Official splits of the dataset it comes from.
    """

    title: str
    actions: tuple[int, ...]
    protocols: tuple[str, ...]

    @property
    def num_samples(self) -> int:
        """Samples of the raw dataset, the broken ones included: 948 of a class of 60, 960 of one that 120 brought."""
        return sum(948 if action <= 60 else 960 for action in self.actions)

    @property
    def classes(self) -> list[str]:
        """Class names, by label."""
        return [ACTIONS[action - 1] for action in self.actions]

    def split(self, sample_ids: Iterable[str]) -> dict[str, list[str]]:
        """``{protocol}_train`` and ``{protocol}_val`` of the samples, in their order."""
        names = {sample_id: parse_ntu_name(sample_id) for sample_id in sample_ids}
        return {
            f'{protocol}_{part}': [key for key, name in names.items() if in_training(name) == (part == 'train')]
            for protocol, in_training in IN_TRAINING.items()
            if protocol in self.protocols
            for part in ('train', 'val')
        }


BENCHMARKS = {
    'ntu26': Benchmark('NTU RGB+D 120, the 26 mutual actions', (*range(50, 61), *range(106, 121)), ('xsub', 'xset')),
    'ntu11': Benchmark('NTU RGB+D 60, the 11 mutual actions', (*range(50, 61),), ('xsub', 'xview')),
    'ntu60': Benchmark('NTU RGB+D 60', (*range(1, 61),), ('xsub', 'xview')),
    'ntu120': Benchmark('NTU RGB+D 120', (*range(1, 121),), ('xsub', 'xset')),
}
