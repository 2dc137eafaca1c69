"""Late epochs: which they are, what is kept of them, and their means."""

import numpy as np
import pytest

from asea_mm.engine.cross_validation import CrossValidation, run_once
from asea_mm.engine.late_epochs import is_late, late_measures, read_late_scores
from asea_mm.evaluation.scores import StreamScores
from tests.cli.tiny import IN_PROCESS, SMALL_MODEL, annotations, save


@pytest.mark.parametrize(('epochs', 'late'), [(1, [1]), (3, [3]), (4, [3, 4]), (60, list(range(41, 61)))])
def test_the_last_third(epochs, late):
    assert [epoch for epoch in range(1, epochs + 1) if is_late(epoch, epochs)] == late


def test_means():
    labels = np.array([0, 0, 1])
    right, half = np.array([[0.8, 0.2], [0.8, 0.2], [0.4, 0.6]]), np.full((3, 2), 0.5)
    means = late_measures(StreamScores(('a', 'b', 'c'), scores, labels) for scores in (right, half))
    assert means['late_top1'] == pytest.approx((1 + 2 / 3) / 2)
    assert means['late_mean_class'] == pytest.approx((1 + 1 / 2) / 2)
    expected = -(2 * np.log(0.8) + np.log(0.6)) / 6 - np.log(0.5) / 2
    assert means['late_cross_entropy'] == pytest.approx(expected)
    assert late_measures([StreamScores(('a',), np.array([[3.0, -1.0]]), labels[:1])])['late_cross_entropy'] is None


def test_a_run_keeps_its_late_validations(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / 'data' / 'sbu' / 'sbu.pkl', annotations(16))
    options = (*SMALL_MODEL, *IN_PROCESS, 'train_cfg.max_epochs=4', 'train_cfg.val_begin=2')
    result = run_once(CrossValidation('asea_sbu', (1,), (0,), tmp_path / 'cv', None, options), (1, 0))
    late = read_late_scores(tmp_path / 'cv' / 'fold1_seed0', 4)
    assert list(late) == [3, 4]
    assert [round(scores.top1, 4) for scores in late.values()] == result['curve'][-2:]
    assert late[3].ids == tuple(f'clip{number}' for number in range(16))
    assert result['late_top1'] == pytest.approx(np.mean([scores.top1 for scores in late.values()]))
    assert result['late_cross_entropy'] > 0
