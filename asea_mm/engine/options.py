"""Options of the command line that a config has in several places: split, fold, stream, seed."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from typing import Any

from mmengine.config import Config, ConfigDict, DictAction

from ..datasets.transforms import STREAMS, stream_channels
from ..errors import InputError
from ..skeletons import get_skeleton
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
        fold: Fold of cross-validation.
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


def read_cfg_options(options: Sequence[str]) -> dict[str, Any]:
    """The values of ``--cfg-options``, by their dotted keys.

    Raises:
        InputError: If one is not ``key=value``.
    """
    if wrong := [option for option in options if '=' not in option]:
        raise InputError(f'--cfg-options: expected key=value, got {wrong[0]!r}')
    values = Namespace()
    DictAction([], dest='options')(ArgumentParser(), values, options)
    return values.options


def _datasets(cfg: Config, option: str) -> Iterator[tuple[str, ConfigDict]]:
    """The dataset of every loader that has the option, inside of wrappers such as RepeatDataset."""
    anywhere = False
    for name in LOADERS:
        dataset = (cfg.get(name) or {}).get('dataset')
        while dataset is not None and 'dataset' in dataset:
            dataset = dataset['dataset']
        if dataset is not None and option in dataset:
            anywhere = True
            yield name, dataset
    if not anywhere:
        raise InputError(f'--{option}: no dataset of this config has an option {option!r}')


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
    scores = int(any(step.get('keep', True) for step in _steps(cfg, 'ScoreChannel')))

    def channels(streams: Sequence[str], dimensions: int) -> int:
        return sum(stream_channels(name, joints, dimensions) for name in streams) + scores

    dimensions = 3 if backbone.get('in_channels') in (None, channels(before, 3)) else 2
    if channels(names, dimensions) != channels(before, dimensions):  # not every backbone has an option for them
        backbone['in_channels'] = channels(names, dimensions)


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
