"""Pictures with their times, and what every source of them offers."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import numpy as np

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
