"""Samples that several runs get wrong: counts by hand, the tools that keep them, and runs that do not fit."""

import json

import numpy as np
import pytest

from asea_mm.evaluation.scores import StreamScores, write_runs

from .. import fusions
from .. import hard_samples as tool
from ..files import RESULTS, read_json
from ..hard_samples import HardSample, hard_samples


def run(predicted, labels, ids, classes=3):
    return StreamScores(tuple(ids), np.eye(classes)[predicted], np.array(labels))


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


def test_tool_reads_cross_validations_and_writes_a_page(tmp_path):
    for name, scores in RUNS.items():
        model, fold = name.split(', fold ')
        folder = tmp_path / model / f'fold{fold}_seed0'
        (folder / 'test').mkdir(parents=True)
        np.savez(folder / 'test' / 'scores.npz', scores=scores.scores, labels=scores.labels, ids=np.array(scores.ids))
        (folder / 'test' / 'report.json').write_text(json.dumps({'classes': ['push', 'kick', 'hug']}))
        (folder / 'result.json').write_text('{}')
    folders = [str(tmp_path / model) for model in ('first', 'second')]
    tool.main(['both', *folders, '--out', str(tmp_path / 'out.json')])
    tool.main(['one', folders[0], '--out', str(tmp_path / 'out.json')])
    page = (tmp_path / 'out.md').read_text()
    assert '| a | push | 2 of 2 | kick 1×, hug 1× |\n| d | hug | 2 of 2 | kick 2× |\n| c | kick | 1 of 2 |' in page
    assert '4 runs, 4 samples, 5 errors of 3 samples. Wrong in every run: 2; in more' in page
    assert 'in more than half of their runs: 2, which makes 4 of the errors.' in page
    entries = read_json(tmp_path / 'out.json')
    assert entries['both']['samples'][1] == {'name': 'd', 'label': 2, 'tested': 2, 'predicted': {'1': 2}}
    assert [sample['name'] for sample in entries['one']['samples']] == ['a', 'd']
    with pytest.raises(ValueError, match='one is given twice: .*first .*second .*first'):
        tool.main(['twice', *folders, folders[0]])


def test_a_fusion_is_kept_with_its_errors(tmp_path):
    part = {'mean': 0.5, 'std': None, 'values': [0.5]}
    accuracy = {'per_fold': {'1': part, '2': part}, 'mean_of_folds': part, 'pooled': part}
    row = {'name': 'a.npz', 'accuracy': accuracy, 'cross_entropy': {**accuracy, 'mean_of_folds': {**part, 'mean': 0.3}}}
    weights = {'fold 1': [0.5, 0.5], 'fold 2': [1, 0]}
    content = dict(command='fuse', commit='abc', num_runs=2, rule='sum', weights=weights, streams=[row], fused=row)
    (tmp_path / 'fused.json').write_text(json.dumps(content))
    runs = {(1, 0): RUNS['first, fold 1'], (2, 0): RUNS['first, fold 2']}
    write_runs(tmp_path / 'fused.npz', runs, ['push', 'kick', 'hug'])
    fusions.main(['both', str(tmp_path / 'fused'), '--out', str(tmp_path / 'kept.json')])
    page = (tmp_path / 'kept.md').read_text()
    assert '| a.npz | 50.00 | 50.00 | 50.00 | 50.00 | 0.300 |' in page
    assert '2 runs of each stream, rule sum, weights fold 1: 0.5, 0.5; fold 2: 1, 0. Errors of the fused' in page
    assert '2, of 2 different samples.' in page
    assert '| a | push | 1 of 1 | kick 1× |' in page
    (tmp_path / 'kept.md').unlink()
    fusions.main(['--out', str(tmp_path / 'kept.json')])
    assert (tmp_path / 'kept.md').read_text() == page


def test_kept_pages_are_those_of_the_kept_results():
    for name, page in (('hard_samples', tool.page), ('sbu_fused', fusions.page)):
        assert (RESULTS / f'{name}.md').read_text() == page(read_json(RESULTS / f'{name}.json'))
