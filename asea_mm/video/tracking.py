"""Who is who from frame to frame, as frames come, by the rules that recordings are read by."""

import numpy as np

from ..datasets.recordings.linking import SAME_PLACE, Places, Rules


class LiveTracks:
    """Gives the bodies of every frame the ids of persons, from 1. Who was away for long comes back as somebody else.

    Only the last body of every track is kept, and no track longer than the rules need it.

    Args:
        rules: Who may go on with whom; gaps are frames. Default those of recordings.
    """

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self._last: dict[int, tuple[int, np.ndarray]] = {}  # of every track: frame and body
        self._count = 0

    def push(self, bodies: np.ndarray, number: int) -> dict[int, np.ndarray]:
        """Take the bodies of one frame.

        Args:
            bodies: Of a pose estimator.
            number: Of the frame; numbers grow, and may leave frames out.

        Returns:
            Id to body. Of bodies in one place, which are one, the clearest is kept.

        Shapes:
            bodies ``(P, V, 3)``, x, y and score; returned bodies ``(V, 3)``
        """
        bodies = _without_duplicates(bodies)
        self._last = {track: seen for track, seen in self._last.items() if number - seen[0] <= self.rules.longest}
        tracks, known = list(self._last), len(self._last)
        ids: dict[int, int] = {}  # of bodies
        if known and len(bodies):
            last = np.stack([self._last[track][1] for track in tracks])
            places = Places(np.concatenate([last, bodies])[..., :2])
            distance = places.distance(np.arange(known)[:, None], known + np.arange(len(bodies))[None])
            gap = number - np.array([self._last[track][0] for track in tracks])[:, None]
            nowhere = np.zeros(distance.shape, dtype=bool)  # a pose estimator gives no ids
            ids = {body: tracks[row] for row, body in self.rules.assign(distance, gap, nowhere, nowhere)}
        people = {}
        for index, body in enumerate(bodies):
            if index not in ids:
                self._count += 1
                ids[index] = self._count
            people[ids[index]] = body
        self._last.update({track: (number, body) for track, body in people.items()})
        return people


def _without_duplicates(bodies: np.ndarray) -> np.ndarray:
    """The bodies, the clearest first, without those in the place of a clearer one."""
    bodies = np.asarray(bodies, np.float32)
    bodies = bodies[np.argsort(-bodies[..., 2].sum(axis=-1), kind='stable')]
    bodies = bodies[bodies[..., 2].any(axis=-1)]
    if len(bodies) < 2:
        return bodies
    places = Places(bodies[..., :2])
    distance = places.distance(np.arange(len(bodies))[:, None], np.arange(len(bodies))[None])
    kept: list[int] = []
    for index in range(len(bodies)):
        if not kept or distance[index, kept].min() >= SAME_PLACE:
            kept.append(index)
    return bodies[kept]
