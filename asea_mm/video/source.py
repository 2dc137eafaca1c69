"""Where pictures come from: a video file, a folder of pictures, a camera, a stream address."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np

from ..errors import InputError

DEFAULT_FPS = 30.0  # of pictures in a folder, and of cameras and files that do not say


@dataclass(frozen=True)
class Frame:
    """One picture of a source."""

    picture: np.ndarray  # (H, W, 3), uint8, BGR, as it is to be seen: turned by the rotation flag of phones
    time: float  # seconds since the first frame, by the source's own clock; frames may be unevenly spaced
    number: int  # from 0; where frames of a camera were dropped, numbers are missing


class VideoSource(Protocol):
    """Pictures one after another, once: ``with open_source('clip.mp4') as source: for frame in source: ...``.

    Attributes:
        name: What the user calls it.
        fps: Frames a second, on average.
        num_frames: How many it says that there are; None if nobody knows.
        live: Whether it runs in real time and drops the frames that come while nobody asks.
        dropped: Frames that were dropped so far.
        notes: What the user should know of how it was read, such as that its end is damaged; complete at the end.
    """

    name: str
    fps: float
    num_frames: int | None
    live: bool
    dropped: int
    notes: list[str]

    def __iter__(self) -> Iterator[Frame]:
        """The frames. The first one is there by now: a source without any raises where it is opened."""
        ...

    def close(self) -> None:
        """Let go of the file or camera; iteration then ends. May be called from anywhere, and twice."""
        ...

    def __enter__(self) -> 'VideoSource':
        """The source itself, which is closed at the end."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_source(source: str | int | Path, fps: float | None = None, live: bool | None = None) -> VideoSource:
    """Open what a user names.

    Args:
        source: A video file, a folder of pictures, the number of a camera (``0``), or an address (``rtsp://...``).
        fps: Frames a second of pictures in a folder, 30 by default.
        live: Whether to run in real time and to drop frames instead of falling behind. By default cameras and addresses
            do, and files do not; a file that does plays at its own pace, as if a camera saw it.

    Raises:
        InputError: If there is no such file or camera, it is no video, or it has no frames; names it.
    """
    from .cameras import open_address, open_camera, play_live
    from .files import open_pictures, open_video

    name = str(source)
    if name.isdecimal() and not Path(name).exists():
        return open_camera(int(name))
    if '://' in name:
        return open_address(name)
    path = Path(source)
    if not path.exists():
        raise InputError(f'{name}: no such video; expected a file, a folder of pictures, a camera (0) or an address')
    opened = open_pictures(path, fps) if path.is_dir() else open_video(path)
    return play_live(opened) if live else opened
