"""The longest kernels of a training step and of a forward pass of ASEA, as torch's profiler sees them.

python -m lab.profile --device cuda --batch 64 --form compiled+bfloat16
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.registry import init_default_scope
from torch.profiler import ProfilerActivity, profile

from asea_mm.cli.output import print_table
from asea_mm.datasets.files.whole import write_whole
from asea_mm.engine.measuring import Form, begin, passes
from asea_mm.skeletons import get_skeleton

from .benchmark import TEXTBOOK_MODELS, textbook_models
from .commands import circumstances, lab_parser, run_main

LONGEST = 10


def longest_kernels(call: Callable[[], None], device: torch.device, count: int = LONGEST) -> dict[str, Any]:
    """Milliseconds of the device in one call, the number of launches, and the kernels that take longest.

    On a CPU the operators of PyTorch stand for kernels.
    """
    on_gpu = device.type == 'cuda'
    begin({'': call}, device)
    with profile(activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]) as profiler:
        call()
        if on_gpu:
            torch.cuda.synchronize()
    events = profiler.key_averages()
    if on_gpu:
        events = [event for event in events if event.device_type == torch.autograd.DeviceType.CUDA]
    spent = {event.key: (event.self_device_time_total if on_gpu else event.self_cpu_time_total) for event in events}
    calls = {event.key: event.count for event in events}
    order = sorted(spent, key=lambda key: spent[key], reverse=True)[:count]
    return {
        'busy_ms': sum(spent.values()) / 1e3,
        'launches': sum(calls.values()),
        'longest': [{'kernel': key[:120], 'ms': spent[key] / 1e3, 'calls': calls[key]} for key in order],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = lab_parser(__doc__, device=True)
    parser.add_argument('--model', choices=TEXTBOOK_MODELS, default='ASEA')
    parser.add_argument('--form', default='eager', help='as of asea benchmark')
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--frames', type=int, default=64)
    parser.add_argument('--persons', type=int, default=2)
    parser.add_argument('--layout', default='nturgbd25')
    parser.add_argument('--repeats', type=int, default=1, help='not used: one pass is looked at')
    parser.add_argument('--out', type=Path, help='write the figures to this file')
    args = parser.parse_args(arguments)
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    init_default_scope('mmaction')
    device = torch.device(args.device)
    joints = get_skeleton(args.layout).num_joints
    x = torch.randn(args.batch, args.persons, args.frames, joints, 3, device=device)
    inference, training = passes(textbook_models(args.layout, 26)[args.model], x, Form.read(args.form))
    result = circumstances('profile', device) | {'model': args.model, 'form': args.form}
    for name, call in (('inference', inference), ('training', training)):
        found = result[name] = longest_kernels(call, device)
        rows = [(row['kernel'], row['ms'], row['calls']) for row in found['longest']]
        print_table(f'{name}: {found["busy_ms"]:.1f} ms, {found["launches"]} launches', ['', 'ms', 'calls'], rows)
    if args.out:
        write_whole(args.out, json.dumps(result, indent=1) + '\n')


if __name__ == '__main__':
    run_main(main)
