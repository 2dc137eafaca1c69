"""What a test leaves behind: scores, accuracies and the confusion matrix, as data."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmaction.registry import METRICS
from mmengine.evaluator import BaseMetric, DumpResults
from mmengine.fileio import dump

from ..datasets.files.whole import write_whole, written_whole


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts ``(classes, classes)``, true classes in rows, predicted ones in columns.

    Shapes:
        labels and predicted ``(samples,)``
    """
    confusion = np.zeros((classes, classes), dtype=int)
    np.add.at(confusion, (labels, predicted), 1)
    return confusion


def accuracies(scores: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Top-1, top-5, mean over the classes (balanced accuracy), accuracy of every class, confusion, cross-entropy.

    Classes without a sample have no accuracy (None) and do not count in the mean.

    Shapes:
        scores ``(samples, classes)``, labels ``(samples,)``
    """
    # a stable order, so that ties always fall to the first class
    ranking = np.argsort(-scores, axis=1, kind='stable')
    confusion = confusion_matrix(labels, ranking[:, 0], scores.shape[1])
    counts = zip(np.diag(confusion).tolist(), confusion.sum(axis=1).tolist(), strict=True)
    per_class = [hits / count if count else None for hits, count in counts]
    return {
        'num_samples': len(labels),
        'top1': float((ranking[:, 0] == labels).mean()),
        'top5': float((ranking[:, :5] == labels[:, None]).any(axis=1).mean()),
        'mean_class': float(np.mean([share for share in per_class if share is not None])),
        'per_class': per_class,
        'confusion': confusion.tolist(),
        'cross_entropy': cross_entropy(scores, labels),
    }


def are_probabilities(scores: np.ndarray) -> bool:
    """Whether the scores of every sample, along the last axis, are none below zero and add up to one."""
    return not (scores < 0).any() and np.allclose(scores.sum(axis=-1), 1, atol=1e-3)


def cross_entropy(scores: np.ndarray, labels: np.ndarray) -> float | None:
    """Mean of -log of the score of the true class, at least 1e-6; None where the scores are no probabilities.

    It tells models apart that make the same few errors.

    Shapes:
        scores ``(samples, classes)``, labels ``(samples,)``
    """
    if not are_probabilities(scores):
        return None
    return float(-np.log(np.maximum(scores[np.arange(len(labels)), labels], 1e-6)).mean())


def relation_accuracy(scores: np.ndarray, labels: np.ndarray, pairs: Sequence[Sequence[int]]) -> float:
    """Accuracy in telling apart classes that differ only in how the persons relate; chance is one half.

    Every sample of such a class is decided between the two classes of its pair.

    Shapes:
        scores ``(samples, classes)``, labels ``(samples,)``, pairs: two labels each
    """
    partner = {label: other for pair in pairs for label, other in (tuple(pair), tuple(pair)[::-1])}
    chosen = [k for k, label in enumerate(labels) if int(label) in partner]
    right = [scores[k, labels[k]] > scores[k, partner[int(labels[k])]] for k in chosen]
    return float(np.mean(right))


@METRICS.register_module()
class WholeDumpResults(DumpResults):
    """mmengine's ``DumpResults``, whose file is there whole or not at all; same arguments."""

    def compute_metrics(self, results: list) -> dict:
        with written_whole(self.out_file_path) as part:
            dump(results, str(part))
        return {}


@METRICS.register_module()
class InteractionReport(BaseMetric):
    """Writes ``report.json`` (:func:`accuracies`) and ``scores.npz`` into a folder after validation or test.

    ``scores.npz`` holds ``scores`` (samples, classes), ``labels`` and ``ids``; two such files can be fused. Samples
    without a name (``frame_dir``) are numbered, in the order of the dataset. A dataset that names ``relation_pairs``,
    as the synthetic one does, gets their accuracy, too (:func:`relation_accuracy`); one that names ``sources``, as
    :class:`CombinedInteractionDataset` does, the accuracies of each.

    Args:
        out_dir: Folder for the files; made when missing.
    """

    default_prefix = 'report'

    def __init__(self, out_dir: str) -> None:
        super().__init__()
        self.out_dir = Path(out_dir)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            scores = sample['pred_score'].cpu().numpy()
            self.results.append((sample.get('frame_dir'), scores, int(sample['gt_label'].item())))

    def compute_metrics(self, results: list) -> dict[str, float]:
        # numbered here, where the results of all processes are together
        ids = [str(number if name is None else name) for number, (name, _, _) in enumerate(results)]
        scores = np.stack([score for _, score, _ in results])
        labels = np.array([label for _, _, label in results])
        report = accuracies(scores, labels)
        meta = self.dataset_meta or {}
        classes = [str(name) for name in meta.get('classes') or range(scores.shape[1])]
        keys = ['top1', 'top5', 'mean_class']
        if meta.get('relation_pairs'):
            report['relation'] = relation_accuracy(scores, labels, meta['relation_pairs'])
            keys.append('relation')
        if report['cross_entropy'] is not None:
            keys.append('cross_entropy')
        start = 0
        for source, count in (meta.get('sources') or {}).items():
            part_of = slice(start, start := start + count)
            report.setdefault('sources', {})[source] = accuracies(scores[part_of], labels[part_of])
        with written_whole(self.out_dir / 'scores.npz') as part:
            np.savez(part, scores=scores, labels=labels, ids=np.array(ids))
        write_whole(self.out_dir / 'report.json', json.dumps({'classes': classes, **report}, indent=1) + '\n')
        return {key: report[key] for key in keys}
