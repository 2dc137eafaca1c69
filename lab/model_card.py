"""The card of a model that ships with the package: what its JSON says, in words."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import Any

from asea_mm.evaluation.statistics import as_percent

from .files import markdown_table

INPUT = {
    'pair3d': 'Two persons in space, metres, y up: the thirteen joints of `common13`, which every layout reaches.',
    'pair2d': 'Two persons in images, pixels, y down, with scores: the thirteen joints of `common13`, which every '
    'layout reaches. Trained and measured on pictures of scenes in space by simulated cameras.',
}
NAMES = {'sbu': 'SBU', 'k3hi': 'K3HI'}
DATA = {
    'sbu': 'SBU Kinect Interaction v2, clean (Yun et al., CVPR Workshops 2012)',
    'k3hi': 'K3HI (Hu et al., Mathematical Problems in Engineering 2013)',
}
LIMITS = (
    'It knows no other classes than these: what two people do otherwise becomes one of them or `no interaction`.',
    'Both sets were acted by few adults, indoors, before one Kinect. Children, crowds, people who are partly hidden, '
    'real violence and other gestures than theirs are not in them.',
    '`hugging` is of SBU alone and `pointing` of K3HI alone: how they are recognised elsewhere was not measured.',
    'K3HI does not state its frame rate; 30 frames a second are assumed. The model sees 15 a second.',
    'Not for decisions on people: it is wrong as often as the figures say, and more often on what is unlike its data.',
)
LICENCE = (
    'The weights are under the licence of this package, Apache 2.0. Both data sets are published for research and do '
    'not come along; whoever trains anew gets them from their makers and keeps to their terms.'
)
MEASURES = (
    ('simulated recordings', 'recordings', 'd'),
    ('events in them', 'events', 'd'),
    ('F1 at temporal IoU 0.5', 'f1', '.3f'),
    ('F1 without labels', 'f1_without_labels', '.3f'),
    ('starts off by (median, s)', 'start_error_median_s', '.2f'),
    ('false alarms a minute of idle time', 'false_alarms_per_idle_minute', '.2f'),
    ('AUROC of `no interaction`', 'auroc_no_interaction', '.3f'),
    ('expected calibration error', 'ece', '.3f'),
    ('the same without the temperature', 'ece_before', '.3f'),
)
NOT_MEASURED = ['Not measured.', '']


def card(facts: Mapping[str, Any]) -> str:
    """The card in Markdown.

    Args:
        facts: As ``lab.shipped_weights`` writes them.
    """
    name, epochs = facts['name'], facts['epochs']
    lines = [f'# {name}', '']
    if epochs < facts['epochs_of_recipe']:
        text = f'A stand-in, trained for {epochs} of {facts["epochs_of_recipe"]} epochs to try what is around it.'
        lines += [f'**{text} Its answers are worth little.**', '']
    lines += [
        *_paragraph(INPUT[name]),
        *_paragraph(f'Classes: {", ".join(facts["classes"])}.'),
        f'`{name}.pth`: {facts["parameters"]:,} parameters, {facts["bytes"]:,} bytes, SHA-256',
        f'`{facts["sha256"]}`.',
        '',
        *_data(facts),
        '## On a set that it has not seen',
        '',
        *_transfer(facts.get('transfer') or {}),
        '## Events and "no interaction"',
        '',
        *_events(facts.get('events') or {}),
        '## On the fold left out',
        '',
        *_held_out(name, facts.get('weights', {}).get('held_out')),
        '## Limits',
        '',
        *(fill(f'- {limit}', 120, subsequent_indent='  ', break_on_hyphens=False) for limit in LIMITS),
        '',
        '## Licence',
        '',
        *_paragraph(LICENCE),
        '## Made by',
        '',
        *('```bash', facts['command'], '```', ''),
        f'on commit {facts["commit"]}; figures: [{name}.json]({name}.json).',
    ]
    return '\n'.join(lines) + '\n'


def _paragraph(text: str) -> list[str]:
    return [fill(text, 120, break_long_words=False, break_on_hyphens=False), '']


def _data(facts: Mapping[str, Any]) -> list[str]:
    made = facts.get('weights', {}).get('held_out')
    split = f'Fold {made["fold"]} of each was left out of the training, seed {made["seed"]}. ' if made else ''
    return [
        '## Data',
        '',
        *(f'- {DATA[name]}: {count} clips' for name, count in facts['clips'].items()),
        '',
        *_paragraph(
            f'{split}Pairs with no interaction are made of them: persons of different clips side by side, pairs who '
            'stand before they act, persons far apart or alone. '
            f'Recipe: `configs/{facts["name"]}.py`, {facts["epochs"]} epochs.'
        ),
    ]


def _transfer(directions: Mapping[str, Any]) -> list[str]:
    """What the recipe is worth on a set that it was not trained on."""
    if not directions:
        return NOT_MEASURED
    several = list(directions.values())
    rows = [
        (
            NAMES[one['trained_on']],
            f'{NAMES[one["tested_on"]]}, {one["samples"]} clips, {len(one["per_class"])} classes',
            '-' if one['late_top1'] is None else as_percent(one['late_top1']),
            as_percent(one['late_top1_among_shared']),
            as_percent(one['last_top1']),
        )
        for one in several
    ]
    by_class = [[name, *(f'{100 * one["per_class"][name]:.0f}' for one in several)] for name in several[0]['per_class']]
    return [
        *_paragraph(
            'The same recipe, trained on all of one set and tested on the classes of the other that both have. All '
            'answers count, `no interaction` and classes of one set alone are wrong; "among" chooses among those of '
            'both. Late epochs are the mean of the last third of the validations. Per cent, seeds '
            f'{", ".join(map(str, several[0]["seeds"]))}.'
        ),
        *markdown_table(
            ('trained on', 'tested on', 'late epochs', 'late epochs, among classes of both', 'last epoch'), rows
        ),
        '',
        *markdown_table(('last epoch', *(f'tested on {NAMES[one["tested_on"]]}' for one in several)), by_class),
        '',
    ]


def _events(directions: Mapping[str, Any]) -> list[str]:
    """Events and "no interaction" on the set that was not trained on."""
    if not directions:
        return NOT_MEASURED
    titles = [' to '.join(NAMES[name] for name in direction.split('_to_')) for direction in directions]
    rows = [(title, *(f'{one[key]:{form}}' for one in directions.values())) for title, key, form in MEASURES]
    return [
        *_paragraph(
            'Models of the table above, first seed, on clips of the set that they have not seen, joined with idle '
            'time, idle pairs and passers-by (`lab/events.py`). '
            'AUROC: real clips beside pairs of strangers and idle pairs.'
        ),
        *markdown_table(('', *titles), rows),
        '',
    ]


def _held_out(name: str, made: Mapping[str, Any] | None) -> list[str]:
    """The shipped file on the fold that it was not trained on."""
    if not made:
        return NOT_MEASURED
    calibration = made['calibration']
    return _paragraph(
        f'This file, on {made["num_samples"]} clips of the sets that it was trained on, `no interaction` among them: '
        f'top-1 {100 * made["top1"]:.1f} %, mean of classes {100 * made["mean_class"]:.1f} %. `asea test {name} '
        f'{name}` repeats it. Scores have the temperature {calibration["temperature"]:.2f}, fitted here: expected '
        f'calibration error {calibration["ece"]:.3f}, without it {calibration["ece_before"]:.3f}.'
    )
