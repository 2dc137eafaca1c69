"""One source watched, with all that is written of it; a job that may run in a process of its own."""

import csv
import io
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..datasets.files.whole import write_whole
from ..errors import InputError
from ..video.estimators import open_estimator
from ..video.source import VideoSource, open_source
from .inferencer import InteractionInferencer
from .videos import Watched, event_rows, keypoint_log, watch_source, write_page, write_video
from .watching import EventWatcher, WatchOptions

COLUMNS = ('start', 'end', 'person_1', 'person_2', 'acts', 'label', 'score')


@dataclass(frozen=True)
class WatchJob:
    """A source, how it is looked at, and what is written."""

    source: str
    out: Path  # folder of events.csv and events.json
    model: str  # a checkpoint, or the name of one that comes along
    config: str | None = None  # of the model, where it is not that in the checkpoint
    device: str = 'cpu'
    pose_model: str | None = None
    resolution: int = 256
    options: WatchOptions = field(default_factory=WatchOptions)
    picture_fps: float | None = None  # of a folder of pictures
    live: bool | None = None
    video: Path | None = None
    page: Path | None = None
    keypoints: Path | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What makes the events: with the same settings they need not be found again."""
        return {
            'model': self.model,
            'config': self.config,
            'pose_model': self.pose_model,
            'resolution': self.resolution,
            'options': asdict(self.options),
            'picture_fps': self.picture_fps,
        }

    @property
    def is_done(self) -> bool:
        """Whether all its files are there, to the end of the source and with these settings."""
        try:
            before = json.loads((self.out / 'events.json').read_text(encoding='utf-8'))
            # of nobody there is no page and there are no keypoints
            needed = [self.video, *([self.page, self.keypoints] if before['persons'] else [])]
            same = before['settings'] == self.settings and not before['stopped']
            return bool(same and all(path.exists() for path in needed if path is not None))
        except (OSError, ValueError, KeyError, TypeError):
            return False


def run_watch_job(
    job: WatchJob,
    on_frame: Callable[[Watched, EventWatcher, VideoSource], object] | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Watched:
    """Watch a source and write what was asked for, with what there is if it was stopped.

    Raises:
        InputError: If the source, a model or a path is not as expected.
    """
    for path, suffix in ((job.page, '.html'), (job.keypoints, '.npz')):
        if path is not None and path.suffix != suffix:
            raise InputError(f'{path}: expected a file that ends in {suffix}')
    with open_source(job.source, job.picture_fps, job.live) as source:
        threads = int(os.environ.get('OMP_NUM_THREADS', '0'))
        estimator = open_estimator(job.pose_model, job.resolution, threads)
        model, weights = (job.model, None) if job.config is None else (job.config, job.model)
        inferencer = InteractionInferencer(model, weights, job.device, fuse=True, layout=estimator.layout)
        keep = any(path is not None for path in (job.page, job.keypoints, None if source.live else job.video))
        watched = watch_source(
            source,
            estimator,
            inferencer,
            job.options,
            keep=keep,
            live_video=job.video if source.live else None,
            on_frame=None if on_frame is None else lambda watched, watcher: on_frame(watched, watcher, source),
            is_stopped=is_stopped,
        )
        is_live = source.live
    write_events(watched, job)
    if job.keypoints is not None and watched.persons:
        keypoint_log(watched).write(job.keypoints)
    if job.page is not None and watched.persons:
        write_page(watched, job.page)
    if job.video is not None and not is_live:
        write_video(job.source, watched, job.video, job.picture_fps)
    return watched


def write_events(watched: Watched, job: WatchJob) -> None:
    """Write ``events.csv`` and ``events.json`` into the folder of the job."""
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(event_rows(watched.events))
    content = {
        'source': watched.name,
        'events': [event.to_dict() for event in watched.events],
        'duration': round(watched.duration, 3),
        'frames': watched.frames,
        'fps': watched.fps,
        'dropped': watched.dropped,
        'persons': sorted(watched.persons),
        'notes': watched.notes,
        'stopped': watched.stopped,
        'seconds': {name: round(value, 2) for name, value in watched.seconds.items()},
        'settings': job.settings,
    }
    write_whole(job.out / 'events.csv', table.getvalue())
    write_whole(job.out / 'events.json', json.dumps(content, indent=1, ensure_ascii=False) + '\n')
