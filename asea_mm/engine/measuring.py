"""Parameters, GFLOPs and speed of models, side by side in one run."""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..models.layers import fuse_batch_norm
from .running import load_config


class Classifier(nn.Module):
    """Backbone, average and classifier: a model of a config without mmengine around it.

    Shapes:
        x ``(N, M, T, V, C)``; returns ``(N, num_classes)``
    """

    def __init__(self, recognizer: nn.Module) -> None:
        super().__init__()
        self.recognizer = recognizer

    def forward(self, x: Tensor) -> Tensor:
        scores = self.recognizer(x[:, None], stage='head')
        return scores[0] if isinstance(scores, tuple) else scores


def from_config(path: str) -> Classifier:
    """The model of a config, a path or a name."""
    return Classifier(MODELS.build(load_config(path).model))


def count_parameters(model: nn.Module) -> int:
    """Number of trainable and fixed parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


def multiply_adds(model: nn.Module, x: Tensor) -> float:
    """Multiply-adds of convolutions and matrix products per sample, in evaluation mode."""
    model.eval()
    with FlopCounterMode(display=False) as counter:  # it fails on some modules without gradients
        model(x)
    return counter.get_total_flops() / 2 / len(x)  # the counter counts a multiply-add as two


def interleaved(calls: Mapping[str, Callable[[], None]], repeats: int, device: torch.device) -> dict[str, float]:
    """Median seconds of every call; the calls take turns, after two rounds of warming up."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for repeat in range(repeats + 2):
        for name, call in calls.items():
            if device.type == 'cuda':
                torch.cuda.synchronize()
            start = time.perf_counter()
            call()
            if device.type == 'cuda':
                torch.cuda.synchronize()
            if repeat >= 2:
                seconds[name].append(time.perf_counter() - start)
    return {name: sorted(values)[len(values) // 2] for name, values in seconds.items()}


def train_step(model: nn.Module, x: Tensor, labels: Tensor, autocast: Callable) -> None:
    """Forward and backward pass."""
    model.zero_grad(set_to_none=True)
    with autocast():
        loss = F.cross_entropy(model(x).float(), labels)
    loss.backward()


def infer(model: Callable, x: Tensor, autocast: Callable) -> None:
    """Forward pass."""
    with torch.inference_mode(), autocast():
        model(x)


def measure_models(
    models: Mapping[str, nn.Module],
    inputs: Mapping[str, Tensor],
    repeats: int,
    amp: bool = False,
    compiled: bool = False,
) -> dict[str, dict[str, float]]:
    """Parameters, GFLOPs and speed of models.

    Inference comes first, with batch norms fused, as in a process that only infers: passes with gradients make the C
    library keep large blocks of memory, after which models that fetch many of them infer faster on a CPU.

    Args:
        models: Models by name; all take turns. They stay as they are.
        inputs: Input of each, all on one device.
        repeats: Timed training steps; inference takes three times as many.
        amp: Whether to run under bfloat16 autocast.
        compiled: Whether to compile the models for inference.
    """
    device = next(iter(inputs.values())).device
    labels = {name: torch.zeros(len(x), dtype=torch.long, device=device) for name, x in inputs.items()}

    def autocast() -> torch.autocast:
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=amp)

    fused: dict[str, Callable] = {}
    for name, model in models.items():
        model.to(device)
        copied = fuse_batch_norm(copy.deepcopy(model))
        fused[name] = torch.compile(copied) if compiled else copied
    with Console(stderr=True).status('inference'):
        inference = interleaved(
            {name: (lambda n=name, m=model: infer(m, inputs[n], autocast)) for name, model in fused.items()},
            3 * repeats,
            device,
        )
    rows: dict[str, dict[str, float]] = {}
    for name, model in models.items():
        gflops = multiply_adds(model, inputs[name]) / 1e9
        rows[name] = {'parameters': count_parameters(model), 'gflops': gflops}
        model.train()
    with Console(stderr=True).status('training steps'):
        training = interleaved(
            {
                name: (lambda n=name, m=model: train_step(m, inputs[n], labels[n], autocast))
                for name, model in models.items()
            },
            repeats,
            device,
        )
    for name, row in rows.items():
        row.update(
            train_seconds=training[name],
            infer_seconds=inference[name],
            train_samples_per_s=len(inputs[name]) / training[name],
            infer_samples_per_s=len(inputs[name]) / inference[name],
        )
    first = next(iter(rows.values()))
    for row in rows.values():
        for key in ('gflops', 'train_seconds', 'infer_seconds'):
            row[f'{key}_ratio'] = row[key] / first[key]
    return rows


def print_rows(title: str, rows: Mapping[str, Mapping[str, float | None]]) -> None:
    """A table of figures; ``-`` where there is none."""
    columns = list(next(iter(rows.values())))
    table = Table(title=title)
    table.add_column('')
    for column in columns:
        table.add_column(column, justify='right')
    for name, row in rows.items():
        table.add_row(name, *(as_text(row[column]) for column in columns))
    Console(width=200 if not sys.stdout.isatty() else None).print(table)


def as_text(value: float | None) -> str:
    """A figure as tables show it."""
    if value is None:
        return '-'
    return f'{value:,}' if isinstance(value, int) else f'{value:.3f}'
