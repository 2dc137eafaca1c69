"""Options of the command line that a config has in several places: split, fold, stream, seed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config, ConfigDict

from ..datasets.transforms import STREAMS, stream_channels
from ..errors import InputError
from ..skeletons import get_skeleton
from .configs import nodes

FLAT = ('FillMissingJoints', 'NormalizeByImage')  # steps for keypoints in images
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def apply_options(
    cfg: Config,
    split: str | None = None,
    fold: int | None = None,
    stream: str | None = None,
    seed: int | None = None,
) -> Config:
    """Set options in every place of a config where they belong.

    Args:
        cfg: The config; changed in place.
        split: Name of a benchmark, e.g. ``xset``: training reads ``xset_train``, validation and test ``xset_val``.
        fold: Fold of cross-validation, for all datasets that have one, also several in a ConcatDataset.
        stream: A name of :class:`GenerateStream`, or several separated by commas (early fusion); the backbone's
            ``in_channels`` follow. Scores that ``ScoreChannel`` appends stay one channel.
        seed: Random seed.

    Returns:
        The config.

    Raises:
        InputError: If the config has no place for an option, or the stream is unknown.
    """
    if split is not None:
        for name, dataset in _datasets(cfg, 'split'):
            dataset['split'] = f'{split}_train' if name == 'train_dataloader' else f'{split}_val'
    if fold is not None:
        for _, dataset in _datasets(cfg, 'fold'):
            dataset['fold'] = fold
    if stream is not None:
        _set_stream(cfg, stream)
    if seed is not None:
        cfg.setdefault('randomness', ConfigDict())
        cfg.randomness.seed = seed
    return cfg


def datasets_of(loader: Mapping | None) -> Iterator[Any]:
    """The datasets that a loader reads: its own, or those inside of wrappers such as Repeat- and ConcatDataset."""
    for part in _within((loader or {}).get('dataset')):
        if not {'dataset', 'datasets'} & set(part):
            yield part


def _within(part: Any) -> Iterator[Any]:
    """A dataset and those that it wraps, at any depth; of several, all."""
    if isinstance(part, Mapping):
        yield part
        yield from _within([part.get('dataset'), part.get('datasets')])
    elif isinstance(part, (list, tuple)):
        for one in part:
            yield from _within(one)


def _datasets(cfg: Config, option: str) -> Iterator[tuple[str, ConfigDict]]:
    """The datasets of every loader that have the option; what one loader has, the others must have, too."""
    loaders = {name: list(datasets_of(cfg.get(name))) for name in LOADERS if cfg.get(name)}
    having = {name: [dataset for dataset in parts if option in dataset] for name, parts in loaders.items()}
    if not any(having.values()):
        raise InputError(f'--{option}: no dataset of this config has an option {option!r}')
    if lacking := [name for name, parts in having.items() if not parts]:  # it would go on to read what it read before
        raise InputError(
            f'--{option}: the dataset of {" and ".join(lacking)} has no option {option!r}, that of the others has; '
            f'write {option}=None into it'
        )
    return ((name, dataset) for name, parts in having.items() for dataset in parts)


def _set_stream(cfg: Config, stream: str) -> None:
    """The stream of every pipeline, and the backbone's channels with it."""
    names = stream.split(',')
    if unknown := [name for name in names if name not in STREAMS]:
        raise InputError(f'--stream: unknown {unknown}; known are {list(STREAMS)}')
    steps = _steps(cfg, 'GenerateStream')
    if not steps:
        raise InputError('--stream: no pipeline of this config has a GenerateStream step')
    before = steps[0].get('stream', 'joint')
    before = [before] if isinstance(before, str) else before
    for step in steps:
        step['stream'] = names[0] if len(names) == 1 else names
    backbone = cfg.model.backbone
    while 'backbone' in backbone:  # InteractionBackbone wraps the one that takes the channels
        backbone = backbone['backbone']
    joints = _num_joints(backbone) if any('distance' in name for name in [*before, *names]) else 0

    def channels(streams: Sequence[str], dimensions: int, scores: int) -> int:
        return sum(stream_channels(name, joints, dimensions) for name in streams) + scores

    kept = [step.get('keep', True) for step in _steps(cfg, 'ScoreChannel')]
    # with ScoreChannel it says what becomes of scores, without it FormatGCNInput appends those that samples have
    kinds = [(3, int(any(kept))), (2, int(any(kept)))] if kept else [(3, 0), (2, 1), (2, 0), (3, 1)]
    if not kept and any(_steps(cfg, kind) for kind in FLAT):  # three channels of one stream are x, y and score
        kinds.sort()
    given = backbone.get('in_channels') or channels(before, *kinds[0])
    kind = next((kind for kind in kinds if channels(before, *kind) == given), None)
    if kind is None:
        raise InputError(f'--stream: in_channels of the backbone is {given}, which does not fit the streams {before}')
    if channels(names, *kind) != given:  # not every backbone has an option for them
        backbone['in_channels'] = channels(names, *kind)


def _num_joints(backbone: dict) -> int:
    """Joints of the layout that a backbone is configured with, ours or one of mmaction2."""
    layout = backbone.get('layout') or backbone.get('graph_cfg', {}).get('layout')
    if isinstance(layout, dict) and 'num_node' in layout:  # as mmaction2's Graph takes it
        return layout['num_node']
    return get_skeleton(layout).num_joints


def _steps(cfg: Config, kind: str) -> list[dict]:
    """All steps of this type in the pipelines of all loaders."""
    loaders = [cfg.get(name) or {} for name in LOADERS]
    return [node for node in nodes(loaders) if isinstance(node, dict) and node.get('type') == kind]
