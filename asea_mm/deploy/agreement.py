"""Whether an exported file computes what PyTorch does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.dataset import Compose
from torch import nn

from ..apis.loading import TrainedModel, mmaction_scope
from .export import ScoreModel, input_size, preparation_of, trial_recording

Arrays = Mapping[str, np.ndarray]
Scores = tuple[np.ndarray, np.ndarray]  # scores (N, classes), logits (N, clips, classes)
GIVEN = ('keypoint', 'keypoint_score', 'img_shape')


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


def open_exported(path: str | Path, threads: int | None = None) -> Callable[[Arrays], Scores]:
    """An .onnx or .pt2 file as a function of its inputs by name, on the CPU.

    Args:
        path: The file.
        threads: Threads of onnxruntime; default its own choice.
    """
    if Path(path).suffix == '.pt2':
        program = torch.export.load(str(path)).module()

        def run(inputs: Arrays) -> Scores:
            with torch.no_grad():
                scores, logits = program(*(torch.from_numpy(array) for array in inputs.values()))
            return scores.numpy(), logits.numpy()

        return run

    import onnxruntime

    options = onnxruntime.SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
    return lambda inputs: tuple(session.run(['scores', 'logits'], dict(inputs)))


def compare(
    trained: TrainedModel,
    path: str | Path,
    dataset: Any = None,
    count: int = 50,
    preparation: bool = True,
    frames: int | None = None,
) -> dict[str, Agreement]:
    """Run a file of :func:`export_model` beside PyTorch and, where it has its preparation, the test pipeline.

    Random persons, and samples of a dataset, each as it is and with absence put into it: no partner, an end of nothing,
    both, a gap, nobody.

    Args:
        trained: The model of the file.
        path: The file.
        dataset: Samples to compare with; default none but random ones.
        count: How many of them, evenly spaced.
        preparation: Whether the file has its preparation.
        frames: As of :func:`export_model`.

    Returns:
        The agreement, by what it is of.
    """
    exported, plain = open_exported(path, torch.get_num_threads()), ScoreModel(trained.model.eval())
    cases = _recordings if preparation else _clips
    sources = {'random persons': None, **({} if dataset is None else {'test samples': dataset})}
    return {
        name: measure_agreement(exported, plain, cases(trained, samples, count, frames))
        for name, samples in sources.items()
    }


def measure_agreement(
    exported: Callable[[Arrays], Scores], plain: nn.Module, cases: Iterable[tuple[Arrays, np.ndarray]]
) -> Agreement:
    """Run both on all cases: the inputs of the file, and the clips of the model ``(N, clips, M, T, V, C)``."""
    samples, difference, same = 0, 0.0, 0
    for inputs, clips in cases:
        with torch.no_grad():
            expected = [output.numpy() for output in plain(torch.from_numpy(clips))]
        outputs = exported(inputs)
        for ours, theirs in zip(outputs, expected, strict=True):
            difference = float(np.maximum(difference, np.abs(ours.reshape(theirs.shape) - theirs).max()))  # keeps NaN
        same += int((outputs[0].reshape(expected[0].shape).argmax(axis=1) == expected[0].argmax(axis=1)).sum())
        samples += len(clips)
    return Agreement(samples, difference, same)


def with_absence(keypoint: np.ndarray) -> Iterator[np.ndarray]:
    """Keypoints as they are, partner absent, padded frames, both, a gap, nobody.

    Shapes:
        keypoint ``(..., M, T, V, C)``; gives the same, copies
    """
    frames = keypoint.shape[-3]
    end = slice(frames // 2 + 1, None)
    for partner, absent in ((False, None), (True, None), (False, end), (True, end)):
        copy = keypoint.copy()
        if partner:
            copy[..., 1:, :, :, :] = 0
        if absent is not None:
            copy[..., absent, :, :] = 0
        yield copy
    copy = keypoint.copy()
    copy[..., -1, frames // 4 : frames // 2, :, :] = 0
    yield copy
    yield np.zeros_like(keypoint)


def _chosen(dataset: Any, count: int) -> list[int]:
    return np.unique(np.linspace(0, len(dataset) - 1, min(count, len(dataset))).round().astype(int)).tolist()


def _recordings(
    trained: TrainedModel, dataset: Any, count: int, frames: int | None
) -> Iterator[tuple[Arrays, np.ndarray]]:
    """Recordings and what the test pipeline makes of them."""
    names = preparation_of(trained).inputs
    with mmaction_scope():
        pipeline = Compose(trained.pipeline)
    if dataset is None:
        made = [trial_recording(trained, total, seed=total) for total in (1, 2, 9, 30, 77)]
        samples = [{name: array.numpy() for name, array in recording.items()} for recording in made]
    else:
        samples = [dataset.get_data_info(index) for index in _chosen(dataset, count)]
    for sample in samples:
        persons = sample['keypoint'][: trained.num_person]
        missing = trained.num_person - len(persons)
        for keypoint in with_absence(persons):
            given = {**sample, 'keypoint': keypoint}
            if 'keypoint_score' in sample:
                given['keypoint_score'] = sample['keypoint_score'][: trained.num_person]
            inputs = {name: np.asarray(given[name], dtype=np.float32) for name in names}
            for name in set(names) & {'keypoint', 'keypoint_score'}:
                inputs[name] = np.pad(inputs[name], [(0, missing), *[(0, 0)] * (inputs[name].ndim - 1)])
            data = {'frame_dir': 'export', 'label': 0, **{name: given[name] for name in GIVEN if name in given}}
            data |= {'layout': trained.skeleton, 'total_frames': keypoint.shape[1]}
            yield inputs, np.stack([pipeline(data)['inputs'].numpy()])


def _clips(trained: TrainedModel, dataset: Any, count: int, frames: int | None) -> Iterator[tuple[Arrays, np.ndarray]]:
    """Clips behind the test pipeline."""
    if dataset is None:
        size = input_size(trained, frames)
        batches = [trial_clips(trained.model, size, clips) for clips in (1, 3)]
    else:
        batches = [dataset[index]['inputs'].numpy()[None] for index in _chosen(dataset, count)]
    for batch in batches:
        for clips in with_absence(batch):
            yield {'keypoint': clips}, clips


def trial_clips(recognizer: nn.Module, size: tuple[int, ...], num_clips: int = 1) -> np.ndarray:
    """Random keypoints of the place and size that the input's batch norm has seen.

    Far from the data rounding grows without end, and a comparison would tell nothing.

    Shapes:
        returns ``(2, clips, M, T, V, C)``
    """
    keypoint = torch.randn(2, num_clips, *size, generator=torch.Generator().manual_seed(0))
    backbone: Any = recognizer.backbone
    while hasattr(backbone, 'backbone'):  # InteractionBackbone wraps one
        backbone = backbone.backbone
    norm = getattr(backbone, 'data_bn', None)
    if isinstance(norm, nn.BatchNorm1d) and norm.running_mean is not None and norm.running_var is not None:
        mean, var = (values.view(-1, *size[2:])[0] for values in (norm.running_mean, norm.running_var))
        keypoint = mean + var.sqrt() * keypoint
    return keypoint.numpy()
