"""Layers that mix persons: active joints attend to those of the others."""

import math
from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from torch import Tensor, nn

from ...errors import InputError
from .atnac import ATNAC, ActiveJoints
from .common import check_option
from .geometry import REACH, RelativeGeometry, of_others

FORMS = ('auto', 'gathered', 'masked')
INACTIVE = ('keep', 'drop')
MASKED = -3e4  # a logit whose weight is zero, also in half precision
AEA_OPTIONS = (
    'qk_channels',
    'gamma',
    'alpha',
    'score',
    'threshold_grad',
    'form',
    'inactive',
    'gate',
    'geometry',
    'reach',
)


@MODELS.register_module()
class ExternalAttention(nn.Module):
    r"""Attention of every person's joints to the joints of the other persons, frame by frame.

    .. math::
        \alpha_1 = \mathrm{softmax}\Bigl(\frac{q_1 k_2^T}{\sqrt{d_q}}\Bigr), \quad out_1 = \alpha_1 v_2
        \qquad\text{and likewise with 1 and 2 exchanged}

    ASEA, Eq. 9-10, without the residual, which :class:`AEA` adds. With more than two persons the keys are the joints
    of all others. Where no other person has a joint to attend to, the result is zero.

    On a GPU the maps are never in memory (``scaled_dot_product_attention``), which ``kernels`` turns on and off, see
    :func:`set_kernels`. On a CPU, for so few joints, two matrix products are faster.

    Args:
        channels: Channels C of the features and of the values.
        qk_channels: Channels d_q of queries and keys; default three quarters of C.
        geometry: Coordinates of the joints' positions, 2 or 3, from which attention also knows distances and
            directions (:class:`RelativeGeometry`, not in the paper); 0: it sees features only. With it the maps are
            always in memory.
        reach: The largest distance that still matters, see :class:`RelativeGeometry`.

    Shapes:
        x ``(N*M, C, T, J)``, M fastest: J joints of every person; positions ``(N*M, T, J, geometry)`` or None.
        weight ``(N*M, T, J)`` or None: zero for joints that are no keys in that frame; otherwise it multiplies the
        joint's value. None: every joint is a key.
        returns ``(N*M, C, T, J)`` in channels-last memory
    """

    def __init__(self, channels: int, qk_channels: int | None = None, geometry: int = 0, reach: float = REACH) -> None:
        super().__init__()
        self.channels = channels
        self.qk_channels = qk_channels or 3 * channels // 4
        self.kernels = 'auto'
        self.qkv = nn.Conv2d(channels, 2 * self.qk_channels + channels, 1)
        nn.init.xavier_uniform_(self.qkv.weight)
        nn.init.constant_(cast(Tensor, self.qkv.bias), 0)
        self.geometry = RelativeGeometry(channels, geometry, reach) if geometry else None

    def _queries_keys_values(
        self, x: Tensor, num_person: int, weight: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Of person m the joints' queries, and the keys, values and weights of the other persons in their order.

        Shapes:
            returns ``(N, M, T, J, D)``, ``(N, M, T, (M-1)*J, D)``, ``(N, M, T, (M-1)*J, C)`` and
            ``(N, M, T or 1, (M-1)*J, 1)`` or None; the values are weighted
        """
        # 1x1 convolution in channels-last memory is one matrix product over all tokens
        qkv = self.qkv(x.contiguous(memory_format=torch.channels_last))
        qkv = qkv.permute(0, 2, 3, 1).unflatten(0, (-1, num_person))
        query, keys_values = qkv.split([self.qk_channels, self.qk_channels + self.channels], dim=-1)
        key, value = of_others(keys_values).split([self.qk_channels, self.channels], dim=-1)
        if weight is not None:
            weight = of_others(weight.unflatten(0, (-1, num_person))[..., None].to(value.dtype))
            value = value * weight
        return query, key, value, weight

    def attention(
        self, x: Tensor, num_person: int, weight: Tensor | None = None, positions: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The attention maps of Eq. 9 and what comes of them, Eq. 10.

        Shapes:
            returns ``(N, M, T, J, (M-1)*J)`` and ``(N, M, T, J, C)``; of person m the keys are those of the other
            persons in their order
        """
        query, key, value, weight = self._queries_keys_values(x, num_person, weight)
        # keys before queries: a softmax over the last but one axis is vectorised also for a handful of keys
        logits = key @ query.transpose(-1, -2) / math.sqrt(self.qk_channels)
        if self.geometry is not None:
            if positions is None:
                raise ValueError('ExternalAttention: with geometry, expected positions of the joints')
            own, near = self.geometry(positions, num_person)
            logits = logits + self.geometry.logits(near).to(logits.dtype)
        if weight is not None:
            # finite: a row without any key stays a number, and its values are zero
            logits = logits.masked_fill(weight == 0, torch.finfo(logits.dtype).min)
        attention = torch.softmax(logits, dim=-2).transpose(-1, -2)
        y = attention @ value
        if self.geometry is not None:
            y = y + self.geometry.update(attention if weight is None else attention * weight.mT, own, near)
        return attention, y

    def _fused(self, x: Tensor, num_person: int, weight: Tensor | None) -> Tensor:
        """The values weighted by the maps, ``(N, M, T, J, C)``, without maps in memory."""
        query, key, value, weight = self._queries_keys_values(x, num_person, weight)
        mask = None
        if weight is not None:
            # finite, as above, and so small that kernels which take the power of two may multiply it
            mask = torch.zeros_like(weight, dtype=query.dtype).masked_fill(weight == 0, MASKED).transpose(-1, -2)
            # rows are the same for all queries, and without a copy for all frames if joints do not come and go
            mask = mask.expand(-1, -1, query.shape[2], query.shape[3], -1).flatten(0, 1)
        shape = query.shape[:2]
        query, key, value = query.flatten(0, 1), key.flatten(0, 1), value.flatten(0, 1)
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask).unflatten(0, shape)

    def forward(
        self, x: Tensor, num_person: int, weight: Tensor | None = None, positions: Tensor | None = None
    ) -> Tensor:
        if num_person == 1:
            return torch.zeros_like(x)
        if self.geometry is None and (self.kernels == 'fused' or (self.kernels == 'auto' and x.device.type == 'cuda')):
            y = self._fused(x, num_person, weight)
        else:
            y = self.attention(x, num_person, weight, positions)[1]
        return y.flatten(0, 1).permute(0, 3, 1, 2)


@MODELS.register_module()
class AEA(nn.Module):
    """AT-NAC and external attention: active joints take up what the active joints of the others offer.

    ASEA, sections 3.4 and 3.5. Active joints get a residual update, the others pass through unchanged. A single
    person and a person whose partner is absent are left as they are.

    With ``inactive='drop'`` inactive joints are zero behind it ("J is the number of active joints", section 3.5),
    except in frames where the person has no partner.

    Two forms with the same result: ``'gathered'`` computes queries, keys and values of active joints only (up to
    the largest count in the batch); ``'masked'`` computes them for all joints and needs no number on the host, which
    ``torch.compile`` and CUDA streams prefer. ``'auto'`` gathers on the CPU outside of ``torch.compile``.

    Args:
        channels: Channels of the features.
        qk_channels: Channels d_q of queries and keys; default three quarters of ``channels``.
        gamma, alpha, score, threshold_grad: See :class:`ATNAC`.
        form: ``'auto'``, ``'gathered'`` or ``'masked'``.
        inactive: What becomes of inactive joints: ``'keep'`` or ``'drop'``.
        gate: Whether a trainable factor scales the update, from zero: AEA starts as identity (not in the paper).
        geometry, reach: See :class:`ExternalAttention`.

    Shapes:
        x ``(N*M, C, T, V)``, M fastest; presence ``(N*M, T)`` bool or None (all present); positions
        ``(N*M, T, V, geometry)``, None without geometry; returns as x. With
        ``inplace=True`` x may be overwritten, which saves a copy; not with gradients.

    Raises:
        InputError: On an unknown value of an option, or if x is no multiple of ``num_person`` long.
    """

    def __init__(
        self,
        channels: int,
        qk_channels: int | None = None,
        gamma: float = 1.0,
        alpha: float = 0.5,
        score: str = 'amplitude',
        threshold_grad: str = 'ste',
        form: str = 'auto',
        inactive: str = 'keep',
        gate: bool = False,
        geometry: int = 0,
        reach: float = REACH,
    ) -> None:
        super().__init__()
        check_option('AEA: form', form, FORMS)
        check_option('AEA: inactive', inactive, INACTIVE)
        self.form, self.inactive = form, inactive
        self.gate = nn.Parameter(torch.zeros(())) if gate else None
        self.atnac = ATNAC(gamma, alpha, score, threshold_grad)
        self.attention = ExternalAttention(channels, qk_channels, geometry, reach)
        self.step = 1  # frames of the clip from one frame of the features to the next; set by the model around it
        # of the last batch, for the logs; tensors, so that reading them costs only who reads
        self.active_share: Tensor | None = None
        self.mean_threshold: Tensor | None = None

    def gathers(self, x: Tensor) -> bool:
        """Whether this input takes the gathered form."""
        if self.form == 'auto':
            return x.device.type == 'cpu' and not torch.compiler.is_compiling()
        return self.form == 'gathered'

    def forward(
        self,
        x: Tensor,
        num_person: int,
        presence: Tensor | None = None,
        positions: Tensor | None = None,
        inplace: bool = False,
    ) -> Tensor:
        if x.shape[0] % num_person:
            raise InputError(f'AEA: expected a multiple of {num_person} persons, got {x.shape[0]}')
        if num_person == 1 or not x.shape[0]:
            # a gradient of zero: distributed training waits for one of every parameter
            return x + 0 * sum(p.sum() for p in self.parameters()) if torch.is_grad_enabled() else x
        active: ActiveJoints = self.atnac(x, presence)
        self.active_share, self.mean_threshold = active.mask.float().mean(), active.threshold.mean()
        weight = active.weight.to(x.dtype)
        kept = x if self.inactive == 'keep' else drop_inactive(x, weight, num_person, presence)
        # a batch of nobody would leave no column
        count = max(1, int(active.mask.sum(dim=1).max())) if self.gathers(x) else x.shape[3]
        if count == x.shape[3]:
            return kept + self._update(x, weight, num_person, presence, positions)
        # active joints first, in their order; the rest of the rows is filled up with joints of weight 0
        joints = active.mask.byte().argsort(dim=1, descending=True, stable=True)[:, :count]
        total, channels, frames, vertices = x.shape
        tokens = x.permute(0, 2, 3, 1).reshape(-1, channels)  # (N*M*T*V, C), a view of channels-last memory
        start = torch.arange(0, total * frames * vertices, vertices, device=x.device).view(total, frames, 1)
        index = (start + joints[:, None]).flatten()
        chosen = tokens.index_select(0, index).view(total, frames, count, channels).permute(0, 3, 1, 2)
        if positions is not None:
            positions = positions.gather(2, joints[:, None, :, None].expand(-1, frames, -1, positions.shape[3]))
        update = self._update(chosen, weight.gather(1, joints), num_person, presence, positions)
        if kept is not x:
            tokens = kept.permute(0, 2, 3, 1).reshape(-1, channels)
        add = tokens.index_add_ if inplace else tokens.index_add
        tokens = add(0, index, update.permute(0, 2, 3, 1).reshape(-1, channels))
        return tokens.view(total, frames, vertices, channels).permute(0, 3, 1, 2)

    def _update(
        self, x: Tensor, weight: Tensor, num_person: int, presence: Tensor | None, positions: Tensor | None
    ) -> Tensor:
        """Residual of the given joints; ``weight`` ``(N*M, J)`` is zero for those that are not active."""
        weight = weight[:, None]  # (N*M, T or 1, J)
        if presence is not None:
            weight = weight * presence[:, :, None].to(weight.dtype)
        update = self.attention(x, num_person, weight, positions)
        return update * (weight if self.gate is None else weight * self.gate)[:, None]


def build_aea(channels: int, options: Mapping, owner: str) -> AEA:
    """AEA of a config's options; ``owner`` is named where one is unknown."""
    if unknown := sorted(set(options) - set(AEA_OPTIONS)):
        raise InputError(f'{owner}: unknown interaction options {unknown}; known are {AEA_OPTIONS}')
    return AEA(channels, **options)


def coordinates_of(options: Mapping, in_channels: int, owner: str) -> int:
    """Coordinates that the input of a backbone begins with, for AEA that knows of places; 0 if it does not.

    Raises:
        InputError: If there are no such positions, or the input has fewer channels.
    """
    coordinates = options.get('geometry', 0)
    if coordinates not in (0, 2, 3) or coordinates > in_channels:
        raise InputError(
            f'{owner}: geometry: expected 2 or 3, coordinates of positions within the {in_channels} channels of the '
            f'input, got {coordinates!r}'
        )
    return int(coordinates)


def drop_inactive(x: Tensor, weight: Tensor, num_person: int, presence: Tensor | None) -> Tensor:
    """Multiply joints by their weight ``(N*M, V)`` in frames where the person and another one are present."""
    weight = weight[:, None]  # (N*M, T or 1, V)
    if presence is not None:
        here = presence.unflatten(0, (presence.shape[0] // num_person, num_person))
        together = here & (here.sum(dim=1, keepdim=True) > 1)
        weight = torch.where(together.flatten(0, 1)[..., None], weight, 1)
    return x * weight[:, None]
