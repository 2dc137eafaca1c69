"""What does not fit is said before the first epoch: packages, optimizer, head, checkpoint, misspelt parts."""

import logging

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config

from asea_mm.engine.mending import mendable_errors
from asea_mm.engine.preflight import check_head, check_optimizer, check_packages, check_resumed
from asea_mm.engine.screen import is_for_the_screen
from asea_mm.errors import InputError

OURS = dict(type='ASEA', layout='sbu15', channels=(8, 16), strides=(1, 2))
STGCN = dict(type='STGCN', graph_cfg=dict(layout='coco', mode='stgcn_spatial'), base_channels=8, num_stages=2)


def model(backbone: dict, in_channels: int, classes: int = 5, neck: dict | None = None, kind='InteractionRecognizer'):
    head = dict(type='GCNHead', num_classes=classes, in_channels=in_channels)
    parts = dict(type=kind, backbone=dict(backbone), cls_head=head)
    return MODELS.build(parts if neck is None else {**parts, 'neck': neck})


@pytest.mark.parametrize(
    ('backbone', 'kind', 'channels'),
    [(OURS, 'InteractionRecognizer', 16), (STGCN, 'InteractionRecognizer', 8), (STGCN, 'RecognizerGCN', 8)],
)
def test_a_head_takes_as_many_channels_as_the_backbone_gives(backbone, kind, channels):
    fitting = model(backbone, channels, kind=kind)
    before = {name: value.clone() for name, value in fitting.state_dict().items()}
    random = torch.get_rng_state()
    check_head(fitting)
    assert fitting.training
    assert all(torch.equal(value, before[name]) for name, value in fitting.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    with pytest.raises(InputError, match=rf'in_channels is 128.*backbone gives {channels} channels'):
        check_head(model(backbone, 128, kind=kind))


def test_a_head_behind_a_neck():
    neck = dict(type='ATNACNeck', in_channels=16)
    check_head(model(OURS, 16, neck=neck))
    with pytest.raises(InputError, match='neck gives 16'):
        check_head(model(OURS, 17, neck=neck))


def test_only_a_checkpoint_of_the_same_model_is_resumed():
    ours = model(OURS, 16)
    weights = ours.state_dict()
    check_resumed(ours, dict(state_dict=weights), 'a.pth')
    with pytest.raises(InputError, match=r'a\.pth.* 5 classes.* 8.*load_from=a\.pth'):
        check_resumed(model(OURS, 16, classes=8), dict(state_dict=weights), 'a.pth')
    other = {name: weight for name, weight in weights.items() if not name.startswith('cls_head')}
    with pytest.raises(InputError, match='no cls_head'):
        check_resumed(ours, dict(state_dict=other), 'a.pth')
    wider = model({**OURS, 'channels': (8, 24)}, 24)
    with pytest.raises(InputError, match=r'a\.pth.*backbone\.'):
        check_resumed(wider, dict(state_dict=weights), 'a.pth')


def test_packages_and_optimizers_that_are_not_there(monkeypatch):
    backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
    cfg = Config(dict(visualizer=dict(type='ActionVisualizer', vis_backends=backends)))
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    with pytest.raises(InputError, match=r'visualizer\.vis_backends.*tensorboard'):
        check_packages(cfg)
    monkeypatch.setattr('importlib.util.find_spec', lambda name: object())
    check_packages(cfg)
    check_optimizer(Config(dict(optim_wrapper=dict(optimizer=dict(type='SGD')))))
    with pytest.raises(InputError, match='Adamw.*did you mean AdamW'):
        check_optimizer(Config(dict(optim_wrapper=dict(optimizer=dict(type='Adamw')))))


@pytest.mark.parametrize(
    ('part', 'hint'),
    [
        (dict(type='ASAE'), 'did you mean ASEA?'),
        (dict(type='ASEA', layout='sbu15', chanels=(8,)), 'did you mean channels'),
        (dict(type='STGCNN', graph_cfg={}), 'did you mean STGCN'),
    ],
)
def test_misspelt_parts_and_arguments(part, hint):
    with pytest.raises(InputError) as error, mendable_errors():
        MODELS.build(part)
    assert hint in str(error.value)


@pytest.mark.parametrize(
    ('message', 'level', 'shown'),
    [
        ('Epoch(train) [1][20/40]  loss: 1.0', logging.INFO, True),
        ('Config:\nmodel = dict()', logging.INFO, False),
        ('Hooks will be executed in the following order:\nbefore_run:', logging.INFO, False),
        ('"FileClient" will be deprecated in future.', logging.WARNING, False),
        ('something\nis wrong', logging.WARNING, True),
    ],
)
def test_the_screen_shows_what_is_read_while_training(message, level, shown):
    record = logging.LogRecord('mmengine', level, 'a.py', 1, message, (), None)
    assert is_for_the_screen(record) == shown
