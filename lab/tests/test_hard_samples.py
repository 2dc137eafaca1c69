"""Samples that several runs get wrong: counts by hand, the tool on cross-validations, and runs that do not fit."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from asea_mm.evaluation.scores import StreamScores

from ..statistics.hard_samples import HardSample, class_names, hard_samples

TOOL = Path(__file__).parents[2] / 'tools' / 'hard_samples.py'


def run(predicted, labels, ids, classes=3):
    return StreamScores(tuple(ids), np.eye(classes)[predicted], np.array(labels))


def write(folder, of):
    folder.mkdir(parents=True)
    np.savez(folder / 'scores.npz', scores=of.scores, labels=of.labels, ids=np.array(of.ids))
    (folder / 'report.json').write_text(json.dumps({'classes': ['push', 'kick', 'hug']}))
    return folder


# Two folds of two models: a is wrong in both, as another class each time; d in both alike; c in one; b never.
RUNS = {
    'first, fold 1': run([1, 0], [0, 0], 'ab'),
    'first, fold 2': run([1, 1], [1, 2], 'cd'),
    'second, fold 1': run([0, 2], [0, 0], 'ba'),
    'second, fold 2': run([0, 1], [1, 2], 'cd'),
}


def test_samples_are_counted_and_the_hardest_come_first():
    assert hard_samples(RUNS) == [
        HardSample('a', 0, 2, {1: 1, 2: 1}),
        HardSample('d', 2, 2, {1: 2}),
        HardSample('c', 1, 2, {0: 1}),
    ]
    assert [sample.wrong for sample in hard_samples(RUNS)] == [2, 2, 1]
    assert hard_samples({'right': run([0, 1], [0, 1], 'ab')}) == []


@pytest.mark.parametrize(
    ('other', 'message'),
    [
        (run([0], [1], 'a'), "'a' has label 1 in other, 0 in first, fold 1"),
        (run([0], [0], 'a', classes=2), 'same number of classes'),
    ],
)
def test_runs_of_something_else_are_refused(other, message):
    with pytest.raises(ValueError, match=message):
        hard_samples({**RUNS, 'other': other})


def test_tool_reads_cross_validations_and_writes_a_page(tmp_path, monkeypatch, capsys):
    for name, of in RUNS.items():
        model, fold = name.split(', fold ')
        write(tmp_path / model / f'fold{fold}_seed0' / 'test', of)
        (tmp_path / model / f'fold{fold}_seed0' / 'result.json').write_text('{}')
    folders = [str(tmp_path / model) for model in ('first', 'second')]
    monkeypatch.setattr(sys, 'argv', ['hard_samples.py', *folders, '--show', '2', '--out', str(tmp_path / 'out')])
    runpy.run_path(str(TOOL))['main']()
    page = (tmp_path / 'out.md').read_text()
    assert '| a | push | 2 of 2 | kick 1×, hug 1× |\n| d | hug | 2 of 2 | kick 2× |\n| c | kick | 1 of 2 |' in page
    assert '4 runs, 4 samples, 5 errors of 3 samples. Wrong in every run: 2; in more' in page
    assert 'in more than half of their runs: 2, which makes 4 of the errors.' in page
    samples = json.loads((tmp_path / 'out.json').read_text())['samples']
    assert samples[1] == {'name': 'd', 'label': 2, 'tested': 2, 'predicted': {'1': 2}}
    assert 'and 1 more' in capsys.readouterr().out
    monkeypatch.setattr(sys, 'argv', ['hard_samples.py', *folders, folders[0]])
    with pytest.raises(ValueError, match='one is given twice: .*first .*second .*first'):
        runpy.run_path(str(TOOL))['main']()


def test_class_names_come_from_a_report_that_fits(tmp_path):
    assert class_names(tmp_path, 2) == ['0', '1']
    report = tmp_path / 'report.json'
    report.write_text('{"classes": ["hug", "push"]}')
    assert class_names(tmp_path, 2) == class_names(tmp_path / 'scores.npz', 2) == ['hug', 'push']
    assert class_names(tmp_path, 3) == ['0', '1', '2']


@pytest.mark.parametrize('text', ['{"classes": ["hug"', '{"names": []}', '[1]'])
def test_a_damaged_report_is_named(tmp_path, text):
    (tmp_path / 'report.json').write_text(text)
    with pytest.raises(ValueError, match='report.json: expected a report of tools/test.py'):
        class_names(tmp_path, 2)
