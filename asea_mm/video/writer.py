"""Pictures to a video file that is there whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from ..datasets.files.whole import written_whole
from ..errors import InputError
from .captures import MOST_FPS, known_length, open_capture, quiet

# By suffix, the best one first: H.264 plays anywhere, but not every OpenCV can write it.
CODECS = {'.mp4': ('avc1', 'mp4v'), '.avi': ('MJPG',), '.mkv': ('avc1', 'mp4v')}
LONGEST_PAUSE = 60.0  # seconds that are filled with the picture before; of longer pauses the rest is left out


class VideoWriter:
    """Writes a video of a constant rate: ``with VideoWriter('out.mp4', 30) as video: video.write(picture, time)``.

    Pictures may come unevenly. One is repeated as long as none follows, and left out if another falls into its place,
    so that the video is as long as what it shows. After an error in the context, what was there before is as it was.

    Args:
        path: Its suffix says the form, see :data:`CODECS`.
        fps: Pictures a second.

    Raises:
        InputError: If the form is unknown; at the first picture, if OpenCV cannot write it; at the end, if no picture
            came or the disk is full.
    """

    def __init__(self, path: str | Path, fps: float) -> None:
        self.path, self.fps = Path(path), fps
        if self.path.suffix.lower() not in CODECS:
            raise InputError(f'{path}: expected a video that ends in one of {", ".join(CODECS)}')
        if not 0 < fps <= MOST_FPS:
            raise InputError(f'{path}: expected fps above 0, at most {MOST_FPS}, got {fps:g}')
        self.count = 0  # pictures in the file
        self._left_out = 0  # of long pauses
        self._writer: cv2.VideoWriter | None = None
        self._last: np.ndarray | None = None

    def __enter__(self) -> 'VideoWriter':
        """Begin the file."""
        self._context = self._written()
        self._context.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """End it, or remove it."""
        return self._context.__exit__(kind, error, trace)

    @contextmanager
    def _written(self) -> Iterator[None]:
        with written_whole(self.path) as self._part:
            try:
                yield
            finally:
                if self._writer is not None:
                    self._writer.release()
            self._check()

    def write(self, picture: np.ndarray, time: float | None = None) -> None:
        """Add a picture.

        Args:
            picture: All of a video are of the same size, and their sides are even.
            time: In seconds since the beginning; default right after the one before.

        Shapes:
            picture ``(H, W, 3)``, uint8, BGR
        """
        if self._writer is None:
            self._writer = self._open(picture.shape[1], picture.shape[0])
        place = self.count if time is None else round(time * self.fps) - self._left_out
        too_long = place - self.count - round(LONGEST_PAUSE * self.fps)
        if too_long > 0:
            self._left_out += too_long
            place -= too_long
        if self._last is not None:
            while self.count < place:
                self._put(self._last)
        if self.count <= place or self._last is None:
            self._put(picture)
        self._last = picture

    def _put(self, picture: np.ndarray) -> None:
        assert self._writer is not None
        self._writer.write(picture)
        self.count += 1

    def _open(self, width: int, height: int) -> cv2.VideoWriter:
        for codec in CODECS[self.path.suffix.lower()]:
            with quiet():
                code = cv2.VideoWriter.fourcc(*codec)
                writer = cv2.VideoWriter(str(self._part), code, self.fps, (width, height))
            if writer.isOpened():
                return writer
        raise InputError(f'{self.path}: this OpenCV writes no {self.path.suffix} videos of {width} x {height} pixels')

    def _check(self) -> None:
        """Raise if the pictures are not in the file: OpenCV does not say whether it could write."""
        if not self.count:
            raise InputError(f'{self.path}: expected at least one picture to be written, got none')
        capture = open_capture(str(self._part))
        there = known_length(capture) if capture.isOpened() else 0
        capture.set(cv2.CAP_PROP_POS_FRAMES, min(self.count if there is None else there, self.count) - 1)
        is_whole = capture.grab()  # the beginning of a file may promise more than there is
        capture.release()
        if not is_whole or (there is not None and there < self.count - 1):
            raise InputError(f'{self.path}: not all of {self.count} pictures could be written; is the disk full?')
