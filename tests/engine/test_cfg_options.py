"""Values of --cfg-options arrive as they were meant, and slips in them are named."""

import pytest
from mmengine.config import Config

from asea_mm.engine.cfg_options import merge_cfg_options, read_cfg_options
from asea_mm.errors import InputError

VALUES = {
    '1': 1,
    '1e-3': 0.001,
    'true': True,
    'None': None,
    'SGD': 'SGD',
    'my runs/a b.pkl': 'my runs/a b.pkl',
    "it's": "it's",
    'a=b': 'a=b',
    '': '',
    '007': 7,
    '1,2': [1, 2],
    '[1, 2]': [1, 2],
    '(16, 16)': (16, 16),
    '(1,)': (1,),
    '[]': [],
    '[a, b c]': ['a', 'b c'],
    '[(1, 2), [a, b], c]': [(1, 2), ['a', 'b'], 'c'],
    "'a, b'": 'a, b',
    "{'type': 'SGD', 'lr': 0.1}": {'type': 'SGD', 'lr': 0.1},
}


@pytest.mark.parametrize(('text', 'value'), VALUES.items())
def test_values(text, value):
    read = read_cfg_options([f'a.b={text}'])['a.b']
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize('option', ['a', '=', '=1', 'a =1', 'a..b=1', 'a=1,', 'a=(16,', '16)', 'a=[1, 2)', 'a=1)'])
def test_slips_are_errors_that_show_how_to_write_it(option):
    with pytest.raises(InputError) as error:
        read_cfg_options(['b=1', option])
    assert option in str(error.value)
    assert 'KEY=VALUE' in str(error.value)


@pytest.fixture
def cfg():
    steps = [dict(type='A', length=1), dict(type='B')]
    return Config(dict(model=dict(width=3), train_dataloader=dict(batch_size=2, dataset=dict(pipeline=steps))))


def test_keys_lead_into_lists_and_may_be_new(cfg):
    merge_cfg_options(cfg, {'train_dataloader.dataset.pipeline.0.length': 5, 'model.neck.type': 'N', 'resume': True})
    assert cfg.train_dataloader.dataset.pipeline == [dict(type='A', length=5), dict(type='B')]
    assert cfg.model == dict(width=3, neck=dict(type='N'))
    assert cfg.resume is True


def test_an_option_that_a_part_has_is_no_slip():
    cfg = Config(dict(model=dict(backbone=dict(type='ASEA', channels=(8,)))))
    merge_cfg_options(cfg, {'model.backbone.in_channels': 6})
    assert cfg.model.backbone.in_channels == 6
    with pytest.raises(InputError, match=r'did you mean channels\?'):
        merge_cfg_options(cfg, {'model.backbone.chanels': 6})


@pytest.mark.parametrize(
    ('key', 'words'),
    [
        ('train_dataloder.batch_size', ["'train_dataloder'", 'did you mean train_dataloader?']),
        ('train_dataloader.batchsize', ['train_dataloader.batchsize', 'did you mean batch_size?']),
        ('train_dataloader.dataset.pipeline.0.lenght', ['pipeline.0', 'did you mean length?']),
        ('train_dataloader.dataset.pipeline.2.length', ['2 parts']),
        ('param_schedulers', ['did you mean param_scheduler?']),  # of mmengine's runner, not in this config
        ('model.width.x', ['model.width is 3']),
    ],
)
def test_keys_that_lead_nowhere(cfg, key, words):
    before = cfg.to_dict()
    with pytest.raises(InputError) as error:
        merge_cfg_options(cfg, {key: 1})
    assert all(word in str(error.value) for word in words), error.value
    assert cfg.to_dict() == before
