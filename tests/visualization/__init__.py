"""What the tests of the pictures share: tiny models, random pairs, probed clips."""

from functools import cache

import torch
from mmaction.registry import MODELS
from torch import Tensor, nn

import asea_mm  # noqa: F401  (registers the models)
from asea_mm.skeletons import get_skeleton
from asea_mm.visualization.clips import ProbedClip
from asea_mm.visualization.probe import probe

LAYOUTS = {'sbu15': 3, 'nturgbd25': 3, 'coco17': 2}  # and their coordinates
CLASSES = 3
PREPROCESSOR = dict(type='mmaction.ActionDataPreprocessor')


def aea_backbone(layout: str, channels: int = 3, **interaction) -> dict:
    """ASEA of two blocks, the second on every other frame."""
    return dict(type='ASEA', layout=layout, in_channels=channels, channels=[8, 16], interaction=interaction)


def recognizer(layout: str = 'sbu15', backbone: dict | None = None, neck: dict | None = None) -> nn.Module:
    """A tiny recognizer whose AEA do something."""
    torch.manual_seed(0)
    backbone = backbone or aea_backbone(layout, LAYOUTS[layout])
    head = dict(type='InteractionHead', num_classes=CLASSES, in_channels=16)
    config = dict(type='InteractionRecognizer', backbone=backbone, neck=neck, cls_head=head)
    return MODELS.build(dict(**config, data_preprocessor=PREPROCESSOR)).eval()


def pairs(layout: str = 'sbu15', persons: int = 2, frames: int = 8, clips: int = 1, batch: int = 1) -> Tensor:
    """Persons beside each other who move at random, ``(B, clips, M, T, V, C)``."""
    generator = torch.Generator().manual_seed(1)
    shape = (batch, clips, persons, frames, get_skeleton(layout).num_joints, LAYOUTS[layout])
    x = torch.randn(shape, generator=generator)
    return x + torch.arange(persons).view(-1, 1, 1, 1) * 2.0


def case(name: str, layout: str) -> Tensor:
    """A sample of two persons, of two of whom one comes late, of whom one is never there, or of one person."""
    x = pairs(layout, persons=1 if name == 'one person' else 2)
    if name == 'late':
        x[:, :, 1, :3] = 0
    if name == 'absent':
        x[:, :, 1] = 0
    return x


CASES = ('two', 'late', 'absent', 'one person')


@cache
def probed(layout: str = 'sbu15', name: str = 'two', **fields) -> ProbedClip:
    """The only clip of a case, with what a tiny model does with it."""
    x = case(name, layout)
    layers = probe(recognizer(layout), x)[0].clips[0]
    about = dict(name=f'{layout} {name}', title='pushing (recognised, 90%), sample_1', unit='m')
    return ProbedClip(x[0, 0].numpy(), layers, get_skeleton(layout), **{**about, **fields})
