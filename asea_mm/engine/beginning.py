"""The weights that a training begins from: ``load_from`` without ``resume``."""

from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import suppress
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from torch import nn

from ..errors import InputError
from .checkpoints import parse_config
from .preflight import bare

HEAD = 'cls_head.'


class BeginningHook(Hook):
    """Has a training begin from a checkpoint as :func:`fit_beginning` says; mmengine would skip what does not fit."""

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        if not runner._resume:
            classes = getattr(runner.train_dataloader.dataset, 'metainfo', {}).get('classes')
            fit_beginning(runner.model, classes, checkpoint, str(runner._load_from))


def fit_beginning(model: nn.Module, classes: Sequence[str] | None, checkpoint: Mapping[str, Any], path: str) -> None:
    """Make the weights of a checkpoint those that a model may begin from.

    A head of other classes begins anew, also where there are as many, and one line in the log says so. All else is
    taken whole. What a checkpoint lacks, such as the AEA of a plain backbone, mmengine names.

    Args:
        model: The model.
        classes: Of the data, where they have names.
        checkpoint: The content; its head is changed in place.
        path: The checkpoint, for the messages.

    Raises:
        InputError: If a weight has another shape outside of the head, or none of the weights belongs to the model.
    """
    weights: MutableMapping[str, Any] = checkpoint.get('state_dict', checkpoint)
    own = bare(model).state_dict()
    saved = {name.removeprefix('module.'): weight for name, weight in weights.items()}
    shapes = {_place(name): getattr(weight, 'shape', None) for name, weight in saved.items()}
    body = {name: weight for name, weight in own.items() if not name.startswith(HEAD)}
    if not any(_place(name) in shapes for name in body):
        raise InputError(
            f'checkpoint {path}: load_from: expected weights of such a model as the config has, got '
            f'{str(list(saved)[:3])[:200]}, none of which it has'
        )
    for name, weight in body.items():
        shape = shapes.get(_place(name), weight.shape)
        if shape != weight.shape:
            raise InputError(
                f'checkpoint {path}: load_from: {name} is {tuple(shape or ())} in it and {tuple(weight.shape)} by the '
                f'config; expected the same layout, in_channels and blocks{_trained_with(checkpoint)}'
            )
    before = (checkpoint.get('meta') or {}).get('dataset_meta') or {}
    head = [name for name in own if name.startswith(HEAD)]
    is_other = any(name in saved and saved[name].shape != own[name].shape for name in head)
    known = before.get('classes')
    if known and classes and [*map(str, known)] != [*map(str, classes)]:
        is_other = True
    if is_other:
        for name in [name for name in weights if name.removeprefix('module.').startswith(HEAD)]:
            del weights[name]
        weights.update({name: own[name] for name in head})
        if is_main_process():
            print_log(
                f'load_from {path}: its head is of other classes, so that of this training begins anew',
                logger='current',
            )


def _place(name: str) -> str:
    """A weight's name in a plain backbone and in one that ``InteractionBackbone`` wraps."""
    return name.replace('backbone.', '')


def _trained_with(checkpoint: Mapping[str, Any]) -> str:
    """Layout and channels of the model in a checkpoint, where it says them."""
    text = (checkpoint.get('meta') or {}).get('cfg')
    with suppress(InputError):
        if isinstance(text, str) and isinstance(backbone := parse_config(text, '').model.get('backbone'), Mapping):
            said = {key: backbone[key] for key in ('layout', 'in_channels') if isinstance(backbone.get(key), str | int)}
            return f': {", ".join(f"{key}={value}" for key, value in said.items())}' if said else ''
    return ''
