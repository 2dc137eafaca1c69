"""Models over tasks: what is paired with what, when a difference counts, and what the page says."""

import numpy as np
import pytest
from matplotlib.image import imread

from asea_mm.visualization.drawing import save_figure

from ..pictures.tasks import draw_tasks
from ..statistics.tasks import ACCURACY, CROSS_ENTROPY, Grid, gain, verdict
from ..statistics.tasks_page import tasks_page
from .runs import run

TASKS = {'one': ('One', [1, 2, 3, 4, 5]), 'two': ('Two', [1, 2, 3, 4, 5]), 'across': ('One → Two', [0])}


def runs_of(mean, cross_entropy, task, seeds, spread=0.02, **changed):
    """Accuracies around a mean; noise is of task, fold and seed, so that pairs differ by what models differ."""
    found = []
    for fold in TASKS[task][1]:
        for seed in range(seeds):
            noise = spread * np.random.default_rng((list(TASKS).index(task), fold, seed)).normal()
            values = dict(late_top1=mean + noise, late_mean_class=mean + noise - 0.1, late_cross_entropy=cross_entropy)
            found.append(run(fold, seed, mean, **values, **changed))
    return found


def grid(seeds=6, **models):
    """Models by their advance on the reference in accuracy and cross-entropy."""
    models = {'base': (0, 0), **models}
    runs = {
        (model, task): runs_of(0.8 + better, 0.5 - lower, task, seeds)
        for model, (better, lower) in models.items()
        for task in TASKS
    }
    return Grid(
        {model: model.title() for model in models}, {task: label for task, (label, _) in TASKS.items()}, runs, 'base'
    )


def test_pairs_are_those_of_task_fold_and_seed():
    made = grid(seeds=2, more=(0.05, 0.1))
    pairs = made.pairs(ACCURACY)
    assert list(pairs)[:3] == [('one', 1, 0), ('one', 1, 1), ('one', 2, 0)]
    assert list(pairs)[-1] == ('across', 0, 1)
    assert len(pairs) == 2 * 11
    assert all(value == {'more': pytest.approx(0.05)} for value in pairs.values())
    assert made.difference('more', 'across', CROSS_ENTROPY).summary['mean'] == pytest.approx(-0.1)


def test_epochs_may_differ_and_test_samples_may_not():
    made = grid(seeds=1, more=(0.1, 0))
    made.runs['more', 'one'] = runs_of(0.9, 0.5, 'one', 1, epochs=16)
    made.runs['more', 'two'] = runs_of(0.9, 0.5, 'two', 1, num_samples=49)
    assert len(made.over_all('more', ACCURACY).differences) == 5 + 0 + 1


def test_means_weigh_tasks_alike_and_the_pool_every_sample():
    runs = {
        ('base', 'one'): [run(1, 0, late_top1=0.5, num_samples=10), run(2, 0, late_top1=0.7, num_samples=10)],
        ('base', 'two'): [run(0, seed, late_top1=0.9, num_samples=80) for seed in (0, 1)],
    }
    mean, pooled = Grid({'base': 'Base'}, {'one': 'One', 'two': 'Two'}, runs, 'base').over_tasks('base', ACCURACY)
    assert mean['values'] == [pytest.approx((0.6 + 0.9) / 2)], 'of the seed that both tasks have'
    assert pooled['values'] == [pytest.approx((5 + 7 + 72) / 100)]


@pytest.mark.parametrize(
    ('seeds', 'better', 'lower', 'counts'),
    [
        (6, 0.02, 0.0, 'gain'),
        (6, 0.0, 0.02, 'gain'),
        (6, 0.0, 0.0, 'no gain'),
        (6, -0.02, -0.02, 'no gain'),
        (5, 0.2, 0.2, 'not decided'),
    ],
)
def test_a_difference_counts_over_sixty_pairs(seeds, better, lower, counts):
    made = grid(seeds, more=(better, lower))
    accuracy, cross_entropy = (made.over_all('more', key) for key in (ACCURACY, CROSS_ENTROPY))
    assert gain(accuracy, cross_entropy) == counts
    assert verdict(accuracy).startswith('not decided, 55 of 60 pairs') == (seeds == 5)


def test_page_and_picture(tmp_path):
    made = grid(more=(0.05, 0.1), less=(-0.05, 0.0))
    made.models['later'] = 'Later'
    states = {model: 'not run' if model == 'later' else 'have 66 of 66 runs' for model in made.models}
    page = tasks_page('Tasks', 'A note.', made, states, {'more': 'do it'}, 'tasks.png')
    for line in (
        '| More | better (p < 0.001), 66 pairs | better (p < 0.001), 66 pairs | gain |',
        '| Less | worse (p < 0.001), 66 pairs | within noise (p = 1.000), 66 pairs | no gain |',
        '| Later | not run | not run | - |',
        '| More | -0.100 ± 0.000 | -0.100 ± 0.000 | -0.100 ± 0.000 | -0.100 ± 0.000 | better (p < 0.001), 66 pairs |',
        '| One → Two, seed 5 | +5.00 | -5.00 |',
        '- More, have 66 of 66 runs, 33.0 hours of runs: `do it`',
    ):
        assert line in page.splitlines()
    save_figure(draw_tasks('Tasks', made), tmp_path / 'tasks.png')
    assert imread(tmp_path / 'tasks.png').std() > 0.05
