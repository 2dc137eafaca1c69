"""Textbook forms of the second paper's layers: its equations one after the other, part by part and head by head.

Fang and Wang, "Multi-scale Self-Attention Convolutional Networks for Skeleton-Based Action Recognition". The oracle
of the tests of ``MultiScaleAGC``, ``TemporalSelfAttention``, ``MultiScaleAttentionTCN`` and ``MSSAGCN``.
"""

import math

import torch
from torch import Tensor, nn

from .textbook import dilated, pointwise


def symmetric_graph(num_joints: int, bones: list[tuple[int, int]]) -> list[list[float]]:
    """Eq. 1: the entries of D^-1/2 (A + I) D^-1/2, one by one."""
    linked = [[i == j or (i, j) in bones or (j, i) in bones for j in range(num_joints)] for i in range(num_joints)]
    degree = [sum(row) for row in linked]
    return [[linked[i][j] / math.sqrt(degree[i] * degree[j]) for j in range(num_joints)] for i in range(num_joints)]


class AdaptiveGC(nn.Module):
    """Y of Eq. 2 for one part: Eq. 4-7."""

    def __init__(self, channels: int, relation_channels: int, adjacency: Tensor) -> None:
        super().__init__()
        self.transform = nn.Conv2d(channels, channels, 1, bias=False)
        self.psi = nn.Conv2d(channels, relation_channels, 1)
        self.phi = nn.Conv2d(channels, relation_channels, 1)
        self.delta = nn.Conv2d(relation_channels, channels, 1)
        self.adjacency = nn.Parameter(adjacency.clone())
        self.alpha = nn.Parameter(torch.zeros(1))

    def topology(self, x: Tensor) -> Tensor:
        """Eq. 5 and 6, joint pair by joint pair; ``(N, C, V, V)``."""
        pooled = x.mean(2, keepdim=True)
        query, key = self.psi(pooled)[:, :, 0], self.phi(pooled)[:, :, 0]
        rows = []
        for i in range(x.shape[3]):
            pairs = [torch.tanh(query[:, :, i] - key[:, :, j]) for j in range(x.shape[3])]
            rows.append([self.delta(pair[:, :, None, None])[:, :, 0, 0] for pair in pairs])
        q = torch.stack([torch.stack(row, dim=2) for row in rows], dim=2)
        return self.adjacency + self.alpha * q

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum('ncij,nctj->ncti', self.topology(x), self.transform(x))


class MultiScaleAGC(nn.Module):
    """Eq. 2 and 3."""

    def __init__(self, in_channels: int, out_channels: int, adjacency: Tensor, relation_channels: int = 8) -> None:
        super().__init__()
        width = out_channels // 4
        self.split = nn.ModuleList(nn.Conv2d(in_channels, width, 1) for _ in range(4))
        self.parts = nn.ModuleList(AdaptiveGC(width, relation_channels, adjacency) for _ in range(4))
        self.residual = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        out = torch.cat([part(split(x)) for part, split in zip(self.parts, self.split, strict=True)], dim=1)
        return torch.relu(self.bn(out + self.residual(x)))


class TemporalSelfAttention(nn.Module):
    """Eq. 8, head by head; queries are every ``stride``-th frame, keys the frames that are present."""

    def __init__(self, in_channels: int, out_channels: int, heads: int, stride: int = 1) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(in_channels, out_channels, bias=False) for _ in range(3))
        self.heads, self.stride = heads, stride

    def of_one_joint(self, x: Tensor, present: Tensor) -> Tensor:
        """x ``(T, C)``, present ``(T,)``; returns ``(ceil(T/stride), C_out)``."""
        width = self.query.out_features // self.heads
        out = []
        for head in range(self.heads):
            rows = slice(head * width, (head + 1) * width)
            query, key, value = (linear(x)[:, rows] for linear in (self.query, self.key, self.value))
            logits = query[:: self.stride] @ key[present].T / math.sqrt(width)
            out.append(torch.softmax(logits, dim=1) @ value[present])
        return torch.cat(out, dim=1) * present[:: self.stride, None]

    def forward(self, x: Tensor, presence: Tensor | None = None) -> Tensor:
        presence = torch.ones(x.shape[0], x.shape[2], dtype=torch.bool) if presence is None else presence
        joints = [
            torch.stack([self.of_one_joint(x[n, :, :, v].T, presence[n]) for v in range(x.shape[3])], dim=1)
            for n in range(len(x))
        ]
        return torch.stack(joints).permute(0, 3, 1, 2)


class MultiScaleAttentionTCN(nn.Module):
    """Eq. 9: four dilations, the first two with self-attention beside them."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, heads: int) -> None:
        super().__init__()
        width, half = out_channels // 4, out_channels // 8
        self.reduce = nn.ModuleList(nn.Sequential(*pointwise(in_channels, width)) for _ in range(4))
        self.attention = nn.ModuleList(TemporalSelfAttention(width, half, heads, stride) for _ in range(2))
        self.attention_bn = nn.ModuleList(nn.BatchNorm2d(half) for _ in range(2))
        self.conv = nn.ModuleList(nn.Sequential(*dilated(width, 3, d + 1, stride)) for d in range(4))
        for k in range(2):
            self.conv[k] = nn.Sequential(
                nn.Conv2d(width, half, (3, 1), (stride, 1), (k + 1, 0), (k + 1, 1)), nn.BatchNorm2d(half)
            )

    def forward(self, x: Tensor) -> Tensor:
        parts = []
        for k, reduce in enumerate(self.reduce):
            y = reduce(x)
            if k < 2:
                parts.append(self.attention_bn[k](self.attention[k](y)))
            parts.append(self.conv[k](y))
        return torch.cat(parts, dim=1)


class Block(nn.Module):
    def __init__(self, in_channels: int, out_channels: int, adjacency: Tensor, stride: int, heads: int) -> None:
        super().__init__()
        self.spatial = MultiScaleAGC(in_channels, out_channels, adjacency)
        self.temporal = MultiScaleAttentionTCN(out_channels, out_channels, stride, heads)
        self.residual: nn.Module = nn.Identity()
        if in_channels != out_channels or stride != 1:
            self.residual = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, (stride, 1)), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor, num_person: int) -> Tensor:
        return torch.relu(self.temporal(self.spatial(x)) + self.residual(x))
