"""Options reach every place of a config where they belong, and say so where there is none."""

import copy

import pytest
from mmengine.config import Config

from asea_mm.engine import apply_options
from asea_mm.engine.options import datasets_of
from asea_mm.errors import InputError

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def loader(split: str) -> dict:
    pipeline = [dict(type='CentrePair'), dict(type='GenerateStream', stream='joint'), dict(type='FormatGCNInput')]
    return dict(batch_size=2, dataset=dict(type='D', split=split, fold=1, pipeline=pipeline))


@pytest.fixture
def cfg():
    loaders = dict(zip(LOADERS, map(loader, ('xsub_train', 'xsub_val', 'xsub_val')), strict=True))
    return Config(dict(model=dict(backbone=dict(type='ASEA', in_channels=3)), randomness=dict(seed=1), **loaders))


def datasets(cfg):
    of_loaders = [cfg[name].dataset for name in LOADERS]
    return [dataset.dataset.dataset if dataset.type == 'RepeatDataset' else dataset for dataset in of_loaders]


def test_without_options_nothing_changes(cfg):
    before = copy.deepcopy(cfg.to_dict())
    assert apply_options(cfg) is cfg
    assert cfg.to_dict() == before


@pytest.mark.parametrize('wrapped', [False, True])
def test_options_reach_every_dataset(cfg, wrapped):
    if wrapped:
        once = dict(type='RepeatDataset', times=2, dataset=cfg.train_dataloader.dataset)
        cfg.train_dataloader.dataset = dict(type='RepeatDataset', times=2, dataset=once)
    apply_options(cfg, split='xset', fold=3, stream='bone', seed=0)
    assert [dataset.split for dataset in datasets(cfg)] == ['xset_train', 'xset_val', 'xset_val']
    assert [(dataset.fold, dataset.pipeline[1].stream) for dataset in datasets(cfg)] == [(3, 'bone')] * 3
    assert cfg.randomness == dict(seed=0)


def test_options_reach_all_datasets_of_a_list(cfg):
    one, two = cfg.train_dataloader.dataset, copy.deepcopy(cfg.train_dataloader.dataset)
    more = dict(type='RepeatDataset', times=2, dataset=[two])
    cfg.train_dataloader.dataset = dict(type='ConcatDataset', datasets=[one, more, dict(type='Other', pipeline=[])])
    apply_options(cfg, fold=0)
    found = list(datasets_of(cfg.train_dataloader))
    assert [dataset.get('fold') for dataset in found] == [0, 0, None]
    named = dict(type='CombinedInteractionDataset', datasets=dict(sbu=one, k3hi=two), pipeline=[])
    assert list(datasets_of(dict(dataset=named))) == [one, two]
    assert [dataset.fold for dataset in datasets_of(cfg.val_dataloader)] == [0]


def test_split_and_fold_reach_every_source_of_a_combined_dataset(cfg):
    for name in LOADERS:
        sources = dict(sbu=copy.deepcopy(cfg[name].dataset), k3hi=copy.deepcopy(cfg[name].dataset))
        combined = dict(type='CombinedInteractionDataset', datasets=sources, pipeline=[])
        cfg[name].dataset = dict(type='RepeatDataset', times=2, dataset=combined)
    apply_options(cfg, split='xset', fold=4)
    for name, split in zip(LOADERS, ('xset_train', 'xset_val', 'xset_val'), strict=True):
        sources = cfg[name].dataset.dataset.datasets
        assert {source: (part.split, part.fold) for source, part in sources.items()} == dict.fromkeys(
            sources, (split, 4)
        )


def test_an_option_that_training_would_not_follow_is_an_error(cfg):
    del cfg.train_dataloader.dataset['fold']
    with pytest.raises(InputError, match='--fold: .* train_dataloader'):
        apply_options(cfg, fold=2)
    assert cfg.val_dataloader.dataset.fold == 1


@pytest.mark.parametrize(
    ('before', 'in_channels', 'stream', 'channels'),
    [
        (['joint', 'joint_motion'], 5, 'bone', 3),
        (['joint', 'joint_motion'], 5, 'joint,bone,joint_motion', 7),
        (['joint', 'joint_motion'], 6, 'bone', 3),  # three coordinates, as five can only be two and a score
        ('joint', 3, 'joint,bone', 5),
        ('joint', 2, 'joint,bone', 4),
    ],
)
def test_scores_that_follow_coordinates_stay_one_channel(cfg, before, in_channels, stream, channels):
    for dataset in datasets(cfg):
        dataset.pipeline = [dict(type='FillMissingJoints'), dict(type='GenerateStream', stream=before)]
    cfg.model.backbone.in_channels = in_channels
    apply_options(cfg, stream=stream)
    assert cfg.model.backbone.in_channels == channels


def test_channels_that_no_stream_makes_are_an_error(cfg):
    cfg.model.backbone.in_channels = 11
    with pytest.raises(InputError, match='in_channels.* 11 '):
        apply_options(cfg, stream='bone')


# Backbone, whether there are scores (and whether they are kept), stream, channels of the backbone after it.
CHANNELS = {
    'one': (dict(in_channels=3), None, 'bone_motion', 3),
    'two': (dict(in_channels=3), None, 'joint,bone', 6),
    'default': (dict(), None, 'joint,bone', 6),
    'flat': (dict(in_channels=2), None, 'joint,joint_motion', 4),
    'scores': (dict(in_channels=3), dict(), 'joint,bone,joint_motion', 7),
    'dropped scores': (dict(in_channels=2), dict(keep=False), 'joint,bone', 4),
}


@pytest.mark.parametrize('wrapped', [False, True])
@pytest.mark.parametrize(('backbone', 'scores', 'stream', 'channels'), CHANNELS.values(), ids=CHANNELS)
def test_channels_follow_the_streams_there_and_back(cfg, backbone, scores, stream, channels, wrapped):
    cfg.model.backbone = dict(type='InteractionBackbone', backbone=backbone) if wrapped else backbone
    inner = cfg.model.backbone.backbone if wrapped else cfg.model.backbone
    if scores is not None:
        for dataset in datasets(cfg):
            dataset.pipeline.insert(2, dict(type='ScoreChannel', **scores))
    apply_options(cfg, stream=stream)
    names = stream.split(',')
    assert [dataset.pipeline[1].stream for dataset in datasets(cfg)] == [names if len(names) > 1 else stream] * 3
    assert inner.get('in_channels', 3) == channels
    apply_options(cfg, stream='joint')
    assert inner.get('in_channels', 3) == backbone.get('in_channels', 3)


def test_loaders_that_are_not_there_are_passed_over(cfg):
    cfg.val_dataloader = None
    cfg.pop('test_dataloader')
    apply_options(cfg, split='xset', fold=2, stream='bone')
    assert cfg.train_dataloader.dataset.split == 'xset_train'


@pytest.mark.parametrize('option', [dict(split='xset'), dict(fold=1), dict(stream='bone')])
def test_options_without_a_place_are_errors(option):
    cfg = Config(dict(model=dict(backbone=dict()), train_dataloader=dict(dataset=dict(type='D', pipeline=[]))))
    with pytest.raises(InputError, match=f'--{next(iter(option))}: no '):
        apply_options(cfg, **option)


@pytest.mark.parametrize('stream', ['bones', 'joint,bones', 'joint,', ''])
def test_unknown_streams_are_errors_that_list_the_known(cfg, stream):
    with pytest.raises(InputError, match=r"--stream: .*\['joint', 'bone'"):
        apply_options(cfg, stream=stream)
