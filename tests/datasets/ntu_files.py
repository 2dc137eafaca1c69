"""Raw NTU RGB+D files for the tests, and for measuring: people who sway, chairs that shake, and their text."""

from pathlib import Path

import numpy as np

from asea_mm.skeletons import SKELETONS

_MIDDLE = {
    'spine_base': (0, 0.95, 0),
    'spine_middle': (0, 1.25, 0),
    'spine_shoulder': (0, 1.45, 0),
    'neck': (0, 1.53, 0),
    'head': (0, 1.68, 0),
}
_LEFT = {
    'shoulder': (0.18, 1.42, 0),
    'elbow': (0.22, 1.15, 0.02),
    'wrist': (0.24, 0.92, 0.08),
    'hand': (0.24, 0.84, 0.1),
    'hand_tip': (0.24, 0.77, 0.12),
    'thumb': (0.21, 0.82, 0.14),
    'hip': (0.09, 0.92, 0),
    'knee': (0.11, 0.52, 0.02),
    'ankle': (0.12, 0.1, 0),
    'foot': (0.12, 0.05, 0.12),
}


def standing() -> np.ndarray:
    """A person of 1.7 m at the origin, ``(25, 3)``."""
    pose = dict(_MIDDLE)
    for name, (x, y, z) in _LEFT.items():
        pose |= {f'left_{name}': (x, y, z), f'right_{name}': (-x, y, z)}
    return np.array([pose[name] for name in SKELETONS['nturgbd25'].joints])


def person(x: float, frames: int = 20, sway: float = 0.1, z: float = 3.0) -> np.ndarray:
    """Somebody who sways at one place, ``(frames, 25, 3)``; what moves more has the larger ``sway``."""
    offset = np.zeros((frames, 1, 3))
    offset[..., 0] = x + sway * np.sin(np.linspace(0, 2 * np.pi, frames))[:, None]
    offset[..., 2] = z
    return np.round(standing() + offset, 6)


def chair(x: float, frames: int = 20, shake: float = 0.2) -> np.ndarray:
    """A thing that the sensor takes for a body: a flat, crumpled skeleton that moves a lot."""
    rng = np.random.default_rng(7)
    joints = rng.uniform(-0.5, 0.5, size=(25, 3)) * (1, 0.1, 0.1) + (x, 0.5, 3.0)
    return np.round(joints + shake * np.sin(np.arange(frames))[:, None, None], 6)


def body_lines(body_id: int, joints: np.ndarray) -> list[str]:
    """The 27 lines of one body in one frame."""
    rest = '277.419 191.822 1036.23 519.161 -0.2 0.03 0.97 -0.1 2'
    lines = [f'{body_id} 0 1 1 1 1 0 0.02764709 0.05745083 2', '25']
    return lines + [' '.join(f'{value:.7g}' for value in joint) + ' ' + rest for joint in joints]


def skeleton_text(frames: list[list[tuple[int, np.ndarray]]]) -> str:
    """A file from the ``(id, joints)`` of every frame."""
    lines = [str(len(frames))]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for body_id, joints in bodies:
            lines += body_lines(body_id, joints)
    return '\n'.join(lines) + '\n'


def clip_text(*bodies: tuple[int, np.ndarray]) -> str:
    """A file from bodies that are there in all frames, as ``(id, (T, 25, 3))``."""
    return skeleton_text([[(i, joints[frame]) for i, joints in bodies] for frame in range(len(bodies[0][1]))])


def write_clip(folder: Path, name: str, *bodies: tuple[int, np.ndarray], text: str | None = None) -> Path:
    """Write ``{name}.skeleton``."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f'{name}.skeleton'
    file.write_text(clip_text(*bodies) if text is None else text)
    return file
