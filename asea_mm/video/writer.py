"""Pictures to a video file that is there whole or not at all."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from ..datasets.files.whole import written_whole
from ..errors import InputError
from .captures import known_length, open_capture, quiet

# By suffix, the best one first: H.264 plays anywhere, but not every OpenCV can write it.
CODECS = {'.mp4': ('avc1', 'mp4v'), '.avi': ('MJPG',), '.mkv': ('avc1', 'mp4v')}
_LONGEST_PAUSE = 60.0  # seconds that are filled with the picture before


class VideoWriter:
    """Writes a video of a constant rate: ``with VideoWriter('out.mp4', 30) as video: video.write(picture, time)``.

    Pictures may come unevenly. One is repeated as long as none follows, and left out if another falls into its place,
    so that the video is as long as what it shows. Where the context ends with an error, nothing is left of it.

    Args:
        path: Its suffix says the form, see :data:`CODECS`.
        fps: Pictures a second.

    Raises:
        InputError: If the form is unknown, or OpenCV cannot write it.
    """

    def __init__(self, path: str | Path, fps: float) -> None:
        self.path, self.fps = Path(path), fps
        self._codecs = CODECS.get(self.path.suffix.lower())
        if self._codecs is None:
            raise InputError(f'{path}: expected a video that ends in one of {", ".join(CODECS)}')
        if not 0 < fps <= 1000:
            raise InputError(f'{path}: expected fps above 0, at most 1000, got {fps:g}')
        self.count = 0  # pictures in the file
        self._stack = ExitStack()
        self._writer: cv2.VideoWriter | None = None
        self._last: np.ndarray | None = None

    def __enter__(self) -> 'VideoWriter':
        """Begin a temporary file."""
        self._part = self._stack.enter_context(written_whole(self.path))
        return self

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
        place = self.count if time is None else round(time * self.fps)
        missing = min(place - self.count, int(_LONGEST_PAUSE * self.fps))
        for _ in range(missing if self._last is not None else 0):
            self._put(self._last)
        if place >= self.count or self._last is None:
            self._put(picture)
        self._last = picture

    def _put(self, picture: np.ndarray | None) -> None:
        assert self._writer is not None
        self._writer.write(picture)
        self.count += 1

    def _open(self, width: int, height: int) -> cv2.VideoWriter:
        for codec in self._codecs or ():
            with quiet():
                code = cv2.VideoWriter.fourcc(*codec)
                writer = cv2.VideoWriter(str(self._part), code, self.fps, (width, height))
            if writer.isOpened():
                return writer
        raise InputError(
            f'{self.path}: this OpenCV cannot write {self.path.suffix} videos of {width} x {height} pixels'
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the file, or remove it."""
        if self._writer is not None:
            self._writer.release()
        if error is None:
            error = self._mistake()
        if error is None or kind is not None:
            self._stack.__exit__(kind, error, trace)
        else:
            with self._stack:
                raise error

    def _mistake(self) -> Exception | None:
        """OpenCV does not say whether it could write: the disk may be full."""
        if not self.count:
            return InputError(f'{self.path}: expected at least one picture to be written, got none')
        capture = open_capture(str(self._part))
        there = known_length(capture) if capture.isOpened() else 0
        capture.release()
        if there is None or there >= self.count - 1:
            return None
        return OSError(f'{self.path}: cannot be written: {there} of {self.count} pictures are there; is the disk full?')
