"""Checkpoints of several models as one checkpoint, or as one model at once."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from mmengine.config import Config

from ..datasets.files.whole import written_whole
from ..engine.channels import kind_of_input
from ..engine.checkpoints import parse_config, read_checkpoint
from ..engine.fused import KEY, members_of
from ..engine.running import run_test
from ..errors import InputError
from ..evaluation.fusion import align, choose_weights, shares_of
from ..evaluation.scores import StreamScores, read_scores
from ..skeletons import Skeleton
from .loading import TrainedModel, load_content, part_name

Paths = Sequence[str | os.PathLike]


def load_together(
    paths: Paths,
    weights: Sequence[float] | None = None,
    rule: str = 'sum',
    device: str | torch.device = 'cpu',
    layout: str | Mapping | Skeleton | None = None,
    allow_imports: Collection[str] = (),
) -> TrainedModel:
    """Load several checkpoints as one model, see :func:`fuse_checkpoints` and
    :func:`~asea_mm.apis.loading.load_model`."""
    content = fuse_checkpoints(paths, weights, rule, allow_imports)
    return load_content(content, ' + '.join(map(str, paths)), device, layout, allow_imports)


def write_fused(
    paths: Paths,
    out: str | os.PathLike,
    weights: Sequence[float] | None = None,
    rule: str = 'sum',
    allow_imports: Collection[str] = (),
) -> None:
    """Write several checkpoints as one, which is used as any other; arguments as of :func:`fuse_checkpoints`."""
    content = fuse_checkpoints(paths, weights, rule, allow_imports)
    load_content(content, str(out), allow_imports=allow_imports)  # as whoever reads it will
    with written_whole(out) as part:
        torch.save(content, part)


def fuse_checkpoints(
    paths: Paths, weights: Sequence[float] | None = None, rule: str = 'sum', allow_imports: Collection[str] = ()
) -> dict[str, Any]:
    """The checkpoint of a :class:`~asea_mm.engine.fused.FusedRecognizer`, which holds those of its members.

    Each keeps its weights, its test pipeline, its temperature and its meta. The classes have the order of the first;
    recordings have its layout, of which ``MapLayout`` makes the joints of the others.

    Args:
        paths: The checkpoints, each with the config in it.
        weights: A weight of the scores of each; default equal weights.
        rule: As of :func:`~asea_mm.evaluation.fusion.fuse`.
        allow_imports: As of :func:`~asea_mm.apis.loading.load_model`.

    Raises:
        FileNotFoundError: If a file is not there.
        InputError: If a checkpoint is refused, or they do not go together: other classes, coordinates, numbers of
            persons or kinds of scores, or a checkpoint that is several models already.
    """
    if len(paths) < 2:
        raise InputError(f'several models as one: expected at least two checkpoints, got {len(paths)}')
    shares = shares_of([1.0] * len(paths) if weights is None else weights, rule, len(paths)).tolist()
    contents = {str(path): read_checkpoint(path) for path in paths}
    for path, content in contents.items():
        if names := [file for file, _ in members_of(content['meta'], path)]:
            raise InputError(f'checkpoint {path}: expected one model, got several as one; give {", ".join(names)}')
    if len(contents) < len(paths):
        raise InputError(f'several models as one: expected different checkpoints, got {", ".join(map(str, paths))}')
    trained = {path: load_content(content, path, allow_imports=allow_imports) for path, content in contents.items()}
    _check_alike(trained)
    first = next(iter(trained.values()))
    is_mapped = any(member.skeleton.joints != first.skeleton.joints for member in trained.values())
    members, pipelines, imports = [], [], []
    state: dict[str, torch.Tensor] = {}
    for number, ((path, content), share) in enumerate(zip(contents.items(), shares, strict=True)):
        member, cfg = trained[path], parse_config(content['meta']['cfg'], f'checkpoint {path}', allow_imports)
        order = [member.classes.index(name) for name in first.classes]
        order_if_other = None if member.classes == first.classes else order
        members.append(dict(model=cfg.model, weight=share, temperature=member.temperature, order=order_if_other))
        own_layout = dict(type='MapLayout', layout=member.model_skeleton.described)
        has_layout = any(part_name(step) == 'MapLayout' for step in member.pipeline)
        pipelines.append([*([own_layout] if is_mapped and not has_layout else []), *member.pipeline])
        imports += _imports_of(cfg)
        state |= {f'members.{number}.{name}': weight for name, weight in content['state_dict'].items()}
    fused = dict(
        model=dict(type='FusedRecognizer', members=members, rule=rule),
        test_dataloader=dict(dataset=dict(pipeline=[dict(type='MemberPipelines', pipelines=pipelines)])),
        custom_imports=dict(imports=list(dict.fromkeys(imports)), allow_failed_imports=False),
        default_scope='mmaction',
    )
    about = {path: _dataset_meta(content, trained[path]) for path, content in contents.items()}
    metas = [
        {'file': Path(path).name, 'meta': {**content['meta'], 'dataset_meta': about[path]}}
        for path, content in contents.items()
    ]
    text = '\n'.join(f'{name} = {part!r}' for name, part in Config(fused).to_dict().items())
    meta = {'cfg': text, 'dataset_meta': next(iter(about.values())), KEY: metas}
    return {'state_dict': state, 'meta': meta}


def fit_weights(
    paths: Paths, config: Callable[[], Config], rule: str = 'sum', allow_imports: Collection[str] = ()
) -> tuple[tuple[float, ...], list[StreamScores]]:
    """Weights of checkpoints by which they are right most often together, on data that none was trained on.

    Args:
        paths: The checkpoints.
        config: Makes a config anew, whose test data counts (:func:`~asea_mm.engine.run_test`).
        rule: As of :func:`~asea_mm.evaluation.fusion.fuse`.
        allow_imports: As of :func:`~asea_mm.apis.loading.load_model`.

    Returns:
        The weights, and the scores of each checkpoint.

    Raises:
        InputError: As of :func:`fuse_checkpoints` and :func:`~asea_mm.engine.run_test`.
    """
    scores = {}
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:  # on Windows the log is still open
        for number, path in enumerate(paths):
            alone = Path(name) / f'{number}.pth'
            write_fused(paths, alone, [float(other == number) for other in range(len(paths))], rule, allow_imports)
            cfg = config()
            cfg.work_dir = str(alone.with_suffix(''))
            cfg.experiment_name = f'member{number}'  # tests in one second are told apart by it
            run_test(cfg, alone)
            scores[str(path)] = read_scores(alone.with_suffix('') / 'scores.npz')
    streams = list(align(scores).values())
    return choose_weights([streams], rule), streams


def _check_alike(trained: Mapping[str, TrainedModel]) -> None:
    """Raise if models cannot be members of one."""
    (first_path, first), *others = trained.items()
    for path, member in others:
        if differ := sorted(set(first.classes) ^ set(member.classes)):
            some = ', '.join(map(repr, differ[:3]))
            raise InputError(f'{path} and {first_path} have other classes: {len(differ)} are in one only, e.g. {some}')
        if sorted(member.classes) != sorted(first.classes) or (
            member.classes != first.classes and len(set(first.classes)) < len(first.classes)
        ):
            raise InputError(f'{path} and {first_path} have several classes of one name, in another order')
        for what, get in _FACTS.items():
            if get(member) != get(first) and None not in (get(member), get(first)):
                raise InputError(
                    f'{path} and {first_path} do not go together: {what} {get(member)} and {get(first)}; expected the '
                    f'same'
                )


def _coordinates(member: TrainedModel) -> int | None:
    """Coordinates of the recordings that a model takes; None where it takes both, or does not tell."""
    if not member.channels or any(part_name(step) == 'ProjectTo2D' for step in member.pipeline):
        return None
    return kind_of_input(member.pipeline, member.channels, member.model_skeleton.num_joints)[0]


def _kind_of_scores(member: TrainedModel) -> str:
    """Probabilities, or the logits that some heads average."""
    average: Any = getattr(member.model.cls_head, 'average_clips', 'prob')
    return 'prob' if member.temperature is not None else str(average)


_FACTS: dict[str, Callable[[TrainedModel], Any]] = {
    'coordinates': _coordinates,
    'persons': lambda member: member.num_person,
    'average_clips': _kind_of_scores,
}


def _dataset_meta(content: Mapping[str, Any], member: TrainedModel) -> dict[str, Any]:
    """What a checkpoint says of its data, and what else its config said."""
    said = content['meta'].get('dataset_meta') or {}
    return {**said, 'classes': member.classes, 'layout': member.skeleton.described}


def _imports_of(cfg: Config) -> list[str]:
    imports = cfg.get('custom_imports') or {}
    names = imports.get('imports') if isinstance(imports, Mapping) else imports
    return [names] if isinstance(names, str) else list(names or ())
