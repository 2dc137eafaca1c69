"""Results as files: what is written is read again, what is not a result is refused, scores are kept."""

import numpy as np
import pytest

from asea_mm.evaluation.scores import StreamScores

from ..files import RESULTS, Result, check_runs, read_results, write_results
from ..scores import keep_scores, kept_scores
from .runs import PLAIN, run


def test_results_are_read_as_they_were_written_a_line_for_each_run(tmp_path):
    path = tmp_path / 'new' / 'table.json'
    assert read_results(path) == {}
    results = {
        'plain': Result('do α', {'config': 'a.py'}, ['push', 'hug'], PLAIN),
        'other': Result('do β', {'config': 'a.py', 'overrides': {'train': {'Clip': None}}}, [], [run(curve=[0.5, 1])]),
    }
    write_results(path, results)
    assert read_results(path) == results
    assert sum(line.startswith('   {') for line in path.read_text().splitlines()) == 5


@pytest.mark.parametrize(
    ('runs', 'message'),
    [
        ([], "expected a list of 'runs'"),
        ([3], "run 0 has no valid 'fold', got 3"),
        ([run(), run(2, last='high')], "run 1 has no valid 'last_top1', got 'high'"),
        ([run(last_cross_entropy='low')], "run 0 has no valid 'last_cross_entropy', got 'low'"),
        ([run(), run(2, curve=0.5)], "run 1 has no valid 'curve', got 0.5"),
        ([run(curve=[0.5, None])], "run 0 has no valid 'curve', got None in it"),
        ([run(), run()], 'expected every fold with every seed once'),
        ([run(1, 0), run(1, 1), run(2, 0)], 'expected every fold with every seed once'),
    ],
)
def test_wrong_runs_are_refused_by_name(runs, message):
    with pytest.raises(ValueError, match='^table: ' + message):
        check_runs(runs, 'table')


@pytest.mark.parametrize('text', ['{', '[]', '{"a": {"runs": []}}', '{"a": 3}'])
def test_other_files_are_refused_by_name(tmp_path, text):
    (tmp_path / 'wrong.json').write_text(text)
    with pytest.raises(ValueError, match='wrong.json: expected'):
        read_results(tmp_path / 'wrong.json')


def test_scores_come_back_from_the_archive(tmp_path):
    archive = tmp_path / 'scores.zip'
    keep_scores(archive, 'none', {}, [])
    assert not archive.exists()
    for name, fold, label in (('a', 1, 0), ('b', 1, 1), ('a', 2, 0), ('a', 1, 1)):  # the last in place of the first
        scores = StreamScores(('x',), np.array([[0.25, 0.75]]), np.array([label]))
        keep_scores(archive, name, {(fold, 0): scores}, ['push', 'hug'])
    labels = {numbers: scores.labels.tolist() for numbers, scores in kept_scores(archive, 'a').items()}
    assert labels == {(1, 0): [1], (2, 0): [0]}
    assert list(kept_scores(archive, 'b')) == [(1, 0)]
    assert kept_scores(archive, 'c') == {}


def test_kept_scores_are_those_of_kept_results():
    compared = 0
    for name, result in read_results(RESULTS / 'sbu_main.json').items():
        if scores := kept_scores(RESULTS / 'scores.zip', name):
            top1 = {numbers: stream.top1 for numbers, stream in scores.items()}
            assert top1 == pytest.approx({(run['fold'], run['seed']): run['last_top1'] for run in result.runs})
            compared += 1
    assert compared > 3
