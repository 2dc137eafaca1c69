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
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from asea_mm.engine import report_errors
from asea_mm.engine.running import working_tree_commit
from asea_mm.models.layers import AEA, fold_batch_norm
from asea_mm.skeletons import get_skeleton


class Classifier(nn.Module):
    """Backbone, average and classifier: a model of a config without mmengine around it.

    Shapes:
        x ``(N, M, T, V, C)``; returns ``(N, num_classes)``
    """

    def __init__(self, recognizer: nn.Module) -> None:
        super().__init__()
        self.recognizer = recognizer

    def forward(self, x: Tensor) -> Tensor:
        return self.recognizer(x[:, None], stage='head')


def from_config(path: str) -> Classifier:
    cfg = Config.fromfile(path)
    return Classifier(MODELS.build(cfg.model))


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


def interleaved(calls: dict[str, Callable[[], None]], repeats: int, device: torch.device) -> dict[str, float]:
    """Median seconds of every call; the calls take turns, after two rounds of warming up."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for repeat in range(repeats + 2):
        for name, call in calls.items():
            if device.type == 'cuda':
                torch.cuda.synchronize()
            start = time.perf_counter()
            call()
            if device.type == 'cuda':
                torch.cuda.synchronize()
            if repeat >= 2:
                seconds[name].append(time.perf_counter() - start)
    return {name: sorted(values)[len(values) // 2] for name, values in seconds.items()}


def train_step(model: nn.Module, x: Tensor, labels: Tensor, autocast: Callable) -> None:
    model.zero_grad(set_to_none=True)
    with autocast():
        loss = F.cross_entropy(model(x).float(), labels)
    loss.backward()


def infer(model: nn.Module, x: Tensor, autocast: Callable) -> None:
    with torch.inference_mode(), autocast():
        model(x)


def measure(models: dict[str, nn.Module], x: Tensor, args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Parameters, GFLOPs and speed of every model on the same input."""
    device = x.device
    labels = torch.zeros(len(x), dtype=torch.long, device=device)

    def autocast() -> torch.autocast:
        return torch.autocast(device.type, dtype=torch.bfloat16, enabled=args.amp)

    rows: dict[str, dict[str, float]] = {}
    for name, model in models.items():
        model.to(device).eval()
        with FlopCounterMode(display=False) as counter:
            model(x)
        rows[name] = {
            'parameters': sum(parameter.numel() for parameter in model.parameters()),
            # the counter counts a multiply-add as two; papers of this field count it as one
            'gflops': counter.get_total_flops() / 2 / len(x) / 1e9,
        }
        model.train()
    with Console(stderr=True).status('training steps'):
        training = interleaved(
            {name: (lambda m=model: train_step(m, x, labels, autocast)) for name, model in models.items()},
            args.repeats,
            device,
        )
    for model in models.values():
        fold_batch_norm(model)
    if args.compile:
        models = {name: torch.compile(model) for name, model in models.items()}
    with Console(stderr=True).status('inference'):
        inference = interleaved(
            {name: (lambda m=model: infer(m, x, autocast)) for name, model in models.items()},
            3 * args.repeats,
            device,
        )
    for name, row in rows.items():
        row.update(
            train_seconds=training[name],
            infer_seconds=inference[name],
            train_samples_per_s=len(x) / training[name],
            infer_samples_per_s=len(x) / inference[name],
        )
    first = next(iter(rows.values()))
    for row in rows.values():
        for key in ('gflops', 'train_seconds', 'infer_seconds'):
            row[f'{key}_ratio'] = row[key] / first[key]
    return rows


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


def print_rows(title: str, rows: dict[str, dict[str, float]]) -> None:
    columns = list(next(iter(rows.values())))
    table = Table(title=title)
    table.add_column('')
    for column in columns:
        table.add_column(column, justify='right')
    for name, row in rows.items():
        table.add_row(name, *(f'{row[key]:,}' if isinstance(row[key], int) else f'{row[key]:.3f}' for key in columns))
    Console(width=200 if not sys.stdout.isatty() else None).print(table)


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
        raise ValueError('give configs, or --textbook')
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
        result['models'] = measure(textbook_models(args.layout, 26), x, args)
        print_rows('ASEA beside the textbook CTR-GCN (ratios: textbook = 1)', result['models'])
        result['aea'] = measure_gathering(args, device)
        print_rows('AEA, forward and backward', result['aea'])
    for path in args.configs:
        model = from_config(path)
        backbone = model.recognizer.backbone
        joints = backbone.skeleton.num_joints
        x = torch.randn(args.batch, args.persons, args.frames, joints, backbone.in_channels, device=device)
        rows = measure({Path(path).stem: model}, x, args)
        result.setdefault('configs', {}).update(rows)
        print_rows(f'{path}: {joints} joints', rows)
    if args.out:
        Path(args.out).write_text(json.dumps(result, indent=1) + '\n')


if __name__ == '__main__':
    with report_errors():
        main()
