"""Pictures in real time: whoever is slower than the camera gets the newest one, and the others are counted."""

import time
from collections.abc import Callable, Iterator
from threading import Condition, Event, Thread
from types import TracebackType

import cv2

from ..errors import InputError
from .captures import known_fps, known_length, open_capture
from .files import VideoFile
from .frames import DEFAULT_FPS, Frame, VideoSource

PATIENCE = 10.0  # seconds for the first picture
_GLITCH = 1.0  # seconds without a picture before a camera is taken for gone
_SETTINGS = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 10_000, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 10_000)


class LiveSource:
    """Frames that come by themselves. A thread takes them and keeps the newest one only, so memory does not grow.

    Args:
        name: What the user calls it.
        fps: Frames a second.
        frames: They come when they come.
        close: Called at the end, after the last frame.
        num_frames: Where it is known.

    Raises:
        InputError: If nothing comes within :data:`PATIENCE`.
    """

    live = True

    def __init__(
        self,
        name: str,
        fps: float,
        frames: Callable[[Event], Iterator[Frame]],
        close: Callable[[], object],
        num_frames: int | None = None,
    ) -> None:
        self.name, self.fps, self.num_frames = name, fps, num_frames
        self.notes: list[str] = []
        self.dropped = 0
        self._newest: Frame | None = None
        self._came, self._stop, self._ended = Condition(), Event(), False
        self._error: Exception | None = None
        self._thread = Thread(target=self._take, args=(frames, close), name=f'frames of {name}', daemon=True)
        self._thread.start()
        with self._came:
            there = self._came.wait_for(lambda: self._newest is not None or self._ended, PATIENCE)
        if not there or self._newest is None:
            self.close()
            raise self._error or InputError(f'{name}: expected pictures, got none within {PATIENCE:.0f} s')

    def _take(self, frames: Callable[[Event], Iterator[Frame]], close: Callable[[], object]) -> None:
        try:
            for frame in frames(self._stop):
                with self._came:
                    self.dropped += self._newest is not None
                    self._newest = frame
                    self._came.notify_all()
                if self._stop.is_set():
                    break
        except Exception as error:  # raised where frames are asked for
            self._error = error
        finally:
            close()
            with self._came:
                self._ended = True
                self._came.notify_all()

    def __iter__(self) -> Iterator[Frame]:
        """See :class:`~.frames.VideoSource`."""
        while not self._stop.is_set():
            with self._came:
                # With a limit, so that Ctrl-C is heard while nothing comes.
                self._came.wait_for(lambda: self._newest is not None or self._ended, 0.2)
                frame, self._newest = self._newest, None
                ended = self._ended
            if frame is not None:
                yield frame
            elif ended:
                if self._error:
                    raise self._error
                return

    def close(self) -> None:
        """See :class:`~.frames.VideoSource`."""
        self._stop.set()
        self._thread.join(2.0)

    def __enter__(self) -> 'LiveSource':
        """The source itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


def _from_capture(name: str, capture: cv2.VideoCapture) -> LiveSource:
    """A source of what a capture sees now, by the clock."""
    notes: list[str] = []

    def frames(stop: Event) -> Iterator[Frame]:
        number, began, last = 0, time.monotonic(), time.monotonic()
        while not stop.is_set():
            there, picture = capture.read()
            now = time.monotonic()
            if there:
                began = now if number == 0 else began
                yield Frame(picture, now - began, number)
                number, last = number + 1, now
            elif now - last > _GLITCH:
                if number:
                    notes.append(f'{name}: no more pictures after {last - began:.1f} s')
                return
            else:
                stop.wait(0.02)

    source = LiveSource(name, known_fps(capture) or DEFAULT_FPS, frames, capture.release)
    source.notes = notes
    return source


def open_camera(number: int) -> LiveSource:
    """Open a camera of this computer.

    Raises:
        InputError: If there is none of this number, or it gives no pictures.
    """
    capture = open_capture(number)
    if not capture.isOpened():
        raise InputError(f'camera {number}: expected a camera, got none that can be opened; they count from 0')
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # or pictures are late by what the driver keeps
    return _from_capture(f'camera {number}', capture)


def open_address(address: str) -> VideoSource:
    """Open a stream by its address; what has an end is a video like any other.

    Raises:
        InputError: If there is none, or it gives no pictures.
    """
    capture = open_capture(address, cv2.CAP_FFMPEG, _SETTINGS)
    if not capture.isOpened():
        raise InputError(f'{address}: expected a stream, got none that can be opened within {PATIENCE:.0f} s')
    if known_length(capture):
        return VideoFile(address, capture)
    return _from_capture(address, capture)


def play_live(source: VideoSource) -> LiveSource:
    """A file as a camera would give it: at its own pace, whether anybody asks or not."""

    def frames(stop: Event) -> Iterator[Frame]:
        began = time.monotonic()
        for frame in source:
            stop.wait(max(0.0, began + frame.time - time.monotonic()))
            if stop.is_set():
                return
            yield frame

    live = LiveSource(source.name, source.fps, frames, source.close, source.num_frames)
    live.notes = source.notes
    return live
