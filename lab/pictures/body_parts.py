"""How often the joints of each body part are active, by class, as heat maps."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from asea_mm.visualization.drawing import new_figure, short

from ..statistics.body_parts import BodyPartTable


def draw_body_parts(table: BodyPartTable) -> Figure:
    """Heat maps, classes in rows: body parts, and beside them all joints."""
    shares, joints = table.part_shares(), table.joint_shares()
    rows = len(table.classes)
    names = [part.replace('_', ' ') for part in table.skeleton.parts]
    widths = (0.55 * len(names) + 0.4, 0.24 * joints.shape[1] + 0.4)
    figure = new_figure(sum(widths) + 3.0, 0.32 * rows + 2.2)
    grid = figure.subplots(1, 2, width_ratios=widths, sharey=True)
    most = max(float(np.nanmax([np.nanmax(shares), np.nanmax(joints)])), 1e-6) if not np.isnan(joints).all() else 1.0
    for axes, values, labels, head in (
        (grid[0], shares, names, 'mean over the joints of a part'),
        (grid[1], joints, [short(joint) for joint in table.skeleton.joints], 'every joint'),
    ):
        image = axes.imshow(values, cmap='cividis', vmin=0, vmax=most, aspect='auto')
        axes.set_xticks(range(len(labels)), labels, rotation=60, ha='right', rotation_mode='anchor', fontsize=8)
        axes.set_title(head, fontsize=9)
    grid[0].set_yticks(range(rows), list(table.classes), fontsize=8.5)
    for row, column in np.ndindex(shares.shape):
        value = shares[row, column]
        colour = 'black' if value > 0.6 * most else 'white'
        text = '-' if np.isnan(value) else f'{100 * value:.0f}'
        grid[0].text(column, row, text, ha='center', va='center', fontsize=8, color='black' if text == '-' else colour)
    bar = figure.colorbar(image, ax=grid, shrink=0.9)
    bar.set_label('share of (person, frame, layer)', fontsize=8)
    bar.ax.tick_params(labelsize=8)
    figure.suptitle('How often joints are active', fontsize=10)
    return figure
