"""Accuracies by hand, and the files that a test leaves behind."""

import json

import numpy as np
import pytest
import torch
from mmaction.registry import METRICS
from mmaction.structures import ActionDataSample

from asea_mm.evaluation import InteractionReport
from asea_mm.evaluation.report import accuracies, cross_entropy, relation_accuracy
from asea_mm.evaluation.scores import read_scores

SCORES = np.array(
    [
        [0.9, 0.1, 0.0, 0.0],  # 0, true 0
        [0.2, 0.7, 0.1, 0.0],  # 1, true 0
        [0.1, 0.8, 0.1, 0.0],  # 1, true 1
        [0.1, 0.2, 0.6, 0.1],  # 2, true 3
    ]
)
LABELS = np.array([0, 0, 1, 3])


def test_accuracies_by_hand():
    report = accuracies(SCORES, LABELS)
    assert report['num_samples'] == 4
    assert report['top1'] == 0.5
    assert report['top5'] == 1.0  # four classes only
    assert report['per_class'] == [0.5, 1.0, None, 0.0]  # nobody shows class 2
    assert report['mean_class'] == pytest.approx(0.5)  # of the three classes that are there
    assert report['confusion'] == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]


def test_cross_entropy_by_hand():
    wanted = -np.log([0.9, 0.2, 0.8, 0.1]).mean()
    assert cross_entropy(SCORES, LABELS) == pytest.approx(wanted)
    assert cross_entropy(np.array([[1.0, 0.0]]), np.array([1])) == pytest.approx(-np.log(1e-6)), 'not infinite'
    assert cross_entropy(np.array([[1.0, 0.0]]), np.array([0])) == 0

    for logits in ([[2.0, -1.0]], [[0.5, 0.6]]):
        assert cross_entropy(np.array(logits), np.array([0])) is None, 'no probabilities'


@pytest.mark.parametrize(
    ('scores', 'label', 'top1', 'top5'),
    [
        ([0.7, 0.6, 0.5, 0.4, 0.3, 0.2], 0, 1, 1),
        ([0.7, 0.6, 0.5, 0.4, 0.3, 0.2], 4, 0, 1),
        ([0.7, 0.6, 0.5, 0.4, 0.3, 0.2], 5, 0, 0),
        ([0.5] * 6, 0, 1, 1),  # ties fall to the first class
        ([0.5] * 6, 1, 0, 1),
        ([0.5] * 6, 5, 0, 0),
        ([1.0], 0, 1, 1),
    ],
)
def test_top1_and_top5(scores, label, top1, top5):
    report = accuracies(np.array([scores]), np.array([label]))
    assert (report['top1'], report['top5']) == (top1, top5)


def samples(names=('a', 'b', 'c', 'd')) -> list[dict]:
    """What mmengine hands to a metric."""
    made = []
    for name, scores, label in zip(names, SCORES, LABELS, strict=True):
        sample = ActionDataSample().set_gt_label(int(label)).set_pred_score(torch.from_numpy(scores))
        if name is not None:
            sample.set_metainfo(dict(frame_dir=name))
        made.append(sample.to_dict())
    return made


def test_metric_and_its_files(tmp_path):
    folder = tmp_path / 'new' / 'folder'
    metric = METRICS.build(dict(type='InteractionReport', out_dir=str(folder)))
    metric.dataset_meta = dict(classes=('push', 'kick', 'hug', 'wave'))
    metric.process({}, samples()[:2])
    metric.evaluate(size=2)
    metric.process({}, samples()[:3])
    metric.process({}, samples()[3:])
    values, everything = metric.evaluate(size=4), accuracies(SCORES, LABELS)
    assert values == {f'report/{name}': everything[name] for name in ('top1', 'top5', 'mean_class', 'cross_entropy')}
    report = json.loads((folder / 'report.json').read_text())
    assert report == {'classes': ['push', 'kick', 'hug', 'wave'], **everything}
    with np.load(folder / 'scores.npz', allow_pickle=False) as saved:
        assert np.array_equal(saved['scores'], SCORES)
        assert np.array_equal(saved['labels'], LABELS)
        assert saved['ids'].tolist() == ['a', 'b', 'c', 'd']


def test_samples_of_several_processes_without_names_are_numbered_as_the_dataset_has_them(tmp_path):
    """Each process numbered its own from 0, and the reader refused the file."""
    metrics = [InteractionReport(str(tmp_path)) for _ in range(2)]
    for rank, metric in enumerate(metrics):
        metric.process({}, samples([None] * 4)[rank::2])
    first, second = (metric.results for metric in metrics)
    metrics[0].compute_metrics([result for pair in zip(first, second, strict=True) for result in pair])
    assert json.loads((tmp_path / 'report.json').read_text())['classes'] == ['0', '1', '2', '3'], 'nobody names them'
    scores = read_scores(tmp_path / 'scores.npz')
    assert scores.ids == ('0', '1', '2', '3')
    assert np.array_equal(scores.labels, LABELS)


def test_relation_accuracy_decides_within_the_pair():
    scores = np.array([[9.0, 1, 2], [9, 2, 1], [9, 2, 1], [0, 1, 2]])
    labels = np.array([2, 1, 2, 0])
    # class 0 wins everywhere, but only classes 1 and 2 are a pair, and two of its three samples are right
    assert relation_accuracy(scores, labels, [(1, 2)]) == pytest.approx(2 / 3)
