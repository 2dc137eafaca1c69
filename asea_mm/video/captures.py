"""OpenCV's captures, opened without a word on the terminal."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

MOST_FPS = 1000
# FFmpeg writes what it thinks of damaged files to the terminal; it reads this when the first video is opened.
os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')


@contextmanager
def quiet() -> Iterator[None]:
    """OpenCV does not say what it tried; our own messages say what went wrong."""
    logging = getattr(cv2.utils, 'logging', None)
    before = logging.setLogLevel(logging.LOG_LEVEL_SILENT) if logging else None
    try:
        yield
    finally:
        if logging:
            logging.setLogLevel(before)


def open_capture(target: str | int, backend: int = cv2.CAP_ANY, settings: tuple[int, ...] = ()) -> cv2.VideoCapture:
    """A capture that turns pictures as the rotation flag says; whether it ``isOpened()`` is the caller's to ask."""
    with quiet():
        capture = cv2.VideoCapture(target, backend, settings) if settings else cv2.VideoCapture(target, backend)
        if capture.isOpened():
            capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    return capture


def known_fps(capture: cv2.VideoCapture) -> float | None:
    """Frames a second, where the capture says something that can be."""
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    return fps if 0 < fps <= MOST_FPS else None


def known_length(capture: cv2.VideoCapture) -> int | None:
    """Number of frames, where the capture says something that can be; live streams do not."""
    count = float(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return int(count) if 0 < count < 1e9 else None
