"""A trained model and what belongs to it, from a checkpoint that need not be trusted."""

import os
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.registry import DefaultScope
from torch import nn

from ..engine.allowed_parts import check_registered, import_allowed, import_parts
from ..engine.calibrating import read_temperature
from ..engine.checkpoints import blamed_on, parse_config, read_checkpoint
from ..engine.configs import read_config
from ..engine.fused import FusedRecognizer, members_of
from ..engine.tensor_files import BoundedTensors
from ..errors import InputError
from ..layout_mapping import map_recordings
from ..models.backbones.interaction_backbone import input_size
from ..skeletons import Skeleton, get_skeleton

_LOCK = threading.RLock()  # mmengine's default scope is one for the whole process


@dataclass
class TrainedModel:
    """A model in evaluation mode, and how to feed and read it."""

    model: nn.Module
    pipeline: list[dict]  # configs of the transforms of its test pipeline
    skeleton: Skeleton  # of the keypoints that it is given
    model_skeleton: Skeleton  # of its joints, which the pipeline may make of these
    classes: list[str]
    channels: int  # behind the pipeline; 0 if the backbone does not tell
    num_person: int  # that it takes at a time
    temperature: float | None = None  # of its scores, if it was calibrated
    in_metres: bool = False  # whether it was trained on metres
    members: list['TrainedModel'] = field(default_factory=list)  # where several models are one; all take the same


def load_model(
    model: str | os.PathLike | Config,
    weights: str | os.PathLike | None = None,
    device: str | torch.device = 'cpu',
    layout: str | Mapping | Skeleton | None = None,
    allow_imports: Collection[str] = (),
) -> TrainedModel:
    """Load a checkpoint, with the config that it carries or another.

    No code in the checkpoint is run: of its weights as everywhere in this package, and its config is read as the
    literals that it consists of, with parts that are registered. A config file of its own is Python and is run.

    Args:
        model: A checkpoint that this package's tools or mmengine wrote, or the name of one that comes along
            (:func:`~asea_mm.engine.checkpoints.local_checkpoint`), or a config file or object.
        weights: The checkpoint, where ``model`` is a config.
        device: Where the model runs.
        layout: Layout of the keypoints; default what checkpoint or config say. Where it is another than the model's,
            the pipeline begins with ``MapLayout``.
        allow_imports: Modules that are imported, and may be named by the config of a checkpoint.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If a file is not what it should be, the two do not fit, or the layout is nowhere said.
    """
    is_config = isinstance(model, Config) or Path(model).suffix in ('.py', '.json', '.yaml', '.yml')
    if is_config != (weights is not None):
        name = (model.filename or 'object') if isinstance(model, Config) else model
        expected = 'weights: expected a checkpoint for the config' if is_config else 'model: expected a config, not'
        raise InputError(f'{expected} {name}; weights are given where model is a config, got {weights}')
    path = str(weights if is_config else model)
    checkpoint = read_checkpoint(path)
    if is_config:
        if names := ', '.join(file for file, _ in members_of(checkpoint['meta'], path)):
            raise InputError(
                f'checkpoint {path}: several models as one ({names}), each with a config of its own, so it takes no '
                f'other; and such a checkpoint is not exported or drawn, its members are'
            )
        cfg = model if isinstance(model, Config) else read_config(model)
        import_allowed(allow_imports)
        import_parts(cfg.get('custom_imports') or {}, path)
        return _build(cfg, path, checkpoint, device, layout)
    return load_content(checkpoint, path, device, layout, allow_imports)


def load_content(
    checkpoint: Mapping[str, Any],
    path: str,
    device: str | torch.device = 'cpu',
    layout: str | Mapping | Skeleton | None = None,
    allow_imports: Collection[str] = (),
) -> TrainedModel:
    """:func:`load_model` of what was read from a checkpoint at ``path``; the config is the one in it."""
    meta = checkpoint['meta']
    if not isinstance(meta.get('cfg'), str):
        raise InputError(f'checkpoint {path}: it carries no config; give its config file as model and it as weights')
    with blamed_on(f'checkpoint {path}'):
        with _LOCK:  # Python 3.11 parses in one thread at a time only (CPython's issue 106905)
            cfg = parse_config(meta['cfg'], f'checkpoint {path}', allow_imports)
        import_allowed(allow_imports)
        check_registered([cfg.model, _test_dataset(cfg).get('pipeline')], f'checkpoint {path}')
        with BoundedTensors(sum(weight.nbytes for weight in checkpoint['state_dict'].values())):
            return _build(cfg, path, checkpoint, device, layout)


def _build(cfg: Config, path: str, checkpoint: Mapping[str, Any], device: Any, layout: Any) -> TrainedModel:
    with mmaction_scope():
        recognizer: Any = MODELS.build(dict(cfg.model))
    try:
        recognizer.load_state_dict(checkpoint['state_dict'])
    except RuntimeError as error:
        reason = ' '.join(str(error).split())
        raise InputError(f'checkpoint {path} does not fit the model of its config: {reason:.400}') from None
    is_fused = isinstance(recognizer, FusedRecognizer)
    trained = (_fused if is_fused else _trained)(recognizer, _test_dataset(cfg), checkpoint['meta'], layout, path)
    try:
        trained.model.to(device).eval()
    except (RuntimeError, AssertionError) as error:  # no such device; a torch without it
        raise InputError(f"device: expected one that is there, such as 'cpu', got {str(device)!r}: {error}") from None
    return trained


def _trained(recognizer: Any, dataset: Mapping, meta: Mapping, layout: Any, path: str) -> TrainedModel:
    pipeline = [dict(step) for step in dataset.get('pipeline') or []]
    if getattr(recognizer.cls_head, 'average_clips', 'prob') is None:
        raise InputError(f"{path}: the head must average clips by 'prob' or 'score', got average_clips=None")
    dataset_meta = meta.get('dataset_meta') or {}
    if not pipeline:
        raise InputError(f'{path}: the config has no pipeline in test_dataloader or val_dataloader')
    skeleton, model_skeleton = _layouts(layout, recognizer, dataset_meta, dataset, path)
    if skeleton.joints != model_skeleton.joints:
        map_recordings(skeleton, model_skeleton)  # says what is derived, or that it cannot be
        if not _mapped_layout(pipeline):
            pipeline.insert(0, dict(type='MapLayout', layout=model_skeleton))
    classes = dataset_meta.get('classes') or (dataset.get('metainfo') or {}).get('classes') or dataset.get('classes')
    count = getattr(recognizer.cls_head, 'num_classes', None) or len(classes or [])
    if not classes or len(classes) != count:
        classes = range(count)
    formats = [step for step in pipeline if part_name(step) == 'FormatGCNInput']
    return TrainedModel(
        model=recognizer,
        pipeline=pipeline,
        skeleton=skeleton,
        model_skeleton=model_skeleton,
        classes=[str(name) for name in classes],
        channels=input_size(recognizer.backbone)[1],
        num_person=formats[-1].get('num_person', 2) if formats else 2,
        temperature=read_temperature(meta, path),
        in_metres=dataset_meta.get('units') == 'metre',
    )


def _fused(recognizer: FusedRecognizer, dataset: Mapping, meta: Mapping, layout: Any, path: str) -> TrainedModel:
    """Several models as one: each as it would be on its own, of the keypoints that the first takes."""
    members: list[TrainedModel] = []
    (step,) = dataset['pipeline']
    for model, pipeline, about in zip(recognizer.members, step['pipelines'], members_of(meta, path), strict=True):
        given = members[0].skeleton if members and layout is None else layout
        members.append(_trained(model, {'pipeline': pipeline}, about[1], given, f'{about[0]} in {path}'))
    first = members[0]
    return replace(
        first,
        model=recognizer,
        pipeline=[dict(type='MemberPipelines', pipelines=[member.pipeline for member in members])],
        channels=0,
        temperature=read_temperature(meta, path),
        in_metres=any(member.in_metres for member in members),
        members=members,
    )


def part_name(config: Mapping) -> str:
    """The name of the part that a config builds, without its registry; ``type`` may also be the class itself."""
    kind = config.get('type')
    return kind.__name__ if isinstance(kind, type) else str(kind).rpartition('.')[2]


@contextmanager
def mmaction_scope() -> Iterator[None]:
    """While it lasts, mmengine finds mmaction2's parts by name; the caller's scope, if any, comes back after it."""
    with _LOCK, DefaultScope.overwrite_default_scope('mmaction'):
        yield


def _test_dataset(cfg: Config) -> Mapping:
    """The dataset that tests read, inside of wrappers; empty where there is none."""
    loader = cfg.get('test_dataloader') or cfg.get('val_dataloader') or {}
    dataset = loader.get('dataset') or {}
    while 'dataset' in dataset or isinstance(dataset.get('datasets'), list):  # one of several alike
        dataset = dataset['dataset'] if 'dataset' in dataset else dataset['datasets'][0]
    return dataset


def _mapped_layout(pipeline: Sequence[Mapping]) -> Any:
    """The layout that the samples have behind the pipeline, if it gives them another; else None."""
    layouts = [step.get('layout') for step in pipeline if part_name(step) == 'MapLayout']
    return layouts[-1] if layouts else None


def _layouts(
    given: Any, recognizer: Any, dataset_meta: Mapping, dataset: Mapping, path: str
) -> tuple[Skeleton, Skeleton]:
    """Layouts of the keypoints and of the model."""
    backbone = recognizer.backbone
    while hasattr(backbone, 'backbone'):  # InteractionBackbone wraps one
        backbone = backbone.backbone
    places = (dataset_meta.get('layout'), getattr(backbone, 'skeleton', None), dataset.get('layout'), given)
    trained = next((place for place in places if place is not None), None)
    if trained is None:
        raise InputError(f"{path}: neither checkpoint nor config name the layout of the joints; give layout='...'")
    keypoints = get_skeleton(trained if given is None else given)
    skeleton = get_skeleton(_mapped_layout(dataset.get('pipeline') or []) or trained)
    joints = input_size(recognizer.backbone)[0]
    if joints and joints != skeleton.num_joints:
        raise InputError(
            f'{path}: layout: expected {joints} joints as the model has, got {skeleton.num_joints} of {skeleton.name!r}'
        )
    return keypoints, skeleton
