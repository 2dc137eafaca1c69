"""A checkpoint knows its training samples, and is not tested on them unawares."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import ConcatDataset, RepeatDataset

from asea_mm.datasets import InteractionPoseDataset
from asea_mm.engine.trained_on import KEY, TrainedOnHook, check_names, check_unseen, hashes, names
from asea_mm.errors import InputError
from tests.cli.tiny import annotations, save


@pytest.fixture
def dataset(tmp_path):
    save(tmp_path / 'a.pkl', annotations(6))
    return lambda *indices: InteractionPoseDataset(str(tmp_path / 'a.pkl'), [], indices=list(indices))


def test_names_of_samples_also_of_a_part_and_within_wrappers(dataset):
    assert list(names(dataset(4, 1))) == [('clip4', 12), ('clip1', 12)]
    assert [name for name, _ in names(ConcatDataset([dataset(2), dataset(0)]))] == ['clip2', 'clip0']
    assert [name for name, _ in names(RepeatDataset(dataset(3), 2))] == ['clip3']
    assert len({*hashes(dataset(*range(6)))}) == 6
    assert [*names(object())] == []


def noted(trained, validated, fold=1, before=None) -> dict:
    """The meta of a checkpoint of a training on these datasets."""
    cfg = Config(dict(train_dataloader=dict(dataset=dict(type='D', fold=fold, split='train'))))
    hook, checkpoint = TrainedOnHook(cfg), dict(meta={})
    loops = [data and SimpleNamespace(dataloader=SimpleNamespace(dataset=data)) for data in (trained, validated)]
    runner = SimpleNamespace(train_loop=loops[0], val_loop=loops[1])
    if before is not None:
        hook.after_load_checkpoint(runner, dict(meta=before))
    hook.before_train(runner)
    hook.before_save_checkpoint(runner, checkpoint)
    return checkpoint['meta']


TEST = Config(dict(test_dataloader=dict(dataset=dict(type='D', fold=2, split='val'))))


def test_training_samples_are_refused_and_others_pass(dataset, tmp_path):
    meta = noted(dataset(0, 1, 2, 3), dataset(4, 5))
    torch.save(dict(meta=meta), tmp_path / 'a.pth')
    meta = torch.load(tmp_path / 'a.pth', weights_only=True)['meta']
    check_unseen('a.pth', meta, dataset(4, 5), TEST, anyway=False)
    with pytest.raises(InputError, match=r'a\.pth.*trained on fold 1.*fold 2 \(2 of 3\).*--anyway'):
        check_unseen('a.pth', meta, dataset(2, 3, 5), TEST, anyway=False)
    check_unseen('a.pth', meta, dataset(2, 3, 5), TEST, anyway=True)


def test_what_training_validated_on_may_be_tested_and_old_checkpoints_pass(dataset):
    check_unseen('a.pth', noted(dataset(0, 1), dataset(0, 1)), dataset(0, 1), TEST, anyway=False)
    check_unseen('a.pth', {}, dataset(0, 1), TEST, anyway=False)
    with pytest.raises(InputError):
        check_unseen('a.pth', noted(dataset(0, 1), None), dataset(1), TEST, anyway=False)


def test_fine_tuning_remembers_what_came_before(dataset):
    first = noted(dataset(0, 1), dataset(2))
    second = noted(dataset(3), dataset(4), fold=2, before=first)
    assert second[KEY]['parts'] == ['fold 1', 'fold 2']
    with pytest.raises(InputError, match=r'1 of 1'):
        check_unseen('b.pth', second, dataset(0), TEST, anyway=False)
    check_unseen('b.pth', second, dataset(4, 5), TEST, anyway=False)


@pytest.mark.parametrize('classes', [['push', 'hug'], ['hug', 'shove']], ids=['another order', 'another name'])
def test_classes_of_other_names_are_not_taken_for_one_another(classes):
    meta, data = dict(dataset_meta=dict(classes=['hug', 'push'])), SimpleNamespace(metainfo=dict(classes=classes))
    with pytest.raises(InputError, match=r"a\.pth: class .* is '(hug|push)', of the data it is .*--anyway"):
        check_names('a.pth', meta, data, anyway=False)
    check_names('a.pth', meta, data, anyway=True)


@pytest.mark.parametrize('classes', [['hug', 'push'], ('hug', 'push'), ['0', '1'], None])
def test_classes_that_may_be_the_same_pass(classes):
    meta, data = dict(dataset_meta=dict(classes=['hug', 'push'])), SimpleNamespace(metainfo=dict(classes=classes))
    check_names('a.pth', meta, data, anyway=False)
    check_names('a.pth', {}, data, anyway=False)
    check_names('a.pth', meta, object(), anyway=False)  # a dataset that is not mmengine's
