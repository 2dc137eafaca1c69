"""Pairs who have nothing to do with each other, made of those who have."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mmaction.registry import DATASETS
from mmengine.dataset import BaseDataset

from ..errors import InputError
from ..keypoints import NO_INTERACTION
from ..skeletons import get_skeleton
from .recordings.bodies import body_centres, body_sizes, present_bodies
from .transforms.common import resample, rotated

IDLE_PIECE = 0.25  # of a clip, its beginning: people stand before they act
SWAY = 0.004  # of a body size: how far idle people move
NEAR, FAR = (0.25, 2.0), (2.0, 5.0)  # distances of strangers, in body sizes; the far ones are beyond the rule's reach


@DATASETS.register_module()
class AddNoInteraction:
    """A dataset of interactions with a last class ``no interaction``, whose samples it makes of the others.

    Of every kind in ``kinds`` come about as many:

    - ``strangers``: persons of two clips side by side, each turned (in space) and moved anew
    - ``idle``: a pair at the beginning of its clip, where both stand, stretched to the length of the clip
    - ``far``: strangers at distances at which nobody acts on the other
    - ``single``: one person of a clip, the other is absent

    In training other ones are made whenever a sample is asked for; with ``test_mode`` they are always the same.

    Args:
        dataset: The dataset, or its config: one of this package, also one of several
            (:class:`CombinedInteractionDataset`). Its pipeline is run on the samples made, too.
        share: How many are made, as a share of the samples of ``dataset``.
        kinds: Of these are made, in turn.
        seed: Of the samples of ``test_mode``.

    Shapes:
        keypoint: ``(2, T, V, C)``, as in ``dataset``

    Raises:
        InputError: If an argument is out of range, or ``dataset`` has such a class or fewer than two samples.
    """

    KINDS = ('strangers', 'idle', 'far', 'single')

    def __init__(
        self, dataset: BaseDataset | Mapping, share: float = 0.25, kinds: Sequence[str] = KINDS, seed: int = 0
    ) -> None:
        name = 'AddNoInteraction'
        if not share > 0:
            raise InputError(f'{name}: expected a positive share, got {share!r}')
        if not kinds or isinstance(kinds, str) or not set(kinds) <= set(self.KINDS):
            raise InputError(f'{name}: expected kinds to be some of {list(self.KINDS)}, got {kinds!r}')
        # not called `dataset`: this is no wrapper of the same classes, such as those that are looked into
        self.inner: Any = DATASETS.build(dict(dataset)) if isinstance(dataset, Mapping) else dataset
        self.kinds, self.seed = tuple(kinds), seed
        classes = self.inner.metainfo.get('classes')
        if not classes or NO_INTERACTION in classes:
            raise InputError(f'{name}: expected named classes, none of them {NO_INTERACTION!r}, got {classes}')
        if len(self.inner) < 2:
            raise InputError(f'{name}: expected at least two samples, got {len(self.inner)}')
        self._metainfo = {**self.inner.metainfo, 'classes': (*classes, NO_INTERACTION)}
        self.label = len(classes)
        self.num_made = max(1, round(share * len(self.inner)))
        self.test_mode = bool(self._part(0).test_mode)

    @property
    def metainfo(self) -> dict:
        """As of the dataset, with the class."""
        return dict(self._metainfo)

    def __len__(self) -> int:
        return len(self.inner) + self.num_made

    def __getitem__(self, idx: int) -> Any:
        if idx < len(self.inner):
            return self.inner[idx]
        data = self.get_data_info(idx)
        pipeline: Callable = self._part(data.pop('of')).pipeline
        made = pipeline(data)
        if made is None:
            raise InputError(f'{data["frame_dir"]}: a transform returned None')
        return made

    def get_data_info(self, idx: int) -> dict:
        """One sample before the pipeline; ``of`` is the sample that one made is made of."""
        if idx < len(self.inner):
            return dict(self.inner.get_data_info(idx))
        number = idx - len(self.inner)
        # mmengine seeds NumPy's global generator in every loader worker
        seed = [self.seed, number] if self.test_mode else np.random.randint(0, 2**31, size=2)  # noqa: NPY002
        return self._make(number, np.random.default_rng(seed))

    def get_cat_ids(self, idx: int) -> list[int]:
        """Labels of a sample, for mmengine's ``ClassBalancedDataset``."""
        return self.inner.get_cat_ids(idx) if idx < len(self.inner) else [self.label]

    def _part(self, idx: int) -> Any:
        """The dataset itself, or that of several that holds a sample."""
        if not hasattr(self.inner, 'datasets'):
            return self.inner
        return self.inner.datasets[self.inner._get_ori_dataset_idx(idx)[0]]

    def _make(self, number: int, rng: np.random.Generator) -> dict:
        kind = self.kinds[number % len(self.kinds)]
        first = int(rng.integers(len(self.inner)))
        data = dict(self.inner.get_data_info(first))
        keypoint, score = data['keypoint'], data.get('keypoint_score')
        present = present_bodies(keypoint).any(axis=1)
        person = int(rng.choice(np.flatnonzero(present))) if present.any() else 0
        values = keypoint if score is None else np.concatenate([keypoint, score[..., None]], axis=-1)
        channels = keypoint.shape[-1]
        values = values[:2] if len(values) > 1 else np.concatenate([values, 0 * values])
        if kind == 'idle':
            values = _idle(values, channels, rng)
        else:
            values = np.stack([values[person % len(values)], np.zeros_like(values[0])])
            if kind != 'single':
                values[1] = self._stranger(first, values.shape[1], values.shape[-1], rng)
                _place(values, channels, NEAR if kind == 'strangers' else FAR, rng)
        if rng.random() < 0.5:
            values = values[::-1]
        values = np.ascontiguousarray(values, dtype=np.float32)
        data.update(keypoint=values[..., :channels], label=self.label, of=first, total_frames=values.shape[1])
        data['frame_dir'] = f'{data["frame_dir"]}/{kind}{number}'
        if score is not None:
            data['keypoint_score'] = values[..., channels]
        return data

    def _stranger(self, first: int, frames: int, channels: int, rng: np.random.Generator) -> np.ndarray:
        """A person of another clip of the same dataset, ``(T, V, C)``, as many frames; absent if none is found."""
        for other in rng.integers(len(self.inner), size=20).tolist():
            if other == first or self._part(other) is not self._part(first):
                continue
            data = self.inner.get_data_info(other)
            keypoint, score = data['keypoint'], data.get('keypoint_score')
            present = present_bodies(keypoint).all(axis=1)
            if not present.any():
                continue
            person = int(rng.choice(np.flatnonzero(present)))
            values = keypoint if score is None else np.concatenate([keypoint, score[..., None]], axis=-1)
            if values.shape[-1] != channels:
                continue
            total = values.shape[1]
            start = int(rng.integers(max(total - frames, 0) + 1))
            positions = np.linspace(start, min(start + frames, total) - 1, frames)
            return resample(values[person : person + 1], positions)[0][0]
        joints = get_skeleton(self.inner.get_data_info(first)['layout']).num_joints
        return np.zeros((frames, joints, channels), np.float32)


def _idle(values: np.ndarray, channels: int, rng: np.random.Generator) -> np.ndarray:
    """The beginning of a clip, played back and forth once and slowly, with a little sway."""
    total = values.shape[1]
    last = max(1.0, IDLE_PIECE * (total - 1)) * rng.uniform(0.2, 1)
    there_and_back = last * (0.5 - 0.5 * np.cos(np.linspace(0, 2 * np.pi, total)))
    idle = resample(values, np.minimum(there_and_back, total - 1))[0]
    steps = rng.normal(size=(len(values), 1 + total // 8, values.shape[2], channels))
    sway = resample(steps.astype(np.float32), np.linspace(0, steps.shape[1] - 1, total))[0]
    size = float(np.median(body_sizes(idle[..., :channels])))
    seen = idle[..., :channels].any(axis=-1, keepdims=True)
    idle[..., :channels] += SWAY * size * sway * seen
    return idle


def _place(values: np.ndarray, channels: int, distance: tuple[float, float], rng: np.random.Generator) -> None:
    """Turn the second person (in space) and put it beside the first, in place; both keep their paths."""
    first, second = values[..., :channels]
    seen = [present_bodies(body) for body in (first, second)]
    if not seen[0].any() or not seen[1].any():
        return
    there = second.any(axis=-1, keepdims=True)
    bodies = [body[present] for body, present in zip((first, second), seen, strict=True)]
    sizes = [float(np.median(body_sizes(body))) for body in bodies]
    middles = [np.median(body_centres(body), axis=0) for body in bodies]
    around = np.where(there, second - middles[1], 0).astype(np.float32)
    angle = rng.uniform(-np.pi, np.pi)
    if channels == 3:
        cos, sin = np.cos(angle), np.sin(angle)
        around = rotated(around[None], np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]))[0]
        angle = rng.uniform(-np.pi, np.pi)
        aside = np.array([np.cos(angle), 0, np.sin(angle)])
        height = np.array([0, middles[1][1] - middles[0][1], 0])
    else:
        around *= sizes[0] / max(sizes[1], 1e-9) * rng.uniform(0.8, 1.25)
        aside, height = np.array([rng.choice([-1, 1]), 0]), np.array([0, rng.normal(scale=0.05) * sizes[0]])
    middle = middles[0] + rng.uniform(*distance) * sizes[0] * aside + height
    values[1, ..., :channels] = np.where(there, around + middle, 0)
