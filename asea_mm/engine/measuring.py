"""Parameters, GFLOPs, speed and memory of models in several forms, side by side in one run."""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from rich.console import Console
from torch import Tensor, nn

from ..errors import InputError
from ..models.kernels import set_kernels
from ..models.layers import fuse_batch_norm
from .compilation import compile_model
from .roofline import Peaks, count_work, measure_peaks, wait_for

# Words of a form, joined by +.
WORDS = ('eager', 'compiled', 'whole', 'bfloat16', 'plain')


@dataclass(frozen=True)
class Form:
    """How a model is run: compiled block by block or as a whole, in bfloat16, without fused kernels."""

    compiled: bool = False
    whole: bool = False
    bfloat16: bool = False
    plain: bool = False

    @classmethod
    def read(cls, text: str) -> 'Form':
        """The form that words joined by + name, such as ``compiled+bfloat16``; ``eager`` is the one of no words."""
        words = text.split('+')
        if unknown := [word for word in words if word not in WORDS]:
            raise InputError(f'form: expected {", ".join(WORDS)}, or several joined by +; got {unknown[0]!r}')
        return cls(**{word: word in words for word in WORDS[1:]})

    @property
    def dtype(self) -> torch.dtype:
        """In which matrix products and convolutions run."""
        return torch.bfloat16 if self.bfloat16 else torch.float32


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


def begin(calls: Mapping[str, Callable[[], None]], device: torch.device) -> dict[str, tuple[float, float | None]]:
    """Warm every call up; returns the seconds of its first time, which compiles, and the MB that it takes on a GPU.

    CUDA graphs are recorded here: what they use later is theirs already, and would not be seen.
    """
    found = {}
    for name, call in calls.items():
        before = _gpu_megabytes(device, torch.cuda.memory_allocated)
        start = time.perf_counter()
        call()
        wait_for(device)
        seconds = time.perf_counter() - start
        if before is not None:
            torch.cuda.reset_peak_memory_stats(device)
        call()
        call()
        wait_for(device)
        peak = _gpu_megabytes(device, torch.cuda.max_memory_allocated)
        found[name] = seconds, None if before is None or peak is None else peak - before
    return found


def _gpu_megabytes(device: torch.device, count: Callable[[torch.device], int]) -> float | None:
    return count(device) / 2**20 if device.type == 'cuda' else None


def interleaved(calls: Mapping[str, Callable[[], None]], repeats: int, device: torch.device) -> dict[str, float]:
    """Median seconds of every call, of those that :func:`begin` has warmed up; the calls take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            wait_for(device)
            start = time.perf_counter()
            call()
            wait_for(device)
            seconds[name].append(time.perf_counter() - start)
    return {name: sorted(values)[len(values) // 2] for name, values in seconds.items()}


def measure_models(
    models: Mapping[str, nn.Module], inputs: Mapping[str, Tensor], repeats: int, forms: Sequence[str] = ('eager',)
) -> dict[str, dict[str, float | None]]:
    """Parameters, GFLOPs, speed and memory of models in every form, and which share of the roofline they reach.

    Inference comes first, with batch norms fused, as in a process that only infers: passes with gradients leave large
    blocks of memory behind, with which some models infer faster on a CPU.

    Args:
        models: Models by name; all take turns. They stay as they are.
        inputs: Input of each, all on one device.
        repeats: Timed training steps; inference takes three times as many.
        forms: How each runs, as of :meth:`Form.read`.

    Returns:
        By name, and form if there are several. ``first_..._seconds`` are of the first call, which compiles;
        ``..._roofline`` is the time that the device would need at least (:mod:`roofline`) over the time that it took;
        ``peak_mb`` is the memory of a training step on a GPU beyond weights. Ratios are to the first.
    """
    device = next(iter(inputs.values())).device
    cases = {
        name if len(forms) == 1 else f'{name}, {form}': (name, Form.read(form)) for name in models for form in forms
    }
    calls = {case: passes(models[name], inputs[name], form) for case, (name, form) in cases.items()}
    with Console(stderr=True).status('inference'):
        inferring = {case: infer for case, (infer, _) in calls.items()}
        first_inference = begin(inferring, device)
        inference = interleaved(inferring, 3 * repeats, device)
    with Console(stderr=True).status('training steps'):
        steps = {case: train for case, (_, train) in calls.items()}
        first_training = begin(steps, device)
        training = interleaved(steps, repeats, device)
    plain = {name: set_kernels(copy.deepcopy(model).to(device), 'plain') for name, model in models.items()}
    work = {name: count_work(model, inputs[name]) for name, model in plain.items()}
    peaks: dict[torch.dtype, Peaks] = {form.dtype: measure_peaks(device, form.dtype) for _, form in cases.values()}
    rows: dict[str, dict[str, float | None]] = {}
    for case, (name, form) in cases.items():
        least = [work[name].seconds(peaks[form.dtype], form.dtype, is_training) for is_training in (False, True)]
        row: dict[str, Any] = {
            'parameters': work[name].parameters,
            'gflops': work[name].flops / 2e9 / len(inputs[name]),  # multiply-adds of a sample
            'first_train_seconds': first_training[case][0],
            'first_infer_seconds': first_inference[case][0],
            'train_seconds': training[case],
            'infer_seconds': inference[case],
        }
        row |= {
            'train_samples_per_s': len(inputs[name]) / row['train_seconds'],
            'infer_samples_per_s': len(inputs[name]) / row['infer_seconds'],
            'train_roofline': least[True] / row['train_seconds'],
            'infer_roofline': least[False] / row['infer_seconds'],
            'peak_mb': first_training[case][1],
        }
        first = next(iter(rows.values()), row)
        ratios = {f'{key}_ratio': row[key] / first[key] for key in ('gflops', 'train_seconds', 'infer_seconds')}
        rows[case] = row | ratios
    return rows


def passes(model: nn.Module, x: Tensor, form: Form) -> tuple[Callable[[], None], Callable[[], None]]:
    """A forward pass for inference and a training step, of copies of a model."""
    for_inference, for_training = _prepared(model, form, x.device)
    return partial(_infer, for_inference, x, form), partial(_train, for_training, x, form)


def _prepared(model: nn.Module, form: Form, device: torch.device) -> tuple[nn.Module, nn.Module]:
    """Copies of a model, for inference and for training."""
    for_inference, for_training = fuse_batch_norm(copy.deepcopy(model).to(device)), copy.deepcopy(model).to(device)
    for copied in (for_inference, for_training.train()):
        if form.plain:
            set_kernels(copied, 'plain')
        if form.compiled or form.whole:
            compile_model(copied, device, form.whole, backend='inductor')
    return for_inference, for_training


def _infer(model: nn.Module, x: Tensor, form: Form) -> None:
    with torch.inference_mode(), torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=form.bfloat16):
        model(x)


def _train(model: nn.Module, x: Tensor, form: Form) -> None:
    model.zero_grad(set_to_none=True)
    with torch.autocast(x.device.type, dtype=torch.bfloat16, enabled=form.bfloat16):
        scores = model(x).float()
    F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long, device=x.device)).backward()
