"""MapLayout in torch."""

from typing import Any

import torch
from torch import Tensor

from ..layout_mapping import LayoutMapping
from ..skeletons import Skeleton


def map_layout(step: Any, skeleton: Skeleton, recording: Any) -> Any:
    """The step of :class:`~.preparation.Preparation`: a recording of this layout with the joints of another."""
    if skeleton.joints == step.target.joints:
        return recording
    keypoint, score = _mapped(LayoutMapping(skeleton, step.target), recording.keypoint, recording.score)
    return recording._replace(keypoint=keypoint, score=score)


def _mapped(mapping: LayoutMapping, keypoint: Tensor, score: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """What :meth:`LayoutMapping.apply` does, in a form that can be traced.

    Shapes:
        keypoint ``(M, T, V, C)`` -> ``(M, T, W, C)``; score ``(M, T, V)`` -> ``(M, T, W)``
    """
    placed = (keypoint != 0).any(dim=-1)
    stages = [placed] if score is None else [placed & (score > 0), placed]
    joints, scores = [], []
    for ways in mapping.ways:
        joint, least = torch.zeros_like(keypoint[:, :, 0]), torch.zeros_like(keypoint[:, :, 0, 0])
        done = torch.zeros_like(placed[:, :, 0])
        for there in stages:
            for way in ways:
                sources, weights = list(way), keypoint.new_tensor(list(way.values()))
                taken = ~done & there[:, :, sources].all(dim=-1)
                joint = torch.where(taken[..., None], (keypoint[:, :, sources] * weights[:, None]).sum(dim=2), joint)
                if score is not None:
                    least = torch.where(taken, score[:, :, sources].amin(dim=-1).clamp(min=0), least)
                done = done | taken
        joints.append(joint)
        scores.append(least)
    return torch.stack(joints, dim=2), None if score is None else torch.stack(scores, dim=2)
