"""A probed clip as a moving picture."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.animation import FuncAnimation, PillowWriter

from ..datasets.files.whole import written_whole
from .clips import ProbedClip
from .drawing import Scene, add_captions, new_figure, person_handles
from .fonts import make_legible


def animate(clip: ProbedClip, path: str | Path, fps: float = 10.0, layers: Sequence[int] | None = None) -> None:
    """Write the clip with its active joints and the strongest lines of attention as a GIF.

    Args:
        clip: The clip, probed with its attention.
        path: File to write; its folder is made when missing.
        fps: Frames of the clip a second.
        layers: Layers (AEA), from 0, whose mean is shown; default all.

    Raises:
        InputError: If there is no such layer.
    """
    persons, total = clip.keypoint.shape[:2]
    share, scene = clip.active_share(layers), Scene(clip.keypoint, clip.skeleton)
    figure = new_figure(5.0, min(max(5.0 * scene.aspect, 3.0), 6.5) + 0.8)
    axes = figure.add_subplot()
    add_captions(figure, clip.title, person_handles(persons, active=True))
    make_legible(figure)

    def draw(frame: int) -> list:
        axes.clear()
        scene.draw(axes, frame, share, size=1.5)
        attention = clip.attention(frame, layers)
        for person in range(persons):
            scene.draw_attention(axes, frame, attention, person)
        axes.set_xlabel(f'frame {frame} of {total}', fontsize=8)
        return []

    writer = PillowWriter(fps=fps)  # type: ignore[arg-type] # fractions do, too
    with written_whole(path) as part:
        FuncAnimation(figure, draw, frames=total, init_func=lambda: []).save(part, writer=writer, dpi=80)
