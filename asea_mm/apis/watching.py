"""Events of everybody in a scene, from bodies over time: recordings and streams alike."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..datasets.recordings.finish import Sample
from ..errors import InputError
from ..evaluation.events import Event, EventFinder
from ..keypoints import NO_INTERACTION, presence
from .followed import known_by
from .inferencer import InteractionInferencer
from .results import StreamResult
from .streaming import StreamingRecognizer

LONGEST_GAP = 1.0  # seconds between two frames, beyond which nobody is known to have been there


@dataclass(frozen=True)
class WatchOptions:
    """How a scene is looked at; times in seconds."""

    fps: float = 15.0  # frames a second that the model sees, as in training; SBU's and K3HI's sensors gave about 15
    window: float = 1.5  # about as long as the clips of training
    stride: float = 0.2  # from one window to the next
    enter: float = 0.8  # of events: see EventFinder
    leave: float = 0.7
    min_length: float = 0.6
    max_gap: float = 0.3
    switch: float = 1.5
    max_persons: int = 30
    max_pairs: int = 30

    def __post_init__(self) -> None:
        for name in ('fps', 'window', 'stride'):
            if not 0 < getattr(self, name) < 1e4:
                raise InputError(f'{name}: expected a positive number, got {getattr(self, name)!r}')


DEFAULTS = WatchOptions()


@dataclass
class Curves:
    """The highest score of every class over all pairs, over time."""

    times: list[float] = field(default_factory=list)
    scores: list[np.ndarray] = field(default_factory=list)

    def of_classes(self, classes: Sequence[str]) -> dict[str, tuple[list[float], list[float]]]:
        """Times and scores by class, without ``no interaction``."""
        rows = np.array(self.scores).reshape(len(self.times), len(classes))
        named = enumerate(classes)
        return {name: (self.times, rows[:, label].tolist()) for label, name in named if name != NO_INTERACTION}


class EventWatcher:
    """Finds who does what to whom, from when to when, in bodies that come frame by frame.

    Frames are brought to ``options.fps`` by interpolation, whatever their times are, so that dropped frames and
    variable frame rates do not matter. All pairs within reach are recognised in one batch
    (:class:`StreamingRecognizer`), and events are found in their scores (:class:`EventFinder`). Nothing grows with the
    stream unless ``curves`` are kept.

    Args:
        inferencer: The model; it must take two persons.
        options: How the scene is looked at.
        img_shape: Height and width of the image, for bodies in images.
        scored: Whether bodies are x, y and score, in images; else they are x, y and z.
        keep_curves: Whether to keep the scores over time.

    Attributes:
        results: Of the last evaluation, every pair within reach.
        curves: The scores over time, if kept.
        classes: Of the model.

    Raises:
        InputError: If an option is out of range, or the model does not take two persons.
    """

    def __init__(
        self,
        inferencer: InteractionInferencer,
        options: WatchOptions = DEFAULTS,
        img_shape: Sequence[int] | None = None,
        scored: bool = True,
        keep_curves: bool = False,
    ) -> None:
        self.options, self.classes, self.scored = options, inferencer.classes, scored
        self.stream = StreamingRecognizer(
            inferencer,
            window=max(2, round(options.window * options.fps)),
            stride=max(1, round(options.stride * options.fps)),
            max_persons=options.max_persons,
            max_pairs=options.max_pairs,
            img_shape=img_shape,
        )
        self.finder = EventFinder(
            self.classes, options.enter, options.leave, options.min_length, options.max_gap, options.switch
        )
        self.curves = Curves() if keep_curves else None
        self.results: list[StreamResult] = []
        self._last: tuple[float, dict[Hashable, np.ndarray]] | None = None
        self._began = 0.0
        self._evaluated = 0  # frame behind the last window

    def push(self, time: float, bodies: Mapping[Any, np.ndarray]) -> list[Event]:
        """Take one frame.

        Args:
            time: Of the frame, in seconds; later than that of the last one.
            bodies: By the id of the person; empty if nobody is there.

        Returns:
            The events that are over by now. They are known about a window after their end.

        Shapes:
            bodies ``(V, 3)``

        Raises:
            InputError: If a body is not as expected, or time runs backwards.
        """
        now = {track: np.asarray(body, np.float32) for track, body in bodies.items()}
        events: list[Event] = []
        if self._last is None:
            self._began = time
            events += self._take(now)
        else:
            before, earlier = self._last
            if not math.isfinite(time) or time <= before:
                raise InputError(f'expected frames in the order of time, got one at {time:g} s after {before:g} s')
            while (at := self._began + self.stream.num_frames / self.options.fps) <= time + 1e-6:
                share = (at - before) / (time - before)
                between = bodies_between(earlier, now, min(share, 1.0)) if time - before <= LONGEST_GAP else {}
                events += self._take(now if share > 1 - 1e-3 else between)
        self._last = time, now
        return events

    def finish(self) -> list[Event]:
        """The end of the scene: the last frames are looked at, and events that are not over end with them."""
        events = self._look(self.stream.finish()) if self.stream.num_frames else []
        return events + self.finder.finish()

    def _take(self, bodies: Mapping[Hashable, np.ndarray]) -> list[Event]:
        frame: dict[Hashable, Any] = {
            track: (body[:, :2] * (body[:, 2:] > 0), body[:, 2].clip(0)) if self.scored else body
            for track, body in bodies.items()
        }
        return self._look(self.stream.push(frame))

    def _look(self, results: list[StreamResult] | None) -> list[Event]:
        """Take the results of an evaluation, once."""
        stop = self.stream.evaluated
        if results is None or stop == self._evaluated:
            return []
        self._evaluated = stop
        self.results = [result for result in results if result.together]
        scores, moves = {}, {}
        for result in self.results:  # a pair has one order, whoever came first this time
            order = sorted((0, 1), key=lambda place: known_by(result.tracks[place]))
            pair = tuple(result.tracks[place] for place in order)
            scores[pair], moves[pair] = np.asarray(result.scores), [result.efforts[place] for place in order]
        start, end = (self._began + frame / self.options.fps for frame in (max(stop - self.stream.window, 0), stop))
        if self.curves is not None:
            self.curves.times.append((start + end) / 2)
            nothing = np.zeros(len(self.classes))
            self.curves.scores.append(np.max([nothing, *scores.values()], axis=0))
        return self.finder.push(start, end, scores, moves)


def bodies_between(
    before: Mapping[Hashable, np.ndarray], after: Mapping[Hashable, np.ndarray], share: float
) -> dict[Hashable, np.ndarray]:
    """Bodies between two frames; who is there in one of them only is there in the half that is nearer to it."""
    bodies = dict(before if share < 0.5 else after)
    for track in before.keys() & after.keys():
        first, last = before[track], after[track]
        both = np.asarray(first.any(axis=-1) & last.any(axis=-1))
        blended = first + share * (last - first)
        bodies[track] = np.where(both[:, None], blended, bodies[track])
    return bodies


def find_events(
    inferencer: InteractionInferencer,
    sample: Sample,
    fps: float,
    options: WatchOptions = DEFAULTS,
    img_shape: Sequence[int] | None = None,
) -> list[Event]:
    """The events of a recording, in the order of their starts; persons are its rows.

    Args:
        inferencer: The model.
        sample: The recording, :func:`~asea_mm.datasets.recordings.samples.read_samples` reads it.
        fps: Its frames a second.
        options, img_shape: As of :class:`EventWatcher`.

    Raises:
        InputError: As of :class:`EventWatcher`.
    """
    watcher = EventWatcher(inferencer, options, img_shape, scored=sample.keypoint.shape[-1] == 2)
    events: list[Event] = []
    keypoint, there = sample.keypoint, np.asarray(presence(sample.keypoint))
    if watcher.scored:
        score = np.ones(keypoint.shape[:3]) if sample.score is None else sample.score
        keypoint = np.concatenate([keypoint, score[..., None]], axis=-1)
    for number in range(keypoint.shape[1]):
        bodies = {person: keypoint[person, number] for person in np.flatnonzero(there[:, number]).tolist()}
        events += watcher.push(number / fps, bodies)
    return sorted(events + watcher.finish(), key=lambda event: (event.start, event.persons))
