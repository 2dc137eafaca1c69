"""Keypoints in, interaction out."""

import os
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import nn

from ..datasets.recordings.arrays import read_array
from ..datasets.recordings.finish import Pairs, Sample
from ..datasets.recordings.samples import is_single, read_samples
from ..datasets.recordings.together import are_together, note_axes
from ..datasets.transforms.member_pipelines import side_by_side
from ..engine.compilation import compile_model
from ..errors import InputError
from ..evaluation.calibration import calibrated
from ..models.layers import fuse_batch_norm
from ..models.layers.interaction import AEA
from ..skeletons import Skeleton
from ..visualization.probe import Readings, watch
from .fusing import load_together
from .loading import load_model
from .preparing import ClipPipeline
from .results import InteractionResult
from .windows import Findings, Group, clips_of, make_result, require_finite, ruled_scores, whole_number


class InteractionInferencer:
    """A trained model at work: arrays, annotations or files in, labels and scores out.

    Every clip or window goes through the test pipeline of the model's config, so that scores are those of
    ``asea test``, at the temperature that the checkpoint carries if it was calibrated. Of a model with the class
    ``no interaction``, persons who are not near each other (:func:`~..datasets.recordings.together.are_together`) get
    this class. No global state is touched; use one inferencer per thread.

    Args:
        model: A checkpoint, which carries its config; the name of one that comes along, ``'pair3d'`` or ``'pair2d'``
            (:func:`~.choice.model_for` chooses by the data); a config file or object; or several checkpoints, whose
            scores are fused (:func:`~.fusing.fuse_checkpoints`).
        weights: The checkpoint, where ``model`` is a config.
        device: Where the model runs, e.g. ``'cuda'``.
        fuse: Fuse batch norms into convolutions: faster, the same to rounding (:func:`fuse_batch_norm`). Rounding may
            make another joint active where two scores all but tie, so this is not the default.
        layout: Layout of the keypoints; default the one the model was trained on. From another the model's joints are
            made as ``docs/layouts.md`` says, and the log says which were derived.
        num_clips: Clips that the model sees of every clip or window: ``SampleClip`` takes so many, and
            ``AddTurnedClips`` is left out. Default: as in the pipeline. Fewer are faster and less exact.
        allow_imports: Modules that the config in a checkpoint may have imported; trust both.
        compile: Compile the model in its first pass (:func:`~asea_mm.engine.compilation.compile_model`): on a GPU many
            times as fast with few clips at a time, on a CPU it would be no faster and is left out. Then what active
            joints there are is looked up only with ``explain``, in a pass that is not compiled.
        model_weights, rule: Of several checkpoints: a weight for each, default equal ones; and ``'sum'`` or
            ``'product'`` (:func:`~asea_mm.evaluation.fusion.fuse`).

    Attributes:
        classes, skeleton, num_person: Names of the classes, layout of the keypoints, persons that the model takes.

    Raises:
        FileNotFoundError: If a file is not there.
        InputError: If a file is not what it should be, or an argument does not fit the config.
    """

    def __init__(
        self,
        model: str | os.PathLike | Config | Sequence[str | os.PathLike],
        weights: str | os.PathLike | None = None,
        device: str | torch.device = 'cpu',
        fuse: bool = False,
        layout: str | Mapping | Skeleton | None = None,
        num_clips: int | None = None,
        allow_imports: Collection[str] = (),
        compile: bool = False,
        model_weights: Sequence[float] | None = None,
        rule: str = 'sum',
    ) -> None:
        if isinstance(model, (list, tuple)):
            if weights is not None:
                raise InputError(f'weights: of several checkpoints each has its own config, got {weights}')
            trained = load_together(model, model_weights, rule, device, layout, allow_imports)
        elif model_weights is not None:
            raise InputError('model_weights: expected several checkpoints as model, got one')
        else:
            trained = load_model(model, weights, device, layout, allow_imports)
        self.model: Any = fuse_batch_norm(trained.model) if fuse else trained.model
        self.skeleton, self.classes, self.num_person = trained.skeleton, trained.classes, trained.num_person
        self._temperature = trained.temperature
        self._is_several = bool(trained.members)
        members = trained.members or [trained]
        self._pipelines = [ClipPipeline(member, num_clips) for member in members]
        self._is_compiled = compile and any([compile_model(member.model, device) for member in members])  # noqa: C419
        choosing = (number for number, member in enumerate(members) if _chooses_joints(member.model))
        self._explained = next(choosing, 0)  # number of the member whose joints and attention are told
        self._explained_model = members[self._explained].model
        self._model_skeleton = members[self._explained].model_skeleton

    def __call__(
        self,
        inputs: Any,
        keypoint_score: Any = None,
        pairs: Pairs = None,
        window: int | None = None,
        overlap: int | None = None,
        merge: str = 'mean',
        batch_size: int = 32,
        topk: int = 5,
        explain: bool = False,
        split: str | None = None,
        fold: int | None = None,
        units: str | None = None,
        up: str | None = None,
        fill_missing: bool = False,
        img_shape: Sequence[int] | None = None,
        on_result: Callable[[Sample, InteractionResult], object] | None = None,
        on_error: Callable[[InputError | OSError], object] | None = None,
    ) -> InteractionResult | list[InteractionResult] | None:
        """Recognise interactions. Inputs are read one after another, when the model is ready for them.

        Args:
            inputs: One of these, or a list of any of them:

                - an array ``(M, T, V, C)``, or ``(T, V, C)`` of one person: a recording in memory
                - an annotation: ``keypoint``, maybe ``keypoint_score``, ``frame_dir``, ``img_shape``
                - a file: an annotation file (.pkl), a recording as ``docs/custom_data.md`` lists them (.npy,
                  .npz, .csv, .json, NTU's .skeleton, a folder of OpenPose's files), or a folder of such
            keypoint_score: Confidences, where ``inputs`` is one array.
            pairs: Where there are more persons than the model takes: None takes the likeliest pair of the clip, see
                :func:`~asea_mm.datasets.recordings.persons.choose_persons`, ``'all'`` every pair that shares a frame,
                and a list of pairs of person numbers, from 0, or names, just these.
            window, overlap: Frames of a sliding window, default the whole clip at once; and frames that consecutive
                windows share, default half of the window.
            merge: How scores of windows become those of the clip: ``'mean'`` or ``'max'`` of every class.
            batch_size: Clips or windows that run at once.
            topk: Classes in ``top_k``.
            explain: Whether to return attention between joints, too.
            split, fold: Of annotation files: a split, default all samples; with a fold ``'val'`` (default) or
                ``'train'``.
            units, up, fill_missing: Of recordings, arrays too, see
                :func:`~asea_mm.datasets.recordings.finish.finish_recording`.
            img_shape: Height and width of the image, for two-dimensional samples that do not say it themselves.
            on_result: Called with every sample and its result as soon as it is known.
            on_error: Called with what is wrong with an input, which is then left out of the results; None raises it.

        Returns:
            One result for one array, annotation or recording (None if ``on_error`` was called); a list for a list, an
            annotation file or a folder.

        Shapes:
            M persons, T frames, V joints of the layout, C coordinates as in training; absent persons are all zero

        Raises:
            FileNotFoundError: If a file is not there.
            InputError: If an argument or a sample is not as expected; the message names the sample.
        """
        window = None if window is None else whole_number('window', window)
        batch_size, topk = whole_number('batch_size', batch_size), whole_number('topk', topk)
        if overlap is not None and (window is None or whole_number('overlap', overlap, 0) >= window):
            raise InputError(f'overlap: expected frames from 0 to below the window of {window}, got {overlap!r}')
        overlap = (window or 0) // 2 if overlap is None else int(overlap)
        if merge not in ('mean', 'max'):
            raise InputError(f"merge: expected 'mean' or 'max', got {merge!r}")
        single = is_single(inputs)
        if keypoint_score is not None:
            if not single or isinstance(inputs, (str, os.PathLike, Mapping)):
                raise InputError('keypoint_score: expected one array as inputs; give dictionaries with both otherwise')
            inputs = read_array(inputs, self.skeleton, score=keypoint_score)
        subset, axes = dict(split=split, fold=fold), dict(units=units, up=up, fill_missing=fill_missing)

        results: list[InteractionResult] = []
        begun: deque[list[Group]] = deque()
        waiting: list[tuple[Group, dict]] = []

        def leave_out(error: InputError) -> None:
            if on_error is None:
                raise error
            on_error(error)

        def run() -> None:
            findings = self._run([data for _, data in waiting], explain)
            for (group, _), of_clip in zip(waiting, findings, strict=True):
                group.findings.append(of_clip)
            waiting.clear()

        def finish() -> None:
            while begun and all(len(group.findings) == len(group.ranges) for group in begun[0]):
                groups = begun.popleft()
                try:
                    result = make_result(groups, merge, topk, self.classes, self._model_skeleton)
                except InputError as error:
                    leave_out(error)
                    continue
                results.append(result)
                if on_result is not None:
                    on_result(groups[0].sample, result)

        for sample in read_samples(inputs, self.skeleton, self.num_person, subset, axes, on_error, img_shape):
            if img_shape is not None:
                sample.extra.setdefault('img_shape', tuple(img_shape))
            sample.notes.extend(note_axes(sample.keypoint, self.skeleton))
            try:
                groups = [Group(sample, persons) for persons in sample.groups(self.num_person, pairs)]
                for group in groups:
                    for clip in clips_of(group, window, overlap):
                        waiting.append((group, self.prepare(clip)))
                        if len(waiting) == batch_size:
                            run()
            except InputError as error:
                waiting[:] = [(group, data) for group, data in waiting if group.sample is not sample]
                leave_out(error)
            else:
                begun.append(groups)
                finish()
        run()
        finish()
        return results if not single else results[0] if results else None

    def prepare(self, clip: Sample) -> dict:
        """A clip through the test pipeline, of several models each its own.

        Raises:
            InputError: If a transform refuses it, it cannot be in metres as training was, or the model was trained on
                other channels.
        """
        prepared = [pipeline(_own_arrays(clip)) for pipeline in self._pipelines[1:]]  # which may write into them
        prepared.insert(0, self._pipelines[0](clip))
        return side_by_side(prepared) if self._is_several else prepared[0]

    def classify(self, clips: Sequence[Sample]) -> list[np.ndarray]:
        """Scores of clips, all at once; nothing but pipeline and model checks them.

        Raises:
            InputError: If a transform refuses a clip, or scores are not finite.
        """
        scores = [findings.scores for findings in self._run([self.prepare(clip) for clip in clips], note=False)]
        for of_clip, clip in zip(scores, clips, strict=True):
            require_finite(of_clip, clip)
        if not clips:
            return []
        return list(ruled_scores(np.stack(scores), [are_together(clip.keypoint) for clip in clips], self.classes))

    @torch.no_grad()
    def _run(self, prepared: Sequence[dict], explain: bool = False, note: bool = True) -> list[Findings]:
        findings: list[Findings] = []
        for shapes, alike in groupby(prepared, key=_shapes):
            batch = list(alike)
            watched = self._explained_model if explain or (note and not self._is_compiled) else nn.Module()
            with watch(watched, 'mean' if explain else None) as readings:
                outputs = self.model.test_step(pseudo_collate(batch))
            clips = shapes[self._explained][0]
            active, attention = (_of_samples(readings, key, len(batch), clips) for key in ('mask', 'attention'))
            for index, output in enumerate(outputs):
                notes = ({name: value[index] for name, value in values.items()} for values in (active, attention))
                scores = output.pred_score.float().cpu().numpy()
                if self._temperature is not None and np.isfinite(scores).all():
                    scores = calibrated(scores, self._temperature)
                findings.append(Findings(scores, *notes))
        return findings


def _chooses_joints(model: nn.Module) -> bool:
    return any(isinstance(module, AEA) for module in model.modules())


def _own_arrays(clip: Sample) -> Sample:
    score = None if clip.score is None else clip.score.copy()
    return replace(clip, keypoint=clip.keypoint.copy(), score=score, extra=dict(clip.extra))


def _shapes(data: Mapping[str, Any]) -> list[torch.Size]:
    """Shapes of a prepared clip, one for each of several models."""
    inputs = data['inputs']
    return [one.shape for one in inputs] if isinstance(inputs, list) else [inputs.shape]


def _of_samples(readings: Readings, key: str, samples: int, clips: int) -> dict[str, np.ndarray]:
    """``(samples * clips, ...)`` of every layer to the mean over clips, ``(samples, ...)``."""
    values = {name: reading[key].float() for name, reading in readings.items() if key in reading}
    return {name: value.unflatten(0, (samples, clips)).mean(dim=1).cpu().numpy() for name, value in values.items()}
