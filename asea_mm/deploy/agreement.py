"""Whether an exported file computes what PyTorch does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError

Scores = tuple[np.ndarray, np.ndarray]  # scores (N, classes), logits (N, clips, classes)


class Agreement(NamedTuple):
    """How far two models are apart over some samples.

    Args:
        samples: Number of samples.
        difference: Largest absolute difference of scores and logits.
        same: Samples for which both choose the same class.
    """

    samples: int
    difference: float
    same: int

    def within(self, tolerance: float) -> bool:
        """Whether the difference is within the tolerance and every class the same; not where anything is no number."""
        return self.difference <= tolerance and self.same == self.samples


def open_onnx(path: str | Path, threads: int | None = None) -> Callable[[np.ndarray], Scores]:
    """An .onnx file as a function of keypoints, on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
    return lambda keypoint: tuple(session.run(['scores', 'logits'], {'keypoint': keypoint}))


def open_torch(path: str | Path) -> Callable[[np.ndarray], Scores]:
    """A .pt2 file as a function of keypoints."""
    return as_function(torch.export.load(str(path)).module())


def as_function(model: nn.Module) -> Callable[[np.ndarray], Scores]:
    """A model of scores and logits as a function of NumPy arrays."""

    def run(keypoint: np.ndarray) -> Scores:
        with torch.inference_mode():
            scores, logits = model(torch.from_numpy(keypoint))
        return scores.numpy(), logits.numpy()

    return run


def compare(
    one: Callable[[np.ndarray], Scores], other: Callable[[np.ndarray], Scores], batches: Iterable[np.ndarray]
) -> Agreement:
    """Run both on all batches, each ``(N, clips, M, T, V, C)``."""
    samples, difference, same = 0, 0.0, 0
    for keypoint in batches:
        ours, theirs = one(keypoint), other(keypoint)
        for a, b in zip(ours, theirs, strict=True):
            if a.shape != b.shape:
                raise InputError(f'export: expected an output of shape {a.shape}, got {b.shape}')
            difference = float(np.maximum(difference, np.abs(a - b).max()))  # keeps NaN
        same += int((ours[0].argmax(axis=1) == theirs[0].argmax(axis=1)).sum())
        samples += len(keypoint)
    return Agreement(samples, difference, same)


def test_samples(dataset: Any, count: int) -> list[Mapping]:
    """So many samples of a dataset behind its pipeline, evenly spaced."""
    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).round().astype(int))
    return [dataset[int(index)] for index in chosen]


def tested_scores(recognizer: nn.Module, samples: Iterable[Mapping], batch: int) -> np.ndarray:
    """Scores of samples as testing computes them, by ``test_step``: data preprocessor, model, average of clips."""
    samples = list(samples)
    found: list[Tensor] = []
    for start in range(0, len(samples), batch):
        part = samples[start : start + batch]
        data = {'inputs': [s['inputs'] for s in part], 'data_samples': [s['data_samples'] for s in part]}
        with torch.no_grad():
            found += [sample.pred_score for sample in recognizer.test_step(data)]  # type: ignore[operator]
    return torch.stack(found).numpy()
