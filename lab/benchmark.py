"""Measure our fast layers beside their textbook form, the usual code of CTR-GCN (tests/textbook.py), and AEA by form.

    python -m lab.benchmark --textbook
    python -m lab.benchmark --textbook --batch 64 --forms bfloat16 --keep textbook_gpu_amp    # into benchmarks.json
    python -m lab.benchmark --aea --active 0.22

All models take turns, repeat by repeat, so that a noisy machine is noisy for all of them; medians are reported, and
ratios against the first model. Models of configs: ``asea benchmark``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from mmaction.registry import MODELS
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from asea_mm.cli.output import print_rows
from asea_mm.datasets.files.whole import write_whole
from asea_mm.engine.measuring import Classifier, begin, interleaved, measure_models
from asea_mm.errors import InputError
from asea_mm.models.layers import AEA
from asea_mm.skeletons import get_skeleton

from .commands import circumstances, lab_parser, run_main
from .files import RESULTS, put_entry

TEXTBOOK_MODELS = ['CTR-GCN, textbook', 'ASEA', 'ASEA, interaction=None']


def textbook_models(layout: str, num_classes: int) -> dict[str, nn.Module]:
    """The textbook CTR-GCN, and ASEA of the same widths with AEA in every block and without."""
    from tests.textbook import CTRGCN

    def asea(interaction: dict | None) -> Classifier:
        backbone = dict(type='ASEA', layout=layout, interaction=interaction)
        head = dict(type='InteractionHead', num_classes=num_classes, in_channels=256)
        return Classifier(MODELS.build(dict(type='InteractionRecognizer', backbone=backbone, cls_head=head)))

    adjacency = torch.from_numpy(get_skeleton(layout).adjacency())
    models: list[nn.Module] = [CTRGCN(num_classes, adjacency), asea({}), asea(None)]
    return dict(zip(TEXTBOOK_MODELS, models, strict=True))


def measure_gathering(args: argparse.Namespace, device: torch.device) -> dict[str, dict[str, float]]:
    """One AEA, forward and backward, gathered and masked, on features with a given share of active joints."""
    joints = get_skeleton(args.layout).num_joints
    count = round(args.active * joints)
    rows: dict[str, dict[str, float]] = {}
    for channels, frames in ((64, args.frames), (128, args.frames // 2), (256, args.frames // 4)):
        persons = args.batch * args.persons
        x = torch.rand(persons, channels, frames, joints, device=device)
        for person in range(persons):  # `count` joints of one amplitude above all others: exactly they pass
            x[person, :, :, torch.randperm(joints, device=device)[:count]] += 5
        x = x.contiguous(memory_format=torch.channels_last).requires_grad_(True)
        grad = torch.randn_like(x)
        layers = {form: AEA(channels, form=form).to(device) for form in ('masked', 'gathered')}

        def step(layer: AEA, x: Tensor = x, grad: Tensor = grad) -> None:
            layer(x, args.persons).backward(grad)

        calls = {form: (lambda layer=layer, step=step: step(layer)) for form, layer in layers.items()}
        begin(calls, device)
        seconds = interleaved(calls, 5 * args.repeats, device)
        rows[f'{channels} channels, {frames} frames'] = {
            'active_share': float(layers['gathered'].active_share or 0),
            'masked_ms': seconds['masked'] * 1e3,
            'gathered_ms': seconds['gathered'] * 1e3,
            'speedup': seconds['masked'] / seconds['gathered'],
        }
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = lab_parser(__doc__, device=True)
    parser.add_argument('--textbook', action='store_true', help='fast layers beside their textbook form')
    parser.add_argument('--aea', action='store_true', help='AEA gathered beside masked')
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--frames', type=int, default=64)
    parser.add_argument('--persons', type=int, default=2)
    parser.add_argument('--layout', default='nturgbd25')
    parser.add_argument('--active', type=float, default=0.36, help='share of active joints of --aea')
    parser.add_argument('--repeats', type=int, default=9, help='training steps; of inference three times as many')
    parser.add_argument('--forms', nargs='+', default=['eager'], help='of --textbook, as of asea benchmark')
    parser.add_argument('--only', nargs='+', choices=TEXTBOOK_MODELS, default=TEXTBOOK_MODELS, help='of --textbook')
    parser.add_argument('--out', type=Path, help='write the figures to this file')
    parser.add_argument('--keep', metavar='NAME', help='write the figures to this entry of benchmarks.json')
    args = parser.parse_args(arguments)
    if not args.textbook and not args.aea:
        raise InputError('give --textbook, --aea or both')
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    init_default_scope('mmaction')
    device = torch.device(args.device)
    result = circumstances('benchmark', device)
    result['input'] = {'batch': args.batch, 'persons': args.persons, 'frames': args.frames}
    if args.textbook:
        joints = get_skeleton(args.layout).num_joints
        x = torch.randn(args.batch, args.persons, args.frames, joints, 3, device=device)
        every = textbook_models(args.layout, 26)
        models = {name: every[name] for name in args.only}
        result['models'] = measure_models(models, dict.fromkeys(models, x), args.repeats, args.forms)
        print_rows(f'ASEA beside the textbook CTR-GCN (ratios: {next(iter(result["models"]))} = 1)', result['models'])
    if args.aea:
        result['aea'] = measure_gathering(args, device)
        print_rows('AEA, forward and backward', result['aea'])
    if args.keep:
        put_entry(RESULTS / 'benchmarks.json', args.keep, result)
    if args.out:
        write_whole(args.out, json.dumps(result, indent=1) + '\n')


if __name__ == '__main__':
    run_main(main)
