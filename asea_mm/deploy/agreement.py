"""Whether an exported file computes what PyTorch does."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dataset import Compose
from torch import nn

from ..apis.loading import TrainedModel, mmaction_scope
from .export import ScoreModel, takes_scores, trial_recording
from .preparation import Preparation

Arrays = Mapping[str, np.ndarray]
Scores = tuple[np.ndarray, np.ndarray]  # scores (N, classes), logits (N, clips, classes)
INPUTS = ('keypoint', 'keypoint_score', 'img_shape')


class Agreement(NamedTuple):
    """How far a file and PyTorch are apart over some samples.

    Args:
        samples: Number of samples.
        difference: Largest absolute difference of scores and logits.
        same: Samples for which both choose the same class.
    """

    samples: int
    difference: float
    same: int

    def within(self, tolerance: float) -> bool:
        """Whether the difference is within the tolerance and every class the same; not where anything is no number."""
        return self.difference <= tolerance and self.same == self.samples


def open_exported(path: str | Path) -> Callable[[Arrays], Scores]:
    """An .onnx or .pt2 file as a function of its inputs by name, on the CPU with as many threads as torch has."""
    if Path(path).suffix == '.pt2':
        program = torch.export.load(str(path)).module()

        def run(inputs: Arrays) -> Scores:
            with torch.no_grad():
                scores, logits = program(*(torch.from_numpy(array) for array in inputs.values()))
            return scores.numpy(), logits.numpy()

        return run

    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
    return lambda inputs: tuple(session.run(['scores', 'logits'], dict(inputs)))


def compare(
    trained: TrainedModel, path: str | Path, dataset: Any = None, count: int = 50, preparation: bool = True
) -> dict[str, Agreement]:
    """Run a file of :func:`.export.export_model` beside the test pipeline and PyTorch.

    Args:
        trained: The model of the file.
        path: The file.
        dataset: Samples to compare with, beside random persons.
        count: How many of them, evenly spaced.
        preparation: Whether the file has its preparation.

    Returns:
        The agreement, by what it is of.
    """
    exported, plain = open_exported(path), ScoreModel(trained.model.eval(), temperature=trained.temperature)
    sources = {'random persons': [trial_recording(trained, frames, seed=frames) for frames in (1, 2, 9, 30, 77)]}
    if dataset is not None:
        chosen = np.unique(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).round().astype(int))
        sources['test samples'] = [dataset.get_data_info(index) for index in chosen.tolist()]
    return {
        name: measure_agreement(exported, plain, prepared_cases(trained, recordings, preparation))
        for name, recordings in sources.items()
    }


def measure_agreement(
    exported: Callable[[Arrays], Scores], plain: nn.Module, cases: Iterable[tuple[Arrays, np.ndarray]]
) -> Agreement:
    """Run both on all cases: the inputs of the file, and the clips of the model ``(N, clips, M, T, V, C)``."""
    samples, difference, same = 0, 0.0, 0
    for inputs, clips in cases:
        with torch.no_grad():
            expected = [output.numpy() for output in plain(torch.from_numpy(clips))]
        outputs = [ours.reshape(theirs.shape) for ours, theirs in zip(exported(inputs), expected, strict=True)]
        for ours, theirs in zip(outputs, expected, strict=True):
            difference = float(np.maximum(difference, np.abs(ours - theirs).max()))  # keeps NaN
        same += int((outputs[0].argmax(axis=1) == expected[0].argmax(axis=1)).sum())
        samples += len(clips)
    return Agreement(samples, difference, same)


def prepared_cases(
    trained: TrainedModel, recordings: Iterable[Mapping[str, Any]], preparation: bool
) -> Iterator[tuple[Arrays, np.ndarray]]:
    """The inputs of a file, and the clips of the test pipeline, of recordings as they are and with absence put in.

    Args:
        trained: The model of the file.
        recordings: Samples before the pipeline.
        preparation: Whether the file takes the recordings; otherwise it takes the clips.
    """
    with mmaction_scope():
        pipeline = Compose(trained.pipeline)
        names = Preparation(trained.pipeline, trained.skeleton, takes_scores(trained)).inputs if preparation else []
    for recording in recordings:
        sample = {name: np.asarray(recording[name]) for name in INPUTS if name in recording}
        for name in sample.keys() - {'img_shape'}:  # who is missing is all zero
            array = sample[name][: trained.num_person]
            missing = (0, trained.num_person - len(array))
            sample[name] = np.pad(array, [missing, *[(0, 0)] * (array.ndim - 1)])
        for keypoint in _with_absence(sample['keypoint']):
            sample['keypoint'] = keypoint
            inputs = {name: sample[name].astype(np.float32) for name in names}
            about = {'frame_dir': 'export', 'label': 0, 'layout': trained.skeleton, 'total_frames': keypoint.shape[1]}
            clips = pipeline({**sample, **about})['inputs'].numpy()[None]
            yield inputs if preparation else {'keypoint': clips}, clips


def _with_absence(keypoint: np.ndarray) -> Iterator[np.ndarray]:
    """Keypoints ``(M, T, V, C)`` as they are, without partner, without an end, both, with a gap, of nobody."""
    frames = keypoint.shape[1]
    partner, end = np.s_[1:], np.s_[:, frames // 2 + 1 :]
    gap = np.s_[-1, frames // 4 : frames // 2]
    for absent in ((), (partner,), (end,), (partner, end), (gap,), (np.s_[:],)):
        copy = keypoint.copy()
        for place in absent:
            copy[place] = 0
        yield copy
