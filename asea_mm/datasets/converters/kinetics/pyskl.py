"""PYSKL's HRNet poses of Kinetics-400: an annotation file, with the poses in it or in many files beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ....errors import InputError
from ...files.annotations import load_annotations, select_split, validate_annotation
from ...files.plain_pickle import PlainUnpickler

NUM_JOINTS = 17  # coco17
MAX_FRAMES = 3000  # recordings have at most 300


class PysklPoses:
    """``k400_hrnet.pkl`` in either form; untrusted, so read without running code from it.

    Plain: every annotation has ``keypoint (M, T, 17, 2)`` and ``keypoint_score (M, T, 17)``, in pixels.

    As PYSKL publishes it (its ``tools/data/README.md``): annotations have ``raw_file``, the file with the poses, and
    ``frame_inds``, the frame of each of its N poses; that file is a pickle ``{frame_dir: {'keypoint': (N, 17, 3)}}``,
    x, y and score. It must be in the folder ``kpfiles`` beside ``k400_hrnet.pkl``.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is no such pickle.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        self.content = load_annotations(path)
        self._open_file: tuple[Path | None, dict] = (None, {})

    def annotations(self, split: str, labels: set[int]) -> list[dict]:
        """Annotations of a split with one of these labels, those of one ``raw_file`` next to each other."""
        items = [
            item
            for item in select_split(self.content, split, self.path)
            if isinstance(item.get('label'), int | np.integer) and item['label'] in labels
        ]
        return sorted(items, key=lambda item: str(item.get('raw_file', '')))

    def read(self, annotation: dict) -> tuple[list[np.ndarray], tuple[int, int] | None]:
        """Read the poses of a recording.

        Returns:
            T arrays ``(P_t, 17, 3)``: x and y in pixels, and score, all 0 where the score is 0; and height and width of
            the image, where the annotation says them.

        Raises:
            FileNotFoundError: If the file with the poses is not there.
            InputError: If anything is not as it should be; the message names the file and the sample.
        """
        if 'keypoint' in annotation:
            poses = self._plain(annotation)
        elif 'raw_file' in annotation and 'frame_inds' in annotation:
            poses = self._from_file(annotation)
        else:
            raise InputError(
                f"{self.path}: sample {annotation['frame_dir']!r}: expected 'keypoint' and 'keypoint_score', or "
                f"'raw_file' and 'frame_inds' as in PYSKL's k400_hrnet.pkl, got the keys {sorted(map(str, annotation))}"
            )
        return poses, self._image_shape(annotation)

    def _image_shape(self, annotation: dict) -> tuple[int, int] | None:
        if annotation.get('img_shape') is None:
            return None
        shape = annotation['img_shape']
        sides = np.asarray(shape) if isinstance(shape, list | tuple | np.ndarray) else np.zeros(0)
        if sides.shape != (2,) or sides.dtype.kind not in 'iu' or sides.min() < 1:
            raise InputError(
                f"{self.path}: sample {annotation['frame_dir']!r}: expected 'img_shape' (height, width), got {shape!r}"
            )
        return int(sides[0]), int(sides[1])

    def _plain(self, annotation: dict) -> list[np.ndarray]:
        validate_annotation(annotation, NUM_JOINTS, source=self.path)
        score = annotation.get('keypoint_score')
        if score is None or annotation['keypoint'].shape[-1] != 2:
            raise InputError(
                f"{self.path}: sample {annotation['frame_dir']!r}: expected 'keypoint' of two coordinates and "
                f"'keypoint_score', got {annotation['keypoint'].shape[-1]} and "
                f'{"no scores" if score is None else "scores"}'
            )
        poses = np.concatenate([annotation['keypoint'], score[..., None]], axis=-1, dtype=np.float64)
        return list(np.where(poses[..., 2:] > 0, poses, 0).swapaxes(0, 1))

    def _from_file(self, annotation: dict) -> list[np.ndarray]:
        file = self.path.parent / 'kpfiles' / Path(str(annotation['raw_file'])).name
        entry = self._entries(file).get(annotation['frame_dir'])
        poses: Any = entry.get('keypoint') if isinstance(entry, dict) else None
        total, frames = annotation.get('total_frames'), annotation['frame_inds']
        if not (
            all(isinstance(values, np.ndarray) for values in (poses, frames))
            and (poses.dtype.kind, frames.dtype.kind) in (('f', 'i'), ('f', 'u'))
            and poses.shape == (len(frames), NUM_JOINTS, 3)
            and np.isfinite(poses).all()
            and isinstance(total, int | np.integer)
            and 0 < total <= MAX_FRAMES
            and ((frames >= 0) & (frames < total)).all()
        ):
            raise InputError(
                f"{file}: sample {annotation['frame_dir']!r}: expected a finite 'keypoint' of shape (N, {NUM_JOINTS}, "
                f"3), 'total_frames' up to {MAX_FRAMES} and N 'frame_inds' below it, got shapes "
                f'{np.shape(poses)} and {np.shape(frames)}, and {total!r:.40} frames'
            )
        poses = np.where(poses[..., 2:] > 0, poses, 0).astype(np.float64)
        return [poses[frames == frame] for frame in range(int(total))]

    def _entries(self, file: Path) -> dict:
        if self._open_file[0] != file:  # recordings come sorted by file, and one fills much memory
            self._open_file = (None, {})
            if not file.is_file():
                raise FileNotFoundError(
                    f'{file}: not found; k400_hrnet.pkl is only a table of contents, put the folder kpfiles beside it'
                )
            try:
                with file.open('rb') as opened:
                    content = PlainUnpickler(opened).load()
            except Exception as error:  # a damaged pickle raises almost anything
                raise InputError(f'{file}: not a pickle of arrays, or a damaged one ({error})') from None
            if not isinstance(content, dict):
                raise InputError(f"{file}: expected {{frame_dir: {{'keypoint'}}}}, got {type(content).__name__}")
            self._open_file = (file, content)
        return self._open_file[1]
