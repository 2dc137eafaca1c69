"""Kernel ridge regression as a classification head, which chooses its own settings on the training samples."""

from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

import numpy as np
import torch
from mmaction.models.heads import BaseHead
from mmaction.registry import MODELS
from mmengine.dist import is_distributed
from torch import Tensor, nn

from ...errors import InputError

BUFFERS = ('samples', 'labels', 'groups', 'coefficients')


@MODELS.register_module()
class KernelRidgeHead(BaseHead):
    """Ridge regression onto one-of-K targets with a Gaussian kernel; what it is fitted on is what training has shown.

    In training it only collects the features of every batch, and :meth:`fit`, which :class:`FitHeadHook` calls, solves
    for the coefficients in closed form: no steps of gradient descent, no seed but that of the augmentation. Several
    epochs add several augmented copies of each sample. A checkpoint holds all that has been collected, fitted or not,
    so training can be resumed from any.

    Ridge and bandwidth are chosen by the mean squared error of leaving out one sample at a time, with all its copies.
    With C the inverse of the regularised kernel matrix, and a = C Y, the errors on the rows b of a sample are
    inv(C_bb) a_b, so no fit is repeated (Rasmussen & Williams, 2006, Eq. 5.12, for blocks). The sharpness, by which
    the outputs are multiplied to be logits, is chosen by the cross-entropy of the same predictions. No test sample is
    needed for any of them.

    Memory grows with the square of the rows, samples times clips times epochs; some thousands are fine.

    Args:
        num_classes: Number of classes.
        ridges: Candidates for the ridge.
        bandwidths: Candidates for the bandwidth: what squared distances are divided by, in medians of these.
        average_clips: How clips of a sample are averaged: ``'prob'``, ``'score'`` or None.

    Shapes:
        x ``(N, F)``; returns logits ``(N, num_classes)``

    Raises:
        InputError: If it is asked for scores before it was fitted; if there is nothing to fit; if samples have no
            name; if several processes train, each of which would see a part.
    """

    samples: Tensor
    labels: Tensor
    groups: Tensor
    coefficients: Tensor

    def __init__(
        self,
        num_classes: int,
        ridges: Sequence[float] = (0.003, 0.01, 0.03, 0.1, 0.3),
        bandwidths: Sequence[float] = (0.5, 1.0, 2.0, 4.0),
        average_clips: str | None = 'prob',
    ) -> None:
        super().__init__(num_classes, 0, average_clips=average_clips)
        self.ridges, self.bandwidths = tuple(ridges), tuple(bandwidths)
        self.sharpness = nn.Parameter(torch.ones(()))  # a parameter, since an optimizer must have one
        self.register_buffer('scale', torch.ones((), dtype=torch.float64))  # of squared distances
        self.register_buffer('samples', torch.zeros(0, 0))
        self.register_buffer('labels', torch.zeros(0, dtype=torch.long))
        self.register_buffer('groups', torch.zeros(0, dtype=torch.long))
        self.register_buffer('coefficients', torch.zeros(0, num_classes, dtype=torch.float64))
        self._rows: list[tuple[Tensor, Tensor, Tensor]] = []  # of the batches since the buffers were last filled

    def loss(self, feats: Tensor, data_samples: list, **kwargs: Any) -> dict[str, Tensor]:
        """Keep the features; the loss is zero, with a gradient of zero."""
        if is_distributed():
            raise InputError('KernelRidgeHead: train in one process; each of several would see a part of the samples')
        clips = feats.shape[0] // len(data_samples)
        label = torch.cat([sample.gt_label for sample in data_samples]).to(feats.device)
        if not all('frame_dir' in sample.metainfo for sample in data_samples):
            raise InputError(
                'KernelRidgeHead: expected samples with their name, which tells the copies of one from other samples; '
                "give PackActionInputs meta_keys=('frame_dir',)"
            )
        names = torch.tensor([crc32(str(sample.frame_dir).encode()) for sample in data_samples], device=feats.device)
        self._rows.append((feats.detach(), label.repeat_interleave(clips), names.repeat_interleave(clips)))
        return {'loss_cls': 0 * self.sharpness}

    @torch.no_grad()
    def fit(self) -> dict[str, float]:
        """Fit what has been collected so far; returns the chosen settings and the left-out accuracy and error."""
        self._keep()
        if not self.samples.shape[0]:
            raise InputError('KernelRidgeHead: nothing to fit, no training sample has been seen')
        distance = _squared_distance(self.samples, self.samples)
        median = distance.median().clamp(min=torch.finfo(torch.float32).tiny)
        target = 2 * nn.functional.one_hot(self.labels, self.num_classes).double() - 1
        blocks = [(self.groups == group).nonzero().squeeze(1) for group in self.groups.unique()]
        best: tuple[float, Tensor, Tensor, float, float] | None = None
        for bandwidth in self.bandwidths:
            kernel = torch.exp(-distance / (bandwidth * median))
            for ridge in self.ridges:
                left_out, coefficients = _leave_out(kernel, ridge, target, blocks)
                error = float((left_out - target).square().mean())
                if best is None or error < best[0]:
                    best = error, left_out, coefficients, bandwidth, ridge
        assert best is not None
        error, left_out, self.coefficients, bandwidth, ridge = best
        self.scale = bandwidth * median
        sharpness = _best_sharpness(left_out, self.labels)
        self.sharpness.data.fill_(sharpness)
        right = float((left_out.argmax(dim=1) == self.labels).double().mean())
        chosen = dict(rows=target.shape[0], bandwidth=bandwidth, ridge=ridge, sharpness=sharpness)
        return dict(chosen, left_out_top1=right, left_out_mse=error)

    def forward(self, x: Tensor, **kwargs: Any) -> Tensor:
        fitted = self.coefficients.shape[0]  # the first of the samples; others may have come since
        if not fitted:
            raise InputError('KernelRidgeHead: not fitted; train it, with FitHeadHook among the custom_hooks')
        kernel = torch.exp(-_squared_distance(x, self.samples[:fitted]) / self.scale)
        return self.sharpness * (kernel @ self.coefficients).float()

    def _keep(self) -> None:
        """Move what has been collected into the buffers."""
        if self._rows:
            kept = [(self.samples, self.labels, self.groups)] if self.samples.shape[0] else []
            columns = zip(*kept, *self._rows, strict=True)
            self.samples, self.labels, self.groups = (torch.cat(column) for column in columns)
            self._rows = []

    def _save_to_state_dict(self, *args: Any) -> None:
        self._keep()
        super()._save_to_state_dict(*args)

    def _load_from_state_dict(self, state_dict: Mapping, prefix: str, *args: Any) -> None:
        """Buffers take the size that a checkpoint has: it depends on the training samples. The classes do not."""
        for name in BUFFERS:
            if (saved := state_dict.get(prefix + name)) is not None:
                shape = (saved.shape[0], self.num_classes) if name == 'coefficients' else saved.shape
                setattr(self, name, getattr(self, name).new_empty(shape))
        super()._load_from_state_dict(state_dict, prefix, *args)


def _squared_distance(x: Tensor, samples: Tensor) -> Tensor:
    """Squared distances; in double precision, since large coefficients of both signs cancel."""
    return torch.cdist(x.double(), samples.double()).square()


def _leave_out(kernel: Tensor, ridge: float, target: Tensor, blocks: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Predictions for every block of rows by a fit to all others, and the coefficients of the fit to all."""
    regularised = kernel.clone()
    regularised.diagonal().add_(ridge)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(regularised))
    coefficients = inverse @ target
    left_out = torch.empty_like(target)
    for rows in blocks:
        left_out[rows] = target[rows] - torch.linalg.solve(inverse[rows[:, None], rows], coefficients[rows])
    return left_out, coefficients


def _best_sharpness(output: Tensor, label: Tensor) -> float:
    from scipy.optimize import minimize_scalar  # takes as long to import as all models

    def cross_entropy(power: float) -> float:
        return float(nn.functional.cross_entropy(float(np.exp(power)) * output, label))

    return float(np.exp(minimize_scalar(cross_entropy, bounds=(-3, 5), method='bounded').x))
