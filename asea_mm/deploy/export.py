"""A trained recognizer as one file that runs without this package: ONNX, or a program of torch.export."""

import copy
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import __version__
from ..apis.loading import TrainedModel, mmaction_scope, part_name
from ..datasets.files.whole import written_whole
from ..engine.channels import kind_of_input
from ..errors import InputError
from ..evaluation.calibration import LEAST_PROBABILITY
from ..models.layers import AEA, fuse_batch_norm
from .preparation import Preparation

OPSET = 18  # the lowest of torch.onnx; onnxruntime has run it since 1.14
SUFFIXES = ('.onnx', '.pt2')
FreeAxes = Sequence[Mapping[int, str]]  # of every input, names by axis


class ScoreModel(nn.Module):
    """A recognizer from clips to scores, or with its preparation from one recording.

    Args:
        recognizer: The recognizer; its head says how clips are averaged.
        preparation: What makes clips of a recording.
        temperature: Of its scores, if it was calibrated, as the inferencer uses it.

    Shapes:
        clips ``(N, clips, M, T, V, C)``, what the test pipeline gives, or the inputs of :class:`Preparation`; returns
        scores ``(N, classes)``, averaged over clips as the head does (``'prob'``: probabilities; ``'score'``: logits,
        unless calibrated), and logits ``(N, clips, classes)``, both without N for a recording

    Raises:
        InputError: If the head does not average clips.
    """

    def __init__(
        self, recognizer: nn.Module, preparation: Preparation | None = None, temperature: float | None = None
    ) -> None:
        super().__init__()
        self.recognizer: Any = recognizer
        self.preparation = preparation
        average = getattr(self.recognizer.cls_head, 'average_clips', None)
        if average not in ('prob', 'score'):
            raise InputError(f"export: the head must average clips by 'prob' or 'score', got average_clips={average!r}")
        self.averages_probabilities = average == 'prob'
        self.temperature = temperature

    @property
    def scores(self) -> str:
        """What the scores are: ``'probability'`` or ``'logit'``."""
        return 'probability' if self.averages_probabilities or self.temperature is not None else 'logit'

    def forward(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        clips = inputs[0] if self.preparation is None else self.preparation(*inputs)
        logits, _ = self.recognizer.extract_feat(clips, stage='head')
        logits = logits.unflatten(0, clips.shape[:2])
        scores = (logits.softmax(dim=2) if self.averages_probabilities else logits).mean(dim=1)
        if self.temperature is not None:  # as evaluation.calibration.calibrated
            logs = scores.clamp_min(LEAST_PROBABILITY).log() if self.averages_probabilities else scores
            scores = (logs / self.temperature).softmax(dim=1)
        return (scores, logits) if self.preparation is None else (scores[0], logits[0])


def export_model(trained: TrainedModel, path: str | Path, preparation: bool = True) -> dict[str, str]:
    """Write a model to one file, weights and all; its suffix says the format.

    With its preparation the file takes the keypoints of one recording with any number of frames, ``keypoint`` ``(M, T,
    V, C)`` (and ``keypoint_score`` ``(M, T, V)``, ``img_shape`` ``(2,)`` where the pipeline needs them). Without it, it
    takes ``keypoint`` ``(N, clips, M, T, V, C)`` behind the test pipeline, any number of samples and clips.

    Args:
        trained: The model, its test pipeline, layout and classes; it stays as it is.
        path: ``.onnx``, or ``.pt2``, which ``torch.export.load`` reads.
        preparation: Whether the test pipeline is part of the graph.

    Returns:
        What the file says about itself: ONNX's metadata, or the extra file ``metadata.json``. All but single words are
        JSON.

    Raises:
        InputError: If the suffix is wrong, packages for ONNX are missing, a step of the pipeline has no form in torch,
            the model cannot be traced, or an operator has no ONNX form.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise InputError(f'export: expected a file that ends in {" or ".join(SUFFIXES)}, got {path}')
    if trained.members:
        raise InputError('export: expected one model, got several as one, which have no one graph; export each of them')
    if path.suffix == '.onnx':
        try:
            import onnx  # noqa: F401
            import onnxscript  # noqa: F401  (torch.onnx needs it)
        except ImportError as error:
            raise InputError(f'export: {error}; pip install "asea_mm[export]"') from None
    prepare: Preparation | None = None
    if preparation:
        with mmaction_scope():
            prepare = Preparation(trained.pipeline, trained.skeleton, takes_scores(trained))
        recording = trial_recording(trained, 7)
        names = prepare.inputs
        inputs = tuple(torch.from_numpy(recording[name]) for name in names)
        axes: FreeAxes = [{1: 'frames'} if name != 'img_shape' else {} for name in names]
    else:
        lengths = [int(step['clip_len']) for step in trained.pipeline if 'clip_len' in step]
        if not lengths:
            raise InputError('export: no step of the test pipeline has a clip_len, which says how long a clip is')
        joints = trained.model_skeleton.num_joints
        # 3 samples of 2 clips: the tracer takes an axis of one for fixed
        inputs = (torch.rand(3, 2, trained.num_person, lengths[-1], joints, trained.channels),)
        names, axes = ['keypoint'], [{0: 'N', 1: 'clips'}]
    recognizer = fuse_batch_norm(copy.deepcopy(trained.model))
    for module in recognizer.modules():
        if isinstance(module, AEA):
            module.form = 'masked'  # whose shapes do not depend on the data
    network = ScoreModel(recognizer, prepare, trained.temperature).eval().requires_grad_(False)
    skeleton = trained.skeleton if preparation else trained.model_skeleton
    about: dict[str, Any] = {
        'classes': trained.classes,
        'layout': skeleton.name,
        'joints': skeleton.joints,
        'num_person': trained.num_person,
        'pipeline': trained.pipeline,
        'preparation': preparation,
        'scores': network.scores,
        'backbone': type(recognizer.backbone).__name__,
        'version': __version__,
    }
    metadata = {name: value if isinstance(value, str) else json.dumps(value) for name, value in about.items()}
    program = _trace(network, inputs, axes)
    with written_whole(path) as part:
        if path.suffix == '.onnx':
            _write_onnx(program, part, names, axes, metadata)
        else:
            file = io.BytesIO()  # given a name, torch ends the process where the disk is full
            torch.export.save(program, file, extra_files={'metadata.json': json.dumps(metadata)})
            part.write_bytes(file.getbuffer())
    return metadata


def trial_recording(trained: TrainedModel, frames: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Two persons, two metres (300 pixels, a third of the image) apart, who move at random, with all that a step needs.

    Raises:
        InputError: If the channels of the network do not tell how many coordinates a joint has.
    """
    steps = {part_name(config): config for config in trained.pipeline}
    dimensions, _ = kind_of_input(trained.pipeline, trained.channels, trained.model_skeleton.num_joints)
    draw = np.random.default_rng(seed)
    shape = (trained.num_person, frames, trained.skeleton.num_joints, dimensions)
    keypoint = 0.4 * draw.normal(size=(shape[0], 1, *shape[2:])) + 0.02 * draw.normal(size=shape).cumsum(axis=1)
    keypoint[..., 0] += 2 * np.arange(shape[0])[:, None, None]
    if 'NormalizeByImage' in steps:
        share = steps['NormalizeByImage'].get('unit') == 'share'
        keypoint = 0.4 + keypoint / 6 if share else 300 + 150 * keypoint
    recording = {'keypoint': keypoint}
    if steps.get('NormalizeByImage', {'img_shape': ()}).get('img_shape') is None:
        recording['img_shape'] = np.array([720, 1280])
    if takes_scores(trained):
        recording['keypoint_score'] = draw.random(shape[:3])
    return {name: array.astype(np.float32) for name, array in recording.items()}


def takes_scores(trained: TrainedModel) -> bool:
    """Whether recordings need scores: a step asks for them, or they are appended to the coordinates."""
    is_asked = any(part_name(step) == 'ScoreChannel' for step in trained.pipeline)
    return is_asked or bool(kind_of_input(trained.pipeline, trained.channels, trained.model_skeleton.num_joints)[1])


def _trace(model: ScoreModel, inputs: tuple, axes: FreeAxes) -> torch.export.ExportedProgram:
    sizes = {name: torch.export.Dim(name) for names in axes for name in names.values()}
    shapes: Any = (tuple({axis: sizes[name] for axis, name in names.items()} for names in axes),)
    try:
        with torch.no_grad(), _quietly():
            program = torch.export.export(model, inputs, dynamic_shapes=shapes, strict=False)
    except Exception as error:  # it has no common base
        name, reason = type(model.recognizer.backbone).__name__, ' '.join(str(error).split())[:400]
        raise InputError(f'export: torch.export cannot trace {name} ({type(error).__name__}: {reason})') from error
    for node in program.graph.nodes:
        node.meta.pop('stack_trace', None)  # paths of this machine
    return program


def _write_onnx(
    program: torch.export.ExportedProgram, path: Path, names: list[str], axes: FreeAxes, metadata: dict[str, str]
) -> None:
    """Write and check an .onnx file."""
    import onnx

    options: Any = dict(input_names=names, output_names=['scores', 'logits'], opset_version=OPSET)
    try:
        with _quietly():
            exported = torch.onnx.export(program, (), dynamo=True, verbose=False, **options)
    except torch.onnx.OnnxExporterError as error:
        reason = ' '.join(str(error).split())[:400]
        raise InputError(f'export: no ONNX form of an operator in this model ({reason})') from error
    assert exported is not None
    model = exported.model_proto
    graph = model.graph
    for part in (graph, *graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output):
        part.ClearField('metadata_props')  # where in the code each comes from, more text than weights
    for value, free in zip(graph.input, axes, strict=True):
        for axis, name in free.items():
            value.type.tensor_type.shape.dim[axis].dim_param = name
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, str(path))
    onnx.checker.check_model(str(path), full_check=True)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the remarks of the exporter about its own inside."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        logging.disable(before)
