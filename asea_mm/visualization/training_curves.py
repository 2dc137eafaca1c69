"""How a training went: loss, accuracy, and what AT-NAC did."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import InputError
from .drawing import new_figure

Curve = tuple[list[float], list[float]]  # epochs, values
FEW_COLOURS = ('#0072B2', '#E69F00', '#009E73', '#CC79A7', '#000000')  # Okabe and Ito's
READINGS = {'alpha': 'α of the threshold (Eq. 7)', 'tau': 'threshold τ (Eq. 7)', 'active': 'share of active joints'}
PANELS = ('loss', 'accuracy', *READINGS.values())


def read_scalars(paths: Sequence[str | Path]) -> dict[str, Curve]:
    """Curves over epochs from the ``scalars.json`` that mmengine writes: one JSON object a line.

    Args:
        paths: Files of a training that was interrupted and resumed, in their order. What a later one did again counts.

    Raises:
        InputError: If a line is no JSON object.
    """
    kept: list[dict[str, Any]] = []
    for lines in map(_read_lines, map(Path, paths)):
        first = next((line for line in lines if 'iter' in line), None)
        if first is not None:  # else it trained nothing
            kept = [line for line in kept if not _is_done_again(line, first)] + lines
    # lines of training have iterations; those of validation have the epoch as their step
    per_epoch = max(
        (line['iter'] / line['epoch'] for line in kept if line.get('epoch') and line.get('iter')), default=1
    )
    curves: dict[str, Curve] = {}
    for line in kept:
        if 'iter' in line:
            epoch = line['iter'] / per_epoch
        else:
            epoch = line.get('step', 0) / (per_epoch if _is_reading(line) else 1)
        for key, value in line.items():
            if key not in ('iter', 'epoch', 'step') and isinstance(value, (int, float)):
                epochs, values = curves.setdefault(key, ([], []))
                epochs.append(epoch)
                values.append(float(value))
    return curves


def _read_lines(path: Path) -> list[dict[str, Any]]:
    lines = []
    for number, text in enumerate(path.read_text(encoding='utf-8').splitlines(), start=1):
        try:
            lines.append(dict(json.loads(text)))
        except (ValueError, TypeError) as error:
            raise InputError(f'{path}, line {number}: expected a JSON object, got {text[:40]!r} ({error})') from None
    return lines


def _is_reading(line: Mapping[str, Any]) -> bool:
    """Whether a hook wrote it, at its iteration."""
    return any(key.startswith('aea/') for key in line)


def _is_done_again(line: Mapping[str, Any], first: Mapping[str, Any]) -> bool:
    """Whether a line is not before the first line of training of a run that was resumed."""
    if 'iter' in line or _is_reading(line):
        return bool(line.get('iter', line.get('step', 0)) >= first['iter'])
    return bool(line.get('step', 0) >= first.get('epoch', 0))


def draw_training(curves: Mapping[str, Curve], title: str) -> Figure:
    """Losses, accuracies, and where they are known alpha, tau and the share of active joints of every layer.

    What is logged of single batches is drawn pale, and as its mean over an epoch, or a twentieth of the training where
    that is longer.

    Args:
        curves: What :func:`read_scalars` returns.
        title: Of the picture.

    Raises:
        InputError: If there is no loss but zero: the model was not trained in epochs.
    """
    panels: dict[str, dict[str, Curve]] = defaultdict(dict)
    for key in sorted(curves, key=_natural):
        if key.startswith('loss') and any(curves[key][1]):
            panels['loss'][key] = curves[key]
        elif key.startswith('aea/') and (reading := READINGS.get(key.rpartition('/')[2])):
            panels[reading][f'layer {len(panels[reading]) + 1}'] = curves[key]
        elif ('top' in key or 'acc' in key or 'mean' in key) and not ('top5' in key and min(curves[key][1]) == 1):
            name = key.split('/')[-1].removesuffix('_acc').replace('mean1', 'mean over classes')
            panels['accuracy'][f'{"validation" if "/" in key else "training"} {name}'] = curves[key]
    if 'loss' not in panels:
        raise InputError(f'no loss but zero among {", ".join(sorted(curves)[:8]) or "nothing"}')
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    figure = new_figure(4.3 * columns, 3.6 * rows + 0.4)
    grid = figure.subplots(rows, columns, squeeze=False)
    end = max(max(epochs) for epochs, _ in panels['loss'].values())
    for axes, name in zip(grid.flat, sorted(panels, key=PANELS.index), strict=False):
        _panel(axes, name, panels[name], end)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    figure.suptitle(title, fontsize=10)
    return figure


def _natural(key: str) -> list[Any]:
    """Order of names with numbers in them: layer 10 after layer 9; the whole loss before its parts."""
    return [(not part.isdigit(), int(part) if part.isdigit() else part) for part in re.split(r'(\d+)', key)]


def smoothed(epochs: Sequence[float], values: Sequence[float], width: float) -> np.ndarray:
    """Mean of the finite values at most half a width away."""
    at, finite = np.asarray(epochs), np.isfinite(values)
    low, high = np.searchsorted(at, at - width / 2, 'left'), np.searchsorted(at, at + width / 2, 'right')
    sums = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(finite)])
    count = counts[high] - counts[low]
    return np.where(count > 0, (sums[high] - sums[low]) / np.maximum(count, 1), np.nan)


def _panel(axes: Axes, name: str, curves: Mapping[str, Curve], end: float) -> None:
    many = len(curves) > len(FEW_COLOURS)  # of layers, from dark to light
    colours: Any = colormaps['viridis'](np.linspace(0, 0.9, len(curves))) if many else FEW_COLOURS
    for colour, (label, (epochs, values)) in zip(colours, curves.items(), strict=False):
        if label.startswith('validation'):
            axes.plot(epochs, values, color=colour, label=label, marker='o', markersize=2.5, lw=1)
            continue
        axes.plot(epochs, values, color=colour, lw=0.6, alpha=0.25)
        style: Any = dict(
            lw=1.4, marker='o' if len(values) == 1 else '', ls='--' if label.startswith('loss_') else '-'
        )  # parts may lie upon the whole
        axes.plot(epochs, smoothed(epochs, values, max(1.0, end / 20)), color=colour, label=label, **style)
    if name == 'loss':
        axes.set_ylim(bottom=min(0.0, axes.dataLim.y0))  # of what is finite
    if name == 'accuracy':
        axes.set_ylim(0, 1.02)
    axes.set_xlim(0, max(end, 1.0) * 1.01)
    axes.set_title(name, fontsize=9.5)
    axes.set_xlabel('epoch', fontsize=8.5)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    ncols = 5 if name in READINGS.values() else 3
    below: Any = dict(loc='upper center', bbox_to_anchor=(0.5, -0.16))  # the axes, where no curve is
    axes.legend(fontsize=7, frameon=False, ncols=ncols, **below)
