"""Where pictures come from: a video file, a folder of pictures, a camera, a stream address."""

from pathlib import Path

from ..errors import InputError
from .cameras import open_address, open_camera, play_live
from .files import open_pictures, open_video
from .frames import DEFAULT_FPS, Frame, VideoSource

__all__ = ['DEFAULT_FPS', 'Frame', 'VideoSource', 'open_source']


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
    name = str(source)
    if name.isdecimal() and not Path(name).exists():
        return open_camera(int(name))
    if '://' in name:
        return open_address(name)
    path = Path(name)
    if not path.exists():
        raise InputError(f'{name}: no such video; expected a file, a folder of pictures, a camera (0) or an address')
    opened = open_pictures(path, fps) if path.is_dir() else open_video(path)
    return play_live(opened) if live else opened
