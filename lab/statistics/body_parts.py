"""Counts of active joints by body part and class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asea_mm.skeletons import Skeleton


@dataclass(frozen=True)
class BodyPartTable:
    """Counts over (person, frame, layer): every AEA of a model at every of its frames in which a person is there.

    Args:
        classes: Names of the classes.
        skeleton: Layout.
        samples: Samples of each class.
        cells: Triples of person, frame and layer of each class.
        joint_counts: Those in which a joint is active.
        any_counts: Those in which at least one joint of a body part is active.

    Shapes:
        samples and cells ``(classes,)``, joint_counts ``(classes, V)``, any_counts ``(classes, parts)``
    """

    classes: Sequence[str]
    skeleton: Skeleton
    samples: np.ndarray
    cells: np.ndarray
    joint_counts: np.ndarray
    any_counts: np.ndarray

    def joint_shares(self) -> np.ndarray:
        """Share of the triples in which each joint is active, ``(classes, V)``; NaN for classes without samples."""
        return _share(self.joint_counts, self.cells)

    def part_shares(self) -> np.ndarray:
        """The mean over a part's joints, so that large parts have no advantage, ``(classes, parts)``."""
        shares = self.joint_shares()
        return np.stack(
            [shares[:, list(joints)].mean(axis=1) for joints in self.skeleton.part_indices.values()], axis=1
        )

    def any_shares(self) -> np.ndarray:
        """Share of the triples in which any joint of a part is active, ``(classes, parts)``."""
        return _share(self.any_counts, self.cells)

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain numbers, for JSON; shares of classes without samples are None."""

        def named(shares: np.ndarray, names: Iterable[str]) -> list[dict[str, float | None]]:
            return [
                {name: None if np.isnan(value) else float(value) for name, value in zip(names, row, strict=True)}
                for row in shares
            ]

        parts = list(self.skeleton.parts)
        keys = ('class', 'samples', 'person_frame_layers', 'parts', 'parts_any_joint', 'joints')
        rows = zip(
            self.classes,
            self.samples.tolist(),
            self.cells.tolist(),
            named(self.part_shares(), parts),
            named(self.any_shares(), parts),
            named(self.joint_shares(), self.skeleton.joints),
            strict=True,
        )
        return {
            'layout': self.skeleton.name,
            'body_parts': {part: list(joints) for part, joints in self.skeleton.parts.items()},
            'classes': [dict(zip(keys, row, strict=True)) for row in rows],
        }


def _share(counts: np.ndarray, cells: np.ndarray) -> np.ndarray:
    return np.where(cells[:, None] > 0, counts / np.maximum(cells[:, None], 1), np.nan)
