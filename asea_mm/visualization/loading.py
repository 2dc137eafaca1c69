"""A trained model and its test data from a config, without a runner and without a work dir."""

from __future__ import annotations

from typing import Any

from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from torch import nn

from ..engine.checkpoints import read_checkpoint
from ..errors import InputError


def load_model(cfg: Config, checkpoint: str) -> nn.Module:
    """The model of a config with the weights of a checkpoint, in evaluation mode on the CPU.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If it is none, or does not fit the model.
    """
    init_default_scope(cfg.get('default_scope', 'mmaction'))
    read_checkpoint(checkpoint)
    model = MODELS.build(cfg.model)
    try:
        load_checkpoint(model, checkpoint, map_location='cpu', strict=True)
    except RuntimeError as error:
        reason = ' '.join(str(error).split())
        raise InputError(f'checkpoint {checkpoint} does not fit the model of this config: {reason[:400]}') from None
    return model.eval()


def load_test_data(cfg: Config) -> Any:
    """The dataset that a test with this config reads.

    Raises:
        ValueError: If the config has none.
    """
    if not cfg.get('test_dataloader'):
        raise InputError('the config has no test_dataloader')
    init_default_scope(cfg.get('default_scope', 'mmaction'))
    return DATASETS.build(cfg.test_dataloader.dataset)
