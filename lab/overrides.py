"""Experiments change a config by what its parts are called: options by key, steps of pipelines by type."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from asea_mm.engine.cfg_options import merge_cfg_options, read_cfg_options
from asea_mm.errors import InputError

LOADERS = ('train', 'val', 'test')


def override(cfg: Config, changes: Mapping[str, Mapping[str, Any]]) -> Config:
    """Change steps of pipelines, whatever their place is.

    Args:
        cfg: The config; changed in place.
        changes: By loaders, of which a key may name several (``'val test'``), then by step:

            - ``{'AlignFacing': None}`` takes the step away;
            - ``{'AddTurnedClips': {'mirrored': True}}`` changes arguments of the step;
            - ``{'AlignFacing': {'type': 'CentrePair'}}`` puts another one in its place;
            - ``{'before SampleClip': {'type': 'SmoothMotion', 'window': 5}}``, or ``after``, inserts one, or a list;
            - ``{'first': {'type': 'ResampleFrameRate', 'fps': 15}}`` puts one, or a list, before all others;
            - ``{'dataset': {'ann_file': 'data/k3hi/k3hi.pkl'}}`` changes arguments of the dataset.

    Raises:
        InputError: If a loader has no pipeline, or a pipeline not exactly one step of the type.
    """
    for names, steps in changes.items():
        for name in names.split():
            if name not in LOADERS or not isinstance(steps, Mapping):
                raise InputError(
                    f'override {names!r}: expected loaders of {LOADERS} and a mapping of steps, got {steps}'
                )
            dataset = copy.deepcopy(cfg[f'{name}_dataloader']['dataset'])  # loaders may share one
            cfg[f'{name}_dataloader'] = {**cfg[f'{name}_dataloader'], 'dataset': dataset}
            dataset = cfg[f'{name}_dataloader']['dataset']
            while 'dataset' in dataset:  # in wrappers such as RepeatDataset
                dataset = dataset['dataset']
            if 'pipeline' not in dataset:
                raise InputError(f'override {names!r}: the dataset of {name}_dataloader has no pipeline')
            for step, change in steps.items():
                if step == 'dataset':
                    dataset.update(change)
                    continue
                dataset['pipeline'] = _changed(list(dataset['pipeline']), step, change, f'override of {name}')
    return cfg


def _changed(pipeline: list[dict], step: str, change: Any, where: str) -> list[dict]:
    if step == 'first':
        return [*_as_list(change), *pipeline]
    place, _, kind = step.rpartition(' ')
    types = [getattr(part['type'], '__name__', part['type']) for part in pipeline]
    if place not in ('', 'before', 'after') or types.count(kind) != 1:
        raise InputError(
            f'{where}: expected exactly one step {kind!r}, or "before" or "after" it, in {types}; got {step!r}'
        )
    index = types.index(kind)
    if place:
        start = index + (place == 'after')
        pipeline[start:start] = _as_list(change)
    elif change is None:
        del pipeline[index]
    elif isinstance(change, Mapping):
        pipeline[index] = dict(change) if 'type' in change else {**pipeline[index], **change}
    else:
        raise InputError(f'{where}: {kind}: expected arguments, a step or null, got {change!r}')
    return pipeline


def _as_list(steps: Any) -> list[dict]:
    return list(steps) if isinstance(steps, Sequence) else [steps]


def changed_config(path: str | Path, cfg_options: Sequence[str], *changes: Mapping[str, Any]) -> Config:
    """A config with options ``key=value``, as ``asea train --cfg-options`` takes them, then overrides in order."""
    cfg = Config.fromfile(path)
    merge_cfg_options(cfg, read_cfg_options(cfg_options))
    for change in changes:
        override(cfg, change)
    return cfg
