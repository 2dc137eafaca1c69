"""Events from scores over time."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..errors import InputError
from ..keypoints import NO_INTERACTION

# What one does to the other, by the beginnings of the words of a class. Who acts moves first: twice as much as the
# other in the windows around the start. Of K3HI's kicks, punches, pushes and pointing, whose actors are known, that
# tells two thirds, and is right in nine of ten of these.
DIRECTED = ('kick', 'punch', 'push', 'point', 'slap', 'hit', 'pat', 'massag', 'tickl')
CLEARLY_MORE, EARLY = 2.0, 0.3  # times the effort of the other; seconds from the start to the middle of a window


@dataclass(frozen=True)
class Event:
    """What two persons do from ``start`` to ``end``, in seconds."""

    start: float
    end: float
    persons: tuple[Hashable, ...]
    acts: Hashable | None  # which of them acts on the other; None where that cannot be told, or both do
    label: str
    score: float  # of its class, from 0 to 1: mean over the time, in which sure moments weigh more

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain values, times and score to a thousandth."""
        rounded = {name: round(getattr(self, name), 3) for name in ('start', 'end', 'score')}
        return {**asdict(self), 'persons': list(self.persons), **rounded}


@dataclass
class _Moment:
    """What is known of a pair at one time."""

    time: float
    scores: np.ndarray  # (classes,)
    efforts: np.ndarray  # (2,)


@dataclass
class _Part:
    """A piece of time in which a pair does one thing, while it lasts."""

    start: float
    scores: np.ndarray  # sums over the moments
    squares: np.ndarray  # and of their squares, which tell the class: sure moments weigh more
    efforts: np.ndarray  # sums over the first moments
    is_empty: bool = True

    def add(self, other: '_Moment | _Part') -> None:
        self.scores = self.scores + other.scores
        self.squares = self.squares + (other.squares if isinstance(other, _Part) else other.scores**2)
        if isinstance(other, _Moment) and other.time <= self.start + EARLY:
            self.efforts = self.efforts + other.efforts
        self.is_empty = False


@dataclass
class _Pair:
    """The state of one pair."""

    moments: list[_Moment] = field(default_factory=list)  # the last ones, which smoothing needs
    before: tuple[float, float] | None = None  # time and activity of the last smoothed moment
    part: _Part | None = None  # while something may go on
    rival: _Part | None = None  # its end, in which another class leads
    sure: bool = False  # whether the activity has been high enough
    waiting: tuple[Event, _Part] | None = None  # an event that the next one may continue


class EventFinder:
    """Finds the events of all pairs in their scores over time, as these come.

    The scores of a window count for its middle, smoothed over ``smoothing`` windows. The *activity* of a pair is one
    minus the score of ``no interaction``, or the highest score where there is no such class. Something goes on from
    where the activity rises above ``leave`` to where it falls below, if it is once above ``enter`` (times between two
    windows are interpolated). It is of the class with the most evidence, the sum of squared scores; where another class
    leads for ``switch`` seconds, a new event begins there. Events below ``min_length`` are dropped, and two of the same
    class that are ``max_gap`` seconds apart or less are one. So a pair has one event at a time.

    A recording and a stream that push the same windows get the same events. Memory is that of the pairs of the last
    windows.

    Args:
        classes: Names of the classes, in the order of scores.
        enter, leave: Activities at which events are sure, and between which they last; ``leave <= enter``.
        min_length: Seconds of the shortest event.
        max_gap: Seconds between two events that are one.
        switch: Seconds for which another class must lead.
        smoothing: Windows over whose scores the mean is taken, an odd number.

    Raises:
        InputError: If an argument is out of range.
    """

    def __init__(
        self,
        classes: Sequence[str],
        enter: float = 0.8,
        leave: float = 0.7,
        min_length: float = 0.6,
        max_gap: float = 0.3,
        switch: float = 1.5,
        smoothing: int = 3,
    ) -> None:
        if not 0 < leave <= enter <= 1:
            raise InputError(f'events: expected 0 < leave <= enter <= 1, got enter={enter!r} and leave={leave!r}')
        if min_length < 0 or max_gap < 0 or switch < 0 or smoothing < 1 or not smoothing % 2:
            raise InputError(
                'events: expected min_length, max_gap and switch of 0 or more seconds and an odd number of windows for '
                f'smoothing, got {min_length!r}, {max_gap!r}, {switch!r} and {smoothing!r}'
            )
        self.classes = list(classes)
        self.enter, self.leave = enter, leave
        self.min_length, self.max_gap, self.switch = min_length, max_gap, switch
        self._side = smoothing // 2
        self._is_act = np.array([name != NO_INTERACTION for name in self.classes])
        self._pairs: dict[tuple[Hashable, ...], _Pair] = {}
        self._window: tuple[float, float] | None = None  # the last one
        self._begun = -np.inf  # start of the first window

    def push(
        self,
        start: float,
        stop: float,
        scores: Mapping[tuple[Hashable, ...], Sequence[float] | np.ndarray],
        efforts: Mapping[tuple[Hashable, ...], Sequence[float] | np.ndarray] = {},
    ) -> list[Event]:
        """Take the scores of a window; windows come in the order of time.

        Args:
            start, stop: Of the window, in seconds.
            scores: Scores of all classes, by pair. A pair that is not in it does nothing.
            efforts: How much each of a pair moves, by pair, see :func:`efforts`; tells who acts.

        Returns:
            The events that are over, and that nothing can continue.

        Raises:
            InputError: If a window ends before the last one, or there are not as many scores as classes.
        """
        if self._window is not None and stop < self._window[1]:
            raise InputError(f'events: expected windows in the order of time, got one to {stop} after {self._window}')
        start, stop = float(start), float(stop)
        if self._window is None:
            self._begun = start
        first, middle = self._window is None, (start + stop) / 2
        events = []
        for pair in dict.fromkeys([*self._pairs, *scores]):
            values = np.asarray(scores.get(pair, np.zeros(0)), dtype=np.float64)
            if pair in scores and len(values) != len(self.classes):
                raise InputError(f'events: expected {len(self.classes)} scores of pair {pair}, got {len(values)}')
            state = self._pairs.get(pair)
            if state is None:
                # nothing went on before it was looked at
                before = None if first or self._window is None else (sum(self._window) / 2, 0.0)
                state = self._pairs[pair] = _Pair(before=before)
            known = np.asarray(efforts.get(pair, (0.0, 0.0)), dtype=np.float64)
            state.moments.append(_Moment(middle, values if len(values) else self._nothing(), known))
            if len(state.moments) > self._side:
                events += self._advance(pair, state, len(state.moments) - 1 - self._side)
                del state.moments[: -2 * self._side or len(state.moments)]
            is_over = state.part is None and state.waiting is None and pair not in scores
            if is_over and not any(self._activity(moment.scores) for moment in state.moments):
                del self._pairs[pair]
        self._window = start, stop
        return sorted(events, key=lambda event: event.start)

    def finish(self) -> list[Event]:
        """The events that are not yet over end with the last window; the next window is the first of another."""
        events: list[Event] = []
        for pair, state in self._pairs.items():
            for place in range(max(len(state.moments) - self._side, 0), len(state.moments)):
                events += self._advance(pair, state, place)
            if state.part is not None and self._window is not None:
                events += self._close(pair, state, self._window[1])
            if state.waiting is not None:
                events.append(state.waiting[0])
        self._pairs, self._window = {}, None
        return sorted(events, key=lambda event: event.start)

    def _nothing(self) -> np.ndarray:
        return np.where(self._is_act, 0.0, 1.0)

    def _activity(self, scores: np.ndarray) -> float:
        return float(scores[self._is_act].max() if self._is_act.all() else 1 - scores[~self._is_act].sum())

    def _advance(self, pair: tuple[Hashable, ...], state: _Pair, place: int) -> list[Event]:
        """Go on by one smoothed moment."""
        moments = state.moments[max(place - self._side, 0) : place + self._side + 1]
        moment = state.moments[place]
        scores = np.mean([other.scores for other in moments], axis=0)
        now = _Moment(moment.time, scores, moment.efforts)
        activity, before = self._activity(scores), state.before
        events: list[Event] = []
        if activity >= self.leave:
            if state.part is None:
                start = self._begun if before is None else self._crossing(before, (now.time, activity))
                state.part, state.rival, state.sure = _new_part(start, now), None, False
            events += self._go_on(pair, state, now)
            state.sure = state.sure or activity >= self.enter
        elif state.part is not None and before is not None:
            events += self._close(pair, state, self._crossing(before, (now.time, activity)))
        state.before = now.time, activity
        since = now.time if state.part is None else state.part.start
        if state.waiting is not None and since - state.waiting[0].end > self.max_gap:
            events.append(state.waiting[0])
            state.waiting = None
        return events

    def _crossing(self, before: tuple[float, float], after: tuple[float, float]) -> float:
        """The time at which the activity crosses ``leave``."""
        (time, activity), (later, other) = before, after
        return time + (later - time) * (self.leave - activity) / (other - activity)

    def _go_on(self, pair: tuple[Hashable, ...], state: _Pair, now: _Moment) -> list[Event]:
        """Add a moment to the part, or to the rival that may take over."""
        part = state.part
        assert part is not None
        if part.is_empty or self._leader(now.scores) == self._leader(part.squares):
            if state.rival is not None:
                part.add(state.rival)
                state.rival = None
            part.add(now)
            return []
        if state.rival is None:
            state.rival = _new_part(now.time, now)
        rival = state.rival
        rival.add(now)
        if now.time - rival.start < self.switch or self._leader(rival.squares) == self._leader(part.squares):
            return []
        state.rival = None
        if rival.start - part.start < self.switch:
            part.add(rival)
            return []
        events = self._note(pair, state, part, rival.start)
        state.part = rival
        return events

    def _leader(self, scores: np.ndarray) -> int:
        return int(np.where(self._is_act, scores, -np.inf).argmax())

    def _close(self, pair: tuple[Hashable, ...], state: _Pair, end: float) -> list[Event]:
        part = state.part
        assert part is not None
        if state.rival is not None:
            part.add(state.rival)
        events = self._note(pair, state, part, end)
        state.part, state.rival, state.sure = None, None, False
        return events

    def _note(self, pair: tuple[Hashable, ...], state: _Pair, part: _Part, end: float) -> list[Event]:
        """A part is over: if it is an event, it waits for what comes next; those that wait no more are returned."""
        if not state.sure:
            return []
        label = self._leader(part.squares)
        given_up: list[Event] = []
        if state.waiting is not None:
            waiting, whole = state.waiting
            if waiting.label == self.classes[label] and part.start - waiting.end <= self.max_gap:
                whole.add(part)
                part = whole
            else:
                given_up.append(waiting)
            state.waiting = None
        if end - part.start >= self.min_length:
            acts = _who_acts(pair, part.efforts) if self.classes[label].startswith(DIRECTED) else None
            score = float(part.squares[label] / max(part.scores[label], 1e-9))
            state.waiting = Event(part.start, end, pair, acts, self.classes[label], score), part
        return given_up


def _new_part(start: float, moment: _Moment) -> _Part:
    nothing = np.zeros_like(moment.scores)
    return _Part(start, nothing, nothing, np.zeros_like(moment.efforts))


def _who_acts(pair: tuple[Hashable, ...], efforts: np.ndarray) -> Hashable | None:
    most = int(efforts.argmax())
    others = np.delete(efforts, most)
    return pair[most] if len(others) and efforts[most] > CLEARLY_MORE * others.max() else None


def efforts(keypoint: np.ndarray) -> np.ndarray:
    """How much each person moves: the way of the joint that is fastest against the body, in units of the data a frame.

    Shapes:
        keypoint: ``(M, T, V, C)``, absent persons and missing joints zero; returns ``(M,)``
    """
    seen = np.any(keypoint, axis=-1)
    centres = keypoint.sum(axis=2) / np.maximum(seen.sum(axis=2), 1)[..., None]
    way = np.linalg.norm(np.diff(keypoint - centres[:, :, None], axis=1), axis=-1) * (seen[:, 1:] & seen[:, :-1])
    return np.asarray(way.max(axis=-1).mean(axis=-1) if way.shape[1] else np.zeros(len(keypoint)))
