"""Pictures of files: videos, and folders of pictures. All of them are read, at the speed of whoever asks."""

import re
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from types import TracebackType

import cv2
import numpy as np

from ..errors import InputError
from .captures import known_fps, known_length, open_capture, quiet
from .frames import DEFAULT_FPS, Frame

PICTURES = ('.png', '.jpg', '.jpeg', '.bmp', '.webp', '.tif', '.tiff')
# What may be lacking at the end without a word: the numbers that files give are often estimates.
_LACKING = 0.02


class _Stored:
    """What files have in common: everything but how the next picture is read."""

    live, dropped = False, 0

    def __init__(self, name: str, fps: float, num_frames: int | None) -> None:
        self.name, self.fps, self.num_frames = name, fps, num_frames
        self.notes: list[str] = []
        self._closed, self._lock = False, Lock()
        self._first: Frame | None = None

    def _read(self) -> Frame | None:
        raise NotImplementedError

    def _release(self) -> None:
        """Called once."""

    def _at_end(self, last: Frame) -> None:
        """May add to the notes."""

    def __iter__(self) -> Iterator[Frame]:
        """See :class:`~.frames.VideoSource`."""
        frame, self._first = self._first, None
        while frame is not None:
            last = frame
            yield frame
            with self._lock:
                if self._closed:
                    return
                frame = self._read()
            if frame is None:
                self._at_end(last)

    def close(self) -> None:
        """See :class:`~.frames.VideoSource`."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._release()

    def __enter__(self) -> '_Stored':
        """The source itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


class VideoFile(_Stored):
    """A video of a capture; its times are those of the file, also where frames are unevenly spaced.

    Raises:
        InputError: If it has no frame.
    """

    def __init__(self, name: str, capture: cv2.VideoCapture) -> None:
        self.said_fps = known_fps(capture)
        super().__init__(name, self.said_fps or DEFAULT_FPS, known_length(capture))
        self._capture = capture
        self._number, self._time, self._began = 0, 0.0, 0.0
        self._first = self._read()
        if self._first is None:
            capture.release()
            raise InputError(f'{name}: expected a video with at least one frame, got none that can be decoded')

    def _read(self) -> Frame | None:
        with quiet():
            there, picture = self._capture.read()
        if not there:
            return None
        at = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if not self._number:
            self._began = at
        elif at - self._began > self._time:
            self._time = at - self._began
        else:  # a file without times, or with wrong ones
            self._time += 1 / self.fps
        self._number += 1
        return Frame(picture, self._time, self._number - 1)

    def _release(self) -> None:
        self._capture.release()

    def _at_end(self, last: Frame) -> None:
        if self.num_frames is None:
            return
        # Both must say so: of frames that are unevenly spaced, the number is an estimate from the length, or the other
        # way round.
        length = self.num_frames / self.fps
        frames, seconds = last.number + 1, last.time + 1 / self.fps
        if frames < (1 - _LACKING) * self.num_frames - 1 and seconds < (1 - _LACKING) * length - 1 / self.fps:
            self.notes.append(
                f'{self.name}: its end is damaged: {frames} of {self.num_frames} frames were read, the first '
                f'{seconds:.1f} s'
            )


class PictureFolder(_Stored):
    """The pictures of a folder, in the order of the numbers in their names."""

    def __init__(self, folder: Path, fps: float) -> None:
        files = [path for path in folder.iterdir() if path.suffix.lower() in PICTURES and not path.name.startswith('.')]
        self._files = sorted(files, key=lambda path: _natural(path.name))
        super().__init__(str(folder), fps, len(self._files))
        self._position, self._shape = 0, (0, 0)
        self._left_out: list[str] = []
        self._first = self._read()
        if self._first is None:
            got = f'{len(files)} that cannot be read' if files else 'none'
            raise InputError(f'{folder}: expected pictures ({", ".join(PICTURES)}), got {got}')

    def _read(self) -> Frame | None:
        while self._position < len(self._files):
            path = self._files[self._position]
            self._position += 1
            picture = read_picture(path)
            if picture is None:
                self._left_out.append(f'{path.name} cannot be read')
            elif any(self._shape) and picture.shape[:2] != self._shape:
                height, width = picture.shape[:2]
                self._left_out.append(
                    f'{path.name} has {width} x {height} pixels, not {self._shape[1]} x {self._shape[0]}'
                )
            else:
                self._shape = picture.shape[:2]
                return Frame(picture, (self._position - 1) / self.fps, self._position - 1)
        return None

    def _at_end(self, last: Frame) -> None:
        if self._left_out:
            self.notes.append(f'{self.name}: {len(self._left_out)} pictures were left out: {self._left_out[0]}')


def read_picture(path: Path) -> np.ndarray | None:
    """A picture, turned as it is to be seen, or None; OpenCV's own reader does not know every letter of a path.

    Shapes:
        returns ``(H, W, 3)``, uint8, BGR
    """
    try:
        content = np.fromfile(path, np.uint8)
        with quiet():
            return cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    except (OSError, cv2.error):  # of a picture that claims to be larger than memory
        return None


def open_video(path: Path) -> VideoFile:
    """Open a video file.

    Raises:
        InputError: If it is none, or has no frames.
    """
    if path.suffix.lower() in PICTURES:
        raise InputError(f'{path}: expected a video or a folder of pictures, got one picture')
    if not path.stat().st_size:
        raise InputError(f'{path}: expected a video, got an empty file')
    capture = open_capture(str(path))
    if not capture.isOpened():
        raise InputError(f'{path}: expected a video, got a file that OpenCV cannot open')
    return VideoFile(str(path), capture)


def open_pictures(folder: Path, fps: float | None) -> PictureFolder:
    """Open a folder of pictures, by default :data:`~.frames.DEFAULT_FPS` a second.

    Raises:
        InputError: If none of them can be read, or fps cannot be.
    """
    if fps is not None and not 0 < fps <= 1000:
        raise InputError(f'{folder}: expected fps above 0, at most 1000, got {fps:g}')
    return PictureFolder(folder, fps or DEFAULT_FPS)


def _natural(name: str) -> list[tuple[int, int, str]]:
    """What orders names by their numbers: 2 before 10."""
    parts = re.findall(r'\d+|\D+', name.lower())
    return [(1, int(part), '') if part.isdecimal() else (0, 0, part) for part in parts]
