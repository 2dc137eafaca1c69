"""Writers of one file at the same time, readers while it is replaced, full disks: old or new, never half."""

import errno
import io
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stdout
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from asea_mm.apis.loading import TrainedModel
from asea_mm.cli.output import write_json
from asea_mm.datasets import load_annotations, save_annotations
from asea_mm.datasets.files import whole
from asea_mm.datasets.files.whole import write_whole, written_whole
from asea_mm.deploy import export
from asea_mm.engine.runner import ResumableRunner
from asea_mm.errors import InputError
from asea_mm.evaluation.report import InteractionReport
from asea_mm.evaluation.scores import StreamScores, write_runs
from asea_mm.skeletons import get_skeleton
from asea_mm.video.keypoints import KeypointLog
from asea_mm.video.writer import VideoWriter
from asea_mm.visualization.animation import animate
from asea_mm.visualization.clips import ProbedClip
from asea_mm.visualization.page import write_events_page, write_page
from asea_mm.visualization.pairs import plot_pairs
from tests.visualization import probed

META = {'layout': 'sbu15', 'classes': ['a', 'b', 'c'], 'source': 'test', 'units': 'm'}
KEYPOINT = np.random.default_rng(0).normal(size=(2, 5, 15, 3)).astype(np.float32)


def _annotations(number: int) -> list[dict]:
    """Versions of the same size that differ in every label and every value."""
    fields = {'label': number % 3, 'total_frames': 5, 'keypoint': np.full((2, 5, 15, 3), number + 1, np.float16)}
    return [{'frame_dir': f'v{number:02d}_{index}', **fields} for index in range(4)]


def _save_version(path: Path, number: int) -> None:
    save_annotations(path, _annotations(number), {f'{number:02d}': []}, META)


def _report(path: Path) -> None:
    scores = np.eye(3)
    report = InteractionReport(str(path.parent))
    report.dataset_meta = {'classes': ['a', 'b', 'c']}
    report.compute_metrics([(str(row), scores[row], row) for row in range(3)])


def _tensors(path: Path) -> None:
    with written_whole(path) as part:
        torch.save({'weight': torch.ones(10_000)}, part)


def _config(path: Path) -> None:
    cfg = Config({'model': {f'key{number}': number for number in range(500)}})
    runner = SimpleNamespace(cfg=cfg, work_dir=path.parent, _train_loop={}, timestamp=path.stem)
    ResumableRunner.dump_config(runner)  # type: ignore[arg-type]


def _video(path: Path) -> None:
    with VideoWriter(path, 20) as video:
        for picture in np.random.default_rng(0).integers(0, 255, size=(8, 64, 64, 3), dtype=np.uint8):
            video.write(picture)


def _keypoints(path: Path) -> None:
    log = KeypointLog('coco17', 10)
    for number in range(5):
        log.add(number / 10, {person: np.ones((17, 3)) * (1 + number + 100 * person) for person in (0, 1)})
    log.write(path)


@cache
def _clip() -> ProbedClip:
    clip = probed('sbu15')
    return replace(clip, keypoint=clip.keypoint[:, :2])


def _events(path: Path) -> None:
    event = dict(start=0.1, end=0.3, persons=(0, 1), acts=None, label='a', score=0.5)
    write_events_page(path, KEYPOINT, 'sbu15', [event], fps=10)


@cache
def _small_model() -> TrainedModel:
    from tests.deploy.test_export import tiny  # only with the packages that it needs

    init_default_scope('mmaction')
    return tiny()


@cache
def _traced_once(function: Callable) -> Callable:
    """The function, which always returns what it first did: tracing a model takes seconds, writing it does not."""
    made: list[Any] = []

    def call(*args: Any, **kwargs: Any) -> Any:
        if not made:
            made.append(function(*args, **kwargs))
        return made[0]

    return call


def _exported(path: Path) -> None:
    with (
        mock.patch.object(export, '_trace', _traced_once(export._trace)),
        mock.patch.object(torch.onnx, 'export', _traced_once(torch.onnx.export)),
    ):
        export.export_model(_small_model(), path, preparation=False)


# What writes a file, by the file.
WRITERS: dict[str, Callable[[Path], object]] = {
    'text.txt': lambda path: write_whole(path, 'new ' * 1000),
    'annotations.pkl': lambda path: _save_version(path, 1),
    'scores.npz': _report,
    'report.json': _report,
    'runs.npz': lambda path: write_runs(path, {(0, 0): StreamScores(('x',), np.eye(1), np.zeros(1, int))}, ['a']),
    'results.json': lambda path: write_json(path, {'results': [1]}),
    'picture.png': lambda path: plot_pairs({'a': KEYPOINT}, get_skeleton('sbu15'), path, frames=1),
    'weights.pth': _tensors,
    'config.py': _config,
    'video.mp4': _video,
    'video.avi': _video,
    'video.mkv': _video,
    'keypoints.npz': _keypoints,
    'clip.gif': lambda path: animate(_clip(), path),
    'page.html': lambda path: write_page(_clip(), path),
    'events.html': _events,
    'model.onnx': _exported,
    'model.pt2': _exported,
}
TOGETHER = ('scores.npz', 'report.json')  # written by one call: the first may be new, but whole


class DiskFull:
    """A disk that has no room at the n-th call of what writes: opening, writing, reaching the disk, renaming."""

    def __init__(self, fail_at: int) -> None:
        self.left = fail_at

    def step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Steps are counted in what :mod:`~asea_mm.datasets.files.whole` and files opened in Python do."""
        import builtins

        disk, real_open, real_io_open = self, builtins.open, io.open
        real = {name: getattr(whole.os, name) for name in ('fsync', 'replace')}
        real_touch = Path.touch

        class Full(io.FileIO):
            def write(self, data: Any) -> int:
                disk.step()
                return super().write(data)

        def opened(file: Any, mode: str = 'r', *args: Any, **kwargs: Any) -> Any:
            if not isinstance(file, (str, os.PathLike)) or 'b' not in mode or not set(mode) & set('wax+'):
                return real_io_open(file, mode, *args, **kwargs)
            disk.step()
            raw = Full(os.fspath(file), mode.replace('b', ''))
            # small, so that there are several writes
            return io.BufferedRandom(raw, 512) if '+' in mode else io.BufferedWriter(raw, 512)

        def counted(name: str) -> Callable:
            def call(*args: Any) -> Any:
                disk.step()
                return real[name](*args)

            return call

        def touch(path: Path, *args: Any, **kwargs: Any) -> None:
            disk.step()
            real_touch(path, *args, **kwargs)

        try:
            builtins.open = io.open = opened  # type: ignore[assignment]
            Path.touch = touch  # type: ignore[method-assign]
            for name in real:
                setattr(whole.os, name, counted(name))
            yield
        finally:
            builtins.open, io.open, Path.touch = real_open, real_io_open, real_touch  # type: ignore[method-assign]
            for name, function in real.items():
                setattr(whole.os, name, function)


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """The system lets no file of this process grow beyond so many bytes, whatever library writes it."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def full_disks(points: int) -> dict[str, int]:
    """Every writer, at so many points: what was there before is whole, the message names the file, nothing is left."""
    figures = dict.fromkeys(('failed writes', 'accepted too little', 'old file lost', 'file not named', 'left over'), 0)
    for name, write in WRITERS.items():
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder) / name)
            size = (Path(folder) / name).stat().st_size
        full: list[AbstractContextManager[None]] = [DiskFull(point).installed() for point in range(points)]
        sizes = [] if sys.platform == 'win32' else [size * point // points for point in range(points)]
        for point, disk in enumerate([*full, *(files_up_to(size) for size in sizes)]):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / name
                path.write_bytes(b'old')
                try:
                    with redirect_stdout(io.StringIO()), disk:
                        write(path)
                    if point >= points:  # else there are not so many steps
                        figures['accepted too little'] += 1
                        print(name, point, 'no error', file=sys.stderr)
                    continue
                except InputError as error:
                    figures['failed writes'] += 1
                    figures['file not named'] += folder not in str(error)
                except Exception as error:
                    figures['failed writes'] += 1
                    figures['file not named'] += 1
                    print(name, point, repr(error), file=sys.stderr)
                figures['old file lost'] += path.read_bytes() != b'old' and name not in TOGETHER
                figures['left over'] += sum(entry.name.startswith('.') for entry in Path(folder).iterdir())
    return figures


def _write_often(path: Path, text: str, count: int, failures: Any) -> None:
    for _ in range(count):
        try:
            write_whole(path, text)
        except Exception:
            with failures.get_lock():
                failures.value += 1


def two_writers(count: int) -> dict[str, int]:
    """Two processes write one file so many times in all, while this one reads it."""
    context = multiprocessing.get_context('fork' if sys.platform == 'linux' else None)
    failures, mixed, reads = context.Value('i', 0), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'file.txt'
        texts = [letter * 50_000 for letter in 'ab']
        write_whole(path, texts[0])
        writers = [context.Process(target=_write_often, args=(path, text, count // 2, failures)) for text in texts]
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            mixed += path.read_text(encoding='utf-8') not in texts
            reads += 1
        for writer in writers:
            writer.join()
        left = len(os.listdir(folder)) - 1
    return {'writes': count, 'failures': failures.value, 'reads': reads, 'mixed reads': mixed, 'left over': left}


def _replace_until(path: Path, stop: Any, count: Any) -> None:
    while not stop.is_set():
        count.value += 1
        _save_version(path, count.value % 90)


def opened_during_replacement(opens: int) -> dict[str, int]:
    """An annotation file is opened so many times while another process replaces it."""
    context = multiprocessing.get_context('fork' if sys.platform == 'linux' else None)
    stop, count, mixed, failures = context.Event(), context.Value('i', 0), 0, 0
    versions = set()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'x.pkl'
        _save_version(path, 0)
        writer = context.Process(target=_replace_until, args=(path, stop, count))
        writer.start()
        try:
            for number in range(opens):
                try:
                    content = load_annotations(path, lazy=number % 3 > 0)
                    version = int(*content['split'])
                    versions.add(version)
                    for expected, sample in zip(_annotations(version), content['annotations'], strict=True):
                        same = sample['frame_dir'] == expected['frame_dir'] and sample['label'] == expected['label']
                        mixed += not (same and (sample['keypoint'] == expected['keypoint']).all())
                except Exception:
                    failures += 1
        finally:
            stop.set()
            writer.join()
    figures = {'opens': opens, 'replacements': count.value, 'versions seen': len(versions)}
    return {**figures, 'failures': failures, 'mixed': mixed}


def main(quick: bool) -> dict[str, dict[str, int]]:
    return {
        'two writers': two_writers(60 if quick else 2000),
        'opened during replacement': opened_during_replacement(60 if quick else 3000),
        'full disk': full_disks(4 if quick else 30),
    }


if __name__ == '__main__':
    print(json.dumps(main('--quick' in sys.argv), indent=1))
