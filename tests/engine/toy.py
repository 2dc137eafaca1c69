"""A training of almost nothing, with all that is random in one: order, samples, dropout."""

import random
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from torch import nn
from torch.utils.data import Dataset

from asea_mm.engine import ResumableRunner


class NoisyNumbers(Dataset):
    """Samples with noise of NumPy, Python and torch."""

    def __len__(self) -> int:
        return 14

    def __getitem__(self, index: int) -> torch.Tensor:
        noise = np.random.standard_normal() + random.gauss(0, 1)  # noqa: NPY002
        return torch.tensor([float(index), noise]) + torch.randn(2)


class TwoLayers(BaseModel):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)  # before the runner seeds anything
        self.first, self.last = nn.Linear(2, 4), nn.Linear(4, 1)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, *inputs: torch.Tensor, mode: str = 'tensor') -> Any:
        hidden = nn.functional.dropout(self.norm(self.first(torch.stack(inputs))), 0.5, self.training)
        loss = self.last(hidden).square().mean()
        return {'loss': loss} if mode == 'loss' else [loss]


class Scripted(BaseMetric):
    """Accuracies that rise and fall."""

    def process(self, data_batch: Any, data_samples: Any) -> None:
        self.results.append(float(data_samples[0]))

    def compute_metrics(self, results: list) -> dict[str, float]:
        value = sum(results)
        return {'acc': value * 1e3 % 1, 'other': value * 1e4 % 1}


def runner(folder: Path, workers: int = 0, resume: bool = False, hooks: Any = (), **changes: Any) -> ResumableRunner:
    """A runner of three epochs of five steps; gradients are collected over two."""

    def loader(shuffle: bool) -> dict:
        workers_of_it = dict(num_workers=workers, persistent_workers=workers > 0)
        sampler = dict(type='DefaultSampler', shuffle=shuffle)
        return dict(dataset=NoisyNumbers(), sampler=sampler, batch_size=3, collate_fn=pseudo_collate, **workers_of_it)

    settings = dict(
        model=TwoLayers(),
        work_dir=str(folder),
        train_dataloader=loader(True),
        val_dataloader=loader(False),
        train_cfg=dict(by_epoch=True, max_epochs=3),
        val_cfg=dict(),
        val_evaluator=Evaluator(Scripted()),
        optim_wrapper=dict(
            type='OptimWrapper',
            optimizer=dict(type='AdamW', lr=0.01),
            accumulative_counts=2,
            clip_grad=dict(max_norm=1),
        ),
        param_scheduler=dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True),
        default_hooks=dict(
            checkpoint=dict(type='CheckpointHook', interval=1, save_best='acc', rule='greater', max_keep_ckpts=2)
        ),
        custom_hooks=list(hooks),
        randomness=dict(seed=1),
        resume=resume,
        experiment_name=uuid4().hex,
        default_scope='mmaction',
        log_level='ERROR',
    )
    return ResumableRunner(**{**settings, **changes})
