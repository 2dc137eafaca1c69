"""Checkpoints that need not be trusted: their weights, and the config that they carry."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config

from ..datasets.files.whole import written_whole
from ..errors import InputError
from ..evaluation.calibration import calibrated, expected_calibration_error, fit_temperature
from .configs import part_names

# Registries may be named in front of a part's name; anything else with a dot mmengine would import.
_SCOPES = ('mmaction', 'mmengine', 'mmcv', 'mmdet', 'mmpose')


def read_checkpoint(path: str, resume: bool = False) -> dict[str, Any]:
    """The content of a checkpoint, on the CPU, without running any code that it may contain.

    Args:
        path: The file.
        resume: Whether training shall go on from it, which needs more than weights.

    Returns:
        ``state_dict`` and ``meta``, and whatever else it has; of a file of bare weights just these two.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is not a checkpoint, or has no state of a training and ``resume`` is set.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'checkpoint {path} does not exist')
    try:
        content: Any = torch.load(path, map_location='cpu', weights_only=True)
    except Exception as error:  # a damaged file raises almost anything
        forbidden = re.search(r'GLOBAL (\S+)', str(error))
        if forbidden is None:
            raise InputError(f'checkpoint {path}: not a checkpoint, or a damaged one') from None
        raise InputError(
            f'checkpoint {path}: refused, it asks for {forbidden[1]}; only tensors, plain containers and what mmengine '
            f'logs are read, anything else could run code'
        ) from None
    weights = content.get('state_dict', content) if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not any(isinstance(weight, torch.Tensor) for weight in weights.values()):
        got = f'the keys {list(content)[:5]}' if isinstance(content, dict) else type(content).__name__
        raise InputError(f"checkpoint {path}: expected weights, in 'state_dict' or on their own, got {got}")
    if weights is content:
        content = {'state_dict': content}
    meta = content.get('meta')
    if resume and 'epoch' not in (meta or {}):
        raise InputError(f'checkpoint {path}: has weights but no state of a training to resume')
    return {**content, 'meta': meta if isinstance(meta, dict) else {}}


def read_temperature(meta: Mapping[str, Any], source: str) -> float | None:
    """The temperature of a checkpoint's scores; None if it was not calibrated.

    Raises:
        InputError: If it is no positive number.
    """
    calibration = meta.get('calibration')
    if calibration is None:
        return None
    temperature = calibration.get('temperature') if isinstance(calibration, dict) else None
    if isinstance(temperature, bool) or not isinstance(temperature, int | float) or not 0 < temperature < 1e3:
        raise InputError(f'checkpoint {source}: expected a positive temperature in its calibration, got {calibration}')
    return float(temperature)


def calibrate_checkpoint(path: str, scores: np.ndarray, labels: np.ndarray, out: str | Path) -> dict[str, Any]:
    """Write a checkpoint with the temperature of its scores, which the inferencer then uses.

    Args:
        path: The checkpoint.
        scores, labels: Of validation samples, see :func:`~..evaluation.calibration.fit_temperature`.
        out: File to write; may be ``path``.

    Returns:
        What is noted in ``meta['calibration']``: ``temperature``, ``samples``, and the expected calibration error
        ``ece`` with and ``ece_before`` without it.

    Raises:
        InputError: If scores, labels or the checkpoint are not as expected.
    """
    content = read_checkpoint(path)
    temperature = fit_temperature(scores, labels)
    calibration = {
        'temperature': temperature,
        'samples': len(labels),
        'ece_before': expected_calibration_error(calibrated(scores, 1.0), labels),
        'ece': expected_calibration_error(calibrated(scores, temperature), labels),
    }
    content['meta'] = {**content['meta'], 'calibration': calibration}
    with written_whole(out) as part:
        torch.save(content, part)
    return calibration


def parse_config(text: str, source: str) -> Config:
    """The config that mmengine writes into checkpoints, without running it as Python.

    It is a list of assignments of literals and ``dict(...)``; anything else is refused. So are parts with a dotted
    name that is not a registry's: mmengine would import and call whatever that names.

    Args:
        text: What ``Config.pretty_text`` gave.
        source: The file, for the messages.

    Raises:
        InputError: If there is anything else in it.
    """
    fields: dict[str, Any] = {}
    try:
        for statement in ast.parse(text).body:
            if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
                raise InputError(f'a statement that is no assignment in line {statement.lineno}')
            fields[statement.targets[0].id] = ast.literal_eval(_Literals().visit(statement.value))
    except (SyntaxError, ValueError, TypeError, RecursionError) as error:
        raise InputError(
            f'{source}: refused, its config has {error}; only plain values are read, anything else could run code. '
            f'Give a config file that you trust as model, and the checkpoint as weights'
        ) from None
    for kind in part_names(fields):
        scope, _, name = kind.rpartition('.')
        if scope and scope not in _SCOPES:
            raise InputError(f'{source}: refused, its config asks for {kind!r}, which is no registered part')
    if 'model' not in fields:
        raise InputError(f"{source}: expected a config with 'model', got {sorted(fields)[:8]}")
    return Config(fields)


class _Literals(ast.NodeTransformer):
    """``dict(a=1)`` as ``{'a': 1}`` and ``inf`` as a number; other calls and names are refused."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Name) and node.func.id == 'dict':
            if not node.args and all(keyword.arg for keyword in node.keywords):
                keys: list[ast.expr | None] = [ast.Constant(keyword.arg) for keyword in node.keywords]
                return ast.Dict(keys, [self.visit(keyword.value) for keyword in node.keywords])
            if len(node.args) == 1 and isinstance(node.args[0], ast.Dict) and not node.keywords:
                return self.visit(node.args[0])  # keys that are no names
        raise InputError(f'{ast.unparse(node)[:60]!r} in line {node.lineno}')

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in ('inf', 'nan'):  # how numbers without end are printed
            return ast.Constant(float(node.id))
        raise InputError(f'{node.id!r} in line {node.lineno}')
