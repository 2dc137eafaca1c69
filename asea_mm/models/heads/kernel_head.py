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

BUFFERS = ('samples', 'labels', 'groups', 'coefficients', 'centre', 'basis')
FOR_BASIS = 1500  # rows at most that directions are taken from
JITTER = 1e-6  # on the diagonal of the landmarks' kernel, of which two may be alike


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

    Memory grows with the square of the rows, samples times clips times epochs; some thousands are fine. With
    ``landmarks`` it grows with the rows, and with ``dimensions`` rows are short: once it is fitted, the checkpoint
    holds the landmarks in half precision and nothing else of the samples, so that training does not go on from it.

    Args:
        num_classes: Number of classes.
        ridges: Candidates for the ridge.
        bandwidths: Candidates for the bandwidth: what squared distances are divided by, in medians of these.
        average_clips: How clips of a sample are averaged: ``'prob'``, ``'score'`` or None.
        dimensions: Directions of the largest variance of the features that are kept; None for the features themselves.
        landmarks: Rows whose kernels the prediction is made of, spread evenly over all; all rows are fitted by them
            (Nystroem's approximation: Williams & Seeger, NIPS 2000; Rudi et al., NIPS 2015). None for all rows.

    Shapes:
        x ``(N, F)``; returns logits ``(N, num_classes)``

    Raises:
        InputError: If it is asked for scores before it was fitted; if there is nothing to fit; if samples have no
            name; if several processes train, each of which would see a part; if what was fitted with landmarks or
            dimensions is loaded and then trained.
    """

    samples: Tensor
    labels: Tensor
    groups: Tensor
    coefficients: Tensor
    centre: Tensor
    basis: Tensor

    def __init__(
        self,
        num_classes: int,
        ridges: Sequence[float] = (0.003, 0.01, 0.03, 0.1, 0.3),
        bandwidths: Sequence[float] = (0.5, 1.0, 2.0, 4.0),
        average_clips: str | None = 'prob',
        dimensions: int | None = None,
        landmarks: int | None = None,
    ) -> None:
        super().__init__(num_classes, 0, average_clips=average_clips)
        for name, value in (('dimensions', dimensions), ('landmarks', landmarks)):
            if value is not None and (not isinstance(value, int) or value < 1):
                raise InputError(f'KernelRidgeHead: {name}: expected a whole number from 1, or None, got {value!r}')
        self.dimensions, self.landmarks = dimensions, landmarks
        self.ridges, self.bandwidths = tuple(ridges), tuple(bandwidths)
        self.sharpness = nn.Parameter(torch.ones(()))  # a parameter, since an optimizer must have one
        self.register_buffer('scale', torch.ones((), dtype=torch.float64))  # of squared distances
        self.register_buffer('samples', torch.zeros(0, 0))
        self.register_buffer('labels', torch.zeros(0, dtype=torch.long))
        self.register_buffer('groups', torch.zeros(0, dtype=torch.long))
        self.register_buffer('coefficients', torch.zeros(0, num_classes, dtype=torch.float64))
        self.register_buffer('centre', torch.zeros(0))  # of the features; where there are dimensions
        self.register_buffer('basis', torch.zeros(0, 0))  # their directions, in columns
        self._rows: list[tuple[Tensor, Tensor, Tensor]] = []  # of the batches since the buffers were last filled
        self._fitted_rows: list[tuple[Tensor, Tensor, Tensor]] = []  # of which the buffers hold the landmarks only

    @property
    def _is_compact(self) -> bool:
        """Whether the buffers no longer hold the rows that were fitted."""
        return bool(self.coefficients.shape[0]) and (self.dimensions is not None or self.landmarks is not None)

    def loss(self, feats: Tensor, data_samples: list, **kwargs: Any) -> dict[str, Tensor]:
        """Keep the features; the loss is zero, with a gradient of zero."""
        if is_distributed():
            raise InputError('KernelRidgeHead: train in one process; each of several would see a part of the samples')
        if self._is_compact and not self._fitted_rows:
            raise InputError(
                'KernelRidgeHead: a checkpoint with dimensions or landmarks no longer holds what it was fitted on, so '
                'training does not go on from it; train anew'
            )
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
        rows = self._fitted_rows if self._is_compact else [(self.samples, self.labels, self.groups)]
        samples, labels, groups = (torch.cat(column) for column in zip(*rows, strict=True))
        count = samples.shape[0]
        if not count:
            raise InputError('KernelRidgeHead: nothing to fit, no training sample has been seen')
        features = samples
        if self.dimensions is not None:
            self.centre, self.basis = _directions(samples, self.dimensions)
            features = self._placed(samples)
        chosen = _spread(count, self.landmarks) if self.landmarks is not None else torch.arange(count)
        chosen = chosen.to(samples.device)
        marks = features[chosen]
        if self.dimensions is not None or self.landmarks is not None:
            self._fitted_rows = [(samples, labels, groups)]
            marks = marks.half()
        if self.landmarks is None:
            features = marks
        distance = _squared_distance(features, marks)
        median = distance.median().clamp(min=torch.finfo(torch.float32).tiny)
        target = 2 * nn.functional.one_hot(labels, self.num_classes).double() - 1
        blocks = [(groups == group).nonzero().squeeze(1) for group in groups.unique()]
        best: tuple[float, Tensor, Tensor, float, float] | None = None
        for bandwidth in self.bandwidths:
            kernel = torch.exp(-distance / (bandwidth * median))
            for ridge in self.ridges:
                if self.landmarks is None:
                    left_out, coefficients = _leave_out(kernel, ridge, target, blocks)
                else:
                    between = torch.exp(-_squared_distance(marks, marks) / (bandwidth * median))
                    left_out, coefficients = _leave_out_of_landmarks(kernel, between, ridge, target, blocks)
                error = float((left_out - target).square().mean())
                if best is None or error < best[0]:
                    best = error, left_out, coefficients, bandwidth, ridge
        assert best is not None
        error, left_out, self.coefficients, bandwidth, ridge = best
        self.samples, self.labels, self.groups = marks, labels[chosen], groups[chosen]
        self.scale = bandwidth * median
        sharpness = _best_sharpness(left_out, labels)
        self.sharpness.data.fill_(sharpness)
        right = float((left_out.argmax(dim=1) == labels).double().mean())
        settings = dict(rows=count, bandwidth=bandwidth, ridge=ridge, sharpness=sharpness)
        return dict(settings, left_out_top1=right, left_out_mse=error)

    def forward(self, x: Tensor, **kwargs: Any) -> Tensor:
        fitted = self.coefficients.shape[0]  # the first of the samples; others may have come since
        if not fitted:
            raise InputError('KernelRidgeHead: not fitted; train it, with FitHeadHook among the custom_hooks')
        kernel = torch.exp(-_squared_distance(self._placed(x), self.samples[:fitted]) / self.scale)
        return self.sharpness * (kernel @ self.coefficients).float()

    def _placed(self, x: Tensor) -> Tensor:
        """Features along the directions that are kept."""
        return x if not self.basis.numel() else (x.double() - self.centre.double()) @ self.basis.double()

    def _keep(self) -> None:
        """Move what has been collected into the buffers, or to what was fitted before and is not in these."""
        if not self._rows:
            return
        if self._is_compact:
            self._fitted_rows += self._rows
        else:
            kept = [(self.samples, self.labels, self.groups)] if self.samples.shape[0] else []
            columns = zip(*kept, *self._rows, strict=True)
            self.samples, self.labels, self.groups = (torch.cat(column) for column in columns)
        self._rows = []

    def _save_to_state_dict(self, *args: Any) -> None:
        self._keep()
        super()._save_to_state_dict(*args)

    def _load_from_state_dict(self, state_dict: Mapping, prefix: str, *args: Any) -> None:
        """Buffers take the size that a checkpoint has: it depends on the training samples. The classes do not."""
        if prefix + 'samples' in state_dict:  # one without dimensions need not say so
            state_dict = {**{prefix + name: torch.zeros(shape) for name, shape in _WITHOUT.items()}, **state_dict}
        for name in BUFFERS:
            if (saved := state_dict.get(prefix + name)) is not None:
                shape = (saved.shape[0], self.num_classes) if name == 'coefficients' else saved.shape
                setattr(self, name, getattr(self, name).new_empty(shape, dtype=saved.dtype))
        super()._load_from_state_dict(state_dict, prefix, *args)


_WITHOUT = {'centre': (0,), 'basis': (0, 0)}


def _spread(count: int, most: int) -> Tensor:
    """At most so many numbers below ``count``, evenly spread."""
    return torch.linspace(0, count - 1, min(most, count), dtype=torch.float64).round().long()


def _directions(samples: Tensor, dimensions: int) -> tuple[Tensor, Tensor]:
    """Mean of samples, and the directions of their largest variance as columns, these in half precision."""
    centre = samples.double().mean(dim=0).float()
    some = samples[_spread(samples.shape[0], FOR_BASIS).to(samples.device)].double() - centre.double()
    variance, vectors = torch.linalg.eigh(some @ some.T)  # ascending
    large = (variance > 1e-9 * variance[-1]).nonzero().squeeze(1)[-dimensions:].flip(0)
    return centre, (some.T @ vectors[:, large] / variance[large].sqrt()).half()


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


def _leave_out_of_landmarks(
    kernel: Tensor, between: Tensor, ridge: float, target: Tensor, blocks: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """:func:`_leave_out` for predictions that are made of the kernels of landmarks.

    With L the Cholesky factor of the kernel between landmarks and Z = K inv(L'), it is ridge regression on Z: of
    H = Z inv(Z'Z + ridge) Z', the errors on the rows b are inv(1 - H_bb) (Y - H Y)_b.

    Shapes:
        kernel ``(rows, landmarks)``, between ``(landmarks, landmarks)``, target ``(rows, classes)``
    """
    factor = torch.linalg.cholesky(
        between + JITTER * torch.eye(len(between), dtype=between.dtype, device=between.device)
    )
    features = torch.linalg.solve_triangular(factor, kernel.T, upper=False).T
    regularised = features.T @ features
    regularised.diagonal().add_(ridge)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(regularised))
    weight = inverse @ (features.T @ target)
    error = target - features @ weight
    left_out = torch.empty_like(target)
    for rows in blocks:
        own = features[rows]
        rest = torch.eye(len(rows), dtype=own.dtype, device=own.device) - own @ inverse @ own.T
        left_out[rows] = target[rows] - torch.linalg.solve(rest, error[rows])
    return left_out, torch.linalg.solve_triangular(factor.T, weight, upper=True)


def _best_sharpness(output: Tensor, label: Tensor) -> float:
    from scipy.optimize import minimize_scalar  # takes as long to import as all models

    def cross_entropy(power: float) -> float:
        return float(nn.functional.cross_entropy(float(np.exp(power)) * output, label))

    return float(np.exp(minimize_scalar(cross_entropy, bounds=(-3, 5), method='bounded').x))
