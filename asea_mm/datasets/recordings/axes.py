"""Which axis of an array is what: by its shape, and where that leaves a choice by its values.

Letters name the axes: M persons, T frames, V joints, C coordinates. The order of this package is M, T, V, C; much
skeleton code keeps its arrays as C, T, V, M (ST-GCN) or T, M, V, C.
"""

import warnings
from itertools import permutations

import numpy as np

from ...errors import InputError
from ...skeletons import Skeleton
from .bodies import LARGEST, body_centres, seen_joints
from .notes import Note

ORDER = 'MTVC'
# Of other orders than this package's; more people than that, in an order of their own, must be said.
_MOST_PERSONS = 10
# How many times less strange another order must look to be taken for the right one; from _DOUBT on, it might be. True
# orders of SBU and K3HI are 3.5 to 250 times less strange than any other; of noise, the best is up to 1.8 times so.
_CERTAIN, _DOUBT = 3.0, 2.0
# In the right order, joints go less than this share of a bone in a frame.
_LARGEST_STEP = 1.0
_TORN = 0.01  # share of joints that may be torn by chance, as some sensors give zeros
_LEAST_FRAMES, _MOST_FRAMES = 5, 100  # that are looked at


def turn_axes(
    keypoint: np.ndarray, score: np.ndarray | None, skeleton: Skeleton, source: str, said: str | None = None
) -> tuple[np.ndarray, np.ndarray | None, list[Note]]:
    """Bring the axes of an array into the order of this package, where they are in another.

    An order is possible where V is the number of joints, C is 2 or 3 and M at most 10. Of several, the values tell:
    in the right order joints move little from frame to frame, bones keep their lengths, and persons are alike. This
    package's own order stands unless another one is much clearer.

    Args:
        keypoint, score: The array; scores have its axes but C.
        skeleton: Layout, which says how many joints there are.
        source: For the messages.
        said: The order where the user says it, such as ``'CTVM'``; the values are then not asked.

    Returns:
        keypoint and score in order, as views, and a note if they were turned. What fits in no order stays as it is.

    Raises:
        InputError: If it cannot be told, or ``said`` does not fit.
    """
    own = ORDER[-keypoint.ndim :] if keypoint.ndim in (3, 4) else ''
    if said is not None:
        if not own or sorted(said) != sorted(own):
            raise InputError(
                f'{source}: axes: expected the letters of {own or ORDER} in the order of the array of shape '
                f'{keypoint.shape}, got {said!r:.40}'
            )
        return *_turned(keypoint, score, said), []
    orders = _possible_orders(keypoint.shape, skeleton.num_joints)
    # So few joints may as well be coordinates.
    if not orders or orders == [own] or skeleton.num_joints <= 3:
        return keypoint, score, []
    looks = {order: _Look(_turned(keypoint, None, order)[0], skeleton) for order in orders}
    if own in looks:  # missing values come whole: an order that takes them apart is none
        looks = {order: look for order, look in looks.items() if look.torn <= looks[own].torn + _TORN}
    if own in looks and not looks[own].tells and (keypoint.ndim == 3 or keypoint.shape[0] <= keypoint.shape[1]):
        return keypoint, score, []  # but of more persons than frames, the others are asked
    looks = {order: look for order, look in looks.items() if look.tells}
    if not looks:
        return keypoint, score, []
    best, *rest = sorted(looks, key=lambda order: (looks[order].strangeness, order != own, _rank(order)))
    against = own if own in looks else rest[0] if rest else None
    clearer = looks[against].strangeness / looks[best].strangeness if against else np.inf
    if best != own and clearer >= _CERTAIN and looks[best].step < _LARGEST_STEP:
        note = Note(
            f'the axes are {_shown(best)} by their values, and were turned to {_shown(own)}', f'shape {keypoint.shape}'
        )
        return *_turned(keypoint, score, best), [note]
    if best != own and own in looks and clearer >= _DOUBT:
        raise InputError(
            f'{source}: expected the axes {_shown(own)}, got shape {keypoint.shape}, whose values look more like '
            f"{_shown(best)}; transpose the array, or say the order in an .npz, axes='{best}' or '{own}'"
        )
    return keypoint, score, []


def hint_of_order(shape: tuple[int, ...], num_joints: int) -> str:
    """What may be meant by an array of another shape than expected, to be put behind a message; maybe nothing."""
    if len(shape) == 5 and num_joints in shape:
        return f'; {_shown("NCTVM")} are many samples: give one at a time'
    if len(shape) == 2 and shape[1] == num_joints and shape[0] in (2, 3):
        return f'; likely {_shown("CV")}: transpose it'
    orders = [order for order in _possible_orders(shape, num_joints) if order != ORDER[-len(shape) :]]
    return f'; likely {_shown(min(orders, key=_rank))}: transpose it' if orders else ''


def _shown(order: str) -> str:
    return f'({", ".join(order)})'


def _rank(order: str) -> int:
    """What people have most often comes first."""
    often = ['CTVM', 'TMVC', 'CTV', 'MCTV', 'TCVM']
    return often.index(order) if order in often else len(often)


def _possible_orders(shape: tuple[int, ...], num_joints: int) -> list[str]:
    """This package's own first, where it is possible."""
    if len(shape) not in (3, 4) or 0 in shape:
        return []
    own = ORDER[-len(shape) :]
    orders = []
    for letters in permutations(own):
        size = dict(zip(letters, shape, strict=True))
        persons = size.get('M', 1)
        most = max(_MOST_PERSONS, size['T']) if letters == tuple(own) else _MOST_PERSONS
        if size['V'] == num_joints and size['C'] in (2, 3) and persons <= most:
            orders.append(''.join(letters))
    return orders


def _turned(keypoint: np.ndarray, score: np.ndarray | None, order: str) -> tuple[np.ndarray, np.ndarray | None]:
    """From this order to this package's."""
    own = ORDER[-keypoint.ndim :]
    turned = keypoint.transpose([order.index(letter) for letter in own])
    if score is not None and score.ndim == keypoint.ndim - 1:
        without = order.replace('C', '')
        score = score.transpose([without.index(letter) for letter in own[:-1]])
    return turned, score


class _Look:
    """How an array looks if its axes are those of this package.

    Attributes:
        tells: Whether it has bones, and more than a few frames; else all else says nothing.
        step: Way of a joint in a frame, in bones.
        torn: Share of joints of which some coordinates are missing (NaN or exactly zero) and others not.
        strangeness: What is unlike people: steps, times the change of the lengths of bones over all bodies, times how
            unlike the persons stand. Each has a floor, so that it decides little among small values.
    """

    def __init__(self, keypoint: np.ndarray, skeleton: Skeleton) -> None:
        keypoint = keypoint.reshape(-1, *keypoint.shape[-3:])[: 4 * _MOST_PERSONS, :_MOST_FRAMES].copy()
        nothing = np.isnan(keypoint) | (keypoint == 0)
        self.torn = float((nothing.any(axis=-1) & ~nothing.all(axis=-1)).mean())
        keypoint[np.abs(keypoint) > LARGEST[2]] = np.nan  # damage, which is refused elsewhere
        seen = seen_joints(keypoint)
        child, parent = np.array(skeleton.bone_indices or [(0, 0)]).T
        length = np.linalg.norm(keypoint[..., child, :] - keypoint[..., parent, :], axis=-1)
        length[~(seen[..., child] & seen[..., parent])] = np.nan
        way = np.linalg.norm(np.diff(keypoint, axis=1), axis=-1)
        way[~(seen[:, 1:] & seen[:, :-1])] = np.nan
        with warnings.catch_warnings():  # of means of nothing
            warnings.simplefilter('ignore', RuntimeWarning)
            # Persons may be of different size: that of their own is one.
            of_person = np.nanmedian(length, axis=(1, 2), keepdims=True)
            length = length / np.where(of_person > 0, of_person, np.nan)
            change = np.nanmean(np.abs(length - np.nanmedian(length, axis=(0, 1))))
            self.step = float(np.nanmedian(way) / np.nanmean(of_person))
        self.tells = bool(np.isfinite(change + self.step)) and keypoint.shape[1] >= _LEAST_FRAMES
        self.strangeness = (self.step + 0.02) * (float(change) + 0.02) * (self._unlike(keypoint, seen) + 0.1)

    @staticmethod
    def _unlike(keypoint: np.ndarray, seen: np.ndarray) -> float:
        """One minus the mean correlation of the mean poses of every two persons: people mostly stand upright."""
        pose = np.where(seen[..., None], keypoint - body_centres(keypoint)[..., None, :], 0)
        pose = pose.sum(axis=1) / np.maximum(seen.sum(axis=1), 1)[..., None]
        poses = pose[pose.any(axis=(-1, -2))].reshape(-1, pose[0].size)
        if len(poses) < 2:
            return 0.5
        poses /= np.linalg.norm(poses, axis=1, keepdims=True)
        count = len(poses)
        return float(1 - ((poses @ poses.T).sum() - count) / (count * (count - 1)))
