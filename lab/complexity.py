"""Parameters, arithmetic and latency of models, plain and with AEA, beside Table 3 of the ASEA paper.

    python tools/complexity.py                                   # every config of Kinetics-10
    python tools/complexity.py configs/stgcn_ntu26.py configs/stgcn_aea_ntu26.py --frames 64 --out results/complexity

GFLOPs are multiply-adds of convolutions and matrix products for one sample (B = 1), a multiply-add counted once, as
most papers of the field count. AEA computes all joints where it is counted ("masked"); on a CPU it gathers the active
ones and does less, how much less depends on the data. The paper names neither frames nor persons nor how it counts:
the last lines say which of the usual settings comes nearest to its figures, by the median over the models without AEA.

Latency is of a forward pass with batch norms folded where our layers can; all models take turns.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import platform
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.registry import init_default_scope
from rich.console import Console
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from asea_mm.engine import report_errors
from asea_mm.engine.measuring import (
    as_text,
    count_parameters,
    from_config,
    infer,
    interleaved,
    multiply_adds,
    print_rows,
)
from asea_mm.engine.running import working_tree_commit
from asea_mm.errors import InputError
from asea_mm.models.backbones.interaction_backbone import input_size
from asea_mm.models.layers import AEA, fuse_batch_norm

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'

# ASEA, Table 3: parameters in millions and GFLOPs as the paper counts them. Its second line, "2s-GCN" and
# "2s-AGCN + AEA", is AAGCN without attention.
PAPER = {
    'stgcn': (3.10, 50.14),
    'stgcn_aea': (3.81, 61.99),
    'aagcn': (3.47, 57.30),
    'aagcn_aea': (4.18, 69.15),
    'ctrgcn': (5.68, 33.95),
    'ctrgcn_aea': (6.42, 45.70),
    'msg3d': (3.14, 79.26),
    'msg3d_aea': (4.66, 105.89),
    'degcn': (1.32, 174.79),
    'degcn_aea': (2.06, 263.69),
    'asea': (2.04, 30.82),
}
# frames, skeletons (persons times samples), counts per multiply-add
SETTINGS = tuple(itertools.product((64, 100, 150, 300), (1, 2, 4, 5), (1, 2)))
CLOSE = 1.1  # a factor


def paper_name(config: str) -> str:
    """The key of :data:`PAPER` for a config's name: ``stgcn_aea_kinetics10`` is ``stgcn_aea``."""
    return config.rpartition('_')[0]


def count(model: nn.Module, x: Tensor) -> dict[str, float | None]:
    """Parameters, all and of AEA, and GFLOPs of one sample with AEA computing all joints."""
    layers = [module for module in model.modules() if isinstance(module, AEA)]
    forms = [layer.form for layer in layers]
    for layer in layers:
        layer.form = 'masked'
    gflops = multiply_adds(model, x[:1]) / 1e9
    for layer, form in zip(layers, forms, strict=True):
        layer.form = form
    return {
        'parameters': count_parameters(model),
        'parameters_aea': sum(map(count_parameters, layers)),
        'gflops': gflops,
    }


def latency(models: Mapping[str, nn.Module], inputs: Mapping[str, Tensor], repeats: int) -> dict[str, float]:
    """Median seconds of a forward pass for inference; all models take turns."""
    device = next(iter(inputs.values())).device
    calls = {}
    for name, model in models.items():
        fuse_batch_norm(model)
        calls[name] = lambda m=model, x=inputs[name]: infer(m, x, lambda: torch.autocast(device.type, enabled=False))
    with Console(stderr=True).status('latency'):
        return interleaved(calls, repeats, device)


def beside_the_paper(name: str, row: Mapping[str, float | None]) -> dict[str, float | None]:
    """The paper's figures for a config, and its GFLOPs as a multiple of ours."""
    parameters, gflops = PAPER.get(paper_name(name), (None, None))
    ours = row['gflops']
    ratio = None if gflops is None or not ours else gflops / ours
    return {
        'paper_parameters': None if parameters is None else round(parameters * 1e6),
        'paper_gflops': gflops,
        'paper_ratio': ratio,
    }


def nearest_setting(rows: Mapping[str, Mapping], frames: int, persons: int) -> dict | None:
    """The setting of :data:`SETTINGS` in which our plain models come nearest to the paper's GFLOPs.

    Arithmetic of models without AEA is proportional to persons and, nearly, to frames, so other settings follow from
    the one that was counted.

    Returns:
        The setting, the median of the factors by which models then miss the paper's figure, and which of them miss it
        by more than :data:`CLOSE`; None if no plain model is in the paper.
    """
    plain = {name: row['paper_ratio'] for name, row in rows.items() if not row['parameters_aea'] and row['paper_ratio']}
    if not plain:
        return None

    def misses(setting: tuple[int, int, int]) -> dict[str, float]:
        factor = setting[0] / frames * setting[1] / persons * setting[2]
        return {name: math.exp(abs(math.log(ratio / factor))) for name, ratio in plain.items()}

    best = min(SETTINGS, key=lambda setting: statistics.median(misses(setting).values()))
    missed = misses(best)
    return {
        'frames': best[0],
        'skeletons': best[1],
        'counts_per_multiply_add': best[2],
        'off_by_factor': statistics.median(missed.values()),
        'near': [name for name, miss in missed.items() if miss <= CLOSE],
        'far': [name for name, miss in missed.items() if miss > CLOSE],
    }


def as_markdown(result: Mapping) -> str:
    """The table and what it was measured with, as Markdown."""
    rows = result['models']
    columns = list(next(iter(rows.values())))
    lines = [f'| | {" | ".join(columns)} |', f'|---|{"---:|" * len(columns)}']
    lines += [f'| {name} | {" | ".join(as_text(row[key]) for key in columns)} |' for name, row in rows.items()]
    size = result['input']
    note = (
        f'`{result["command"]}`, commit {result["commit"]}, {result["device"]}, {result["threads"]} threads, '
        f'batch {size["batch"]}, {size["persons"]} persons, {size["frames"]} frames. GFLOPs: multiply-adds of one '
        f"sample, AEA over all joints. `paper_ratio`: the paper's GFLOPs over ours."
    )
    return '\n'.join([*lines, '', note, '', sentence(result['nearest_setting']), ''])


def sentence(nearest: Mapping | None) -> str:
    if nearest is None:
        return 'No plain model of Table 3 is among these.'
    counted = ('once', 'twice')[nearest['counts_per_multiply_add'] - 1]
    return (
        f'GFLOPs of Table 3: of the usual settings {nearest["frames"]} frames, {nearest["skeletons"]} skeletons '
        f'(persons times samples) and a multiply-add counted {counted} come '
        f'nearest, within {CLOSE - 1:.0%} for {", ".join(nearest["near"]) or "no model"}; '
        f'not for {", ".join(nearest["far"]) or "none"}.'
    )


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='*', help='configs; default: all of Kinetics-10')
    parser.add_argument('--batch', type=int, default=1, help='batch of the latency')
    parser.add_argument('--frames', type=int, default=100)
    parser.add_argument('--persons', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=15, help='timed forward passes; 0 for no latency')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--threads', type=int, help='CPU threads; default as torch chooses')
    parser.add_argument('--out', help='write OUT.json and OUT.md')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    for name in ('batch', 'frames', 'persons'):
        if getattr(args, name) < 1:
            raise InputError(f'--{name}: expected at least 1, got {getattr(args, name)}')
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    init_default_scope('mmaction')
    device = torch.device(args.device)
    paths = [Path(path) for path in args.configs] or sorted(CONFIGS.glob('*_kinetics10.py'))
    models, inputs, rows = {}, {}, {}
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f'config {path} does not exist')
        model = from_config(str(path)).to(device)
        joints, channels = input_size(model.recognizer.backbone)
        if not joints or not channels:
            raise InputError(f'{path}: cannot tell the joints and channels of the input of this backbone')
        x = torch.randn(args.batch, args.persons, args.frames, joints, channels, device=device)
        models[path.stem], inputs[path.stem] = model, x
        rows[path.stem] = count(model, x)
    seconds = latency(models, inputs, args.repeats) if args.repeats else {}
    for name, row in rows.items():
        row['latency_ms'] = seconds[name] * 1e3 if seconds else None
        row.update(beside_the_paper(name, row))
    nearest = nearest_setting(rows, args.frames, args.persons)
    print_rows(f'{args.persons} persons, {args.frames} frames; latency of batch {args.batch}', rows)
    print(sentence(nearest))
    if args.out:
        result = {
            'command': ' '.join(['python', 'tools/complexity.py', *sys.argv[1:]]),
            'commit': working_tree_commit(),
            'torch': torch.__version__,
            'device': torch.cuda.get_device_name() if device.type == 'cuda' else platform.machine(),
            'threads': torch.get_num_threads(),
            'input': {'batch': args.batch, 'persons': args.persons, 'frames': args.frames},
            'models': rows,
            'nearest_setting': nearest,
        }
        Path(f'{args.out}.json').write_text(json.dumps(result, indent=1) + '\n')
        Path(f'{args.out}.md').write_text(as_markdown(result))


if __name__ == '__main__':
    with report_errors():
        main()
