"""What the model tests share: comparison with the textbook, random states, small models."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.registry import init_default_scope
from torch import Tensor, nn

import asea_mm  # noqa: F401  (registers the models)
from asea_mm.skeletons import graph_layout

CLASSES = 5
TOLERANCE = dict(rtol=1e-9, atol=1e-9)


def assert_agrees(layer: nn.Module, textbook: Callable[..., Tensor], x: Tensor, *args) -> None:
    """A layer's output, and the gradients of x and of every parameter, are those of ``textbook(layer, x, ...)``."""
    x = x.clone().requires_grad_()
    inputs = {'x': x, **{name: p for name, p in layer.named_parameters() if p.requires_grad}}
    ours, theirs = layer(x, *args), textbook(layer, x, *args)
    torch.testing.assert_close(ours, theirs, **TOLERANCE)
    towards = torch.randn_like(theirs)
    grads = [torch.autograd.grad(y, list(inputs.values()), towards, materialize_grads=True) for y in (ours, theirs)]
    for name, *pair in zip(inputs, *grads, strict=True):
        torch.testing.assert_close(*pair, **TOLERANCE, msg=lambda text, name=name: f'{name}: {text}')


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
    'MSSAGCN': ours('MSSAGCN'),
}
OURS = ('ASEA', 'CTRGCN', 'MSG3D', 'DeGCN', 'MSSAGCN')


def channels_of(name: str) -> tuple[int, int, int]:
    """Of the small backbones: multiples of what each needs."""
    return (32, 32, 64) if name == 'MSSAGCN' else (12, 12, 24)


def backbone_config(name: str, aea: bool | str = False, layout: str = 'sbu15', channels=None, **options) -> dict:
    """A small backbone, plain or with AEA, of which ``options`` are; ``'places'``: AEA that knows of places."""
    config = BACKBONES[name](layout, channels or channels_of(name))
    if aea == 'places':
        options['interaction'] = dict(geometry=3)
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
