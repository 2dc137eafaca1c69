"""Few clips of every class to train on, all of the fold to test on, and the recipe that fits them."""

import numpy as np
import pytest
from mmaction.registry import DATASETS
from mmengine.registry import init_default_scope

from asea_mm.datasets import load_annotations
from asea_mm.errors import InputError
from lab.few_samples import recipe, write_few
from tests.cli.tiny import annotations, save


@pytest.mark.parametrize(('dimensions', 'channels'), [(3, 6), (2, 5)])
def test_few_of_each_class(tmp_path, dimensions, channels):
    init_default_scope('mmaction')
    save(tmp_path / 'all.pkl', annotations(24, 15, dimensions, classes=4), classes=4)
    content = load_annotations(tmp_path / 'all.pkl')
    content['split'] = {
        'fold1_train': [f'clip{k}' for k in range(16)],
        'fold1_val': [f'clip{k}' for k in range(16, 24)],
    }
    chosen = []
    for seed in (0, 0, 1):
        write_few(content, tmp_path / 'few.pkl', 'all.pkl', 2, 1, seed)
        chosen.append(load_annotations(tmp_path / 'few.pkl')['split']['fold1_train'])
    assert chosen[0] == chosen[1] != chosen[2]
    cfg = recipe(content, tmp_path / 'few.pkl', 1, None, 3, 'pair3d')
    assert (cfg.train_cfg.max_epochs, cfg.load_from, cfg.model.cls_head.num_classes) == (3, 'pair3d', 4)
    train, test = (DATASETS.build(cfg[f'{part}_dataloader'].dataset) for part in ('train', 'test'))
    assert np.bincount([train.get_cat_ids(index)[0] for index in range(len(train))]).tolist() == [2, 2, 2, 2]
    assert len(test) == 8
    assert train[0]['inputs'].shape[-1] == test[0]['inputs'].shape[-1] == channels == cfg.model.backbone.in_channels
    with pytest.raises(InputError, match=r"all\.pkl: expected 5 clips of 'class 0' in fold1_train, got 4"):
        write_few(content, tmp_path / 'few.pkl', 'all.pkl', 5, 1, 0)
