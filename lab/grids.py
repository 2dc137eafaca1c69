"""Tables whose rows are models over tasks: the rows of each model, one a task, from what the list says of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from asea_mm.errors import InputError

from .listed import build


@dataclass(frozen=True)
class Task:
    """Data that a model is trained and tested on, as changes to the configs of a base.

    Args:
        name: Short name.
        label: What it is called.
        base: What ``{base}`` in the configs of models becomes.
        cfg_options: Options ``key=value``.
        overrides: As of :func:`~lab.overrides.override`.
        folds: Whether it has five folds; else the runs differ in their seed only.
    """

    name: str
    label: str
    base: str
    cfg_options: Sequence[str] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    folds: bool = True


@dataclass(frozen=True)
class Model:
    """A model of a grid.

    Args:
        id: Short name.
        label: What it is called.
        config: Its configs, with ``{base}`` for that of a task; empty as long as nobody has said which it is.
        cfg_options: Options over those of the task.
        overrides: Overrides over those of the task.
        stream: As ``asea train --stream`` takes it.
        own_schedule: Whether the common schedule does not apply to it.
        fused: Ids of two models whose scores are fused instead.
    """

    id: str
    label: str
    config: str = ''
    cfg_options: Sequence[str] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    stream: str | None = None
    own_schedule: bool = False
    fused: Sequence[str] = ()


@dataclass(frozen=True)
class Common:
    """What all grids of a list share: the tasks, and options that make the networks' schedule."""

    tasks: tuple[Task, ...] = ()
    schedule: tuple[str, ...] = ()


def read_common(content: Mapping[str, Any], where: str) -> Common:
    """Tasks and schedule of a list, of which it may have none."""
    tasks = [build(Task, given, f'{where}, task {number}') for number, given in enumerate(content.get('tasks', ()), 1)]
    return Common(tuple(tasks), tuple(content.get('schedule', ())))


def models_of(given: Sequence[Any], at_most: int, where: str) -> tuple[Model, ...]:
    """The models of a grid.

    Raises:
        InputError: If one is not of that form, or there are more than so many beside the first; 0 is no limit.
    """
    models = tuple(build(Model, model, f'{where}, model {number}') for number, model in enumerate(given, 1))
    if at_most and len(models) - 1 > at_most:
        raise InputError(f'{where}: expected at most {at_most} models beside the first, got {len(models) - 1}')
    known = [model.id for model in models]
    for model in models:
        if model.fused and (len(model.fused) != 2 or not set(model.fused) <= set(known) or model.id in model.fused):
            raise InputError(f'{where}, {model.id}: expected fused to be two others of {known}, got {model.fused}')
    return models


def row_id(table: str, model: str, task: str) -> str:
    """Id of a row; ids of grids begin with their table, since other tables have names such as asea_sbu."""
    return f'{table}_{model}_{task}'


def rows_of(table: str, reference: str, models: Sequence[Model], common: Common) -> list[dict[str, Any]]:
    """The rows, as a list has them, of all models that can be run: task by task within each model."""
    without = {model.id for model in models if not (model.config or model.fused)}
    rows = []
    for model in models:
        if model.id in without or without.intersection(model.fused):
            continue
        for task in common.tasks:
            row: dict[str, Any] = {
                'id': row_id(table, model.id, task.name),
                'label': f'{model.label}, {task.label}',
                'reference': row_id(table, reference, task.name),
                'folds': task.folds,
                'model': model.id,
                'task': task.name,
            }
            if model.fused:
                row['fused'] = [row_id(table, member, task.name) for member in model.fused]
            else:
                schedule = () if model.own_schedule else common.schedule
                row['config'] = model.config.format(base=task.base)
                row['cfg_options'] = [*schedule, *task.cfg_options, *model.cfg_options]
                row['overrides'] = _merged(task.overrides, model.overrides)
                if model.stream:
                    row['stream'] = model.stream
            rows.append(row)
    return rows


def _merged(task: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, Any]:
    """Overrides of both; where both change one step of the same loaders, that of the model."""
    return {loaders: {**task.get(loaders, {}), **model.get(loaders, {})} for loaders in {**task, **model}}
