"""Interactions in a stream of frames, as they come."""

import math
from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from numbers import Real
from typing import Any

import numpy as np

from ..datasets.recordings.arrays import as_keypoint
from ..datasets.recordings.bodies import distances, first_absurd
from ..datasets.recordings.finish import Sample
from ..datasets.recordings.together import are_together
from ..errors import InputError
from ..evaluation.events import efforts
from .followed import Damage, joined_tracks, known_by, merge_rows
from .inferencer import InteractionInferencer
from .results import StreamResult
from .windows import whole_number

Kind = tuple[int, bool]  # of the bodies of a stream: coordinates C, and whether there are scores


class StreamingRecognizer:
    """Recognises the interactions of the last ``window`` frames, every ``stride`` frames.

    Every evaluation runs the nearest pairs in one batch through the inferencer, as it runs windows of recordings:
    without smoothing the scores are those of its sliding windows. The bodies of the last ``window`` frames are kept,
    at most ``max_persons`` in each; nothing grows with the stream.

    An id that appears where another has vanished goes on with its track, which is called by the new id from then on.
    Two ids in one place are one body, of which the track with more frames counts. A body that jumps, or changes its
    size, as none does is left out: the person is absent in that frame, and begins anew if it stays
    (:class:`~.followed.Damage`).

    A person who is not in a frame is absent in it (all zero). One who has been away for ``forget_after`` frames is
    forgotten, and begins anew when they return. Where more than ``max_persons`` are there, who has been away longest
    makes room for newcomers; newcomers beyond that are left out until there is room.

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
        img_shape: Height and width of the image, where the model's pipeline normalises by it.

    Attributes:
        evaluated: The frame behind the last window that was evaluated; 0 before the first.
        notes: The last 100 things that were done against the ids or left out, a line each.

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
        self.inferencer, self.smoothing = inferencer, smoothing
        self.least_shared = max(1, round(min_shared * window))
        self._extra = {} if img_shape is None else {'img_shape': tuple(img_shape)}
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is the first."""
        self.num_frames = 0
        self.current: list[StreamResult] | None = None
        self.evaluated = 0
        self._kind: Kind | None = None  # once known
        self._frames: deque[dict[Hashable, np.ndarray]] = deque(maxlen=self.window)  # bodies, with scores (V, C + 1)
        self._times: deque[float | None] = deque(maxlen=self.window)
        self._last_time = -math.inf
        self._seen: dict[Hashable, int] = {}  # frame in which a track was last seen, in the order in which they came
        self._past: dict[frozenset[Hashable], tuple[int, np.ndarray]] = {}  # of pairs: frame and scores
        self._first_id: dict[Hashable, Hashable] = {}  # of a track, whatever it is called by now
        self._last: dict[Hashable, np.ndarray] = {}  # body of a track when it was last seen
        self._damage = Damage(self._extra.get('img_shape'))
        self._left_out: deque[int] = deque(maxlen=self.window)  # bodies of every frame
        self._merged: set[frozenset[Hashable]] = set()  # pairs that are one body, as was said
        self.notes: deque[str] = deque(maxlen=100)

    @property
    def tracks(self) -> list[Hashable]:
        """Ids that are kept, in the order in which they came."""
        return list(self._seen)

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
            known = isinstance(timestamp, Real) and not isinstance(timestamp, bool) and math.isfinite(timestamp)
            if not known or timestamp < self._last_time:
                raise InputError(
                    f'frame {self.num_frames}: timestamp: expected a finite number from {self._last_time:g}, got '
                    f'{timestamp!r}'
                )
            self._last_time = timestamp
        self._kind = kind if bodies else self._kind
        self._take(bodies)
        self._times.append(timestamp)
        self.num_frames += 1
        if self.num_frames >= self.window and (self.num_frames - self.window) % self.stride == 0:
            self.current = self._evaluate()
        return self.current

    def finish(self) -> list[StreamResult] | None:
        """Evaluate the last frames, if some came since the last evaluation; also where they fill no window."""
        if self.evaluated < self.num_frames:
            self.current = self._evaluate()
        return self.current

    def _checked(self, frame: Mapping[Hashable, Any]) -> tuple[dict[Hashable, np.ndarray], Kind | None]:
        """The bodies of a frame that are there, ``(V, C)`` or with scores ``(V, C + 1)``, and their kind."""
        if not isinstance(frame, Mapping):
            raise InputError(f'frame {self.num_frames}: expected {{track id: keypoints}}, got {type(frame).__name__}')
        skeleton, kind = self.inferencer.skeleton, self._kind
        bodies = {}
        for track, body in frame.items():
            where = f'frame {self.num_frames}, person {track!r}'
            keypoint, score = body if isinstance(body, tuple) and len(body) == 2 else (body, None)
            keypoint, score = as_keypoint(keypoint, score, skeleton, where, axes=[2])
            got = keypoint.shape[1], score is not None
            kind = kind or got
            if got != kind:
                expected, came = (
                    f'{c} coordinates {"with" if scored else "without"} scores' for c, scored in (kind, got)
                )
                raise InputError(f'{where}: expected {expected} as of those before, got {came}')
            values = keypoint if score is None else np.column_stack([keypoint, score])
            if wrong := first_absurd(keypoint, score) or np.flatnonzero(np.isnan(values).any(axis=-1)).tolist():
                raise InputError(
                    f'{where}: expected finite coordinates and scores within 1 km or 100,000 pixels, got '
                    f'{values[wrong[0]].tolist()} at joint {skeleton.joints[wrong[0]]!r}'
                )
            if keypoint.any():
                bodies[track] = values.astype(np.float32)
                if self._kind is None:  # whether the model's pipeline takes such bodies is asked once
                    clip = np.zeros((2, self.window, *values.shape), np.float32)
                    clip[0] = values
                    self.inferencer.prepare(self._clip(where, clip, kind))
        return bodies, kind

    def _clip(self, name: str, values: np.ndarray, kind: Kind) -> Sample:
        """A clip of bodies, ``(M, T, V, C)`` or with scores ``(M, T, V, C + 1)``."""
        score = values[..., kind[0]] if kind[1] else None
        return Sample(name, values[..., : kind[0]].copy(), score, extra=dict(self._extra))

    def _take(self, bodies: dict[Hashable, np.ndarray]) -> None:
        """Note who is there, forget who was away for long, and keep the bodies for whom there is room."""
        now = self.num_frames
        channels = self._kind[0] if self._kind else 0
        for track in self.tracks:
            if track not in bodies and now - self._seen[track] >= self.forget_after:
                self._forget(track)
        for old, new in joined_tracks(bodies, self._last, self._seen, now, channels):
            self._rename(old, new)
            self.notes.append(f'frame {now}: id {new!r} goes on where id {old!r} was')
        damaged, anew = self._damage.find(bodies, self._last, self._seen, now, channels)
        for track in anew:
            self._forget(track)
            self.notes.append(f'frame {now}: id {track!r} begins anew in another place')
        for track in damaged:
            del bodies[track]
            self.notes.append(f'frame {now}: id {track!r} was left out: no body moves or grows like this in a frame')
        self._left_out.append(len(damaged))
        for track in sorted(bodies.keys() - self._seen.keys(), key=known_by):
            if len(self._seen) == self.max_persons:
                away = [other for other in self._seen if other not in bodies]
                if not away:
                    del bodies[track]
                    continue
                self._forget(min(away, key=self._seen.__getitem__))
            self._seen[track] = now
            self._first_id[track] = track
        self._seen.update(dict.fromkeys(bodies, now))
        self._last.update(bodies)
        self._frames.append(bodies)

    def _rename(self, old: Hashable, new: Hashable) -> None:
        """Call a track by another id."""

        def renamed(track: Hashable) -> Hashable:
            return new if track == old else track

        self._seen = {renamed(track): when for track, when in self._seen.items()}  # in the same order
        self._last = {renamed(track): body for track, body in self._last.items()}
        self._first_id = {renamed(track): first for track, first in self._first_id.items()}
        self._past = {frozenset(map(renamed, pair)): past for pair, past in self._past.items()}
        self._merged = {frozenset(map(renamed, pair)) for pair in self._merged}
        for bodies in self._frames:
            if old in bodies:
                bodies[new] = bodies.pop(old)

    def _forget(self, track: Hashable) -> None:
        del self._seen[track], self._last[track], self._first_id[track]
        self._merged = {pair for pair in self._merged if track not in pair}
        self._past = {pair: past for pair, past in self._past.items() if track not in pair}
        for bodies in self._frames:
            bodies.pop(track, None)

    def _evaluate(self) -> list[StreamResult]:
        self.evaluated, tracks = self.num_frames, self.tracks
        if self._kind is None or len(tracks) < 2:
            return []
        channels, scored = self._kind
        values = np.zeros(
            (len(tracks), len(self._frames), self.inferencer.skeleton.num_joints, channels + scored), np.float32
        )
        for time, bodies in enumerate(self._frames):
            for row, track in enumerate(tracks):
                if track in bodies:
                    values[row, time] = bodies[track]
        apart = distances(values[..., :channels], self.least_shared)
        for kept, left_out in merge_rows(values, channels):
            apart[left_out] = apart[:, left_out] = np.inf
            one, other = tracks[kept], tracks[left_out]
            if frozenset((one, other)) not in self._merged:
                self._merged.add(frozenset((one, other)))
                self.notes.append(
                    f'frame {self.num_frames - 1}: ids {one!r} and {other!r} are one body, detected twice'
                )
        near = sorted((float(apart[a, b]), a, b) for a, b in combinations(range(len(tracks)), 2))
        pairs = [(a, b) for distance, a, b in near[: self.max_pairs] if np.isfinite(distance)]
        stop, start = self.num_frames, self.num_frames - len(self._frames)
        clips = [self._clip(f'frames {start} to {stop - 1}', values[[*pair]], self._kind) for pair in pairs]
        first, last = self._times[0], self._times[-1]
        results = []
        for (a, b), clip, new in zip(pairs, clips, self.inferencer.classify(clips), strict=True):
            scores = self._smooth(frozenset((tracks[a], tracks[b])), new)
            label = int(scores.argmax())
            results.append(
                StreamResult(
                    persons=(tracks[a], tracks[b]),
                    tracks=(self._first_id[tracks[a]], self._first_id[tracks[b]]),
                    label=label,
                    label_name=self.inferencer.classes[label],
                    score=float(scores[label]),
                    scores=scores.tolist(),
                    start=start,
                    stop=stop,
                    times=None if first is None or last is None else (first, last),
                    together=are_together(clip.keypoint),
                    efforts=tuple(efforts(clip.keypoint).tolist()),
                    left_out=sum(self._left_out),
                )
            )
        return results

    def _smooth(self, pair: frozenset[Hashable], scores: np.ndarray) -> np.ndarray:
        if not self.smoothing:
            return scores
        when, past = self._past.get(pair, (self.num_frames, scores))
        if self.num_frames - when <= self.window + self.stride:
            scores = self.smoothing * past + (1 - self.smoothing) * scores
        self._past[pair] = (self.num_frames, scores)
        return scores
