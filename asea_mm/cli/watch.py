"""See who does what to whom, from when to when: in videos, folders of pictures, cameras and streams.

SOURCE is a video, a folder of pictures, the number of a camera (0), an address (rtsp://...), or a folder of videos.
Events are printed as they are found, and written to OUT/NAME/events.csv and events.json. Several sources run at once
with --jobs; those that are done are not repeated. Ctrl-C ends it with what there is.

Without --model it is pair2d, which comes along; docs/weights.md says what it knows.

Examples:
  asea watch clip.mp4
  asea watch clip.mp4 --video seen.mp4 --page seen.html --keypoints seen.npz
  asea watch 0 --video camera.mp4
  asea watch videos/ --model model.pth --out seen --jobs 4
"""

import argparse
import dataclasses
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..apis.videos import Watched
from ..apis.watch_job import WatchJob, run_watch_job
from ..apis.watching import WatchOptions
from ..engine import find_config
from ..engine.jobs import run_jobs
from ..errors import InputError
from .options import add_job_options, add_model_options, given_model, job_parameters
from .output import print_table, progress, say_written
from .watch_display import Display, row_of

VIDEOS = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg', '.wmv', '.flv', '.ts', '.3gp')
OPTIONS = {
    'fps': 'frames a second that the model sees, as in training',
    'window': 'seconds that it sees at a time, about as long as the clips of training',
    'stride': 'seconds from one window to the next',
    'enter': 'activity at which an event is sure',
    'leave': 'activity below which it ends',
    'min_length': 'seconds of the shortest event',
    'max_gap': 'seconds between two events that are one',
    'switch': 'seconds for which another class must lead, for a new event',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('sources', nargs='+', metavar='SOURCE', help='videos, folders, cameras, addresses')
    parser.add_argument('--out', type=Path, default=Path('watched'), help='folder of the events (default: %(default)s)')
    parser.add_argument('--video', type=Path, metavar='OUT.mp4', help='write it with skeletons, labels and a timeline')
    parser.add_argument('--page', type=Path, metavar='OUT.html', help='write a page to click through in a browser')
    parser.add_argument('--keypoints', type=Path, metavar='OUT.npz', help='write the skeletons as a recording')
    group = parser.add_argument_group('poses')
    group.add_argument('--pose-model', help='an ONNX file, rtmlib, ultralytics:FILE or mmpose:MODEL (default: MoveNet)')
    group.add_argument(
        '--resolution', type=int, default=256, help='longer side that MoveNet sees (default: %(default)s)'
    )
    group.add_argument('--picture-fps', type=float, help='of folders of pictures (default: 30)')
    group.add_argument('--live', action='store_true', default=None, help='play files as if a camera saw them')
    group = parser.add_argument_group('events')
    for name, text in OPTIONS.items():
        default = getattr(WatchOptions, name)
        flag = f'--{name.replace("_", "-")}'
        group.add_argument(flag, type=float, default=default, help=f'{text} (default: {default:g})')
    add_model_options(parser, 'pair2d')
    add_job_options(parser)


def run(args: argparse.Namespace) -> int:
    model = given_model(args, lambda: 'pair2d')
    config = None if args.config is None else str(find_config(args.config))
    options = WatchOptions(**{name: getattr(args, name) for name in OPTIONS})
    shared: dict[str, Any] = {name: getattr(args, name) for name in ('device', 'pose_model', 'resolution', 'live')}
    sources = sources_of(args.sources)
    names = names_of(sources)
    jobs = [
        WatchJob(source, args.out / name, model, config, options=options, picture_fps=args.picture_fps, **shared)
        for source, name in zip(sources, names, strict=True)
    ]
    outputs = {name: getattr(args, name) for name in ('video', 'page', 'keypoints') if getattr(args, name) is not None}
    if len(jobs) == 1:
        return watch_one(dataclasses.replace(jobs[0], **outputs))
    # each writes files of these names into its own folder
    inside = [{name: job.out / path.name for name, path in outputs.items()} for job in jobs]
    return watch_many([dataclasses.replace(job, **files) for job, files in zip(jobs, inside, strict=True)], args)


def sources_of(words: Sequence[str]) -> list[str]:
    """The sources that are meant: of a folder of videos, each of them."""
    sources: list[str] = []
    for word in words:
        path = Path(word)
        inside = sorted(file for file in path.iterdir() if file.suffix.lower() in VIDEOS) if path.is_dir() else []
        sources += [str(file) for file in inside if not file.name.startswith('.')] or [word]
    return sources


def names_of(sources: Sequence[str]) -> list[str]:
    """A folder's name for each source, all different."""
    names: list[str] = []
    for source in sources:
        name = f'camera{source}' if source.isdecimal() else Path(source.rpartition('://')[2]).stem or 'source'
        name = ''.join(letter if letter.isalnum() or letter in '-_.' else '_' for letter in name)
        number = sum(other == name or other.startswith(f'{name}~') for other in names)
        names.append(f'{name}~{number + 1}' if number else name)
    return names


def watch_one(job: WatchJob) -> int:
    """With a table that grows while it runs."""
    with stop_on_interrupt() as is_stopped, Display(Path(job.source).name) as display:
        watched = run_watch_job(job, display.update, is_stopped)
        display.finish(watched)
    for note in watched.notes:
        print('note:', note, file=sys.stderr)
    print(summary(watched))
    if not watched.persons and (job.page or job.keypoints):
        print('note: nobody was seen: there is no page and there are no keypoints', file=sys.stderr)
    written = [job.out / 'events.csv', job.out / 'events.json', job.video, job.page, job.keypoints]
    say_written(*(path for path in written if path is not None and path.exists()))
    ended_early = watched.stopped and not (job.live or is_camera(job.source))  # a camera has no other end
    return 128 + signal.SIGINT if ended_early else 0


def watch_many(jobs: Sequence[WatchJob], args: argparse.Namespace) -> int:
    """Several at once, each in a process of its own; one that cannot be watched does not keep the others."""
    todo = [job for job in jobs if not job.is_done]
    if len(todo) < len(jobs):
        print(f'{len(jobs) - len(todo)} of {len(jobs)} were done before')
    if any(is_camera(job.source) for job in todo):
        raise InputError('several sources: expected files, got a camera or address; watch it alone')
    rows: list[list[str]] = []
    problems = 0
    with progress('videos') as show:
        show(0, max(len(todo), 1))
        for number, (job, (watched, problem)) in enumerate(
            run_jobs(try_watch_job, todo, args.out / 'jobs', **job_parameters(args)), 1
        ):
            show(number, len(todo))
            if watched is None:
                problems += 1
                print('error:', problem, file=sys.stderr)
                continue
            for note in watched.notes:
                print('note:', note, file=sys.stderr)
            rows += [[Path(job.source).name, *row_of(event)] for event in watched.events]
    if rows:
        print_table(None, ['source', 'start', 'end', 'persons', 'interaction', 'score'], sorted(rows))
    else:
        print('no interaction')
    say_written(*(job.out / 'events.csv' for job in jobs if job.is_done))
    return 1 if problems else 0


def try_watch_job(job: WatchJob) -> tuple[Watched | None, str]:
    """What was watched without its pictures, or what is wrong with the source."""
    try:
        watched = run_watch_job(job)
    except (InputError, OSError) as error:
        return None, ' '.join(str(error).split())
    return dataclasses.replace(watched, tracks=None, curves=None), ''


def is_camera(source: str) -> bool:
    return '://' in source or (source.isdecimal() and not Path(source).exists())


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C asks to stop, and the second one stops at once."""
    stopped = threading.Event()
    before = signal.getsignal(signal.SIGINT)

    def ask(*_: object) -> None:
        stopped.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield stopped.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def summary(watched: Watched) -> str:
    """How much was seen, how fast, and where the time went."""
    poses, recognition, whole = (watched.seconds[name] for name in ('poses', 'recognition', 'all'))
    parts = [f'{watched.frames} frames of {watched.duration:.1f} s in {whole:.1f} s']
    if whole > 0:
        parts.append(
            f'{watched.frames / whole:.1f} frames/s (poses {poses / whole:.0%}, recognition {recognition / whole:.0%})'
        )
    parts.append(f'{len(watched.persons)} persons')
    if watched.dropped:
        parts.append(f'{watched.dropped} frames dropped')
    if watched.stopped:
        parts.append('stopped')
    return ', '.join(parts)
