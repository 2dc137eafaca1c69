"""Textbook forms of the baselines' layers, as in textbook.py: equations written down, nothing shared, nothing fused.

MS-G3D after Liu et al., CVPR 2020, with windows copied out of the clip frame by frame. DeGCN's layers joint by joint
and sample by sample, in the reading of docs/baselines.md.
"""

import math

import torch
from torch import Tensor, nn

from .textbook import dilated, pointwise


def distances(links: list[tuple[int, int]], nodes: int) -> list[list[float]]:
    """Shortest paths between all nodes (Floyd and Warshall)."""
    d = [[0.0 if i == j else math.inf for j in range(nodes)] for i in range(nodes)]
    for i, j in links:
        d[i][j] = d[j][i] = min(d[i][j], 1.0)
    for k in range(nodes):
        for i in range(nodes):
            for j in range(nodes):
                d[i][j] = min(d[i][j], d[i][k] + d[k][j])
    return d


def window_links(bones: list[tuple[int, int]], joints: int, window: int) -> list[tuple[int, int]]:
    """Links of a window's joints: to themselves and their neighbours in every frame; MS-G3D, Eq. 8."""
    pairs = [*bones, *((i, i) for i in range(joints))]
    both = [*pairs, *((j, i) for i, j in pairs)]
    links = [(s * joints + i, t * joints + j) for s in range(window) for t in range(window) for i, j in both]
    return [(i, j) for i, j in links if i != j]


def k_adjacency(links: list[tuple[int, int]], nodes: int, k: int) -> Tensor:
    """Eq. 4, symmetrically normalised."""
    d = distances(links, nodes)
    matrix = torch.tensor([[float(d[i][j] == k or i == j) for j in range(nodes)] for i in range(nodes)])
    degree = matrix.sum(1)
    return matrix / (degree[:, None] * degree[None, :]).sqrt()


class MultiScaleGC(nn.Module):
    """Eq. 5 and 9: every window's joints in one graph; returns ``(N, C, T', W*V)``."""

    def __init__(self, in_channels: int, out_channels: int, adjacency: Tensor, window: int, stride: int) -> None:
        super().__init__()
        self.adjacency = nn.Parameter(adjacency.clone(), requires_grad=False)
        self.mask = nn.Parameter(torch.zeros_like(adjacency))
        self.weight = nn.Parameter(torch.zeros(out_channels, in_channels, len(adjacency)))
        self.bn = nn.BatchNorm2d(out_channels)
        self.window, self.stride = window, stride

    def forward(self, x: Tensor) -> Tensor:
        frames = x.shape[2]
        windows = []
        for centre in range(0, frames, self.stride):
            around = range(centre - self.window // 2, centre + self.window // 2 + 1)
            inside = [x[:, :, t] if 0 <= t < frames else torch.zeros_like(x[:, :, 0]) for t in around]
            windows.append(torch.cat(inside, dim=2))
        joints = torch.stack(windows, dim=2)  # (N, C, T', W*V)
        y = 0
        for k in range(len(self.adjacency)):
            gathered = torch.einsum('pq,nctq->nctp', self.adjacency[k] + self.mask[k], joints)
            y = y + torch.einsum('dc,nctp->ndtp', self.weight[:, :, k], gathered)
        return torch.relu(self.bn(y))


class WindowedGC(nn.Module):
    """G3D and its read-out over the window's frames."""

    def __init__(
        self, in_channels: int, width: int, out_channels: int, adjacency: Tensor, window: int, stride: int
    ) -> None:
        super().__init__()
        self.graph = MultiScaleGC(in_channels, width, adjacency, window, stride)
        self.conv = nn.Conv3d(width, out_channels, (1, window, 1))
        self.bn = nn.BatchNorm3d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.graph(x).unflatten(3, (self.conv.kernel_size[1], x.shape[3]))
        return self.bn(self.conv(y)).squeeze(3)


class MultiScaleTCN(nn.Module):
    """Six branches and a residual, MS-G3D, Fig. 3c."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        width = out_channels // 6
        self.branches = nn.ModuleList(
            nn.Sequential(*pointwise(in_channels, width), *dilated(width, 3, dilation, stride))
            for dilation in (1, 2, 3, 4)
        )
        pool = [nn.MaxPool2d((3, 1), (stride, 1), (1, 0)), nn.BatchNorm2d(width)]
        self.branches.append(nn.Sequential(*pointwise(in_channels, width), *pool))
        last = nn.Conv2d(in_channels, width, 1, (stride, 1))
        self.branches.append(nn.Sequential(last, nn.BatchNorm2d(width)))
        self.residual = nn.Identity()
        if in_channels != out_channels or stride != 1:
            conv = nn.Conv2d(in_channels, out_channels, 1, (stride, 1))
            self.residual = nn.Sequential(conv, nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1) + self.residual(x)


class MSG3DBlock(nn.Module):
    """Three pathways, their sum, a temporal convolution: MS-G3D, Fig. 3a."""

    def __init__(
        self,
        in_channels: int,
        graph_channels: int,
        out_channels: int,
        scales: Tensor,
        window_scales: dict[int, Tensor],
        stride: int,
    ) -> None:
        super().__init__()
        self.graph = MultiScaleGC(in_channels, graph_channels, scales, 1, 1)
        self.first = MultiScaleTCN(graph_channels, out_channels, stride)
        self.second = MultiScaleTCN(out_channels, out_channels, 1)
        self.windows = nn.ModuleList(
            WindowedGC(in_channels, graph_channels, out_channels, adjacency, window, stride)
            for window, adjacency in window_scales.items()
        )
        self.last = MultiScaleTCN(out_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        factorised = self.second(torch.relu(self.first(self.graph(x))))
        pathways = [factorised, *(window(x) for window in self.windows)]
        return torch.relu(self.last(torch.relu(sum(pathways))))


class DeformableGC(nn.Module):
    """Every joint of every person samples the joints of highest score, one kernel point and channel group at a time."""

    def __init__(
        self, in_channels: int, out_channels: int, points: int, joints: int, samples: int, groups: int, relation: int
    ) -> None:
        super().__init__()
        self.samples, self.groups, self.relation, self.points = samples, groups, relation, points
        self.query = nn.Conv2d(in_channels, points * groups * relation, 1)
        self.key = nn.Conv2d(in_channels, points * groups * relation, 1)
        self.alpha = nn.Parameter(torch.zeros(1))
        self.location = nn.Parameter(torch.zeros(points, joints, joints))
        self.values = nn.ModuleList(nn.Conv2d(in_channels, out_channels, 1) for _ in range(points))
        self.bn = nn.BatchNorm2d(out_channels)
        self.down = nn.Identity()
        if in_channels != out_channels:
            self.down = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))

    def weights(self, query: Tensor, key: Tensor, location: Tensor) -> Tensor:
        """Weights of the joints that one joint samples, ``(V,)``; query ``(d,)``, key ``(d, V)``."""
        scores = location + self.alpha * (query @ key) / math.sqrt(self.relation)
        chosen = sorted(range(len(scores)), key=lambda j: -scores[j].item())[: self.samples]
        total = sum(scores[j].exp() for j in chosen)
        zero = torch.zeros_like(total)
        return torch.stack([scores[j].exp() / total if j in chosen else zero for j in range(len(scores))])

    def person(self, x: Tensor) -> Tensor:
        """One person, ``(1, C, T, V)``."""
        query, key = self.query(x).mean(2)[0], self.key(x).mean(2)[0]
        out = []
        for group in range(self.groups):
            total = 0
            for point, value in enumerate(self.values):
                start = (point * self.groups + group) * self.relation
                rows = slice(start, start + self.relation)
                weights = torch.stack(
                    [
                        self.weights(query[rows, i], key[rows], self.location[point, i])
                        for i in range(self.location.shape[1])
                    ]
                )
                features = value(x).chunk(self.groups, dim=1)[group]
                total = total + torch.einsum('ij,nctj->ncti', weights, features)
            out.append(total)
        return torch.cat(out, dim=1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat([self.person(person[None]) for person in x])
        return torch.relu(self.bn(y) + self.down(x))


def deformable_temporal_conv(x: Tensor, weight: Tensor, bias: Tensor, positions: Tensor, stride: int) -> Tensor:
    """Linear interpolation at every tap's instant, frame by frame; x ``(N, C, T, V)``, positions ``(C, kernel)``."""
    n, channels, frames, joints = x.shape

    def at(channel: int, instant: Tensor) -> Tensor:
        before = math.floor(instant.item())
        after = before + 1
        left = x[:, channel, before] if 0 <= before < frames else torch.zeros_like(x[:, channel, 0])
        right = x[:, channel, after] if 0 <= after < frames else torch.zeros_like(x[:, channel, 0])
        return (after - instant) * left + (instant - before) * right

    out = []
    for t in range(0, frames, stride):
        y = bias[None, :, None].expand(n, -1, joints)
        for channel in range(channels):
            for tap in range(weight.shape[2]):
                value = at(channel, t + positions[channel, tap])
                y = y + weight[:, channel, tap, 0][None, :, None] * value[:, None]
        out.append(y)
    return torch.stack(out, dim=2)
