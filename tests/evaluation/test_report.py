"""Accuracies by hand, and the files that a test leaves behind."""

import json

import numpy as np
import pytest
import torch
from mmaction.registry import METRICS
from mmaction.structures import ActionDataSample

from asea_mm.evaluation import InteractionReport
from asea_mm.evaluation.report import accuracies, cross_entropy, relation_accuracy
from asea_mm.visualization import pairs, plot_confusion, plot_pair, plot_pairs

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


@pytest.mark.parametrize('logits', [[[2.0, -1.0]], [[0.5, 0.6]]])
def test_logits_have_no_cross_entropy(logits):
    assert cross_entropy(np.array(logits), np.array([0])) is None


@pytest.mark.parametrize(('label', 'top5'), [(0, 1.0), (4, 1.0), (5, 0.0), (6, 0.0)])
def test_top5_takes_five(label, top5):
    report = accuracies(np.arange(7, 0, -1)[None] / 10, np.array([label]))
    assert report['top5'] == top5


@pytest.mark.parametrize(('label', 'top1', 'top5'), [(0, 1.0, 1.0), (1, 0.0, 1.0), (5, 0.0, 0.0)])
def test_ties_fall_to_the_first_class(label, top1, top5):
    report = accuracies(np.full((1, 6), 0.5), np.array([label]))
    assert (report['top1'], report['top5']) == (top1, top5)


def test_one_sample_of_one_class():
    report = accuracies(np.ones((1, 1)), np.array([0]))
    assert (report['top1'], report['mean_class'], report['confusion']) == (1.0, 1.0, [[1]])


def samples(names=('a', 'b', 'c', 'd')) -> list[dict]:
    """What mmengine hands to a metric."""
    made = []
    for name, scores, label in zip(names, SCORES, LABELS, strict=True):
        sample = ActionDataSample().set_gt_label(int(label)).set_pred_score(torch.from_numpy(scores))
        if name is not None:
            sample.set_metainfo(dict(frame_dir=name))
        made.append(sample.to_dict())
    return made


@pytest.fixture
def evaluated(tmp_path):
    metric = METRICS.build(dict(type='InteractionReport', out_dir=str(tmp_path / 'new' / 'folder')))
    metric.dataset_meta = dict(classes=('push', 'kick', 'hug', 'wave'))
    everything = samples()
    metric.process({}, everything[:3])
    metric.process({}, everything[3:])
    return metric.evaluate(size=4), tmp_path / 'new' / 'folder'


def test_metric_returns_its_accuracies(evaluated):
    assert evaluated[0] == {'report/top1': 0.5, 'report/top5': 1.0, 'report/mean_class': pytest.approx(0.5)}


def test_report_file(evaluated):
    report = json.loads((evaluated[1] / 'report.json').read_text())
    assert report['classes'] == ['push', 'kick', 'hug', 'wave']
    figures = {name: value for name, value in report.items() if name != 'classes'}
    assert figures == {**accuracies(SCORES, LABELS), 'cross_entropy': cross_entropy(SCORES, LABELS)}


def test_scores_file_needs_no_pickle(evaluated):
    with np.load(evaluated[1] / 'scores.npz', allow_pickle=False) as saved:
        assert np.array_equal(saved['scores'], SCORES)
        assert np.array_equal(saved['labels'], LABELS)
        assert saved['ids'].tolist() == ['a', 'b', 'c', 'd']


def is_picture(path) -> bool:
    return path.read_bytes().startswith(b'\x89PNG') and path.stat().st_size > 2000


def test_confusion_picture(evaluated):
    assert is_picture(evaluated[1] / 'confusion.png')


def test_evaluating_again_replaces_the_files(tmp_path):
    metric = InteractionReport(str(tmp_path))
    for count in (4, 2):
        metric.process({}, samples()[:count])
        metric.evaluate(size=count)
    assert json.loads((tmp_path / 'report.json').read_text())['num_samples'] == 2


def test_without_class_names_and_ids_there_are_numbers(tmp_path):
    metric = InteractionReport(str(tmp_path))
    metric.process({}, samples([None] * 4))
    metric.evaluate(size=4)
    assert json.loads((tmp_path / 'report.json').read_text())['classes'] == ['0', '1', '2', '3']
    assert len(set(np.load(tmp_path / 'scores.npz')['ids'].tolist())) == 4


@pytest.mark.parametrize(
    'confusion', [np.array([[3]]), np.zeros((4, 4), dtype=int), np.eye(26, dtype=int)], ids=['one', 'empty', 'many']
)
def test_confusion_of_any_size_is_drawn(tmp_path, confusion):
    plot_confusion(confusion, [f'class {number}' for number in range(len(confusion))], tmp_path / 'c.png')
    assert is_picture(tmp_path / 'c.png')


@pytest.mark.parametrize(
    ('shape', 'layout'), [((2, 9, 25, 3), 'nturgbd25'), ((1, 2, 15, 3), 'sbu15'), ((3, 30, 17, 2), 'coco17')]
)
def test_pairs_of_any_layout_are_drawn(tmp_path, shape, layout):
    keypoint = np.random.default_rng(0).normal(size=shape)
    plot_pair(keypoint, layout, tmp_path / 'new' / 'pair.png', frames=4, title='hug')
    assert is_picture(tmp_path / 'new' / 'pair.png')


def test_absent_persons_and_missing_joints_are_not_drawn(tmp_path, monkeypatch):
    drawn, lines = [], pairs.LineCollection
    monkeypatch.setattr(pairs, 'LineCollection', lambda bones, **_: drawn.append(len(bones)) or lines(bones))
    keypoint = np.ones((2, 1, 25, 3)) * np.arange(1, 26)[:, None]
    keypoint[1] = 0
    keypoint[0, :, 24] = 0  # the right thumb, an end of the tree
    plot_pair(keypoint, 'nturgbd25', tmp_path / 'pair.png', frames=1)
    assert drawn == [23, 0]


def test_a_sample_of_nobody_is_an_empty_picture(tmp_path):
    plot_pair(np.zeros((2, 4, 25, 3)), 'nturgbd25', tmp_path / 'pair.png')
    assert is_picture(tmp_path / 'pair.png')


@pytest.mark.parametrize(
    ('shapes', 'options', 'message'),
    [
        ([], {}, 'got 0 samples'),
        ([(2, 4, 25, 3)], dict(frames=0), '0 frames'),
        ([(2, 4, 25, 3)], dict(titles=['a', 'b']), '2 titles'),
        ([(2, 4, 18, 3)], {}, r'25, 2 or 3\), got \(2, 4, 18, 3\)'),
        ([(4, 25, 3)], {}, r'got \(4, 25, 3\)'),
    ],
)
def test_wrong_samples_are_not_drawn(tmp_path, shapes, options, message):
    with pytest.raises(ValueError, match=f'plot_pairs: .*{message}'):
        plot_pairs([np.ones(shape) for shape in shapes], 'nturgbd25', tmp_path / 'pair.png', **options)


def test_relation_accuracy_decides_within_the_pair():
    scores = np.array([[9.0, 1, 2], [9, 2, 1], [9, 2, 1], [0, 1, 2]])
    labels = np.array([2, 1, 2, 0])
    # class 0 wins everywhere, but only classes 1 and 2 are a pair, and two of its three samples are right
    assert relation_accuracy(scores, labels, [(1, 2)]) == pytest.approx(2 / 3)
