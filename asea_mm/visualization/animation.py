"""A probed clip as a moving picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.animation import FFMpegWriter, FuncAnimation, PillowWriter

from ..datasets.files.whole import written_whole
from ..errors import InputError
from .clips import ProbedClip
from .drawing import STRONGEST, Scene, new_figure, person_handles


def animate(
    clip: ProbedClip,
    path: str | Path,
    fps: float = 10.0,
    layers: Sequence[int] | None = None,
    strongest: int = STRONGEST,
    dpi: int = 80,
) -> None:
    """Write the clip with its active joints and the strongest lines of attention as a GIF or an MP4.

    Args:
        clip: The clip, probed with its attention.
        path: File to write, ``.gif`` or ``.mp4``; its folder is made when missing.
        fps: Frames of the clip a second.
        layers: Layers (AEA), from 0, whose mean is shown; default all.
        strongest: Lines of attention of each person.
        dpi: Pixels of an inch.

    Raises:
        InputError: If the suffix is another, ``fps`` is not positive, or an MP4 is asked for without ffmpeg.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in ('.gif', '.mp4'):
        raise InputError(f'{path}: expected an animation that ends in .gif or .mp4')
    if fps <= 0:
        raise InputError(f'{path}: expected a positive number of frames a second, got {fps}')
    if suffix == '.mp4' and not FFMpegWriter.isAvailable():
        raise InputError(f'{path}: an MP4 needs the program ffmpeg, which was not found; install it, or write a .gif')
    persons, total = clip.keypoint.shape[:2]
    share, scene = clip.active_share(layers), Scene(clip.keypoint, clip.skeleton)
    figure = new_figure(5.0, min(max(5.0 * scene.aspect, 3.0), 6.5) + 0.8)
    axes = figure.add_subplot()
    figure.suptitle(clip.title, fontsize=9)
    handles = person_handles(persons, 'active joint')
    figure.legend(handles=handles, loc='outside lower center', ncols=len(handles), frameon=False, fontsize=8)

    def draw(frame: int) -> list:
        axes.clear()
        scene.frame(axes)
        scene.skeletons(axes, frame, share, size=1.5)
        attention = clip.attention(frame, layers)
        for person in range(persons):
            scene.attention(axes, frame, attention, person, strongest)
        axes.set_xlabel(f'frame {frame} of {total}', fontsize=8)
        return []

    kind = FFMpegWriter if suffix == '.mp4' else PillowWriter
    writer = kind(fps=fps)  # type: ignore[arg-type] # fractions do, too
    with written_whole(path) as part:
        FuncAnimation(figure, draw, frames=total, init_func=lambda: []).save(part, writer=writer, dpi=dpi)
