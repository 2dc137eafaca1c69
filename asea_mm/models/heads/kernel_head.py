"""Kernel ridge regression as a classification head, which chooses its own settings on the training samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import torch
from mmaction.models.heads import BaseHead
from mmaction.registry import MODELS
from mmengine.dist import is_distributed
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

BUFFERS = ('samples', 'labels', 'groups', 'coefficients')


class _Points(NamedTuple):
    """Rows in double precision, since large coefficients of both signs cancel, and their squared lengths."""

    rows: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, x: Tensor) -> _Points:
        rows = x.double()
        return cls(rows, rows.square().sum(dim=1))


class _LeftOut(NamedTuple):
    """What predictions without a sample need, beside the coefficients: C, and the left-out errors."""

    points: _Points
    inverse: Tensor
    errors: Tensor


@MODELS.register_module()
class KernelRidgeHead(BaseHead):
    """Ridge regression onto one-of-K targets with a Gaussian kernel; what it is fitted on is what training has shown.

    In training it only collects the features of every batch, and :meth:`fit`, which :class:`FitHeadHook` calls, solves
    for the coefficients in closed form: no steps of gradient descent, no seed but that of the augmentation. Several
    epochs add several augmented copies of each sample.

    Ridge and bandwidth are chosen by the mean squared error of leaving out one sample at a time, with all its copies.
    With C the inverse of the regularised kernel matrix, and a = C Y, the errors on the rows b of a sample are
    inv(C_bb) a_b, so no fit is repeated (Rasmussen & Williams, 2006, Eq. 5.12, for blocks). The sharpness, by which
    the outputs are multiplied to be logits, is chosen by the cross-entropy of the same predictions. No test sample is
    needed for any of them.

    Memory grows with the square of the rows, samples times clips times epochs; some thousands are fine.

    Args:
        num_classes: Number of classes.
        in_channels: Not used; any number of features is taken.
        ridges: Candidates for the ridge.
        bandwidths: Candidates for the bandwidth: what squared distances are divided by, in medians of these.
        max_rows: How many rows are taken; more are an error, before all of them have been collected.
        average_clips: How clips of a sample are averaged: ``'prob'``, ``'score'`` or None.
        init_cfg: As of mmengine's ``BaseModule``.

    Shapes:
        x ``(N, F)``; returns logits ``(N, num_classes)``

    Raises:
        ValueError: If it is asked for scores before it was fitted; if there is nothing to fit, or too much; if samples
            have no name; if several processes train, each of which would see a part.
    """

    samples: Tensor
    labels: Tensor
    groups: Tensor
    coefficients: Tensor

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 0,
        ridges: Sequence[float] = (0.003, 0.01, 0.03, 0.1, 0.3),
        bandwidths: Sequence[float] = (0.5, 1.0, 2.0, 4.0),
        max_rows: int = 20_000,
        average_clips: str | None = 'prob',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(num_classes, in_channels, average_clips=average_clips, init_cfg=init_cfg)
        self.ridges, self.bandwidths, self.max_rows = tuple(ridges), tuple(bandwidths), max_rows
        self.sharpness = nn.Parameter(torch.ones(()))  # a parameter, since an optimizer must have one
        self.register_buffer('scale', torch.ones((), dtype=torch.float64))  # of squared distances
        self.register_buffer('ridge', torch.ones((), dtype=torch.float64))
        self.register_buffer('samples', torch.zeros(0, 0))
        self.register_buffer('labels', torch.zeros(0, dtype=torch.long))
        self.register_buffer('groups', torch.zeros(0, dtype=torch.long))
        self.register_buffer('coefficients', torch.zeros(0, num_classes, dtype=torch.float64))
        self._rows: list[tuple[Tensor, Tensor, Tensor]] = []
        self._left_out: _LeftOut | None = None  # worked out when first asked for

    def loss(self, feats: Tensor, data_samples: list, **kwargs: Any) -> dict[str, Tensor]:
        """Keep the features; the loss is zero, with a gradient of zero."""
        if is_distributed():
            raise ValueError('KernelRidgeHead: train in one process; each of several would see a part of the samples')
        self.collect(feats, data_samples)
        return {'loss_cls': 0 * self.sharpness}

    def collect(self, feats: Tensor, data_samples: list) -> None:
        """Keep the features of a batch until :meth:`fit`."""
        label = torch.cat([sample.gt_label for sample in data_samples]).to(feats.device)
        label = label.repeat_interleave(len(feats) // len(data_samples))
        self._rows.append((feats.detach(), label, self._groups(feats, data_samples)))
        count = len(self.samples) + sum(len(features) for features, _, _ in self._rows)
        if count > self.max_rows:
            raise ValueError(
                f'KernelRidgeHead: expected at most {self.max_rows} rows (samples x clips x epochs), got {count}; '
                'train fewer epochs, or set max_rows if there is memory for its square'
            )

    @staticmethod
    def _groups(feats: Tensor, data_samples: list) -> Tensor:
        """For every row the sample that it is a copy of, by the name."""
        if any('frame_dir' not in sample.metainfo for sample in data_samples):
            raise ValueError(
                'KernelRidgeHead: expected samples with their name, which tells the copies of one from other samples; '
                "give PackActionInputs meta_keys=('frame_dir',)"
            )
        group = [crc32(str(sample.frame_dir).encode()) for sample in data_samples]
        return torch.tensor(group, device=feats.device).repeat_interleave(len(feats) // len(data_samples))

    @torch.no_grad()
    def fit(self) -> dict[str, float]:
        """Fit what has been collected so far; returns the chosen settings and the left-out accuracy and error."""
        kept = [(self.samples, self.labels, self.groups)] if len(self.samples) else []
        rows = kept + self._rows
        if not rows:
            raise ValueError('KernelRidgeHead: nothing to fit, no training sample has been seen')
        self.samples, self.labels, self.groups = (torch.cat(column) for column in zip(*rows, strict=True))
        self._rows, self._left_out = [], None
        points = _Points.of(self.samples)
        distance = _distance(points, points)
        median = distance.median().clamp(min=torch.finfo(torch.float32).tiny)
        target = 2 * nn.functional.one_hot(self.labels, self.num_classes).double() - 1
        best: tuple[float, Tensor, Tensor, float, float] | None = None
        for bandwidth in self.bandwidths:
            kernel = torch.exp(-distance / (bandwidth * median))
            for ridge in self.ridges:
                inverse = _inverse(kernel, ridge)
                coefficients = inverse @ target
                errors = _left_out_errors(inverse, coefficients, self.groups)
                error = float(errors.square().mean())
                if best is None or error < best[0]:
                    best = error, errors, coefficients, bandwidth, ridge
        assert best is not None
        error, errors, coefficients, bandwidth, ridge = best
        self.coefficients = coefficients
        self.scale = bandwidth * median
        self.ridge.fill_(ridge)
        left_out = target - errors
        sharpness = _best_sharpness(left_out, self.labels)
        self.sharpness.data.fill_(sharpness)
        right = float((left_out.argmax(dim=1) == self.labels).double().mean())
        return dict(
            rows=len(target),
            bandwidth=bandwidth,
            ridge=ridge,
            sharpness=sharpness,
            left_out_top1=right,
            left_out_mse=error,
        )

    def forward(self, x: Tensor, **kwargs: Any) -> Tensor:
        self._require_fit()
        kernel = self._kernel(_Points.of(x), _Points.of(self.samples))
        return self.sharpness * (kernel @ self.coefficients).float()

    @torch.no_grad()
    def left_out(self, x: Tensor, data_samples: list) -> Tensor:
        """Logits of each row by a fit to all other samples, without the copies of its own.

        What the head says of samples that it was fitted on is their label; this is what it would say had it never seen
        them. The rows need not be among those fitted, and a sample that is not has the logits of :meth:`forward`.

        With k the kernel between row and samples, b the rows of its sample, and e_b their left-out errors, that fit
        says k a - (k C)_b e_b: the fit to all, less what b adds.

        Args:
            x: Features ``(N, F)``, clips of a sample one after the other.
            data_samples: The samples, with their names.

        Returns:
            ``(N, num_classes)``
        """
        self._require_fit()
        if self._left_out is None:
            points = _Points.of(self.samples)
            inverse = _inverse(self._kernel(points, points), float(self.ridge))
            self._left_out = _LeftOut(points, inverse, _left_out_errors(inverse, self.coefficients, self.groups))
        points, inverse, errors = self._left_out
        kernel = self._kernel(_Points.of(x), points)
        own = self._groups(x, data_samples)[:, None] == self.groups
        return self.sharpness * (kernel @ self.coefficients - (kernel @ inverse * own) @ errors).float()

    def _require_fit(self) -> None:
        if not len(self.coefficients):
            raise ValueError('KernelRidgeHead: not fitted; train it, with FitHeadHook among the custom_hooks')

    def _kernel(self, x: _Points, y: _Points) -> Tensor:
        return torch.exp(-_distance(x, y) / self.scale)

    def _load_from_state_dict(self, state_dict: Mapping, prefix: str, *args: Any) -> None:
        """Buffers take the size that a checkpoint has: it depends on the training samples. The classes do not."""
        for name in BUFFERS:
            if (saved := state_dict.get(prefix + name)) is not None:
                shape = (len(saved), self.num_classes) if name == 'coefficients' else saved.shape
                setattr(self, name, getattr(self, name).new_empty(shape))
        self._left_out = None
        super()._load_from_state_dict(state_dict, prefix, *args)


def _distance(x: _Points, y: _Points) -> Tensor:
    """Squared distances, by one matrix product: ten times faster than ``torch.cdist`` for a few long rows."""
    return (x.lengths[:, None] + y.lengths - 2 * x.rows @ y.rows.T).clamp(min=0)


def _inverse(kernel: Tensor, ridge: float) -> Tensor:
    regularised = kernel.clone()
    regularised.diagonal().add_(ridge)
    return torch.cholesky_inverse(torch.linalg.cholesky(regularised))


def _left_out_errors(inverse: Tensor, coefficients: Tensor, groups: Tensor) -> Tensor:
    """Targets less predictions, for the rows of every group by a fit to all others."""
    errors = torch.empty_like(coefficients)
    for group in groups.unique():
        rows = (groups == group).nonzero().squeeze(1)
        errors[rows] = torch.linalg.solve(inverse[rows[:, None], rows], coefficients[rows])
    return errors


def _best_sharpness(output: Tensor, label: Tensor) -> float:
    def cross_entropy(power: float) -> float:
        return float(nn.functional.cross_entropy(float(np.exp(power)) * output, label))

    return float(np.exp(minimize_scalar(cross_entropy, bounds=(-3, 5), method='bounded').x))
