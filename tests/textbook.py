"""Textbook forms of the layers: the equations written down one after the other, nothing shared, nothing fused.

They are the oracle of the layer tests. CTR-GCN after Chen et al., ICCV 2021, is the "usual code" (per subset and per
branch one convolution each, relations averaged over time after their projection), with weights of its own; it is the
yardstick of ``python -m lab.benchmark``, too. All else are functions of a layer of ours: what it should compute with
its weights.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
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

    def __init__(self, in_channels: int, out_channels: int, adjacency: Tensor) -> None:
        super().__init__()
        relation_channels = 8 if in_channels <= 16 else in_channels // 8
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


def norm(bn: nn.BatchNorm2d, x: Tensor, channels: slice = slice(None)) -> Tensor:
    """Some channels of a batch norm, in training by the statistics of x."""
    mean, variance = bn.running_mean[channels], bn.running_var[channels]
    if bn.training:
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    scale = bn.weight[channels] / torch.sqrt(variance + bn.eps)
    return (x - mean[:, None, None]) * scale[:, None, None] + bn.bias[channels][:, None, None]


def conv_over_time(conv: nn.Conv2d, x: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
    padding = (conv.weight.shape[2] - 1) * dilation // 2
    return F.conv2d(x, conv.weight, conv.bias, (stride, 1), (padding, 0), (dilation, 1))


def pool_over_time(x: Tensor, stride: int = 1) -> Tensor:
    return F.max_pool2d(x, (3, 1), (stride, 1), (1, 0))


def reduced(layer: nn.Module, x: Tensor, branch: int) -> Tensor:
    """The start of a branch: 1x1, batch norm, ReLU."""
    channels = slice(branch * layer.width, (branch + 1) * layer.width)
    conv, bn = layer.reduce
    return torch.relu(norm(bn, F.conv2d(x, conv.weight[channels], conv.bias[channels]), channels))


def branched(layer: nn.Module, x: Tensor, ends: list[Callable[[Tensor], Tensor]]) -> Tensor:
    """Branches of a 1x1, batch norm, ReLU and an end of their own, one of a 1x1 alone, batch norm behind each."""
    branches = [end(reduced(layer, x, k)) for k, end in enumerate(ends)]
    branches.append(conv_over_time(layer.skip, x, layer.stride))
    width = layer.width
    return torch.cat([norm(layer.bn, y, slice(k * width, (k + 1) * width)) for k, y in enumerate(branches)], dim=1)


def stacked_tcn(layer: nn.Module, x: Tensor) -> Tensor:
    """The ASEA paper's words, section 3.3: three branches of two dilated convolutions and max-pooling, one 1x1."""

    def end(k: int) -> Callable[[Tensor], Tensor]:
        (conv, bn), second = layer.first[k], layer.dilated[k]

        def of(y: Tensor) -> Tensor:
            y = torch.relu(norm(bn, conv_over_time(conv, y, 1, k + 1)))
            return pool_over_time(torch.relu(conv_over_time(second, y, layer.stride, k + 2)))

        return of

    return branched(layer, x, [end(k) for k in range(3)])


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


def selected(atnac: nn.Module, x: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Mask and weight ``(V,)`` of one person ``(C, T, V)``, present in some frames ``(T,)``; Eq. 3-8.

    The weight is one; straight through, its gradient is that of ``sigmoid((S - tau) / sigma)`` with respect to alpha.
    """
    if atnac.alpha is None or not present.any():
        return torch.ones(x.shape[2], dtype=torch.bool), torch.ones(x.shape[2], dtype=x.dtype)
    score = node_amplitude(x.detach()[:, present], atnac.gamma)
    mask, _ = active_joints(score, atnac.alpha.item())
    weight = torch.ones_like(score)
    if atnac.threshold_grad == 'ste':
        sigma = score.std(correction=0)
        soft = torch.sigmoid((score - (score.mean() + atnac.alpha * sigma)) / sigma)
        weight = weight + (soft - soft.detach())
    return mask, weight


def aea(
    layer: nn.Module, x: Tensor, num_person: int, presence: Tensor | None = None, positions: Tensor | None = None
) -> Tensor:
    """AT-NAC and external attention, Eq. 3-10, with the options of AEA: sample by sample, person by person and frame
    by frame; with positions, pair of joints by pair of joints."""
    if presence is None:
        presence = torch.ones(x.shape[0], x.shape[2], dtype=torch.bool)
    sizes = (layer.attention.qk_channels, layer.attention.qk_channels, x.shape[1])
    w_q, w_k, w_v = layer.attention.qkv.weight[:, :, 0, 0].split(sizes)
    b_q, b_k, b_v = layer.attention.qkv.bias.split(sizes)
    chosen = [selected(layer.atnac, person, present) for person, present in zip(x, presence, strict=True)]
    out = x.clone()
    for p, (mask, weight) in enumerate(chosen):
        first = p - p % num_person
        for t in range(x.shape[2]):
            others = [o for o in range(first, first + num_person) if o != p and presence[o, t]]
            if not others or not presence[p, t]:
                continue
            keys = torch.cat([x[o, :, t, chosen[o][0]].T for o in others])  # (joints of the others, C)
            values = torch.cat([chosen[o][1][chosen[o][0]] for o in others])[:, None] * (keys @ w_v.T + b_v)
            logits = (x[p, :, t, mask].T @ w_q.T + b_q) @ (keys @ w_k.T + b_k).T / math.sqrt(sizes[0])
            places = torch.zeros(len(logits), len(keys), 0)
            if positions is not None:
                theirs = torch.cat([positions[o, t, chosen[o][0]] for o in others])
                offsets = theirs - positions[p, t, mask][:, None]
                distance = offsets.norm(dim=-1, keepdim=True)
                near = torch.exp(-(distance**2) / (2 * (layer.attention.geometry.reach / 2 ** torch.arange(5)) ** 2))
                logits = logits + near @ layer.attention.geometry.bias
                places = torch.cat([offsets, near], dim=-1) @ layer.attention.geometry.values.weight.T
                places = places * torch.cat([chosen[o][1][chosen[o][0]] for o in others])[:, None]
            attention = torch.softmax(logits, dim=-1)
            update = attention @ values
            for joint in range(len(update) if places.shape[2] else 0):
                update[joint] = update[joint] + attention[joint] @ places[joint]
            update = update.T * weight[mask]
            kept = x[p, :, t, mask]
            if layer.inactive == 'drop':
                kept = kept * weight[mask]
                out[p, :, t, ~mask] = 0
            out[p, :, t, mask] = kept + (update if layer.gate is None else layer.gate * update)
    return out
