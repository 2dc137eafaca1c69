"""Cameras: the newest frame for whoever is slower, and what was dropped."""

import threading
import time
import tracemalloc

import cv2
import numpy as np
import pytest

from asea_mm.errors import InputError
from asea_mm.video import captures
from asea_mm.video.cameras import LiveSource
from asea_mm.video.frames import Frame
from asea_mm.video.source import open_source

from .clips import coloured, make_video


class Camera:
    """OpenCV's capture of a camera that gives some pictures and is unplugged."""

    count = 5

    def __init__(self, number, backend=0, *_):
        self.left, self.released = self.count, False

    def isOpened(self):
        return True

    def set(self, *_):
        return True

    def get(self, _):
        return 0.0

    def read(self):
        time.sleep(0.01)
        self.left -= 1
        return (True, coloured(red=self.left)) if self.left >= 0 else (False, None)

    def release(self):
        self.released = True


def test_a_slow_reader_of_a_file_as_a_camera_drops_frames_and_stays_near_the_present(tmp_path):
    make_video(tmp_path / 'clip.mp4', count=60, fps=40)
    with open_source(tmp_path / 'clip.mp4', live=True) as source:
        assert source.live
        began, seen, late = time.monotonic(), [], []
        for frame in source:
            seen.append(frame.number)
            late.append(time.monotonic() - began - frame.time)
            time.sleep(0.1)
        assert len(seen) + source.dropped == 60
    assert seen == sorted(set(seen))
    assert seen[-1] == 59
    assert len(seen) < 30
    assert max(late[len(late) // 2 :]) < max(late[: len(late) // 2]) + 0.5  # it does not grow


def test_memory_does_not_grow_while_nobody_reads():
    produced = threading.Event()

    def frames(stop):
        for number in range(300):
            yield Frame(np.zeros((200, 200, 3), np.uint8), number / 30, number)
        produced.set()
        stop.wait(10)

    tracemalloc.start()
    source = LiveSource('many', 30, frames, lambda: None)
    assert produced.wait(10)
    assert tracemalloc.get_traced_memory()[0] < 3e6
    tracemalloc.stop()
    assert source.dropped == 299
    assert next(iter(source)).number == 299
    source.close()


def test_a_camera_that_is_unplugged(monkeypatch):
    monkeypatch.setattr(captures.cv2, 'VideoCapture', Camera)
    with open_source('0') as source:
        frames = list(source)
        assert len(frames) + source.dropped == Camera.count
        assert len(source.notes) == 1
    times = [frame.time for frame in frames]
    assert times == sorted(times)
    assert times[0] >= 0


def test_a_camera_without_pictures(monkeypatch):
    monkeypatch.setattr(Camera, 'count', 0)
    monkeypatch.setattr(captures.cv2, 'VideoCapture', Camera)
    with pytest.raises(InputError, match='camera 0'):
        open_source(0)


def test_an_error_of_the_camera_reaches_the_reader_and_it_is_let_go():
    released = threading.Event()

    def frames(_stop):
        yield Frame(coloured(), 0.0, 0)
        raise cv2.error('broken')

    source = LiveSource('broken', 30, frames, released.set)
    with pytest.raises(cv2.error):
        list(source)
    assert released.wait(5)


def test_closing_ends_the_thread():
    released = threading.Event()

    def frames(stop):
        number = 0
        while True:
            yield Frame(coloured(), number / 100, number)
            number += 1
            stop.wait(0.01)

    with LiveSource('endless', 100, frames, released.set) as source:
        next(iter(source))
    assert released.wait(5)
    assert list(source) == []
