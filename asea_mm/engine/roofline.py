"""How fast a machine could at best be: the least arithmetic and traffic of a model, what the machine can do of each.

Williams et al., "Roofline: an insightful visual performance model for multicore architectures", CACM 2009.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from .compilation import regions

# Of backward and forward to forward alone. Arithmetic: the gradients of features and of weights are a product each.
# Traffic of features: backward reads them once more and their gradient, and writes a gradient.
TRAINING_FLOPS, TRAINING_FEATURES = 3, 2.5
TRAINING_PARAMETERS = 3  # read in both passes, and their gradients written
TRIALS = 5


@dataclass(frozen=True)
class Work:
    """Least work of one pass: floating point operations, and bytes of features and of parameters.

    The features are what goes from block to block, read once and written once: as if every block were one kernel.
    """

    flops: float
    feature_numbers: float
    parameters: int

    def bytes(self, dtype: torch.dtype, training: bool) -> float:
        """Bytes that go to and from memory; parameters are float32."""
        features = self.feature_numbers * dtype.itemsize * (TRAINING_FEATURES if training else 1)
        return features + 4 * self.parameters * (TRAINING_PARAMETERS if training else 1)

    def seconds(self, peaks: 'Peaks', dtype: torch.dtype, training: bool) -> float:
        """Seconds that a machine of these peaks needs at least."""
        flops = self.flops * (TRAINING_FLOPS if training else 1)
        return max(flops / peaks.flops_per_s, self.bytes(dtype, training) / peaks.bytes_per_s)


@dataclass(frozen=True)
class Peaks:
    """What a device does in a second, measured: bytes read and written by a copy, operations of a matrix product."""

    bytes_per_s: float
    flops_per_s: float


def count_parameters(model: nn.Module) -> int:
    """Number of trainable and fixed parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


def multiply_adds(model: nn.Module, x: Tensor) -> float:
    """Multiply-adds of convolutions and matrix products per sample, in evaluation mode."""
    model.eval()
    with FlopCounterMode(display=False) as counter:  # it fails on some modules without gradients
        model(x)
    return counter.get_total_flops() / 2 / len(x)  # the counter counts a multiply-add as two


def count_work(model: nn.Module, x: Tensor) -> Work:
    """Count the work of a model that is not compiled and takes no fused kernels, in evaluation mode."""
    numbers = x.numel()
    handles = []

    def note(module: nn.Module, args: tuple, output: Tensor) -> None:
        nonlocal numbers
        numbers += args[0].numel() + output.numel()

    for region in regions(model):
        handles.append(region.register_forward_hook(note))
    try:
        flops = 2 * len(x) * multiply_adds(model, x)
    finally:
        for handle in handles:
            handle.remove()
    return Work(flops, numbers, count_parameters(model))


def measure_peaks(device: torch.device, dtype: torch.dtype) -> Peaks:
    """Measure the device by a copy of what no cache holds, and by a large matrix product."""
    on_gpu = device.type == 'cuda'
    source = torch.ones(2**28 if on_gpu else 2**24, device=device)
    target = torch.empty_like(source)
    size = 8192 if on_gpu else 1024
    factor = torch.ones(size, size, device=device, dtype=dtype)
    return Peaks(
        2 * source.numel() * source.itemsize / _least_seconds(lambda: target.copy_(source), device),
        2 * size**3 / _least_seconds(lambda: factor @ factor, device),
    )


def wait_for(device: torch.device) -> None:
    """Wait until the device has done what it was told."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def _least_seconds(call: Callable[[], object], device: torch.device) -> float:
    seconds = []
    for _ in range(TRIALS):
        wait_for(device)
        start = time.perf_counter()
        call()
        wait_for(device)
        seconds.append(time.perf_counter() - start)
    return min(seconds)
