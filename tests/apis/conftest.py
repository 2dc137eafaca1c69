"""A tiny model with random weights, saved as the tools save checkpoints, and samples for it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config

import asea_mm  # noqa: F401  (registers the models)
from asea_mm.apis import InteractionInferencer

ROOT = Path(__file__).parents[2]


def write_checkpoint(path: Path, cfg: Config, metainfo: dict, spread: float = 2.0) -> Path:
    """Random weights whose statistics fit the data, so that scores differ between samples."""
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    dataset = DATASETS.build({**cfg.test_dataloader.dataset, 'indices': 8})
    model.train()
    with torch.no_grad():
        for _ in range(3):
            model.extract_feat(torch.stack([dataset[index]['inputs'] for index in range(8)]))
    torch.nn.init.normal_(model.cls_head.fc.weight, std=spread)
    meta = dict(cfg=cfg.pretty_text, dataset_meta=metainfo, epoch=1)
    torch.save(dict(state_dict=model.state_dict(), meta=meta), path)
    return path


def tiny_config(name: str, samples: int = 40) -> Config:
    cfg = Config.fromfile(ROOT / 'configs' / f'{name}.py')
    small = {'model.backbone.channels': (8, 16), 'model.backbone.strides': None, 'model.cls_head.in_channels': 16}
    cfg.merge_from_dict(small)
    if 'num_samples' in cfg.test_dataloader.dataset:
        for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
            loader.dataset.num_samples = samples
    return cfg


@pytest.fixture(scope='session')
def config():
    """Of the synthetic pairs, with the test pipeline of SBU: joints and velocities."""
    cfg = tiny_config('asea_demo')
    cfg.test_dataloader.dataset.pipeline = Config.fromfile(ROOT / 'configs' / 'asea_sbu.py').test_pipeline
    cfg.model.backbone.in_channels = 6
    return cfg


@pytest.fixture(scope='session')
def dataset(config):
    return DATASETS.build(config.test_dataloader.dataset)


@pytest.fixture(scope='session')
def checkpoint(config, dataset, tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp('model') / 'tiny.pth', config, dataset.metainfo)


@pytest.fixture(scope='session')
def inferencer(checkpoint):
    return InteractionInferencer(checkpoint)


@pytest.fixture(scope='session')
def samples(dataset):
    """Keypoints (2, T, 25, 3) of different lengths."""
    return [dataset.get_data_info(index)['keypoint'] for index in range(6)]


@pytest.fixture(scope='session')
def crowd(samples):
    """Five persons, (5, 40, 25, 3): 0 and 3 are a pair, 1 and 4 another one farther apart, 2 is alone."""
    first, second, third = (sample[:, :40] for sample in samples[:3])
    persons = [first[0], second[0] + [8, 0, 0], third[0] + [0, 0, 9], first[1], second[1] + [9, 0, 1]]
    return np.stack(persons).astype(np.float32)
