"""Textbook forms of the layers: the equations written down one after the other, nothing shared, nothing fused.

They are the oracle of the layer tests and the yardstick of ``python -m lab.benchmark``. Written from the papers:
CTR-GC and its block from Chen et al., ICCV 2021 (the "usual code": per subset and per branch one convolution
each, relations averaged over time after their projection); AT-NAC and external attention from the ASEA paper,
Eq. 3-10, joint by joint.
"""

import math

import torch
from torch import Tensor, nn


class CTRGC(nn.Module):
    """One subset of channel-wise topology refinement, ASEA Eq. 1-2."""

    def __init__(self, in_channels: int, out_channels: int, relation_channels: int) -> None:
        super().__init__()
        self.theta = nn.Conv2d(in_channels, relation_channels, 1)
        self.phi = nn.Conv2d(in_channels, relation_channels, 1)
        self.value = nn.Conv2d(in_channels, out_channels, 1)
        self.delta = nn.Conv2d(relation_channels, out_channels, 1)

    def forward(self, x: Tensor, adjacency: Tensor, alpha: Tensor) -> Tensor:
        query, key = self.theta(x).mean(2), self.phi(x).mean(2)
        relation = torch.tanh(query.unsqueeze(-1) - key.unsqueeze(-2))
        topology = self.delta(relation) * alpha + adjacency
        return torch.einsum('ncvu,nctu->nctv', topology, self.value(x))


class SpatialGC(nn.Module):
    """CTR-GC over all graph subsets, batch norm, residual, ReLU."""

    def __init__(
        self, in_channels: int, out_channels: int, adjacency: Tensor, relation_channels: int | None = None
    ) -> None:
        super().__init__()
        relation_channels = relation_channels or (8 if in_channels <= 16 else in_channels // 8)
        self.subsets = nn.ModuleList(CTRGC(in_channels, out_channels, relation_channels) for _ in adjacency)
        self.adjacency = nn.Parameter(adjacency.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.bn = nn.BatchNorm2d(out_channels)
        self.down = nn.Identity()
        if in_channels != out_channels:
            self.down = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = None
        for subset, adjacency in zip(self.subsets, self.adjacency, strict=True):
            z = subset(x, adjacency, self.alpha)
            y = z if y is None else y + z
        return self.relu(self.bn(y) + self.down(x))


def pointwise(in_channels: int, out_channels: int) -> list[nn.Module]:
    return [nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels), nn.ReLU()]


def dilated(channels: int, kernel: int, dilation: int, stride: int = 1) -> list[nn.Module]:
    padding = (kernel - 1) * dilation // 2
    conv = nn.Conv2d(channels, channels, (kernel, 1), (stride, 1), (padding, 0), (dilation, 1))
    return [conv, nn.BatchNorm2d(channels)]


class MultiScaleTCN(nn.Module):
    """The widespread multi-scale temporal convolution: two dilated branches, one max-pool, one 1x1."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        width = out_channels // 4
        pool = [nn.MaxPool2d((3, 1), (stride, 1), (1, 0)), nn.BatchNorm2d(width)]
        last = [nn.Conv2d(in_channels, width, 1, (stride, 1)), nn.BatchNorm2d(width)]
        self.branches = nn.ModuleList(
            [
                nn.Sequential(*pointwise(in_channels, width), *dilated(width, 5, 1, stride)),
                nn.Sequential(*pointwise(in_channels, width), *dilated(width, 5, 2, stride)),
                nn.Sequential(*pointwise(in_channels, width), *pool),
                nn.Sequential(*last),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class StackedTCN(nn.Module):
    """The ASEA paper's words, section 3.3: three branches of two dilated convolutions and max-pooling, one 1x1."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        width = out_channels // 4
        self.branches = nn.ModuleList(
            nn.Sequential(
                *pointwise(in_channels, width),
                *dilated(width, 3, dilation),
                nn.ReLU(),
                dilated(width, 3, dilation + 1, stride)[0],
                nn.ReLU(),
                nn.MaxPool2d((3, 1), 1, (1, 0)),
                nn.BatchNorm2d(width),
            )
            for dilation in (1, 2, 3)
        )
        last = nn.Sequential(nn.Conv2d(in_channels, width, 1, (stride, 1)), nn.BatchNorm2d(width))
        self.branches.append(last)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Block(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, adjacency: Tensor, stride: int, residual: bool) -> None:
        super().__init__()
        self.gcn = SpatialGC(in_channels, out_channels, adjacency)
        self.tcn = MultiScaleTCN(out_channels, out_channels, stride)
        self.residual = nn.Identity() if residual else None
        if residual and (in_channels != out_channels or stride != 1):
            self.residual = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, (stride, 1)), nn.BatchNorm2d(out_channels)
            )
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.tcn(self.gcn(x))
        return self.relu(y + self.residual(x)) if self.residual is not None else self.relu(y)


class CTRGCN(nn.Module):
    """CTR-GCN of the usual widths, with its classifier; input ``(N, M, T, V, C)``."""

    def __init__(self, num_classes: int, adjacency: Tensor, in_channels: int = 3, num_person: int = 2) -> None:
        super().__init__()
        num_joints = adjacency.shape[-1]
        self.data_bn = nn.BatchNorm1d(num_person * in_channels * num_joints)
        widths = [64] * 4 + [128] * 3 + [256] * 3
        inputs = [in_channels, *widths[:-1]]
        self.blocks = nn.ModuleList(
            Block(i, o, adjacency, 2 if k in (4, 7) else 1, k > 0)
            for k, (i, o) in enumerate(zip(inputs, widths, strict=True))
        )
        self.fc = nn.Linear(widths[-1], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        n, m, t, v, c = x.shape
        x = self.data_bn(x.permute(0, 1, 3, 4, 2).reshape(n, m * v * c, t))
        x = x.view(n, m, v, c, t).permute(0, 1, 3, 4, 2).reshape(n * m, c, t, v)
        for block in self.blocks:
            x = block(x)
        return self.fc(x.mean((2, 3)).view(n, m, -1).mean(1))


def node_amplitude(x: Tensor, gamma: float) -> Tensor:
    """Eq. 3-6 for one person, x ``(C, T, V)``; returns S ``(V,)``."""
    channels, frames, joints = x.shape
    energy = [
        [math.sqrt(sum(float(x[c, t, v]) ** 2 for c in range(channels))) for v in range(joints)] for t in range(frames)
    ]
    weights = []
    for t in range(frames):
        mean = sum(energy[t]) / joints
        weights.append(math.exp(gamma * sum((e - mean) ** 2 for e in energy[t]) / joints))
    total = sum(weights)
    return torch.tensor(
        [sum(weights[t] / total * energy[t][v] for t in range(frames)) for v in range(joints)], dtype=x.dtype
    )


def active_joints(amplitude: Tensor, alpha: float) -> tuple[Tensor, float]:
    """Eq. 7-8 for one person: mask ``(V,)`` of booleans and the threshold."""
    joints = len(amplitude)
    mean = sum(amplitude.tolist()) / joints
    sigma = math.sqrt(sum((s - mean) ** 2 for s in amplitude.tolist()) / joints)
    tau = mean + alpha * sigma
    mask = amplitude > tau
    if not mask.any():
        mask[int(amplitude.argmax())] = True
    return mask, tau


def external_attention(
    persons: list[Tensor],
    masks: list[Tensor],
    w_q: Tensor,
    w_k: Tensor,
    w_v: Tensor,
    b_q: Tensor,
    b_k: Tensor,
    b_v: Tensor,
    weights: list[Tensor] | None = None,
) -> list[Tensor]:
    """Eq. 9-10 and the residual, frame by frame.

    Every person is ``(C, T, V)``; masks are ``(V,)``, or ``(T, V)`` where persons come and go; weights ``(V,)``,
    default one, scale a joint's value and its update.
    """
    out = [x.clone() for x in persons]
    weights = weights or [torch.ones_like(x[0, 0]) for x in persons]
    for p, x in enumerate(persons):
        for t in range(x.shape[1]):
            active = [mask if mask.ndim == 1 else mask[t] for mask in masks]
            others = [o for o in range(len(persons)) if o != p and active[o].any()]
            if not others or not active[p].any():
                continue
            keys = torch.cat([persons[o][:, t, active[o]].T for o in others])  # (joints of the others, C)
            scale = torch.cat([weights[o][active[o]] for o in others])
            query = x[:, t, active[p]].T @ w_q.T + b_q
            logits = query @ (keys @ w_k.T + b_k).T / math.sqrt(w_q.shape[0])
            update = torch.softmax(logits, dim=-1) @ (scale[:, None] * (keys @ w_v.T + b_v))
            out[p][:, t, active[p]] = x[:, t, active[p]] + update.T * weights[p][active[p]]
    return out


class AEA(nn.Module):
    """AT-NAC and external attention, Eq. 3-10, sample by sample and person by person.

    ``straight_through`` makes the mask's gradient that of ``sigmoid((S - tau) / sigma)`` with respect to alpha.
    """

    def __init__(self, channels: int, qk_channels: int, gamma: float = 1.0, straight_through: bool = True) -> None:
        super().__init__()
        self.query = nn.Linear(channels, qk_channels)
        self.key = nn.Linear(channels, qk_channels)
        self.value = nn.Linear(channels, channels)
        self.alpha = nn.Parameter(torch.tensor(0.5))
        self.gamma, self.straight_through = gamma, straight_through

    def select(self, x: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Mask ``(T, V)`` and weight ``(V,)`` of one person ``(C, T, V)`` who is present in some frames ``(T,)``."""
        frames, joints = x.shape[1:]
        if not present.any():
            return torch.zeros(frames, joints, dtype=torch.bool), torch.zeros(joints, dtype=x.dtype)
        score = node_amplitude(x.detach()[:, present], self.gamma)
        mask, _ = active_joints(score, self.alpha.item())
        weight = torch.ones_like(score)
        if self.straight_through:
            sigma = score.std(correction=0)
            soft = torch.sigmoid((score - (score.mean() + self.alpha * sigma)) / sigma)
            weight = weight + (soft - soft.detach())
        return mask & present[:, None], weight

    def forward(self, x: Tensor, num_person: int, presence: Tensor | None = None) -> Tensor:
        if presence is None:
            presence = torch.ones(x.shape[0], x.shape[2], dtype=torch.bool)
        out = []
        for start in range(0, len(x), num_person):
            persons = [x[start + p] for p in range(num_person)]
            chosen = [self.select(person, presence[start + p]) for p, person in enumerate(persons)]
            masks, weights = [mask for mask, _ in chosen], [weight for _, weight in chosen]
            linears = (self.query, self.key, self.value)
            matrices = [linear.weight for linear in linears] + [linear.bias for linear in linears]
            out += external_attention(persons, masks, *matrices, weights)
        return torch.stack(out)
