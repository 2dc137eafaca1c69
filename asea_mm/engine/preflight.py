"""Whether config, data, model and checkpoint fit each other, said before the first epoch."""

import importlib.util
from collections.abc import Mapping
from typing import Any

import torch
from mmaction.registry import OPTIMIZERS
from mmengine.config import Config
from mmengine.model import is_model_wrapper
from torch import nn

from ..datasets.interaction_dataset import check_num_classes
from ..errors import InputError, did_you_mean
from ..models.backbones.interaction_backbone import input_size
from ..models.recognizers import InteractionRecognizer
from .configs import nodes

# What mmengine's back ends of the visualizer import when they are first used.
PACKAGES = {
    'TensorboardVisBackend': 'tensorboard',
    'WandbVisBackend': 'wandb',
    'MLflowVisBackend': 'mlflow',
    'ClearMLVisBackend': 'clearml',
    'NeptuneVisBackend': 'neptune',
    'DVCLiveVisBackend': 'dvclive',
    'AimVisBackend': 'aim',
}
FRAMES = 16  # of the clip that the trial sees; more than any stride of a backbone


def check_packages(cfg: Config) -> None:
    """Refuse a config that asks for a back end whose package is not installed."""
    for node in nodes(cfg.get('visualizer')):
        kind = str(node.get('type')).rpartition('.')[2] if isinstance(node, Mapping) else ''
        package = PACKAGES.get(kind)
        if package and importlib.util.find_spec(package) is None:
            raise InputError(
                f'visualizer.vis_backends: {kind} needs the package {package}, which is not installed; '
                f'pip install {package}, or leave it out'
            )


def check_optimizer(cfg: Config) -> None:
    """Refuse an optimizer that is not registered, which mmengine calls no callable object."""
    name = ((cfg.get('optim_wrapper') or {}).get('optimizer') or {}).get('type')
    if isinstance(name, str) and OPTIMIZERS.get(name) is None:
        known = {**OPTIMIZERS.module_dict, **(OPTIMIZERS.parent.module_dict if OPTIMIZERS.parent else {})}
        raise InputError(f'optim_wrapper.optimizer: {name} is not in the optimizer registry{did_you_mean(name, known)}')


def check_classes(model: nn.Module, dataset: Any) -> None:
    """Refuse a head of other than as many classes as the data has."""
    count = getattr(getattr(bare(model), 'cls_head', None), 'num_classes', None)
    if count is not None:
        check_num_classes(count, dataset)


@torch.no_grad()
def check_head(model: nn.Module) -> None:
    """Refuse a head that expects other channels than backbone and neck give, seen in one pass of a short clip."""
    recognizer = bare(model)
    expected = getattr(getattr(recognizer, 'cls_head', None), 'in_channels', 0)
    joints, channels = input_size(recognizer.backbone) if hasattr(recognizer, 'backbone') else (0, 0)
    if not (expected and joints and channels):
        return
    norm = getattr(recognizer.backbone, 'data_bn', None)  # of one person, or of all persons of a clip
    persons = norm.num_features // (joints * channels) if isinstance(norm, nn.BatchNorm1d) else 2
    clip = next(recognizer.parameters()).new_ones(1, 1, persons, FRAMES, joints, channels)
    stage = 'neck' if isinstance(recognizer, InteractionRecognizer) else 'backbone'
    was_training = recognizer.training
    try:
        features: Any = recognizer.eval().extract_feat(clip, stage=stage)[0]
    except (RuntimeError, ValueError, IndexError):  # one that takes other clips than this
        return
    finally:
        recognizer.train(was_training)
    given = features.shape[2] if isinstance(features, torch.Tensor) and features.ndim == 5 else expected
    if given != expected:
        giver = 'neck' if recognizer.with_neck else 'backbone'
        raise InputError(
            f'model.cls_head.in_channels is {expected}, but the {giver} gives {given} channels; '
            f'write in_channels={given} for the head, or change the {giver}'
        )


def check_resumed(model: nn.Module, content: Mapping[str, Any], path: str) -> None:
    """Refuse to go on from the checkpoint of another model; mmengine would skip what does not fit."""
    saved = content['state_dict']
    for name, weight in bare(model).named_parameters():
        there = getattr(saved.get(name), 'shape', None)
        if there == weight.shape:
            continue
        if there is None:
            what = f'it has no {name}'
        elif name.startswith('cls_head.') and there[:1] != weight.shape[:1]:
            what = f'it is for {there[0]} classes, the config for {weight.shape[0]}'
        else:
            what = f'{name} is {tuple(there)} in it and {tuple(weight.shape)} by the config'
        raise InputError(
            f'checkpoint {path}: cannot be resumed, {what}; to begin a training from its weights, leave --resume out '
            f'and give --cfg-options load_from={path}'
        )


def bare(model: nn.Module) -> Any:
    """The model without what distributes it."""
    return model.module if is_model_wrapper(model) else model
