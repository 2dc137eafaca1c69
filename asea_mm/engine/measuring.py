"""Parameters, GFLOPs and speed of models, side by side in one run."""

import copy
import time
from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from rich.console import Console
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..models.layers import fuse_batch_norm


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


def measure_models(
    models: Mapping[str, nn.Module],
    inputs: Mapping[str, Tensor],
    repeats: int,
    amp: bool = False,
    compiled: bool = False,
) -> dict[str, dict[str, float]]:
    """Parameters, GFLOPs and speed of models.

    Inference comes first, with batch norms fused, as in a process that only infers: passes with gradients leave large
    blocks of memory behind, with which some models infer faster on a CPU.

    Args:
        models: Models by name; all take turns. They stay as they are.
        inputs: Input of each, all on one device.
        repeats: Timed training steps; inference takes three times as many.
        amp: Whether to run under bfloat16 autocast.
        compiled: Whether to compile the models for inference.
    """
    device = next(iter(inputs.values())).device

    def autocast() -> torch.autocast:
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=amp)

    def infer(name: str) -> None:
        with torch.inference_mode(), autocast():
            fused[name](inputs[name])

    def train(name: str) -> None:
        models[name].zero_grad(set_to_none=True)
        with autocast():
            scores = models[name](inputs[name]).float()
        F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long, device=device)).backward()

    fused: dict[str, Callable] = {}
    for name, model in models.items():
        copied = fuse_batch_norm(copy.deepcopy(model.to(device)))
        fused[name] = torch.compile(copied) if compiled else copied
    with Console(stderr=True).status('inference'):
        inference = interleaved({name: partial(infer, name) for name in models}, 3 * repeats, device)
    gflops = {name: multiply_adds(model, inputs[name]) / 1e9 for name, model in models.items()}
    for model in models.values():
        model.train()
    with Console(stderr=True).status('training steps'):
        training = interleaved({name: partial(train, name) for name in models}, repeats, device)
    first = next(iter(models))
    return {
        name: {
            'parameters': count_parameters(model),
            'gflops': gflops[name],
            'train_seconds': training[name],
            'infer_seconds': inference[name],
            'train_samples_per_s': len(inputs[name]) / training[name],
            'infer_samples_per_s': len(inputs[name]) / inference[name],
            'gflops_ratio': gflops[name] / gflops[first],
            'train_seconds_ratio': training[name] / training[first],
            'infer_seconds_ratio': inference[name] / inference[first],
        }
        for name, model in models.items()
    }
