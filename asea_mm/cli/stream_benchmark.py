"""The streaming recognizer on people who sway, for ``asea benchmark --stream``."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Hashable
from pathlib import Path

import numpy as np
import torch
from mmaction.registry import MODELS

from ..apis import InteractionInferencer, StreamingRecognizer
from ..engine import load_config

FRAME_RATE = 30
NUM_FRAMES = 300  # of the people, who then repeat themselves


def random_inferencer(config: str, device: str, num_clips: int | None) -> InteractionInferencer:
    """The model of a config with random weights, which do not matter for time; batch norms are fused."""
    cfg = load_config(config)
    weights = MODELS.build(cfg.model).state_dict()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'random.pth'
        torch.save(dict(state_dict=weights, meta=dict(cfg=cfg.pretty_text)), path)
        return InteractionInferencer(path, device=device, fuse=True, num_clips=num_clips)


def measure_stream(
    inferencer: InteractionInferencer, pairs: int, frames: int, window: int, stride: int
) -> dict[str, float]:
    """Push so many frames as fast as they are taken, after two windows that do not count.

    Args:
        inferencer: The model.
        pairs: Pairs that are recognised; there are as few persons as make so many.
        frames: Frames that count.
        window: Frames of a window.
        stride: Frames between evaluations.

    Returns:
        Milliseconds of a frame and of an evaluation, frames a second, and memory in MB (NaN where unknown).
    """
    persons = next(count for count in range(2, pairs + 2) if count * (count - 1) // 2 >= pairs)
    clip = swaying_persons(persons, len(inferencer.skeleton.joints))
    stream = StreamingRecognizer(inferencer, window, stride, smoothing=0.5, max_persons=persons, max_pairs=pairs)
    seconds = np.empty(frames)
    evaluations, start_memory = 0, float('nan')
    for number in range(-2 * window, frames):
        if number == 0:
            start_memory = resident_megabytes()
        frame: dict[Hashable, np.ndarray] = {person: clip[person, number % NUM_FRAMES] for person in range(persons)}
        began = time.perf_counter()
        results = stream.push(frame)
        if number >= 0:
            seconds[number] = time.perf_counter() - began
            evaluations += results is not None and bool(results) and results[0].stop == stream.num_frames
    return {
        'persons': persons,
        'frames': frames,
        'evaluations': evaluations,
        'median_ms': float(np.median(seconds) * 1e3),
        'p99_ms': float(np.percentile(seconds, 99) * 1e3),
        'evaluation_ms': float(np.median(np.sort(seconds)[-evaluations:]) * 1e3) if evaluations else float('nan'),
        'frames_per_second': float(frames / seconds.sum()),
        'memory_start_mb': start_memory,
        'memory_end_mb': resident_megabytes(),
    }


def swaying_persons(persons: int, joints: int) -> np.ndarray:
    """People who sway where they stand, ``(M, T, V, 3)``."""
    rng = np.random.default_rng(0)
    bodies = rng.normal(scale=0.4, size=(persons, 1, joints, 3)) + rng.normal(scale=2, size=(persons, 1, 1, 3))
    phase = rng.uniform(0, 2 * np.pi, size=(persons, 1, joints, 3))
    return (bodies + 0.1 * np.sin(phase + np.arange(NUM_FRAMES)[:, None, None] / 5)).astype(np.float32)


def resident_megabytes() -> float:
    """Memory of this process that is in RAM now, in MB; NaN where the system does not tell."""
    status = Path('/proc/self/status')
    if not status.is_file():
        return float('nan')
    lines = dict(line.split(':', 1) for line in status.read_text().splitlines() if ':' in line)
    return int(lines['VmRSS'].split()[0]) / 1024
