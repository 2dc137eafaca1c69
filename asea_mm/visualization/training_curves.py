"""How a training went: loss, accuracy, and what AT-NAC did."""

import json
from collections import defaultdict
from collections.abc import Mapping
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
STYLES = ('-', '--', ':', '-.', '-')
READINGS = {'alpha': 'α of the threshold (Eq. 7)', 'tau': 'threshold τ (Eq. 7)', 'active': 'share of active joints'}

PANELS = ('loss', 'accuracy', *READINGS.values())


def read_scalars(path: str | Path) -> dict[str, Curve]:
    """Curves over epochs from the ``scalars.json`` that mmengine writes: one JSON object a line.

    Raises:
        InputError: If a line is no JSON object.
    """
    lines: list[dict[str, Any]] = []
    for number, text in enumerate(Path(path).read_text().splitlines(), start=1):
        try:
            lines.append(dict(json.loads(text)))
        except (ValueError, TypeError) as error:
            raise InputError(f'{path}, line {number}: expected a JSON object, got {text[:40]!r} ({error})') from None
    # lines of training have iterations; those of validation have the epoch as their step
    per_epoch = max(
        (line['iter'] / line['epoch'] for line in lines if line.get('epoch') and line.get('iter')), default=1
    )
    curves: dict[str, Curve] = {}
    for line in lines:
        if 'iter' in line:
            epoch = line['iter'] / per_epoch
        else:
            readings = any(key.startswith('aea/') for key in line)  # written by a hook, at its iteration
            epoch = line.get('step', 0) / (per_epoch if readings else 1)
        for key, value in line.items():
            if key not in ('iter', 'epoch', 'step') and isinstance(value, (int, float)):
                epochs, values = curves.setdefault(key, ([], []))
                epochs.append(epoch)
                values.append(float(value))
    return curves


def draw_training(curves: Mapping[str, Curve], title: str) -> Figure:
    """Losses, accuracies, and where they are known alpha, tau and the share of active joints of every layer.

    Args:
        curves: What :func:`read_scalars` returns.
        title: Of the picture.

    Raises:
        InputError: If there is neither a loss nor an accuracy.
    """
    panels: dict[str, dict[str, Curve]] = defaultdict(dict)
    for key, curve in curves.items():
        if key.startswith('loss'):
            panels['loss'][key] = curve
        elif key.startswith('aea/') and (reading := READINGS.get(key.rpartition('/')[2])):
            panels[reading][key] = curve
        elif 'top' in key or 'acc' in key or 'mean_class' in key:
            panels['accuracy'][key] = curve
    if not {'loss', 'accuracy'} & panels.keys():
        raise InputError(f'draw_training: expected a loss or an accuracy among the curves, got {sorted(curves)[:8]}')
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    figure = new_figure(4.3 * columns, 3.3 * rows + 0.4)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, name in zip(grid.flat, sorted(panels, key=PANELS.index), strict=False):
        _panel(axes, name, panels[name])
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    figure.suptitle(title, fontsize=10)
    return figure


def _panel(axes: Axes, name: str, curves: Mapping[str, Curve]) -> None:
    many = len(curves) > len(FEW_COLOURS)  # of layers, from dark to light
    colours: Any = colormaps['viridis'](np.linspace(0, 0.9, len(curves))) if many else FEW_COLOURS
    for number, (key, (epochs, values)) in enumerate(curves.items()):
        label = key
        if key.startswith('aea/'):
            label = key.split('/')[1].replace('.interaction', '').replace('interactions.', '')
        elif name == 'accuracy':
            label = f'validation {key.split("/")[-1]}' if '/' in key else f'training {key}'
        style: dict[str, Any] = dict(marker='o', markersize=3) if len(values) < 30 else dict(lw=1)
        if not many:  # curves may lie upon each other
            style['ls'] = STYLES[number]
        axes.plot(epochs, values, color=colours[number], label=label, **style)
    if name == 'loss' and all(min(values) > 0 for _, values in curves.values()):
        axes.set_yscale('log')
    if name == 'accuracy':
        axes.set_ylim(top=1.02)
    axes.set_title(name, fontsize=9.5)
    axes.set_xlabel('epoch', fontsize=8.5)
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, frameon=False, ncols=2 if many else 1)
