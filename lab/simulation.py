"""Long recordings of known events: clips joined with idle time, pairs who do nothing, and passers-by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from asea_mm.datasets.recordings.bodies import body_centres
from asea_mm.evaluation.events import Event

FPS = 15.0  # of the clips: SBU's and K3HI's sensors
SWAY = 0.004  # metres a frame, of people who stand
WALK = 1.2  # metres a second


@dataclass
class SimulatedRecording:
    """A scene and what happens in it."""

    keypoint: np.ndarray  # (M, T, V, 3), metres, y up; whoever is absent is zero
    events: list[Event] = field(default_factory=list)  # persons are rows
    busy: list[tuple[float, float]] = field(default_factory=list)  # seconds of any event

    @property
    def idle_seconds(self) -> float:
        """Seconds in which nobody interacts."""
        return self.keypoint.shape[1] / FPS - sum(end - start for start, end in self.busy)


def simulate(
    clips: Sequence[dict[str, Any]], classes: Sequence[str], rng: np.random.Generator, num_clips: int = 6
) -> SimulatedRecording:
    """Join clips to a recording of about half a minute.

    Every clip has its own two persons. They stand for one to three seconds as at its beginning, act, stand for up to
    half a second as at its end, and are gone for one to three seconds. Between two clips, a pair stands without doing
    anything now and then, and passers-by walk past at one and a half to four metres at any time. Pairs that follow each
    other stand six metres apart, so that nobody takes one for the other.

    Args:
        clips: Annotations of two persons in space, that the model was not trained on.
        classes: Names of their labels.
        rng: Of the choices.
        num_clips: Clips, and events.
    """
    scenes: list[tuple[int, np.ndarray]] = []  # first frame, persons (2, T, V, 3)
    events: list[tuple[int, int, int, str]] = []  # scene, first frame, frame behind the last, label
    now = _frames(rng, 1, 3)
    for _ in range(num_clips):
        clip = clips[int(rng.integers(len(clips)))]
        body = _centred(np.asarray(clip['keypoint'], np.float32)[:2])
        before, after = _frames(rng, 1, 3), _frames(rng, 0, 0.5)
        parts = [_standing(body[:, :1], before, rng), body, _standing(body[:, -1:], after, rng)]
        events.append((len(scenes), now + before, now + before + body.shape[1], classes[clip['label']]))
        scenes.append((now, _aside(np.concatenate(parts, axis=1), len(scenes))))
        now += scenes[-1][1].shape[1] + _frames(rng, 1, 3)
        if rng.random() < 0.4:
            other = _centred(np.asarray(clips[int(rng.integers(len(clips)))]['keypoint'], np.float32)[:2])
            scenes.append((now, _aside(_standing(other[:, :1], _frames(rng, 2, 5), rng), len(scenes))))
            now += scenes[-1][1].shape[1] + _frames(rng, 1, 3)
    walkers = [clip for clip in clips if classes[clip['label']] in ('approaching', 'departing')] or list(clips)
    passers = [_passer_by(walkers[int(rng.integers(len(walkers)))], rng) for _ in range(num_clips // 2)]
    total = now
    keypoint = np.zeros((2 * len(scenes) + len(passers), total, *scenes[0][1].shape[2:]), np.float32)
    for number, (start, body) in enumerate(scenes):
        keypoint[2 * number : 2 * number + 2, start : start + body.shape[1]] = body
    for number, body in enumerate(passers):
        start = int(rng.integers(max(total - body.shape[1], 1)))
        length = min(body.shape[1], total - start)
        keypoint[2 * len(scenes) + number, start : start + length] = body[:length]
    made = SimulatedRecording(keypoint)
    for scene, start, stop, label in events:
        made.events.append(Event(start / FPS, stop / FPS, (2 * scene, 2 * scene + 1), None, label, 1.0))
        made.busy.append((start / FPS, stop / FPS))
    return made


def _frames(rng: np.random.Generator, least: float, most: float) -> int:
    """Frames of some seconds between two bounds."""
    return round(rng.uniform(least, most) * FPS)


def _centred(body: np.ndarray) -> np.ndarray:
    """A pair above the origin; heights stay."""
    middle = body_centres(body[:, 0]).mean(axis=0)
    return body - np.array([middle[0], 0, middle[2]], np.float32)


def _aside(body: np.ndarray, number: int) -> np.ndarray:
    """A pair to the left or to the right, in turn."""
    return body + np.array([3 if number % 2 else -3, 0, 0], np.float32)


def _standing(pose: np.ndarray, frames: int, rng: np.random.Generator) -> np.ndarray:
    """A pose held for some frames: each body sways a little as a whole, and the sensor is noisy."""
    persons, _, joints, channels = pose.shape
    sway = np.cumsum(rng.normal(scale=SWAY, size=(persons, frames, 1, channels)), axis=1)
    sway -= sway[:, -1:] if frames else 0  # where the clip begins, there is no jump
    noise = rng.normal(scale=SWAY, size=(persons, frames, joints, channels))
    return (pose + sway + noise).astype(np.float32)


def _passer_by(clip: dict[str, Any], rng: np.random.Generator) -> np.ndarray:
    """Somebody who crosses the scene beside the pair, ``(T, V, 3)``."""
    body = np.asarray(clip['keypoint'], np.float32)[int(rng.integers(2))]
    body = body - body_centres(body)[:, None] * np.array([1, 0, 1], np.float32)
    body = np.concatenate([body, body[::-1]])
    length = round(10 / WALK * FPS)
    body = np.tile(body, (1 + length // len(body), 1, 1))[:length]
    aside = rng.uniform(1.5, 4.0) * rng.choice([-1, 1])
    way = np.linspace(-5, 5, length) * rng.choice([-1, 1])
    return (body + np.stack([way, np.zeros(length), np.full(length, aside)], axis=-1)[:, None]).astype(np.float32)
