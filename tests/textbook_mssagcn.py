"""Textbook forms of the second paper's layers: its equations one after the other, from the weights of ours.

Fang and Wang, "Multi-scale Self-Attention Convolutional Networks for Skeleton-Based Action Recognition".
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .textbook import conv_over_time, norm, reduced
from .textbook_baselines import residual


def symmetric_graph(num_joints: int, bones: list[tuple[int, int]]) -> list[list[float]]:
    """Eq. 1: the entries of D^-1/2 (A + I) D^-1/2, one by one."""
    linked = [[i == j or (i, j) in bones or (j, i) in bones for j in range(num_joints)] for i in range(num_joints)]
    degree = [sum(row) for row in linked]
    return [[linked[i][j] / math.sqrt(degree[i] * degree[j]) for j in range(num_joints)] for i in range(num_joints)]


def adaptive_topology(layer: nn.Module, x: Tensor, part: int) -> Tensor:
    """Eq. 4-6 for one part of x, ``(N, C / 4, V, V)``."""
    width, relation = layer.width, layer.relation.out_channels // 8
    own = slice(part * width, (part + 1) * width)
    pooled = F.conv2d(x, layer.split.weight[own], layer.split.bias[own]).mean(2, keepdim=True)
    start = 2 * part * relation
    rows = slice(start, start + relation), slice(start + relation, start + 2 * relation)
    psi, phi = (F.conv2d(pooled, layer.relation.weight[k], layer.relation.bias[k])[:, :, 0] for k in rows)
    related = torch.tanh(psi[:, :, :, None] - phi[:, :, None, :])
    q = F.conv2d(related, layer.delta.weight[own], layer.delta.bias[own])
    return layer.adjacency[part] + layer.alpha[part] * q


def multi_scale_agc(layer: nn.Module, x: Tensor) -> Tensor:
    """Eq. 2, 3 and 7: split, transform and aggregate part by part."""
    parts = []
    for part in range(4):
        own = slice(part * layer.width, (part + 1) * layer.width)
        y = F.conv2d(x, layer.split.weight[own], layer.split.bias[own])
        y = F.conv2d(y, layer.transform.weight[own])
        parts.append(torch.einsum('ncij,nctj->ncti', adaptive_topology(layer, x, part), y))
    same = isinstance(layer.residual, nn.Identity)
    kept = x if same else F.conv2d(x, layer.residual.weight, layer.residual.bias)
    return torch.relu(norm(layer.bn, torch.cat(parts, dim=1) + kept))


def self_attention(layer: nn.Module, x: Tensor, presence: Tensor | None = None) -> Tensor:
    """Eq. 8, head by head and person by person; queries are every ``stride``-th frame, keys those that are present."""
    presence = torch.ones(x.shape[0], x.shape[2], dtype=torch.bool) if presence is None else presence
    width = layer.value.out_channels // (layer.groups * layer.heads)
    heads = []
    for head in range(layer.groups * layer.heads):
        rows = slice(head * width, (head + 1) * width)
        own = x.chunk(layer.groups, dim=1)[head // layer.heads]
        query, key, value = (
            torch.einsum('dc,nctv->nvtd', conv.weight[rows, :, 0, 0], own)
            for conv in (layer.query, layer.key, layer.value)
        )
        persons = []
        for n, present in enumerate(presence):
            logits = query[n, :, :: layer.stride] @ key[n][:, present].transpose(1, 2) / math.sqrt(width)
            out = torch.softmax(logits, dim=2) @ value[n][:, present]
            persons.append(out * present[:: layer.stride, None])
        heads.append(torch.stack(persons))
    return torch.cat(heads, dim=3).permute(0, 3, 2, 1)


def hybrid(layer: nn.Module, x: Tensor, stride: int) -> Tensor:
    """Eq. 9: four dilations, the first two with self-attention beside them; batch norm behind each."""
    parts, start = [], 0
    branches = [reduced(layer, x, k) for k in range(4)]
    attended = self_attention(layer.attention, torch.cat(branches[:2], dim=1)).chunk(2, dim=1)
    for k, (conv, y) in enumerate(zip(layer.dilated, branches, strict=True)):
        parts += [attended[k]] if k < 2 else []
        parts.append(conv_over_time(conv, y, stride, k + 1))
    normed = []
    for part in parts:
        normed.append(norm(layer.bn, part, slice(start, start + part.shape[1])))
        start += part.shape[1]
    return torch.cat(normed, dim=1)


def block(layer: nn.Module, x: Tensor, num_person: int) -> Tensor:
    y = hybrid(layer.temporal, multi_scale_agc(layer.spatial, x), layer.stride)
    return torch.relu(y + residual(layer.residual, x, layer.stride))
