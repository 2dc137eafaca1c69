"""The people of a video as a recording that every command reads."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..datasets.files.whole import written_whole
from ..datasets.recordings.recording import Recording, record
from ..datasets.recordings.tracks import Bodies
from ..errors import InputError
from ..skeletons import get_skeleton

_LONGEST_GAP = 0.5  # seconds between two frames over which a body is taken to move evenly
_LEAST_ROWS = 10  # as many persons as readers take of any recording, however short


class KeypointLog:
    """Collects the people of every frame and makes one recording of them, evenly spaced in time.

    Args:
        layout: Name of the joints.
        fps: Frames a second of the recording. Where frames came at other times, it is what is between them.
        img_shape: Height and width of the pictures.
    """

    def __init__(self, layout: str, fps: float, img_shape: tuple[int, int] | None = None) -> None:
        self.skeleton, self.fps, self.img_shape = get_skeleton(layout), fps, img_shape
        self._times: list[float] = []
        self._frame: list[int] = []
        self._ids: list[int] = []
        self._bodies: list[np.ndarray] = []

    def add(self, time: float, people: Mapping[int, np.ndarray]) -> None:
        """The people of the next frame, maybe nobody, by id.

        Shapes:
            people: ``(V, 3)`` each, x, y and score
        """
        for person, body in people.items():
            self._frame.append(len(self._times))
            self._ids.append(person)
            self._bodies.append(np.asarray(body, np.float32))
        self._times.append(time)

    def recording(self) -> Recording:
        """All of them so far, followed once more with all that is known at the end.

        Raises:
            InputError: If nobody was there in any frame.
        """
        if not self._bodies:
            raise InputError(f'expected a person in one frame of the video, got none in {len(self._times)} frames')
        values = np.stack(self._bodies).astype(np.float64)
        score = np.maximum(values[..., 2], 0)
        joints = np.where(score[..., None] > 0, values[..., :2], np.nan)
        bodies = Bodies(len(self._times), np.array(self._frame), self._ids, joints, score)
        made = record(bodies, range(len(self._times)), self.skeleton, self.fps)
        assert made.score is not None
        rows = np.sort(
            np.argsort(-np.isfinite(made.keypoint).any(axis=(2, 3)).sum(axis=1), kind='stable')[
                : max(len(self._times), _LEAST_ROWS)
            ]
        )
        made.persons = [made.persons[row] for row in rows]
        made.keypoint, made.score = _evenly(made.keypoint[rows], made.score[rows], np.array(self._times), self.fps)
        made.frames = range(made.keypoint.shape[1])
        return made

    def write(self, path: str | Path) -> Recording:
        """Write the recording as ``.npz``: ``keypoint``, ``keypoint_score``, ``fps``, ``layout``, maybe ``img_shape``.

        Shapes:
            keypoint ``(M, T, V, 2)``, pixels, zero where missing; keypoint_score ``(M, T, V)``

        Raises:
            InputError: If nobody was there, or the name ends in something else.
        """
        if Path(path).suffix.lower() != '.npz':
            raise InputError(f'{path}: expected a recording that ends in .npz')
        made = self.recording()
        assert made.score is not None
        arrays = {
            'keypoint': np.nan_to_num(made.keypoint).astype(np.float32),
            'keypoint_score': made.score.astype(np.float32),
            'fps': np.float64(self.fps),
            'layout': np.array(self.skeleton.name),
        }
        if self.img_shape is not None:
            arrays['img_shape'] = np.array(self.img_shape)
        with written_whole(path) as part:
            np.savez_compressed(part, **arrays)
        return made


def _evenly(keypoint: np.ndarray, score: np.ndarray, times: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """The same at even times from the first to the last: between two frames on the straight way, or of the nearer one
    where a joint is in one of them only.

    Shapes:
        keypoint ``(M, T, V, C)``, NaN where missing; score ``(M, T, V)``; times ``(T,)``, growing, seconds
    """
    wanted = times[0] + np.arange(round((times[-1] - times[0]) * fps) + 1) / fps
    if len(wanted) == len(times) and np.abs(wanted - times).max() < 0.5 / fps:
        return keypoint, score
    later = np.clip(np.searchsorted(times, wanted), 1, max(len(times) - 1, 1)) % len(times)
    earlier = np.maximum(later - 1, 0)
    length = np.maximum(times[later] - times[earlier], 1e-9)
    share = np.clip((wanted - times[earlier]) / length, 0, 1)
    share = np.where(length > _LONGEST_GAP, share.round(), share)[:, None]
    known = ~np.isnan(keypoint).any(axis=-1)
    both = known[:, earlier] & known[:, later]  # (M, T', V)
    share = np.where(both, share, np.broadcast_to(share.round(), both.shape))
    scores = (1 - share) * score[:, earlier] + share * score[:, later]
    share = share[..., None]
    mixed = (1 - share) * np.nan_to_num(keypoint[:, earlier]) + share * np.nan_to_num(keypoint[:, later])
    there = both | np.where(share[..., 0] > 0.5, known[:, later], known[:, earlier])
    return np.where(there[..., None], mixed, np.nan), np.where(there, scores, 0)
