"""Measure models: parameters, GFLOPs, training and inference samples/s, on CPU or CUDA, side by side in one run.

Any configs, each beside the others:

    python tools/benchmark.py configs/asea_ntu26.py configs/asea_sbu.py

Our fast layers beside their textbook form (the usual code of CTR-GCN, tests/textbook.py), and AEA gathered beside
ungathered at a given share of active joints:

    python tools/benchmark.py --textbook

All models take turns, repeat by repeat, so that a noisy machine is noisy for all of them; medians are reported, and
ratios against the first model.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path

import torch
from mmaction.registry import MODELS
from mmengine.registry import init_default_scope
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ..engine import report_errors
from ..engine.measuring import Classifier, from_config, interleaved, measure, print_rows
from ..engine.running import working_tree_commit
from ..errors import InputError
from ..models.backbones.interaction_backbone import input_size
from ..models.layers import AEA
from ..skeletons import get_skeleton


def textbook_models(layout: str, num_classes: int) -> dict[str, nn.Module]:
    """The textbook CTR-GCN, and ASEA of the same widths with AEA in every block and without."""
    from tests.textbook import CTRGCN

    def asea(interaction: dict | None) -> Classifier:
        backbone = dict(type='ASEA', layout=layout, interaction=interaction)
        head = dict(type='InteractionHead', num_classes=num_classes, in_channels=256)
        return Classifier(MODELS.build(dict(type='InteractionRecognizer', backbone=backbone, cls_head=head)))

    adjacency = torch.from_numpy(get_skeleton(layout).adjacency())
    return {
        'CTR-GCN, textbook': CTRGCN(num_classes, adjacency),
        'ASEA': asea({}),
        'ASEA, interaction=None': asea(None),
    }


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

        calls = {form: (lambda m=layer, s=step: s(m)) for form, layer in layers.items()}
        seconds = interleaved(calls, 5 * args.repeats, device)
        share = float(layers['gathered'].active_share)
        rows[f'{channels} channels, {frames} frames'] = {
            'active_share': share,
            'masked_ms': seconds['masked'] * 1e3,
            'gathered_ms': seconds['gathered'] * 1e3,
            'speedup': seconds['masked'] / seconds['gathered'],
        }
    return rows


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='*', help='configs whose models are measured')
    parser.add_argument('--textbook', action='store_true', help='fast layers beside their textbook form')
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--frames', type=int, default=64)
    parser.add_argument('--persons', type=int, default=2)
    parser.add_argument('--layout', default='nturgbd25', help='layout of --textbook; configs bring their own')
    parser.add_argument('--active', type=float, default=0.36, help='share of active joints in the AEA comparison')
    parser.add_argument(
        '--repeats', type=int, default=9, help='timed training steps; inference takes three times as many'
    )
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--threads', type=int, help='CPU threads; default as torch chooses')
    parser.add_argument('--amp', action='store_true', help='bf16 autocast')
    parser.add_argument('--compile', action='store_true', help='torch.compile for inference')
    parser.add_argument('--out', help='write the figures to this JSON file')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if not args.configs and not args.textbook:
        raise InputError('give configs, or --textbook')
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    init_default_scope('mmaction')
    device = torch.device(args.device)
    result = {
        'command': ' '.join(['python', 'tools/benchmark.py', *sys.argv[1:]]),
        'commit': working_tree_commit(),
        'torch': torch.__version__,
        'device': torch.cuda.get_device_name() if device.type == 'cuda' else platform.processor() or platform.machine(),
        'threads': torch.get_num_threads(),
        'input': {'batch': args.batch, 'persons': args.persons, 'frames': args.frames},
    }
    if args.textbook:
        skeleton = get_skeleton(args.layout)
        x = torch.randn(args.batch, args.persons, args.frames, skeleton.num_joints, 3, device=device)
        models = textbook_models(args.layout, 26)
        result['models'] = measure(models, dict.fromkeys(models, x), args.repeats, args.amp, args.compile)
        print_rows('ASEA beside the textbook CTR-GCN (ratios: textbook = 1)', result['models'])
        result['aea'] = measure_gathering(args, device)
        print_rows('AEA, forward and backward', result['aea'])
    if args.configs:
        models, inputs = {}, {}
        for path in args.configs:
            name = Path(path).stem
            models[name] = from_config(path)
            joints, channels = input_size(models[name].recognizer.backbone)
            inputs[name] = torch.randn(args.batch, args.persons, args.frames, joints, channels, device=device)
        result['configs'] = measure(models, inputs, args.repeats, args.amp, args.compile)
        print_rows(f'ratios: {next(iter(models))} = 1', result['configs'])
    if args.out:
        Path(args.out).write_text(json.dumps(result, indent=1) + '\n')


if __name__ == '__main__':
    with report_errors():
        main()
