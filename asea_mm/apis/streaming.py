"""Interactions in a stream of frames, as they come."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from numbers import Integral, Real
from typing import Any

import numpy as np

from ..datasets.recordings.bodies import body_centres, body_sizes, distances
from ..errors import InputError
from .frames import Kind, read_body
from .inferencer import InteractionInferencer
from .windows import Clip, whole_number


@dataclass
class StreamResult:
    """What two persons did in the last window.

    Args:
        persons: Their track ids, who came first first.
        label: The class with the highest score.
        label_name: Its name.
        score: Its score.
        scores: Scores of all classes, smoothed if that was asked for.
        start: First frame of the window, counted from 0 since the start of the stream.
        stop: The frame after its last.
        times: Timestamps of its first and last frame; None where none were given.
    """

    persons: tuple[Hashable, Hashable]
    label: int
    label_name: str
    score: float
    scores: list[float]
    start: int
    stop: int
    times: tuple[float, float] | None = None


class StreamingRecognizer:
    """Recognises the interactions of the last ``window`` frames, every ``stride`` frames.

    Every evaluation runs the nearest pairs in one batch through the inferencer, as it runs windows of recordings:
    without smoothing the scores are those of its sliding windows. Tracks live in a ring of ``max_persons`` places
    that is made once; nothing grows with the stream.

    A person who is not in a frame is absent in it (all zero). One who has been away for ``forget_after`` frames is
    forgotten, and begins anew when they return. Where more than ``max_persons`` are there, who was seen last makes room
    for newcomers unless they are in view themselves; newcomers beyond that are left out until there is room.

    Args:
        inferencer: The model; it must take two persons.
        window: Frames of a window.
        stride: Frames from one evaluation to the next.
        smoothing: Weight of the past, from 0 (none) to below 1: ``p = smoothing * p + (1 - smoothing) * new``, for
            every pair. The past counts while the pair was evaluated within the last ``window + stride`` frames.
        max_persons: Tracks that are kept.
        max_pairs: Pairs that are evaluated, the nearest first.
        min_shared: Least share of the window in which both are there, above 0.
        forget_after: Frames after which an absent person is forgotten; default ``window``.
        fix_swaps: Whether ids that exchange bodies from one frame to the next keep the bodies' past: if that saves
            the two more than half a body's size of way.
        img_shape: Height and width of the image, where the model's pipeline normalises by it.

    Raises:
        InputError: If an argument is out of range, or the model does not take two persons.
    """

    def __init__(
        self,
        inferencer: InteractionInferencer,
        window: int,
        stride: int = 8,
        smoothing: float = 0.0,
        max_persons: int = 8,
        max_pairs: int = 4,
        min_shared: float = 0.5,
        forget_after: int | None = None,
        fix_swaps: bool = False,
        img_shape: Sequence[int] | None = None,
    ) -> None:
        name = 'StreamingRecognizer'
        self.window, self.stride = whole_number(f'{name}: window', window), whole_number(f'{name}: stride', stride)
        self.max_persons = whole_number(f'{name}: max_persons', max_persons, 2)
        self.max_pairs = whole_number(f'{name}: max_pairs', max_pairs)
        self.forget_after = whole_number(f'{name}: forget_after', window if forget_after is None else forget_after)
        if not 0 <= smoothing < 1:
            raise InputError(f'{name}: smoothing: expected 0 <= smoothing < 1, got {smoothing!r}')
        if not 0 < min_shared <= 1:
            raise InputError(f'{name}: min_shared: expected 0 < min_shared <= 1, got {min_shared!r}')
        if inferencer.num_person != 2:
            raise InputError(f'{name}: expected a model of 2 persons, got one of {inferencer.num_person}')
        self.inferencer = inferencer
        self.smoothing, self.fix_swaps = smoothing, fix_swaps
        self.least_shared = max(1, round(min_shared * window))
        self._extra = {} if img_shape is None else {'img_shape': tuple(img_shape)}
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is the first."""
        self.num_frames = 0
        self.current: list[StreamResult] | None = None
        self._kind: Kind | None = None  # coordinates C and whether there are scores, once known
        self._ring = np.zeros(0, np.float32)  # (places, window, V, C), with scores C + 1
        self._times = np.full(self.window, np.nan)
        self._last_time = -np.inf
        self._place: dict[Hashable, int] = {}  # of every track
        self._seen: dict[int, int] = {}  # of every taken place, the frame in which its body was last seen
        self._since: dict[int, int] = {}  # of every taken place, how many tracks had begun before
        self._begun = 0
        self._past: dict[tuple[int, int], tuple[int, np.ndarray]] = {}  # of pairs of places: frame and scores

    @property
    def tracks(self) -> list[Hashable]:
        """Ids that are kept, in the order in which they came."""
        return sorted(self._place, key=lambda track: self._since[self._place[track]])

    def push(self, frame: Mapping[Hashable, Any], timestamp: float | None = None) -> list[StreamResult] | None:
        """Take one frame.

        Args:
            frame: Track id to the person's keypoints, or to a pair of keypoints and scores; empty if nobody is there.
            timestamp: Time of the frame, a number in any unit; must not decrease.

        Returns:
            The interactions of the last evaluation, the nearest pair first; maybe none. None until the first window
            is full. That there was an evaluation just now shows in ``stop == num_frames``.

        Shapes:
            keypoints ``(V, C)``, in the units of training; scores ``(V,)``

        Raises:
            InputError: If a person's keypoints are not as expected, or time runs backwards; the frame is then not
                taken.
        """
        bodies, kind = self._checked(frame)
        if timestamp is not None:
            if isinstance(timestamp, bool) or not isinstance(timestamp, Real) or not math.isfinite(timestamp):
                raise InputError(f'frame {self.num_frames}: timestamp: expected a finite number, got {timestamp!r}')
            if timestamp < self._last_time:
                raise InputError(
                    f'frame {self.num_frames}: timestamp: expected at least {self._last_time:g}, got {timestamp!r}'
                )
        self._times[self.num_frames % self.window] = np.nan if timestamp is None else timestamp
        self._last_time = self._last_time if timestamp is None else timestamp
        if self._kind is None and bodies:
            shape = next(iter(bodies.values())).shape
            self._kind, self._ring = kind, np.zeros((self.max_persons, self.window, *shape), np.float32)
        if self._kind is not None:
            self._write(bodies)
        self.num_frames += 1
        if self.num_frames >= self.window and (self.num_frames - self.window) % self.stride == 0:
            self.current = self._evaluate()
        return self.current

    def _checked(self, frame: Mapping[Hashable, Any]) -> tuple[dict[Hashable, np.ndarray], Kind | None]:
        """The bodies of a frame that are there, ``(V, C)`` or with scores ``(V, C + 1)``, and their kind."""
        if not isinstance(frame, Mapping):
            raise InputError(f'frame {self.num_frames}: expected {{track id: keypoints}}, got {type(frame).__name__}')
        bodies, kind = {}, self._kind
        for track, body in frame.items():
            where = f'frame {self.num_frames}, person {track!r}'
            keypoint, score = read_body(body, self.inferencer.skeleton, kind, where)
            kind = keypoint.shape[1], score is not None
            if self._kind is None and keypoint.any():  # asked before there is a ring of its shape
                self._require_input(where, keypoint, score)
            if keypoint.any():
                values = keypoint if score is None else np.column_stack([keypoint, score])
                bodies[track] = values.astype(np.float32)
        return bodies, kind

    def _require_input(self, where: str, keypoint: np.ndarray, score: np.ndarray | None) -> None:
        """Raise if the model's pipeline refuses a body."""
        clip = np.zeros((2, self.window, *keypoint.shape), np.float32)
        clip[0] = keypoint
        confidence = None if score is None else np.broadcast_to(score, clip.shape[:3]).astype(np.float32)
        self.inferencer.prepare(Clip(where, clip, confidence, dict(self._extra)))

    def _write(self, bodies: Mapping[Hashable, np.ndarray]) -> None:
        """Put the bodies of one frame into the ring."""
        now = self.num_frames
        for track in list(self._place):
            if track not in bodies and now - self._seen[self._place[track]] >= self.forget_after:
                self._forget(track)
        if self.fix_swaps:
            self._exchange({track: body for track, body in bodies.items() if track in self._place})
        self._ring[:, now % self.window] = 0
        for track in sorted(bodies, key=_known_by):  # newcomers in an order that is not that of the frame
            place = self._place[track] if track in self._place else self._new_place(track, bodies)
            if place is not None:
                self._seen[place] = now
                self._ring[place, now % self.window] = bodies[track]

    def _new_place(self, track: Hashable, bodies: Mapping) -> int | None:
        if len(self._place) == self.max_persons:
            away = [other for other in self._place if other not in bodies]
            if not away:
                return None
            self._forget(min(away, key=lambda other: self._seen[self._place[other]]))
        free = min(set(range(self.max_persons)) - set(self._place.values()))
        self._place[track], self._since[free] = free, self._begun
        self._begun += 1
        return free

    def _forget(self, track: Hashable) -> None:
        place = self._place.pop(track)
        del self._seen[place], self._since[place]
        self._past = {pair: past for pair, past in self._past.items() if place not in pair}
        self._ring[place] = 0

    def _exchange(self, bodies: Mapping[Hashable, np.ndarray]) -> None:
        """Let two ids exchange places if their bodies did."""
        assert self._kind is not None
        before, channels = (self.num_frames - 1) % self.window, self._kind[0]
        known = [track for track in bodies if self._seen[self._place[track]] == self.num_frames - 1]
        for a, b in combinations(known, 2):
            pair = [self._place[a], self._place[b]]
            new = np.stack([bodies[a], bodies[b]])[..., :channels]
            was, now = body_centres(self._ring[pair, before, :, :channels]), body_centres(new)
            stayed = np.linalg.norm(was - now, axis=-1).sum()
            crossed = np.linalg.norm(was - now[::-1], axis=-1).sum()
            if crossed + 0.5 * float(body_sizes(new).mean()) < stayed:
                self._place[a], self._place[b] = pair[1], pair[0]

    def _evaluate(self) -> list[StreamResult]:
        tracks = self.tracks
        if self._kind is None or len(tracks) < 2:
            return []
        stop, start = self.num_frames, self.num_frames - self.window
        order = np.arange(start, stop) % self.window
        places = [self._place[track] for track in tracks]
        values = self._ring[places][:, order]
        channels, scored = self._kind
        apart = distances(values[..., :channels], self.least_shared)
        near = sorted((float(apart[a, b]), a, b) for a, b in combinations(range(len(tracks)), 2))
        pairs = [(a, b) for distance, a, b in near[: self.max_pairs] if np.isfinite(distance)]
        clips = []
        for pair in map(list, pairs):
            score = values[pair][..., channels] if scored else None
            name = f'frames {start} to {stop - 1}'
            clips.append(Clip(name, values[pair][..., :channels].copy(), score, dict(self._extra)))
        of_pairs = self.inferencer.classify(clips, note=False)
        times = self._times[order[[0, -1]]]
        results = []
        for (a, b), clip, findings in zip(pairs, clips, of_pairs, strict=True):
            findings.require_finite(clip.name, clip.keypoint)
            scores = self._smooth((places[a], places[b]), findings.scores)
            label = int(scores.argmax())
            results.append(
                StreamResult(
                    persons=(tracks[a], tracks[b]),
                    label=label,
                    label_name=self.inferencer.classes[label],
                    score=float(scores[label]),
                    scores=scores.tolist(),
                    start=start,
                    stop=stop,
                    times=None if np.isnan(times).any() else (float(times[0]), float(times[1])),
                )
            )
        return results

    def _smooth(self, places: tuple[int, int], scores: np.ndarray) -> np.ndarray:
        if not self.smoothing:
            return scores
        pair = (min(places), max(places))
        when, past = self._past.get(pair, (self.num_frames, scores))
        if self.num_frames - when <= self.window + self.stride:
            scores = self.smoothing * past + (1 - self.smoothing) * scores
        self._past[pair] = (self.num_frames, scores)
        return scores


def _known_by(track: Hashable) -> tuple[str, int, str]:
    """Where an id comes among others: numbers by size, all else by its text."""
    number = int(track) if isinstance(track, Integral) else 0
    return type(track).__name__, number, repr(track)
