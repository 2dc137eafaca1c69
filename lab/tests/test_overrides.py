"""Steps of pipelines are found by their type, wherever they are."""

from pathlib import Path

import pytest
from mmengine.config import Config

from ..overrides import changed_config, override

STEPS = ('Swap', 'Align', 'Clip', 'Pack')


def config():
    shared = dict(dataset=dict(pipeline=[dict(type='Align', axis=0), dict(type='Clip', length=32)]))
    steps = [dict(type=name) for name in STEPS]
    train = dict(dataset=dict(pipeline=steps))
    return Config(dict(train_dataloader=train, val_dataloader=shared, test_dataloader=shared))


def types(cfg, loader='train'):
    return [step['type'] for step in cfg[f'{loader}_dataloader']['dataset']['pipeline']]


@pytest.mark.parametrize(
    ('step', 'change', 'expected'),
    [
        ('Align', None, ['Swap', 'Clip', 'Pack']),
        ('Align', {'type': 'Turn'}, ['Swap', 'Turn', 'Clip', 'Pack']),
        ('before Clip', {'type': 'Smooth'}, ['Swap', 'Align', 'Smooth', 'Clip', 'Pack']),
        ('first', {'type': 'A'}, ['A', 'Swap', 'Align', 'Clip', 'Pack']),
        ('after Pack', [{'type': 'A'}, {'type': 'B'}], ['Swap', 'Align', 'Clip', 'Pack', 'A', 'B']),
    ],
)
def test_steps_go_come_and_are_replaced(step, change, expected):
    assert types(override(config(), {'train': {step: change}})) == expected


def test_arguments_change_for_the_loaders_named_and_no_others():
    cfg = override(config(), {'test': {'Clip': {'length': 16, 'window': 0.8}}, 'train val': {'Align': None}})
    assert cfg.test_dataloader.dataset.pipeline[1] == dict(type='Clip', length=16, window=0.8)
    assert types(cfg) == ['Swap', 'Clip', 'Pack']
    assert (types(cfg, 'val'), types(cfg, 'test')) == (['Clip'], ['Align', 'Clip'])
    assert cfg.val_dataloader.dataset.pipeline[0]['length'] == 32


def test_arguments_of_a_dataset():
    cfg = override(config(), {'train val': {'dataset': {'ann_file': 'a.pkl', 'fold': None}}})
    assert (cfg.train_dataloader.dataset.ann_file, cfg.val_dataloader.dataset.fold) == ('a.pkl', None)
    assert 'ann_file' not in cfg.test_dataloader.dataset


def test_steps_within_wrappers_and_of_classes_are_found():
    class Align:
        pass

    wrapped = dict(dataset=dict(type='RepeatDataset', dataset=dict(pipeline=[dict(type=Align, axis=0)])))
    cfg = override(Config(dict(train_dataloader=wrapped)), {'train': {'Align': {'axis': 2}}})
    assert cfg.train_dataloader.dataset.dataset.pipeline[0]['axis'] == 2


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'train': {'Warp': None}}, r"override of train: expected exactly one step 'Warp', .*'Clip'"),
        ({'train': {'8': None}}, "exactly one step '8'"),
        ({'train': {'beside Clip': {}}}, "got 'beside Clip'"),
        ({'train': {'Clip': 3}}, 'Clip: expected arguments, a step or null, got 3'),
        ({'trian': {'Clip': None}}, "override 'trian': expected loaders of"),
        ({'train': None}, "override 'train': expected loaders of"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        override(config(), changes)


def test_two_steps_of_a_type_cannot_be_told_apart():
    with pytest.raises(ValueError, match="exactly one step 'Clip'"):
        override(override(config(), {'train': {'before Clip': {'type': 'Clip'}}}), {'train': {'Clip': None}})


def test_a_changed_config_can_be_written_and_read(tmp_path):
    path = Path(__file__).parents[2] / 'configs' / 'asea_sbu.py'
    cfg = changed_config(path, ['model.cls_head.dropout=0.5'], {'val test': {'AddTurnedClips': None}})
    assert 'AlignFacing' in types(cfg, 'test')
    assert 'AddTurnedClips' not in types(cfg, 'test')
    assert cfg.model.cls_head.dropout == 0.5
    (tmp_path / 'changed.py').write_text(cfg.pretty_text)
    assert Config.fromfile(tmp_path / 'changed.py').to_dict() == cfg.to_dict()
