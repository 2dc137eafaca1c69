"""From a video or camera to events: poses, persons, pairs; and what is written of them."""

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..evaluation.events import Event
from ..keypoints import NO_INTERACTION
from ..skeletons import get_skeleton
from ..video.drawing import LEAST_SCORE, Annotator, Bar, PairLabel
from ..video.estimators import PoseEstimator
from ..video.keypoints import KeypointLog
from ..video.source import Frame, VideoSource, open_source
from ..video.tracking import LiveTracks
from ..video.writer import VideoWriter
from ..visualization.page import write_events_page
from .inferencer import InteractionInferencer
from .watching import DEFAULTS, EventWatcher, WatchOptions

People = Mapping[int, np.ndarray]  # id to (V, 3): x, y and score
_MOST_BARS = 100  # of a live video's timeline


@dataclass
class Tracks:
    """Everybody over the frames that were looked at."""

    layout: str
    numbers: list[int] = field(default_factory=list)  # of the frames, as the source counts
    times: list[float] = field(default_factory=list)  # in seconds
    people: list[People] = field(default_factory=list)


@dataclass
class Watched:
    """What was seen in a source."""

    name: str
    fps: float  # of the frames that were looked at
    frames: int = 0
    dropped: int = 0
    duration: float = 0.0
    img_shape: tuple[int, int] = (0, 0)
    persons: set[int] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stopped: bool = False  # by the user, before the end
    seconds: dict[str, float] = field(default_factory=lambda: {'poses': 0.0, 'recognition': 0.0, 'all': 0.0})
    tracks: Tracks | None = None
    curves: dict[str, tuple[list[float], list[float]]] | None = None


def frame_step(source: VideoSource, options: WatchOptions) -> int:
    """Of a file, every so many-th frame is enough; of a camera all frames are taken that come."""
    return 1 if source.live else max(1, int(source.fps / options.fps + 1e-3))


def watch_source(
    source: VideoSource,
    estimator: PoseEstimator,
    inferencer: InteractionInferencer,
    options: WatchOptions = DEFAULTS,
    keep: bool = False,
    live_video: str | Path | None = None,
    on_frame: Callable[[Watched, EventWatcher], object] | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Watched:
    """Find the events of a source.

    Args:
        source: It is read to its end, and not closed.
        estimator: Finds the people of every picture.
        inferencer: The model, for the estimator's layout.
        options: How the scene is looked at.
        keep: Whether to keep everybody's bodies and the scores over time, which grow with the source.
        live_video: A video to write while it runs, with what is known by then.
        on_frame: Called after every frame.
        is_stopped: Asked after every frame, whether to end here.

    Raises:
        InputError: If the model does not take what the estimator gives, or a file cannot be written.
    """
    step = frame_step(source, options)
    watched = Watched(source.name, source.fps / step)
    watched.tracks = Tracks(estimator.layout) if keep else None
    linking = LiveTracks()
    watcher: EventWatcher | None = None
    writer = None if live_video is None else VideoWriter(live_video, source.fps)
    began = time.perf_counter()
    with writer or nullcontext():
        annotator = Annotator(get_skeleton(estimator.layout))
        recent: deque[Event] = deque(maxlen=_MOST_BARS)
        for frame in _every(source, step):
            if watcher is None:
                watched.img_shape = frame.picture.shape[0], frame.picture.shape[1]
                watcher = EventWatcher(inferencer, options, watched.img_shape, keep_curves=keep)
            started = time.perf_counter()
            people = linking.push(estimator(frame.picture), frame.number)
            estimated = time.perf_counter()
            new = watcher.push(frame.time, people)
            watched.seconds['poses'] += estimated - started
            watched.seconds['recognition'] += time.perf_counter() - estimated
            watched.events += new
            recent.extend(new)
            watched.persons.update(people)
            watched.frames, watched.dropped, watched.duration = watched.frames + 1, source.dropped, frame.time
            if watched.tracks is not None:
                watched.tracks.numbers.append(frame.number)
                watched.tracks.times.append(frame.time)
                watched.tracks.people.append(people)
            if writer is not None:
                bars = [_bar(event) for event in recent]
                writer.write(annotator.draw(frame.picture, people, frame.time, labels_now(watcher), bars), frame.time)
            watched.seconds['all'] = time.perf_counter() - began
            if on_frame is not None:
                on_frame(watched, watcher)
            if is_stopped():
                watched.stopped = True
                break
        if watcher is not None:
            watched.events += watcher.finish()
            watched.notes += [*watcher.stream.notes]
            if watcher.curves is not None:
                watched.curves = watcher.curves.of_classes(watcher.classes)
    watched.events.sort(key=lambda event: (event.start, event.persons))
    watched.duration += 1 / watched.fps
    watched.notes += source.notes
    return watched


def labels_now(watcher: EventWatcher) -> list[PairLabel]:
    """What pairs do by the last window."""
    labels = []
    for result in watcher.results:
        if result.label_name != NO_INTERACTION and result.score >= watcher.options.enter:
            one, other = (_number(person) for person in result.persons)
            labels.append(PairLabel((one, other), result.label_name, result.score))
    return labels


def _every(source: VideoSource, step: int) -> Iterator[Frame]:
    return (frame for frame in source if frame.number % step == 0)


def _number(person: Hashable) -> int:
    assert isinstance(person, int)
    return person


def _bar(event: Event) -> Bar:
    one, other = (_number(person) for person in event.persons)
    return Bar((one, other), event.label, event.start, event.end)


def write_video(source: str | Path, watched: Watched, path: str | Path, fps: float | None = None) -> None:
    """Read a file again and write it with skeletons and events: every frame that was looked at.

    Args:
        source, fps: As of :func:`~asea_mm.video.source.open_source`.
        watched: With its tracks.
        path: Video to write.

    Raises:
        InputError: If a file cannot be read or written.
    """
    tracks = watched.tracks
    assert tracks is not None
    annotator = Annotator(get_skeleton(tracks.layout), watched.duration)
    bars = [_bar(event) for event in watched.events]
    known = dict(zip(tracks.numbers, tracks.people, strict=True))
    with open_source(source, fps) as again, VideoWriter(path, watched.fps) as writer:
        for frame in again:
            if frame.number > tracks.numbers[-1]:
                break
            if frame.number in known:
                labels = [
                    PairLabel(bar.persons, event.label, event.score)
                    for bar, event in zip(bars, watched.events, strict=True)
                    if event.start <= frame.time <= event.end
                ]
                writer.write(annotator.draw(frame.picture, known[frame.number], frame.time, labels, bars), frame.time)


def keypoint_log(watched: Watched) -> KeypointLog:
    """Everybody, to be written as a recording or shown on a page."""
    assert watched.tracks is not None
    log = KeypointLog(watched.tracks.layout, watched.fps, watched.img_shape)
    for at, people in zip(watched.tracks.times, watched.tracks.people, strict=True):
        log.add(at, people)
    return log


def write_page(watched: Watched, path: str | Path) -> None:
    """Write what was seen as a page to click through; somebody must have been seen."""
    recording = keypoint_log(watched).recording()
    assert recording.score is not None
    rows: dict[Hashable, int] = {int(person): row for row, person in enumerate(recording.persons)}
    events = [
        {**event.to_dict(), 'persons': [rows[person] for person in event.persons], 'acts': rows.get(event.acts)}
        for event in watched.events
        if all(person in rows for person in event.persons)
    ]
    seen = recording.score[..., None] >= LEAST_SCORE
    write_events_page(
        path,
        np.where(seen, np.nan_to_num(recording.keypoint), 0),
        keypoint_log(watched).skeleton,
        events,
        watched.curves,
        fps=watched.fps,
        title=Path(watched.name).name,
        names=[f'person {person}' for person in recording.persons],
    )


def event_rows(events: Sequence[Event]) -> list[dict[str, object]]:
    """Events as the rows of a table: start, end, first person, second person, acts, label, score."""
    rows = []
    for event in events:
        fields = event.to_dict()
        one, other = fields.pop('persons')
        rows.append(
            {
                'start': fields['start'],
                'end': fields['end'],
                'person_1': one,
                'person_2': other,
                'acts': '' if event.acts is None else event.acts,
                'label': event.label,
                'score': fields['score'],
            }
        )
    return rows
