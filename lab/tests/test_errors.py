"""Errors of a test: which classes are confused, which clips, pictures; from scores and from a checkpoint."""

import numpy as np
import pytest
from matplotlib.image import imread

from asea_mm.engine import load_config, run_training
from asea_mm.engine.cfg_options import read_cfg_options
from asea_mm.errors import InputError
from asea_mm.evaluation.scores import StreamScores, write_runs
from tests.cli.tiny import IN_PROCESS, SMALL_MODEL, annotations, save

from .. import errors

CLASSES = [f'class {number}' for number in range(8)]


def scores(predicted):
    ids = tuple(f'clip{number}' for number in range(len(predicted)))
    return StreamScores(ids, np.eye(8)[predicted], np.arange(len(predicted)) % 8)


@pytest.fixture
def data(tmp_path):
    save(tmp_path / 'data.pkl', annotations(20))
    return tmp_path / 'data.pkl'


def test_pairs_clips_and_pictures(data, tmp_path, monkeypatch):
    monkeypatch.setattr(errors, 'CLIPS', 2)
    right = np.arange(20) % 8
    first, second = right.copy(), right.copy()
    first[[0, 8, 16]], second[0], second[3] = 5, 5, 1
    write_runs(tmp_path / 'out.npz', {(1, 0): scores(first), (1, 1): scores(second)}, CLASSES)
    errors.main([str(tmp_path / 'out.npz'), str(data), '--out', str(tmp_path / 'page')])
    page = (tmp_path / 'page' / 'errors.md').read_text(encoding='utf-8')
    assert '5 errors of 40 tests, 2 runs; 4 of 20 clips wrong at least once.' in page
    headings = [line for line in page.splitlines() if line.startswith('## ')]
    assert headings == [
        '## class 0 taken for class 5: 3 clips, 4 times',
        '## class 3 taken for class 1: 1 clips, 1 times',
    ]
    assert '| clip0 | 2 of 2 | class 5 2× |' in page
    assert '| class 0 | 2 | - | - | - | - | 4 | - | - | 33.3 |' in page
    pictures = sorted(path.name for path in (tmp_path / 'page').glob('*.png'))
    assert pictures == ['0_as_5_1.png', '0_as_5_2.png', '3_as_1_1.png']
    assert all(f'![{name}]({name})' in page and imread(tmp_path / 'page' / name).std() > 0.02 for name in pictures)


def test_of_a_checkpoint(data, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = [*SMALL_MODEL, *IN_PROCESS, 'train_cfg.max_epochs=1']
    options += [f'{loader}_dataloader.dataset.ann_file={data.as_posix()}' for loader in ('train', 'val', 'test')]
    trained = run_training(load_config('asea_sbu', cfg_options=read_cfg_options(options), work_dir=tmp_path / 'run'))
    for sample in (others := annotations(20)):
        sample['frame_dir'] += ' of others'
    save(tmp_path / 'others.pkl', others)
    errors.main([str(trained.last), str(tmp_path / 'others.pkl'), '--out', str(tmp_path / 'page')])
    assert ' of 20 tests, 1 runs; ' in capsys.readouterr().out
    assert list((tmp_path / 'page').glob('*_as_*.png'))


def test_scores_of_other_samples_are_refused(data, tmp_path):
    save(tmp_path / 'other.pkl', [{**sample, 'frame_dir': f'x{k}'} for k, sample in enumerate(annotations(20))])
    write_runs(tmp_path / 'out.npz', {(0, 0): scores(np.full(20, 2))}, CLASSES)
    with pytest.raises(InputError, match=r"other.pkl: .* has no 'clip0'; its first is 'x0'"):
        errors.main([str(tmp_path / 'out.npz'), str(tmp_path / 'other.pkl'), '--out', str(tmp_path / 'page')])
