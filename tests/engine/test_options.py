"""Options reach every place of a config where they belong, and say so where there is none."""

import copy

import pytest
from mmengine.config import Config

from asea_mm.engine import apply_options

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def loader(split: str, **dataset) -> dict:
    pipeline = [dict(type='CentrePair'), dict(type='GenerateStream', stream='joint'), dict(type='FormatGCNInput')]
    return dict(batch_size=2, dataset=dict(type='D', split=split, fold=1, pipeline=pipeline, **dataset))


@pytest.fixture
def cfg():
    loaders = dict(zip(LOADERS, map(loader, ('xsub_train', 'xsub_val', 'xsub_val')), strict=True))
    return Config(dict(model=dict(backbone=dict(type='ASEA', in_channels=3)), **loaders))


def streams(cfg):
    return [cfg[name].dataset.pipeline[1].stream for name in LOADERS]


def test_without_options_nothing_changes(cfg):
    before = copy.deepcopy(cfg.to_dict())
    assert apply_options(cfg) is cfg
    assert cfg.to_dict() == before


def test_split_is_train_for_training_and_val_for_the_others(cfg):
    apply_options(cfg, split='xset')
    assert [cfg[name].dataset.split for name in LOADERS] == ['xset_train', 'xset_val', 'xset_val']


def test_fold_goes_to_every_dataset(cfg):
    apply_options(cfg, fold=3)
    assert [cfg[name].dataset.fold for name in LOADERS] == [3, 3, 3]
    assert cfg.train_dataloader.dataset.split == 'xsub_train'


# Backbone, whether there are scores (and whether they are kept), stream, channels of the backbone after it.
CHANNELS = {
    'one': (dict(in_channels=3), None, 'bone_motion', 3),
    'two': (dict(in_channels=3), None, 'joint,bone', 6),
    'default': (dict(), None, 'joint,bone', 6),
    'flat': (dict(in_channels=2), None, 'joint,joint_motion', 4),
    'scores': (dict(in_channels=3), dict(), 'joint,bone,joint_motion', 7),
    'dropped scores': (dict(in_channels=2), dict(keep=False), 'joint,bone', 4),
}


@pytest.mark.parametrize(('backbone', 'scores', 'stream', 'channels'), CHANNELS.values(), ids=CHANNELS)
def test_channels_follow_the_streams_there_and_back(cfg, backbone, scores, stream, channels):
    """In a backbone that is wrapped, too."""
    for wrapped in (False, True):
        config = copy.deepcopy(cfg)
        config.model.backbone = dict(type='InteractionBackbone', backbone=backbone) if wrapped else backbone
        if scores is not None:
            for name in LOADERS:
                config[name].dataset.pipeline.insert(2, dict(type='ScoreChannel', **scores))
        apply_options(config, stream=stream)
        names = stream.split(',')
        assert streams(config) == [names if len(names) > 1 else stream] * 3
        inner = config.model.backbone.backbone if wrapped else config.model.backbone
        assert inner.get('in_channels', 3) == channels
        apply_options(config, stream='joint')
        expected = backbone.get('in_channels', 3)
        assert inner.get('in_channels', 3) == expected


def test_seed_keeps_the_rest_of_the_randomness(cfg):
    cfg.randomness = dict(seed=1, deterministic=True)
    apply_options(cfg, seed=0)
    assert cfg.randomness == dict(seed=0, deterministic=True)


@pytest.mark.parametrize('depth', [1, 2])
def test_datasets_inside_of_wrappers_are_found(cfg, depth):
    for _ in range(depth):
        cfg.train_dataloader.dataset = dict(type='RepeatDataset', times=2, dataset=cfg.train_dataloader.dataset)
    apply_options(cfg, split='xset', fold=2, stream='bone')
    dataset = cfg.train_dataloader.dataset
    for _ in range(depth):
        dataset = dataset.dataset
    assert (dataset.split, dataset.fold, dataset.pipeline[1].stream) == ('xset_train', 2, 'bone')
    assert cfg.val_dataloader.dataset.split == 'xset_val'


def test_loaders_that_are_not_there_are_passed_over(cfg):
    cfg.val_dataloader = None
    cfg.pop('test_dataloader')
    apply_options(cfg, split='xset', fold=2, stream='bone', seed=1)
    assert cfg.train_dataloader.dataset.split == 'xset_train'


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(split='xset'), "--split: no dataset of this config has an option 'split'"),
        (dict(fold=1), "--fold: no dataset of this config has an option 'fold'"),
        (dict(stream='bone'), '--stream: no pipeline of this config has a GenerateStream step'),
    ],
)
def test_options_without_a_place_are_errors(options, message):
    cfg = Config(dict(model=dict(backbone=dict()), train_dataloader=dict(dataset=dict(type='D', pipeline=[]))))
    with pytest.raises(ValueError, match=message):
        apply_options(cfg, **options)


@pytest.mark.parametrize('stream', ['bones', 'joint,bones', 'joint,', ''])
def test_unknown_streams_are_errors_that_list_the_known(cfg, stream):
    with pytest.raises(ValueError, match=r"--stream: unknown \['.*'\]; known are \['joint', 'bone'"):
        apply_options(cfg, stream=stream)
    assert streams(cfg) == ['joint'] * 3
