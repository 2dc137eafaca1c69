"""Which of the models that come along fits some recordings."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..datasets.recordings.samples import read_samples
from ..skeletons import Skeleton, get_skeleton

LAYOUT = 'common13'  # that both take where no other is said
BY_COORDINATES = {3: 'pair3d', 2: 'pair2d'}


def model_for(
    inputs: Any,
    layout: str | Mapping | Skeleton | None = None,
    split: str | None = None,
    fold: int | None = None,
    units: str | None = None,
    up: str | None = None,
    fill_missing: bool = False,
    img_shape: Sequence[int] | None = None,
) -> str:
    """The name of the model that comes along for these recordings, by the first of them that can be read.

    Args:
        inputs: As :class:`~.inferencer.InteractionInferencer` takes them when it is called, like the rest.
        layout: As of the inferencer.

    Returns:
        ``'pair3d'`` where joints have three coordinates, ``'pair2d'`` where they have two; ``'pair3d'`` where nothing
        can be read, which the inferencer then says.

    Raises:
        InputError: If ``units`` or ``up`` is unknown.
    """
    subset, axes = dict(split=split, fold=fold), dict(units=units, up=up, fill_missing=fill_missing)
    skeleton = get_skeleton(LAYOUT if layout is None else layout)
    samples = read_samples(inputs, skeleton, 2, subset, axes, on_error=lambda error: None, img_shape=img_shape)
    first = next(samples, None)
    return BY_COORDINATES[3 if first is None else first.keypoint.shape[-1]]
