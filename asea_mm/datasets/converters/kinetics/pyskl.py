"""PYSKL's HRNet poses of Kinetics-400: an annotation file, and the poses in many files beside it.

In ``k400_hrnet.pkl`` (PYSKL's ``tools/data/README.md``) annotations have ``raw_file``, the file with the poses, and
``frame_inds``, the frame of each of its N poses; that file, in the folder ``kpfiles`` beside it, is a pickle
``{frame_dir: {'keypoint': (N, 17, 3)}}``: x, y in pixels, and score. All are read without running code from them.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import InputError
from ...files.annotations import load_annotations, select_split
from ...files.plain_pickle import read_pickle

NUM_JOINTS = 17  # coco17
MAX_FRAMES = 3000  # recordings have at most 300; far beyond is a damaged file, and would fill the memory


def list_pyskl(path: Path, part: str, labels: set[int]) -> list[dict]:
    """Annotations of a split with one of these labels, those of one ``raw_file`` next to each other.

    Raises:
        FileNotFoundError, InputError: If there is no such file, or it is no annotation file with this split.
    """
    annotations = [
        annotation
        for annotation in select_split(load_annotations(path), part, path)
        if isinstance(annotation.get('label'), int | np.integer) and annotation['label'] in labels
    ]
    return sorted(annotations, key=lambda annotation: str(annotation.get('raw_file', '')))


def read_pyskl(path: Path, annotation: dict) -> tuple[list[np.ndarray], tuple[int, int]]:
    """Read the poses of a recording.

    Args:
        path: ``k400_hrnet.pkl``.
        annotation: One of its annotations.

    Returns:
        T arrays ``(P_t, 17, 3)``: x and y in pixels, and score; height and width of the image.

    Raises:
        FileNotFoundError: If the file with the poses is not there.
        InputError: If anything is not as it should be; the message names the file and the sample.
    """
    wrong = f'{path}: sample {annotation["frame_dir"]!r}: expected'
    raw_file, total, frames, shape = (
        annotation.get(name) for name in ('raw_file', 'total_frames', 'frame_inds', 'img_shape')
    )
    if not isinstance(raw_file, str) or not isinstance(frames, np.ndarray) or frames.dtype.kind not in 'iu':
        raise InputError(f"{wrong} 'raw_file' and 'frame_inds' as in k400_hrnet.pkl, got {sorted(annotation)}")
    if not isinstance(total, int | np.integer) or not 0 < total <= MAX_FRAMES:
        raise InputError(f"{wrong} 'total_frames' up to {MAX_FRAMES}, got {total!r:.40}")
    sides = np.asarray(shape) if isinstance(shape, list | tuple | np.ndarray) else np.zeros(0)
    if sides.shape != (2,) or sides.dtype.kind not in 'iu' or sides.min() < 1:
        raise InputError(f"{wrong} 'img_shape' (height, width), got {shape!r:.40}")
    file = path.parent / 'kpfiles' / Path(raw_file).name
    entry = _load_poses(file).get(annotation['frame_dir'])
    poses: Any = entry.get('keypoint') if isinstance(entry, dict) else None
    if not (
        isinstance(poses, np.ndarray)
        and poses.dtype.kind == 'f'
        and poses.shape == (len(frames), NUM_JOINTS, 3)
        and np.isfinite(poses).all()
        and ((frames >= 0) & (frames < total)).all()
    ):
        raise InputError(
            f"{file}: sample {annotation['frame_dir']!r}: expected a finite 'keypoint' of shape (N, {NUM_JOINTS}, 3) "
            f"and N 'frame_inds' below {total}, got shapes {np.shape(poses)} and {frames.shape}"
        )
    poses = poses.astype(np.float64)
    return [poses[frames == frame] for frame in range(int(total))], (int(sides[0]), int(sides[1]))


@lru_cache(maxsize=1)  # recordings come sorted by file, and one fills much memory
def _load_poses(file: Path) -> dict:
    if not file.is_file():
        raise FileNotFoundError(
            f'{file}: not found; k400_hrnet.pkl is only a table of contents, put the folder kpfiles beside it'
        )
    expected = "a pickle {frame_dir: {'keypoint'}}"
    content = read_pickle(file, expected)
    if not isinstance(content, dict):
        raise InputError(f'{file}: expected {expected}, got {type(content).__name__}')
    return content
