"""A training that was stopped, anywhere, and goes on, is the training that was not; its files at every moment."""

import shutil
import signal
from pathlib import Path

import pytest
import torch
from mmengine.fileio import LocalBackend
from mmengine.hooks import Hook

from asea_mm.engine.checkpoint_hook import WholeCheckpointHook
from asea_mm.engine.checkpoints import read_checkpoint
from asea_mm.engine.resuming import INTERRUPTED, LAST, latest_checkpoint
from asea_mm.errors import InputError
from tests.campaigns.kill_and_resume import compare
from tests.engine import toy

END = 'epoch_3.pth'


class At(Hook):
    """Does something at the moment of that number, of all steps and validations and saved checkpoints."""

    priority = 'LOWEST'

    def __init__(self, moment, action) -> None:
        self.moment, self.action, self.count = moment, action, 0

    def tick(self) -> None:
        self.count += 1
        if self.count == self.moment:
            self.action()

    def after_train_iter(self, *_, **__) -> None:
        self.tick()

    def after_val_iter(self, *_, **__) -> None:
        self.tick()

    def before_save_checkpoint(self, *_, **__) -> None:
        self.tick()


def killed() -> None:
    raise ZeroDivisionError  # nothing of ours catches it


def terminated() -> None:
    signal.raise_signal(signal.SIGTERM)


@pytest.fixture(scope='module')
def whole(tmp_path_factory) -> Path:
    """A training that was left alone."""
    folder = tmp_path_factory.mktemp('whole')
    toy.runner(folder).train()
    return folder


@pytest.mark.parametrize('action', [killed, terminated])
@pytest.mark.parametrize('moments', [(1,), (3, 9), (4, 1, 2, 1), (6, 8, 7), (7, 5, 9), (9, 13), (17, 12), (23,)])
def test_stopped_and_resumed_is_the_same_run(tmp_path, whole, moments, action):
    folder = tmp_path / 'run'
    for moment in moments:
        with pytest.raises((ZeroDivisionError, SystemExit)) as stopped:
            toy.runner(folder, resume=True, hooks=[At(moment, action)]).train()
        assert action is killed or stopped.value.code == 128 + signal.SIGTERM
    toy.runner(folder, resume=True).train()
    compare(whole, folder)
    assert not (folder / INTERRUPTED).exists()


def test_workers_and_batches_do_not_change_what_is_random(tmp_path, whole):
    with pytest.raises(SystemExit):
        toy.runner(tmp_path / 'run', workers=2, hooks=[At(8, terminated)]).train()
    shutil.move(tmp_path / 'run', tmp_path / 'moved')
    toy.runner(tmp_path / 'moved', workers=1, resume=True).train()
    compare(whole, tmp_path / 'moved')


@pytest.mark.parametrize(
    'changes',
    [
        dict(train_cfg=dict(by_epoch=False, max_iters=15, val_interval=5)),
        dict(
            train_cfg=dict(by_epoch=True, max_epochs=3, val_interval=2),
            default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=4)),
        ),
        dict(randomness=dict(seed=None, diff_rank_seed=True)),
    ],
    ids=['steps', 'checkpoints within epochs', 'no seed'],
)
def test_other_loops_checkpoints_and_seeds(tmp_path, monkeypatch, changes):
    """The checkpoint after a few steps is kept, and gone on from in another folder."""
    monkeypatch.setattr('mmengine.runner.loops.time.sleep', lambda seconds: None)  # two at every turn of the data
    hook = dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=4))
    changes = {'default_hooks': hook, **changes}
    toy.runner(tmp_path / 'whole', **changes).train()
    toy.runner(tmp_path / 'half', resume=True, load_from=str(tmp_path / 'whole' / 'iter_8.pth'), **changes).train()
    ends = [read_checkpoint(str(tmp_path / name / 'iter_15.pth')) for name in ('whole', 'half')]
    for name, weight in ends[0]['state_dict'].items():
        assert torch.equal(weight, ends[1]['state_dict'][name]), name


def test_there_is_always_a_best_and_a_last_one(tmp_path, monkeypatch):
    """Whatever is removed, another one is there; two measures, each with its best."""
    removed = []

    def remove(self, path):
        path = Path(path)
        removed.append(path.name)
        path.unlink()
        for kind in ('best_acc_*', 'best_other_*', 'epoch_*'):
            if path.match(kind):
                assert any(read_checkpoint(str(other)) for other in path.parent.glob(kind))
        assert latest_checkpoint(path.parent).name == Path((path.parent / LAST).read_text()).name

    monkeypatch.setattr(LocalBackend, 'remove', remove)
    hook = dict(type='CheckpointHook', interval=1, save_best=['acc', 'other'], rule='less', max_keep_ckpts=1)
    toy.runner(tmp_path, train_cfg=dict(by_epoch=True, max_epochs=6), default_hooks=dict(checkpoint=hook)).train()
    assert any(name.startswith('best_') for name in removed)
    assert len(list(tmp_path.glob('*.pth'))) == 3


def test_a_copy_has_a_best_of_its_own(tmp_path, whole):
    """Going on from the checkpoint of another folder brings its best, and leaves that folder as it is."""
    before = {path.name: path.stat().st_mtime for path in whole.glob('*.pth')}
    changes = dict(train_cfg=dict(by_epoch=True, max_epochs=6), resume=True, load_from=str(whole / END))
    toy.runner(tmp_path, **changes).train()
    assert {path.name: path.stat().st_mtime for path in whole.glob('*.pth')} == before
    assert len(list(tmp_path.glob('best_*.pth'))) == 1


def test_a_best_checkpoint_is_no_state_of_a_training(tmp_path, whole):
    (best,) = whole.glob('best_*.pth')
    with pytest.raises(InputError, match='no state of a training'):
        toy.runner(tmp_path, resume=True, load_from=str(best)).train()


def test_configs_of_mmengine_get_our_hook(tmp_path):
    hooks = [hook for hook in toy.runner(tmp_path)._hooks if type(hook).__name__.endswith('CheckpointHook')]
    assert [type(hook) for hook in hooks] == [WholeCheckpointHook]
