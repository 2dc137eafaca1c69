"""Synthetic two-person interactions: the embedded default, with nothing to download."""

from collections.abc import Callable, Sequence

import numpy as np
from mmaction.registry import DATASETS
from mmengine.config import ConfigDict

from ..errors import InputError
from .interaction_dataset import Classes, PairDataset, select_classes
from .synthetic_motion import INTERACTIONS, SKELETON, Pair

CLASSES = tuple(INTERACTIONS)
RELATION_PAIRS = tuple((first, first + 1) for first in range(6, len(CLASSES), 2))
_SPLITS = ('train', 'val')
_LEAST_FRAMES = 8


@DATASETS.register_module()
class SyntheticInteractionDataset(PairDataset):
    """Procedurally moving pairs of 25-joint skeletons (``nturgbd25``), in metres with y up.

    Six interactions show in one person's motion: shaking hands, hugging, pushing, kicking, approaching, departing.
    Six more form three pairs of classes that differ only in how the two persons relate: waving the same arm or
    opposite arms, swinging the arms in step or in turn, greeting together or one after the other.

    Why these are relation-only: each person's motion follows a latent variable (which arm, which phase, early or late)
    that is uniform in both classes of a pair. The class says only whether the two latents agree, so either person's
    motion alone tells nothing. Only arms move, so that centring does not leak one person's latent into the other's
    coordinates. Of scores that are made per person and averaged, what minimises the cross-entropy is a constant. (By
    luck their argmax can be right for 75 %: the combinations of two latents are an exclusive or, of which a threshold
    on a sum gets at most three of four.)

    Sizes, distances, headings, timing, clip lengths, the view and the order of the persons vary, and sensor
    noise of 5 mm is added. ``metainfo`` has ``relation_pairs``, too, the label pairs as above.

    Args:
        pipeline: Transforms.
        num_samples: Number of samples; classes take turns. Making them takes a few milliseconds each.
        split: ``'train'`` or ``'val'``, drawn independently of each other.
        seed: Same seed and split, same data; a class subset gets the samples that the whole has of these classes.
        num_frames: Least and most frames of a sample, at 30 frames a second.
        classes: Classes to make, as names or numbers of the full list, relabelled 0, 1, ... in this order.
        test_mode: For testing and validation.
        indices: The first ``indices`` samples only, or those with these indices.

    Shapes:
        - keypoint: ``(2, T, 25, 3)``, float32, metres

    Raises:
        InputError: If the split or a class is unknown, or a number is out of range.
    """

    def __init__(
        self,
        pipeline: list[dict | ConfigDict | Callable],
        num_samples: int = 600,
        split: str = 'train',
        seed: int = 0,
        num_frames: tuple[int, int] = (40, 80),
        classes: Classes | None = None,
        test_mode: bool = False,
        indices: int | Sequence[int] | None = None,
    ) -> None:
        name = 'SyntheticInteractionDataset'
        if split not in _SPLITS:
            raise InputError(f'{name}: split must be one of {list(_SPLITS)}, got {split!r}')
        if num_samples < 1 or seed < 0:
            raise InputError(f'{name}: num_samples must be at least 1 and seed 0, got {num_samples} and {seed}')
        if len(num_frames) != 2 or not _LEAST_FRAMES <= num_frames[0] <= num_frames[1]:
            raise InputError(f'{name}: num_frames must be (least, most) from {_LEAST_FRAMES} on, got {num_frames!r}')
        everything = range(len(CLASSES))
        self._mapping = select_classes(everything if classes is None else classes, CLASSES, len(CLASSES), name)
        self.num_samples, self.split, self.seed, self.num_frames = num_samples, split, seed, tuple(num_frames)
        super().__init__(pipeline=pipeline, test_mode=test_mode, indices=indices, max_refetch=0)

    def load_data_list(self) -> list[dict]:
        kept, originals = self._mapping, list(self._mapping)
        pairs = [(kept[first], kept[second]) for first, second in RELATION_PAIRS if {first, second} <= kept.keys()]
        names = [CLASSES[original] for original in originals]
        self._describe_data(SKELETON, names, 'metre', relation_pairs=tuple(pairs))
        return [self._make(index, originals[index % len(originals)]) for index in range(self.num_samples)]

    def _make(self, index: int, original: int) -> dict:
        # A stream of its own for every sample: what it is does not depend on how many or which others there are.
        rng = np.random.default_rng([self.seed, _SPLITS.index(self.split), original, index // len(self._mapping)])
        pair = Pair(rng, int(rng.integers(self.num_frames[0], self.num_frames[1] + 1)))
        INTERACTIONS[CLASSES[original]](pair)
        keypoint = pair.keypoints()
        return {
            'frame_dir': f'synthetic_{self.split}_{index:05d}',
            'label': self._mapping[original],
            'total_frames': keypoint.shape[1],
            'keypoint': keypoint,
        }
