"""Parameters, arithmetic and latency of models, plain and with AEA, beside Table 3 of the ASEA paper.

    python -m lab.complexity                          # every config of Kinetics-10; --keep NAME writes the result
    python -m lab.complexity configs/asea_ntu26.py --frames 64

Backbones of ``configs/baselines`` are counted as they are and with AEA in every block.

``gflops`` are multiply-adds of convolutions and matrix products for one sample, a multiply-add counted once, as most
papers of the field count; AEA computes all joints where it is counted ("masked"). ``table3_gflops`` are in the
convention that Table 3 turns out to have: multiply-adds of convolutions plus four for each element of a batch norm, no
matrix products, of 18 joints × 2,560 person-frames. Latency is of a forward pass with batch norms fused where our
layers can; all models take turns.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from asea_mm.cli.output import as_text, print_rows
from asea_mm.datasets.files.whole import write_whole
from asea_mm.engine.measuring import Classifier, begin, interleaved
from asea_mm.engine.roofline import count_parameters, multiply_adds
from asea_mm.errors import InputError
from asea_mm.models.backbones.interaction_backbone import input_size
from asea_mm.models.layers import AEA, fuse_batch_norm

from .commands import circumstances, lab_parser, run_main
from .files import RESULTS, markdown_table, put_entry

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
TABLE3_JOINTS = 18
TABLE3_PERSON_FRAMES = 2560
PER_BATCH_NORM_ELEMENT = 4
NOTE = """\
`gflops`: multiply-adds of convolutions and matrix products of one sample, AEA over all joints. `table3_gflops`, to be
compared with `paper_gflops`: multiply-adds of convolutions and four for each element of a batch norm, of 18 joints ×
2,560 person-frames. In it ST-GCN and 2s-AGCN (AAGCN without attention: 57.30) have the paper's figures; of our MS-G3D
the scales that no pair of joints has are left out. `paper_ratio`: `paper_gflops` over `gflops`."""
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


def masked(model: nn.Module) -> nn.Module:
    """A copy whose AEA compute all joints: what they do does not depend on the data."""
    model = copy.deepcopy(model).eval()
    for layer in (module for module in model.modules() if isinstance(module, AEA)):
        layer.form = 'masked'
    return model


def table3_operations(model: nn.Module, x: Tensor) -> float:
    """What Table 3 counts for an input: multiply-adds of convolutions, and four for each element of a batch norm."""
    elements = 0

    def count(_: nn.Module, inputs: tuple[Tensor, ...], __: Any) -> None:
        nonlocal elements
        elements += inputs[0].numel()

    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    handles = [module.register_forward_hook(count) for module in norms]
    with FlopCounterMode(display=False) as counter:
        model.eval()(x)
    for handle in handles:
        handle.remove()
    convolutions = counter.get_flop_counts()['Global'].get(torch.ops.aten.convolution, 0) / 2  # two a multiply-add
    return convolutions + PER_BATCH_NORM_ELEMENT * elements


def figures(name: str, model: nn.Module, x: Tensor) -> dict[str, float | None]:
    """Parameters, all and of AEA, arithmetic of one sample, and the paper's figures."""
    model = masked(model)
    samples, persons, frames, joints, _ = x.shape
    scale = TABLE3_PERSON_FRAMES / (samples * persons * frames) * TABLE3_JOINTS / joints
    parameters, gflops = PAPER.get(name, (None, None))
    return {
        'parameters': count_parameters(model),
        'parameters_aea': sum(count_parameters(module) for module in model.modules() if isinstance(module, AEA)),
        'gflops': multiply_adds(model, x[:1]) / 1e9,
        'table3_gflops': scale * table3_operations(model, x) / 1e9,
        'paper_parameters': None if parameters is None else round(parameters * 1e6),
        'paper_gflops': gflops,
    }


def models_of(path: Path) -> dict[str, Classifier]:
    """The model of a config by its name in :data:`PAPER`, and with AEA in every block if it is one that can have it."""
    if not path.is_file():
        raise FileNotFoundError(f'config {path} does not exist')
    config, name = Config.fromfile(path).model, path.stem.rpartition('_')[0]
    models = {name: Classifier(MODELS.build(config))}
    if config.backbone.get('blocks') == []:
        config.backbone.blocks = None
        models[f'{name}_aea'] = Classifier(MODELS.build(config))
    return models


def latency(models: Mapping[str, nn.Module], inputs: Mapping[str, Tensor], repeats: int) -> dict[str, float]:
    """Median seconds of a forward pass for inference; all models take turns."""
    device = next(iter(inputs.values())).device
    calls = {}
    for name, model in models.items():
        forward = torch.inference_mode()(fuse_batch_norm(model).forward)
        calls[name] = partial(forward, inputs[name])
    begin(calls, device)
    return interleaved(calls, repeats, device)


def page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The tables and what they were measured with, as Markdown."""
    lines = ['# Complexity beside Table 3 of the ASEA paper', '', NOTE]
    for name, result in results.items():
        rows, size = result['models'], result['input']
        columns = list(next(iter(rows.values())))
        cells = [[model, *(as_text(row[key]) for key in columns)] for model, row in rows.items()]
        lines += ['', f'## {name}', '', *markdown_table(['', *columns], cells), '']
        lines += [
            f'`{result["command"]}`, commit {result["commit"]}, {result["device"]}, {result["threads"]} threads, '
            f'batch {size["batch"]}, {size["persons"]} persons, {size["frames"]} frames.'
        ]
    return '\n'.join(lines) + '\n'


def main(arguments: Sequence[str] | None = None) -> None:
    parser = lab_parser(__doc__, device=True)
    parser.add_argument('configs', nargs='*', help='configs; default: all of Kinetics-10')
    parser.add_argument('--batch', type=int, default=1, help='batch of the latency')
    parser.add_argument('--frames', type=int, default=100)
    parser.add_argument('--persons', type=int, default=2)
    parser.add_argument('--repeats', type=int, default=15, help='timed forward passes; 0 for no latency')
    parser.add_argument(
        '--keep', metavar='NAME', help='write this entry, complexity..., of benchmarks.json, and the page'
    )
    args = parser.parse_args(arguments)
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    init_default_scope('mmaction')
    device = torch.device(args.device)
    models, inputs, rows = {}, {}, {}
    for path in [Path(path) for path in args.configs] or sorted(CONFIGS.rglob('*_kinetics10.py')):
        for name, model in models_of(path).items():
            joints, channels = input_size(model.recognizer.backbone)  # type: ignore[arg-type, union-attr]
            if not joints or not channels:
                raise InputError(f'{path}: cannot tell the joints and channels of the input of this backbone')
            x = torch.randn(args.batch, args.persons, args.frames, joints, channels, device=device)
            models[name], inputs[name] = model.to(device), x
            rows[name] = figures(name, model, x)
    seconds = latency(models, inputs, args.repeats) if args.repeats else {}
    for name, row in rows.items():
        row['latency_ms'] = seconds[name] * 1e3 if seconds else None
    print_rows(f'{args.persons} persons, {args.frames} frames; latency of batch {args.batch}', rows)
    if args.keep:
        size = {'batch': args.batch, 'persons': args.persons, 'frames': args.frames}
        result = {**circumstances('complexity', device), 'input': size, 'models': rows}
        entries = put_entry(RESULTS / 'benchmarks.json', args.keep, result)
        chosen = {name: entry for name, entry in entries.items() if name.startswith('complexity')}
        write_whole(RESULTS / 'complexity.md', page(chosen))


if __name__ == '__main__':
    run_main(main)
