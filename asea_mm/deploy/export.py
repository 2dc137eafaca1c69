"""A trained recognizer as one file that runs without this package: ONNX, or a program of torch.export."""

from __future__ import annotations

import builtins
import copy
import json
import logging
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from .. import __version__
from ..apis.loading import TrainedModel
from ..errors import InputError
from ..models.layers import AEA, fuse_batch_norm

LOWEST_OPSET = 18  # of torch.onnx; onnxruntime has run it since 1.14


class ScoreModel(nn.Module):
    """A recognizer from keypoints to scores: what is exported.

    Args:
        recognizer: The recognizer; its head says how clips are averaged.

    Shapes:
        keypoint ``(N, clips, M, T, V, C)``, what the test pipeline gives; returns scores ``(N, classes)``, averaged
        over clips as the head does (``'prob'``: probabilities; ``'score'``: logits), and logits
        ``(N, clips, classes)``
    """

    def __init__(self, recognizer: nn.Module) -> None:
        super().__init__()
        self.recognizer: Any = recognizer
        self.average = score_kind(recognizer) == 'probability'

    def forward(self, keypoint: Tensor) -> tuple[Tensor, Tensor]:
        samples, clips = keypoint.shape[:2]
        logits, _ = self.recognizer.extract_feat(keypoint, stage='head')
        logits = logits.unflatten(0, (samples, clips))
        return (logits.softmax(dim=2) if self.average else logits).mean(dim=1), logits


def score_kind(recognizer: nn.Module) -> str:
    """What the scores of a recognizer are: ``'probability'`` or ``'logit'``.

    Raises:
        ValueError: If its head does not average clips.
    """
    average = getattr(recognizer.cls_head, 'average_clips', None)
    if average not in ('prob', 'score'):
        raise InputError(f"export: the head must average clips by 'prob' or 'score', got average_clips={average!r}")
    return 'probability' if average == 'prob' else 'logit'


def inference_model(recognizer: nn.Module, form: str) -> ScoreModel:
    """A copy of a recognizer for inference: batch norms folded, attention between persons in the given form of AEA."""
    recognizer = fuse_batch_norm(copy.deepcopy(recognizer))
    for module in recognizer.modules():
        if isinstance(module, AEA):
            module.form = form
    return ScoreModel(recognizer).eval().requires_grad_(False)


def trace(recognizer: nn.Module, size: Sequence[int]) -> torch.export.ExportedProgram:
    """The graph of a recognizer for any number of samples and clips.

    Attention between persons is in its masked form, whose shapes do not depend on the data.

    Args:
        recognizer: The recognizer; it stays as it is.
        size: Persons M, frames T, joints V and channels C of the input; fixed in the graph.

    Raises:
        ValueError: If the model cannot be traced, with what torch.export says.
    """
    model = inference_model(recognizer, 'masked')
    keypoint = torch.rand(3, 2, *size)  # neither of one, which the tracer would take for fixed
    dynamic = {'keypoint': {0: torch.export.Dim('N'), 1: torch.export.Dim('clips')}}
    try:
        with torch.no_grad(), symbolic_len(), quietly():
            program = torch.export.export(model, (keypoint,), dynamic_shapes=dynamic, strict=False)
    except Exception as error:  # it has no common base
        name = type(recognizer.backbone).__name__
        reason = ' '.join(str(error).split())[:400]
        raise InputError(f'export: torch.export cannot trace {name} ({type(error).__name__}: {reason})') from error
    for node in program.graph.nodes:
        node.meta.pop('stack_trace', None)  # paths of this machine
    return program


@contextmanager
def symbolic_len() -> Iterator[None]:
    """``len(x)`` of a tensor in our layers as the symbol ``x.shape[0]``: of Python's own it becomes a fixed number."""

    def length(x: Any) -> Any:
        return x.shape[0] if isinstance(x, Tensor) else builtins.len(x)

    modules = [module for name, module in sys.modules.items() if name.startswith('asea_mm.models.')]
    patches = [mock.patch.object(module, 'len', length, create=True) for module in modules]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def write_onnx(
    program: torch.export.ExportedProgram, path: str | Path, metadata: Mapping[str, str], opset: int = LOWEST_OPSET
) -> None:
    """Write one .onnx file, weights and all, and check it.

    Args:
        program: From :func:`trace`.
        path: The file.
        metadata: Texts that the file carries.
        opset: Version of the ONNX operators.

    Raises:
        ValueError: If the packages for ONNX are missing, the opset is too low, or an operator has no ONNX form.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401  (torch.onnx needs it)
    except ImportError as error:
        raise InputError(f'export: {error}; pip install "asea_mm[export]"') from None
    if opset < LOWEST_OPSET:
        raise InputError(f'export: opset must be at least {LOWEST_OPSET}, got {opset}')
    try:
        with quietly():
            exported = torch.onnx.export(
                program,
                (),
                input_names=['keypoint'],
                output_names=['scores', 'logits'],
                dynamo=True,
                opset_version=opset,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = ' '.join(str(error).split())[:400]
        raise InputError(f'export: no ONNX form of an operator in this model ({reason})') from error
    assert exported is not None
    model = exported.model_proto
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.initializer, model.graph):
        part.ClearField('metadata_props')  # where in the code each comes from, more text than weights
    for value in (*model.graph.input, *model.graph.output):
        value.ClearField('metadata_props')
        for axis, name in enumerate(('N', 'clips')):
            dim = value.type.tensor_type.shape.dim[axis]
            if dim.HasField('dim_param'):
                dim.dim_param = name
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.save(model, str(path))
    onnx.checker.check_model(str(path), full_check=True)


@contextmanager
def quietly() -> Iterator[None]:
    """Without the remarks of the exporter about its own inside."""
    loggers = [logging.getLogger(name) for name in ('torch.onnx', 'onnxscript', 'onnx_ir')]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def write_torch(program: torch.export.ExportedProgram, path: str | Path, metadata: Mapping[str, str]) -> None:
    """Write a .pt2 file that ``torch.export.load`` reads; the metadata is its extra file ``metadata.json``."""
    torch.export.save(program, str(path), extra_files={'metadata.json': json.dumps(dict(metadata))})


def describe(trained: TrainedModel, frames: int) -> dict[str, str]:
    """What a file says about itself, as texts: names as they are, anything else as JSON.

    Args:
        trained: The model, its test pipeline, layout and classes.
        frames: Frames T of the input.
    """
    skeleton = trained.skeleton
    steps = {str(step['type']).rpartition('.')[2]: step for step in trained.pipeline}
    stream = steps.get('GenerateStream', {}).get('stream', 'joint')
    turned = steps.get('AddTurnedClips')
    copies = 1 if turned is None else 4 if turned.get('mirrored') else 2
    about: dict[str, Any] = {
        'classes': trained.classes,
        'layout': skeleton.name,
        'skeleton': {
            'joints': skeleton.joints,
            'parents': skeleton.parents,
            'mirrored': skeleton.mirrored_indices,
            'centre': skeleton.centre_index,
        },
        'stream': [stream] if isinstance(stream, str) else stream,
        'num_clips': steps.get('SampleClip', {}).get('num_clips', 1) * copies,
        'clip_len': frames,
        'num_person': trained.num_person,
        'pipeline': trained.pipeline,
        'scores': score_kind(trained.model),
        'backbone': type(trained.model.backbone).__name__,
        'version': __version__,
    }
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in about.items()}


def input_shape(trained: TrainedModel, frames: int | None = None) -> tuple[int, int, int, int]:
    """Persons M, frames T, joints V and channels C of the input.

    Args:
        trained: The model and its test pipeline.
        frames: Frames; default ``clip_len`` of the pipeline.

    Raises:
        ValueError: If pipeline or backbone do not tell.
    """
    clip_lens = [step['clip_len'] for step in trained.pipeline if 'clip_len' in step]
    frames = clip_lens[-1] if frames is None and clip_lens else frames
    if frames is None:
        raise InputError('export: no step of the test pipeline has a clip_len; give --frames')
    if frames < 1:
        raise InputError(f'export: frames must be positive, got {frames}')
    if not trained.channels:
        name = type(trained.model.backbone).__name__
        raise InputError(f'export: cannot tell the input channels of {name}; it needs an attribute in_channels')
    return trained.num_person, frames, trained.skeleton.num_joints, trained.channels


def with_absence(keypoint: Tensor) -> Tensor:
    """Six samples as they try absence: all there, partner absent, padded frames, both, a gap, nobody.

    Shapes:
        keypoint ``(6, clips, M, T, V, C)``; returns the same, a copy
    """
    keypoint, frames = keypoint.clone(), keypoint.shape[3]
    keypoint[1, :, 1:] = 0
    keypoint[2, :, :, frames // 2 + 1 :] = 0
    keypoint[3, :, :1] = 0
    keypoint[3, :, :, frames // 2 + 1 :] = 0
    keypoint[4, :, -1, frames // 4 : frames // 2] = 0
    keypoint[5] = 0
    return keypoint


def trial_clips(recognizer: nn.Module, size: Sequence[int], num_clips: int = 1, seed: int = 0) -> Tensor:
    """Random keypoints of the place and size that the input's batch norm has seen, with absence.

    Far from the data rounding grows without end, and a comparison would tell nothing.

    Shapes:
        returns ``(6, clips, M, T, V, C)``
    """
    keypoint = torch.randn(6, num_clips, *size, generator=torch.Generator().manual_seed(seed))
    backbone: Any = recognizer.backbone
    while hasattr(backbone, 'backbone'):  # InteractionBackbone wraps one
        backbone = backbone.backbone
    norm = getattr(backbone, 'data_bn', None)
    if isinstance(norm, nn.BatchNorm1d) and norm.running_mean is not None and norm.running_var is not None:
        mean, var = (values.view(-1, *size[2:])[0] for values in (norm.running_mean, norm.running_var))
        keypoint = mean + var.sqrt() * keypoint
    return with_absence(keypoint)
