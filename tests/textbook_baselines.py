"""Textbook forms of the baselines' layers, as in textbook.py: equations written down, computed from a layer's weights.

MS-G3D after Liu et al., CVPR 2020, with windows copied out of the clip frame by frame. DeGCN's layers joint by joint
and sample by sample, in the reading of docs/baselines.md.
"""

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .textbook import branched, conv_over_time, norm, pool_over_time


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


def multi_scale_gc(layer: nn.Module, x: Tensor) -> Tensor:
    """Eq. 5 and 9: every window's joints in one graph; returns ``(N, C, T', W*V)``."""
    frames, half = x.shape[2], layer.window // 2
    windows = []
    for centre in range(0, frames, layer.stride):
        around = range(centre - half, centre + half + 1)
        inside = [x[:, :, t] if 0 <= t < frames else torch.zeros_like(x[:, :, 0]) for t in around]
        windows.append(torch.cat(inside, dim=2))
    joints = torch.stack(windows, dim=2)  # (N, C, T', W*V)
    y = 0
    for k, adjacency in enumerate(layer.adjacency + layer.mask):
        gathered = torch.einsum('pq,nctq->nctp', adjacency, joints)
        y = y + torch.einsum('dc,nctp->ndtp', layer.weight[:, :, k], gathered)
    return torch.relu(norm(layer.bn, y))


def windowed_gc(layer: nn.Module, x: Tensor) -> Tensor:
    """G3D and its read-out over the window's frames."""
    y = multi_scale_gc(layer.graph, x).unflatten(3, (layer.window, -1))
    conv, bn = layer.collapse
    weight = conv.weight.view(len(conv.weight), -1, layer.window)
    return norm(bn, torch.einsum('dcw,nctwv->ndtv', weight, y) + conv.bias[:, None, None])


def multi_scale_tcn(layer: nn.Module, x: Tensor) -> Tensor:
    """Six branches and a residual, MS-G3D, Fig. 3c."""
    ends = [partial(conv_over_time, conv, stride=layer.stride, dilation=k + 1) for k, conv in enumerate(layer.convs)]
    y = branched(layer, x, [*ends, partial(pool_over_time, stride=layer.stride)])
    return y + residual(layer.residual, x, layer.stride)


def residual(layer: nn.Module, x: Tensor, stride: int = 1) -> Tensor:
    return x if isinstance(layer, nn.Identity) else norm(layer[1], conv_over_time(layer[0], x, stride))


def msg3d_block(block: nn.Module, x: Tensor, num_person: int) -> Tensor:
    """Three pathways, their sum, a temporal convolution: MS-G3D, Fig. 3a."""
    first, second = block.spatial.temporal
    y = multi_scale_tcn(second, torch.relu(multi_scale_tcn(first, multi_scale_gc(block.spatial.graph, x))))
    y = torch.relu(sum((windowed_gc(windowed, x) for windowed in block.spatial.windows), y))
    return torch.relu(multi_scale_tcn(block.temporal, y))


def sampled_joints(scores: Tensor, count: int) -> Tensor:
    """Softmax over the ``count`` highest scores, zero elsewhere; ``(V,)``."""
    chosen = sorted(range(len(scores)), key=lambda j: -scores[j].item())[:count]
    total = sum(scores[j].exp() for j in chosen)
    zero = torch.zeros_like(total)
    return torch.stack([scores[j].exp() / total if j in chosen else zero for j in range(len(scores))])


def deformable_gc(layer: nn.Module, x: Tensor) -> Tensor:
    """Every joint of every person samples joints, one kernel point and channel group at a time."""
    width = layer.relation_channels
    relation = F.conv2d(x, layer.relation.weight, layer.relation.bias).mean(2)
    relation = relation.unflatten(1, (2, layer.points, layer.groups, width))
    weights, biases = layer.value.weight.chunk(layer.points), layer.value.bias.chunk(layer.points)
    persons = []
    for person, (query, key) in zip(x, relation, strict=True):
        y = 0
        for s in range(layer.points):
            features = F.conv2d(person[None], weights[s], biases[s])[0].chunk(layer.groups)
            groups = []
            for g in range(layer.groups):
                scores = layer.location[s] + layer.alpha * (query[s, g].T @ key[s, g]) / math.sqrt(width)
                rows = torch.stack([sampled_joints(row, layer.samples) for row in scores])
                groups.append(torch.einsum('ij,ctj->cti', rows, features[g]))
            y = y + torch.cat(groups)
        persons.append(y)
    return torch.relu(norm(layer.bn, torch.stack(persons)) + residual(layer.residual, x))


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
