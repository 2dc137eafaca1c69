"""PYSKL's compressed annotations: all poses of a sample in a row, and the frame of each; nobody says who is who."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import InputError
from .persons import persons_in_film

MOST_FRAMES = 100_000  # of a sample: far beyond is damage, and would fill the memory
_GONE = ('frame_inds', 'anno_inds', 'box_score')  # of single poses


def decompress(annotation: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    """An annotation with its poses as two persons over frames; one that is not compressed as it is.

    PYSKL's ``DecompressPose`` takes the order of the poses in a frame for who is who; here bodies are linked as those
    of films, see :func:`~.persons.persons_in_film`.

    Args:
        annotation: ``keypoint``, ``frame_inds`` and ``total_frames``, and maybe ``anno_inds``, which poses to take.
        source: The file, for the messages.

    Shapes:
        keypoint ``(N, V, 3)``, x and y in pixels and score, frame_inds ``(N,)``; returns keypoint ``(2, T, V, 2)`` and
        keypoint_score ``(2, T, V)``

    Raises:
        InputError: If it is not of this form; names the sample.
    """
    poses: Any = annotation.get('keypoint')
    if 'frame_inds' not in annotation or np.ndim(poses) == 4:
        return annotation
    frames, total = annotation['frame_inds'], annotation.get('total_frames')
    frames = np.asarray(frames)
    wrong = f'{source}: sample {annotation.get("frame_dir")!r}: expected'
    if not isinstance(total, int | np.integer) or isinstance(total, bool) or not 0 < total <= MOST_FRAMES:
        raise InputError(f"{wrong} 'total_frames' from 1 to {MOST_FRAMES}, got {total!r:.40}")
    if (
        not isinstance(poses, np.ndarray)
        or poses.dtype.kind not in 'fiu'
        or poses.shape != (*frames.shape, *poses.shape[1:2], 3)
    ):
        raise InputError(
            f"{wrong} 'keypoint' of N poses (N, joints, 3) with x, y and score and N 'frame_inds', got shapes "
            f'{np.shape(poses)} and {frames.shape}'
        )
    if 'anno_inds' in annotation:
        try:
            poses, frames = poses[annotation['anno_inds']], frames[annotation['anno_inds']]
        except IndexError:
            raise InputError(f"{wrong} 'anno_inds' below {len(frames)}, the number of poses") from None
    if frames.ndim != 1 or frames.dtype.kind not in 'iu' or not ((frames >= 0) & (frames < total)).all():
        raise InputError(f"{wrong} 'frame_inds' to be whole numbers below {total}, the number of frames")
    poses = poses.astype(np.float64)
    if not np.isfinite(poses).all():
        raise InputError(f"{wrong} finite 'keypoint', got NaN or infinity")
    keypoint, score = persons_in_film([poses[frames == frame] for frame in range(int(total))])
    kept = {name: value for name, value in annotation.items() if name not in _GONE}
    return {**kept, 'keypoint': keypoint, 'keypoint_score': score}
