"""Options of the command line that a config has in several places: split, fold, stream, seed."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config, ConfigDict

from ..datasets.transforms import STREAMS
from ..errors import InputError
from ..skeletons import get_skeleton
from .channels import channels_of, kind_of_input, steps_of, streams_of
from .configs import nodes

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
        several = part.get('datasets') or ()
        yield from _within([part.get('dataset'), *(several.values() if isinstance(several, Mapping) else several)])
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
    backbone = cfg.model.backbone
    while 'backbone' in backbone:  # InteractionBackbone wraps the one that takes the channels
        backbone = backbone['backbone']
    pipeline = next(part for part in nodes([cfg.get(name) for name in LOADERS]) if _makes_streams(part))
    joints = _num_joints(backbone) if any('distance' in name for name in [*streams_of(pipeline), *names]) else 0
    kind = kind_of_input(pipeline, backbone.get('in_channels'), joints)
    before = channels_of(streams_of(pipeline), joints, *kind)
    for step in steps:
        step['stream'] = names[0] if len(names) == 1 else names
    after = channels_of(names, joints, *kind)
    if after != before:  # not every backbone has an option for them
        backbone['in_channels'] = after


def _makes_streams(part: Any) -> bool:
    """Whether a part of a config is a pipeline with a stream."""
    is_pipeline = isinstance(part, (list, tuple)) and all(isinstance(step, Mapping) for step in part)
    return is_pipeline and bool(steps_of(part, 'GenerateStream'))


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
