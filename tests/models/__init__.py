"""What the model tests share: which parameter of a fast layer is which of the textbook's, and random states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.registry import init_default_scope
from torch import Tensor, nn

import asea_mm  # noqa: F401  (registers the models)
from asea_mm.skeletons import graph_layout

CLASSES = 5
TOLERANCE = dict(rtol=1e-9, atol=1e-9)


class Pair(NamedTuple):
    """A part of a tensor of the fast layer, and the same thing in the textbook's."""

    fast: Tensor
    textbook: Tensor
    part: slice = slice(None)


def same(fast: nn.Module, textbook: nn.Module, part: slice = slice(None)) -> list[Pair]:
    """Weight, bias and statistics of two convolutions, linear layers or batch norms, or part of the first."""
    names = ('weight', 'bias', 'running_mean', 'running_var')
    return [Pair(getattr(fast, k), getattr(textbook, k), part) for k in names if hasattr(textbook, k)]


def spatial_pairs(fast: nn.Module, textbook: nn.Module) -> list[Pair]:
    """CTRGC and textbook.SpatialGC."""
    pairs = [Pair(fast.adjacency, textbook.adjacency), Pair(fast.alpha, textbook.alpha), *same(fast.bn, textbook.bn)]
    for k, subset in enumerate(textbook.subsets):
        width = subset.theta.out_channels
        rows, later = (slice((k + half) * width, (k + half + 1) * width) for half in (0, fast.num_subsets))
        pairs += [*same(fast.relation, subset.theta, rows), *same(fast.relation, subset.phi, later)]
        rows = slice(k * subset.value.out_channels, (k + 1) * subset.value.out_channels)
        pairs += [*same(fast.delta, subset.delta, rows), *same(fast.value, subset.value, rows)]
    if not isinstance(textbook.down, nn.Identity):
        pairs += [pair for k in range(2) for pair in same(fast.residual[k], textbook.down[k])]
    return pairs


def temporal_pairs(fast: nn.Module, textbook: nn.Module) -> list[Pair]:
    """MultiScaleTCN and textbook.MultiScaleTCN or textbook.StackedTCN."""
    quarters = [slice(k * fast.width, (k + 1) * fast.width) for k in range(4)]
    pairs = same(fast.skip, textbook.branches[3][0])
    for branch, quarter in zip(textbook.branches, quarters, strict=True):
        pairs += same(fast.bn, branch[-1], quarter)
    for branch, quarter in zip(textbook.branches[:3], quarters, strict=False):
        pairs += [*same(fast.reduce[0], branch[0], quarter), *same(fast.reduce[1], branch[1], quarter)]
    if fast.form == 'pool':
        pairs += [pair for k in range(2) for pair in same(fast.dilated[k], textbook.branches[k][3])]
    else:
        for k, branch in enumerate(textbook.branches[:3]):
            pairs += [*same(fast.first[k][0], branch[3]), *same(fast.first[k][1], branch[4])]
            pairs += same(fast.dilated[k], branch[6])
    return pairs


def aea_pairs(fast: nn.Module, textbook: nn.Module) -> list[Pair]:
    """AEA and textbook.AEA."""
    qk, channels = fast.attention.qk_channels, fast.attention.channels
    pairs = [Pair(fast.atnac.alpha, textbook.alpha, ...)]
    starts = (0, qk, 2 * qk, 2 * qk + channels)
    for k, linear in enumerate((textbook.query, textbook.key, textbook.value)):
        pairs += same(fast.attention.qkv, linear, slice(starts[k], starts[k + 1]))
    return pairs


@torch.no_grad()
def teach(pairs: Sequence[Pair], fast: nn.Module) -> None:
    """Give the textbook layer the state of the fast one, all of it."""
    state = {id(t): t.numel() for t in [*fast.parameters(), *fast.buffers()] if t.is_floating_point()}
    named = {key: sum(p.fast[p.part].numel() for p in pairs if id(p.fast) == key) for key in state}
    assert named == state, 'the pairs must name every number of the fast layer once'
    for fast_tensor, textbook, part in pairs:
        textbook.copy_(fast_tensor[part].view_as(textbook))


def assert_same_state(pairs: Sequence[Pair]) -> None:
    """Parameters' gradients and the buffers agree."""
    for k, (fast, textbook, part) in enumerate(pairs):
        ours, theirs = (fast, textbook) if not fast.requires_grad else (fast.grad, textbook.grad)
        torch.testing.assert_close(ours[part].view_as(theirs), theirs, **TOLERANCE, msg=lambda m, k=k: f'{k}: {m}')


def assert_agrees(fast: nn.Module, textbook: nn.Module, pairs: Sequence[Pair], x: Tensor, *args) -> None:
    """Outputs, gradients of the input and of every parameter, and running statistics agree."""
    x = x.clone().requires_grad_()
    ours, theirs = fast(x, *args), textbook(x, *args)
    torch.testing.assert_close(ours, theirs, **TOLERANCE)
    towards = torch.randn_like(theirs)
    (grad,) = torch.autograd.grad(theirs, x, towards, retain_graph=True)
    theirs.backward(towards)
    x.grad = None
    ours.backward(towards)
    torch.testing.assert_close(x.grad, grad, **TOLERANCE)
    assert_same_state(pairs)


@torch.no_grad()
def randomise(module: nn.Module) -> nn.Module:
    """Move every parameter and statistic from its start, batch norms' weights to both signs; returns it."""
    for parameter in module.parameters():
        parameter.add_(0.2 * torch.randn_like(parameter))
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            sign = torch.randn_like(part.weight).sign()
            part.weight.uniform_(0.5, 1.5).mul_(sign)
            part.running_mean.normal_(0, 0.3)
            part.running_var.uniform_(0.5, 2)
    return module


def keypoints(
    samples: int = 2, persons: int = 2, frames: int = 8, joints: int = 15, channels: int = 3, seed: int = 0
) -> Tensor:
    """Keypoints ``(N, M, T, V, C)`` of which all are there."""
    generator = torch.Generator().manual_seed(seed)
    shape = (samples, persons, frames, joints, channels)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def partly_present(persons: int = 2, frames: int = 4, samples: int = 3) -> Tensor:
    """Presence ``(N*M, T)``: everybody of the first sample is there, in the others people come and go."""
    presence = torch.ones(samples * persons, frames, dtype=torch.bool)
    presence[persons, 1:] = False
    presence[-1, :2] = False
    return presence


def labels(count: int) -> list[ActionDataSample]:
    """Data samples with labels 0, 1, ..."""
    return [ActionDataSample().set_gt_label(k % CLASSES) for k in range(count)]


def theirs(name: str, mode: str = 'stgcn_spatial', **options) -> Callable[[str, Sequence[int]], dict]:
    """A backbone of mmaction2, by layout and channels of its blocks."""

    def config(layout: str, channels: Sequence[int]) -> dict:
        graph = dict(layout=graph_layout(layout), mode=mode)
        blocks = range(2, len(channels) + 1)
        stages = dict(num_stages=len(channels), inflate_stages=[blocks[-1]], down_stages=list(blocks))
        return dict(type=name, graph_cfg=graph, base_channels=channels[0], data_bn_type='VC', **stages, **options)

    return config


def ours(name: str, **options) -> Callable[[str, Sequence[int]], dict]:
    return lambda layout, channels: dict(
        type=name, layout=layout, channels=channels, strides=[1] + [2] * (len(channels) - 1), **options
    )


# every backbone that takes AEA: its config by layout and channels of the blocks, of which all but the first stride
BACKBONES = {
    'STGCN': theirs('STGCN'),
    'STGCN++': theirs('STGCN', 'spatial', gcn_adaptive='init', gcn_with_res=True, tcn_type='mstcn'),
    'AAGCN': theirs('AAGCN'),
    'ASEA': ours('ASEA', interaction=None),
    'CTRGCN': ours('CTRGCN'),
    'MSG3D': ours('MSG3D', num_scales=3, window_scales=2),
    'DeGCN': ours('DeGCN'),
    'MSSAGCN': ours('MSSAGCN', heads=1),
}
OURS = ('ASEA', 'CTRGCN', 'MSG3D', 'DeGCN', 'MSSAGCN')
CHANNELS = (12, 12, 24)  # multiples of what every backbone needs, but MSSAGCN
OF_EIGHT = (8, 8, 24)


def backbone_config(name: str, aea: bool = False, layout: str = 'sbu15', channels=None, **options) -> dict:
    """A small backbone, plain or with AEA, of which ``options`` are."""
    channels = channels or (OF_EIGHT if name == 'MSSAGCN' else CHANNELS)
    config = BACKBONES[name](layout, channels)
    return dict(type='InteractionBackbone', backbone=config, **options) if aea else {**config, **options}


def build(config: dict, seed: int = 0) -> nn.Module:
    """A model in float64, randomised."""
    init_default_scope('mmaction')  # where AAGCN's initialisation is found
    torch.manual_seed(seed)
    return randomise(MODELS.build(config).double())


def recognizer(
    backbone: dict | None = None, neck: dict | None = None, seed: int = 0, head: dict | None = None, **options
) -> nn.Module:
    """A small InteractionRecognizer in float64, randomised; ``options`` are its own."""
    backbone = backbone or dict(type='ASEA', layout='sbu15', channels=(8, 8, 16))
    width = backbone.get('backbone', backbone)
    width = width['channels'][-1] if 'channels' in width else 2 * width['base_channels']
    config = dict(
        type='InteractionRecognizer',
        data_preprocessor=dict(type='mmaction.ActionDataPreprocessor'),
        backbone=backbone,
        neck=neck,
        cls_head=dict(type='InteractionHead', num_classes=CLASSES, in_channels=width),
    )
    config['cls_head'].update(head or {})
    return build({**config, **options}, seed)
