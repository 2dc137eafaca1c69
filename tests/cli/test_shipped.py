"""The models that come along at the command line: no ``--model``, by name, and as the beginning of a training."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from asea_mm.engine.checkpoints import read_checkpoint
from tests.cli.test_watch import BoxEstimator, write_clip
from tests.cli.tiny import annotations, check_one_line, save

MINE = """
_base_ = ['pair3d.py']
load_from = 'pair3d'
mine = dict(_delete_=True, type='InteractionPoseDataset', ann_file='mine.pkl', fold=1)
train_dataloader = dict(dataset=dict(**mine, split='train', pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(**mine, split='val', pipeline=_base_.test_pipeline, test_mode=True))
test_dataloader = val_dataloader
model = dict(cls_head=dict(num_classes=4))
train_cfg = dict(max_epochs=1)
optim_wrapper = dict(optimizer=dict(lr=0.0))
"""


@pytest.mark.parametrize(('dimensions', 'model'), [(3, 'pair3d'), (2, 'pair2d')])
def test_infer_without_a_model(command, dimensions, model):
    motion = np.cumsum(np.random.default_rng(0).normal(scale=0.01, size=(2, 20, 13, dimensions)), axis=1)
    motion += np.random.default_rng(1).uniform(0.2, 1.6, size=(2, 1, 13, dimensions))
    np.save('clip.npy', motion if dimensions == 3 else 400 * motion)
    code, out, errors = command('infer', 'clip.npy', '--json', 'found.json')
    assert code == 0, errors
    assert [line for line in errors.splitlines() if line.startswith('model: ')] == [
        f'model: {model}, which comes with asea_mm'
    ]
    (result,) = json.loads(Path('found.json').read_text(encoding='utf-8'))['results']
    again = command('infer', 'clip.npy', '--model', model, '--json', 'named.json')
    assert again[0] == 0
    assert 'model: ' not in again[2]
    assert json.loads(Path('named.json').read_text(encoding='utf-8'))['results'] == [result]
    check_one_line(command('infer', 'clip.npy', '--config', model), ['--config', '--model'])


def test_watch_without_a_model(command, tmp_path, monkeypatch):
    monkeypatch.setattr('asea_mm.apis.watch_job.open_estimator', lambda *_: BoxEstimator())
    clip = write_clip(tmp_path / 'clip.mp4', lambda number: (60 + number / 10, 120), frames=45)
    code, _, errors = command('watch', clip)
    assert code == 0, errors
    assert 'model: pair2d' in errors
    settings = json.loads(Path('watched/clip/events.json').read_text(encoding='utf-8'))['settings']
    assert settings['model'] == 'pair2d'


def test_what_comes_along_is_not_written_over(command, tmp_path):
    scores = dict(scores=np.eye(10)[[0, 1]], labels=np.array([0, 1]), ids=np.array(['a', 'b']))
    np.savez(tmp_path / 'scores.npz', **scores)
    check_one_line(command('calibrate', 'pair3d', 'scores.npz'), ['--out', 'pair3d'])


def test_a_training_begins_from_a_model_that_comes_along(command, tmp_path):
    save(tmp_path / 'mine.pkl', annotations(8, classes=4), classes=4)
    (tmp_path / 'mine.py').write_text(MINE, encoding='utf-8')
    code, out, errors = command('train', 'mine.py')
    assert code == 0, errors
    (log,) = Path('work_dirs/mine').glob('*/*.log')
    told = [line for line in log.read_text(encoding='utf-8').splitlines() if 'load_from pair3d' in line]
    assert len(told) == 1
    before, after = (read_checkpoint(path)['state_dict'] for path in ('pair3d', 'work_dirs/mine/epoch_1.pth'))
    assert after['cls_head.fc.weight'].shape[0] == 4
    learned = [name for name in before if name.startswith('backbone.') and name.endswith('weight')]
    assert learned
    assert all(torch.equal(before[name], after[name]) for name in learned)
    check_one_line(
        command('train', 'mine.py', '--cfg-options', 'model.backbone.layout=sbu15', 'work_dir=other'),
        ['pair3d', 'load_from', 'common13'],
    )
