"""The fused kernels over random shapes, and compiled for several GPUs; no GPU is needed.

    python -m tests.campaigns.fused_kernels [--quick]

The graph convolution, forward and all gradients, interpreted in float32 and bfloat16, must stay within the bounds of
the tests of its equation in float64; where a gradient is a single number, a sum that cancels, it may be beyond them if
the plain form in the same type is further away, and is counted. (The interpreter rounds to bfloat16 towards zero, a
GPU to the nearest.) Compiled for every architecture, type and kind of sizes, no kernel may spill a
register or take more than 96 KiB of shared memory.
"""

import itertools
import json
import os
import random
import subprocess
import sys
from typing import Any

import torch

from asea_mm.models.kernels.support import HAS_TRITON, INTERPRETED
from tests.models.kernels import BOUNDS, deviations, plain_convolution, random_sizes
from tests.models.kernels.compiling import ARCHITECTURES, SHARED_LIMIT, compile_for, graph_launches, selection_launch

DTYPES = (torch.float32, torch.bfloat16)
# channels in and out, joints, groups
SIZES = (
    (64, 64, 25, 1),
    (3, 64, 25, 1),
    (256, 256, 64, 1),
    (8, 20, 15, 1),
    (7, 20, 25, 1),
    (100, 20, 25, 1),
    (128, 32, 25, 4),
)


def main(quick: bool = False) -> dict[str, Any]:
    """The largest deviations by type, and the registers and shared memory of all compiled kernels.

    Args:
        quick: Four shapes instead of two hundred, one type and one kind of sizes to compile.
    """
    if not HAS_TRITON:
        return {'skipped': 'Triton is not installed'}
    return {'interpreted': _in_another_process(quick), 'compiled': compiled(quick)}


def interpreted(quick: bool) -> dict[str, Any]:
    """Deviations from the equation."""
    from asea_mm.models.kernels import graph_convolution

    number, cancelling = 4 if quick else 200, 0
    largest: dict[str, dict[str, float]] = {str(dtype): {} for dtype in DTYPES}
    for seed, dtype in itertools.product(range(number), DTYPES):
        if seed % 20 == 0 and dtype == DTYPES[0]:
            print(f'{seed} of {number} shapes', file=sys.stderr, flush=True)
        sizes = random_sizes(random.Random(seed))
        found = deviations(graph_convolution, sizes, dtype, seed)
        if max(found.values()) >= BOUNDS[dtype]:
            cancelling += 1
            plain = deviations(plain_convolution, sizes, dtype, seed)
            beyond = {name: (value, plain[name]) for name, value in found.items() if value >= BOUNDS[dtype]}
            assert all(fused <= usual for fused, usual in beyond.values()), f'seed {seed}, {sizes}, {dtype}: {beyond}'
        so_far = largest[str(dtype)]
        so_far.update({name: max(value, so_far.get(name, 0.0)) for name, value in found.items()})
    return {'shapes': number, 'beyond the bound': cancelling, **largest}


def compiled(quick: bool) -> dict[str, Any]:
    """Registers and shared memory of the most demanding variant of every kernel, by architecture."""
    dtypes, sizes = ((torch.bfloat16,), SIZES[:1]) if quick else ((torch.bfloat16, torch.float16, torch.float32), SIZES)
    launches = [launch for dtype in dtypes for size in sizes for launch in graph_launches(dtype, *size)]
    if not quick:
        # three products of TF32 for one of float32, and then one
        torch.set_float32_matmul_precision('high')
        launches += [launch for size in sizes for launch in graph_launches(torch.float32, *size)]
        torch.set_float32_matmul_precision('highest')
    kinds = itertools.product(dtypes, (False, True), (False, True))
    launches += [selection_launch(*kind) for kind in kinds]
    most: dict[str, dict[str, int]] = {}
    for launch, architecture in itertools.product(launches, ARCHITECTURES):
        resources = compile_for(launch, architecture)
        name = f'{launch.kernel.__name__}, sm_{architecture}'
        assert resources.stack == 0, f'{name} spills: {resources}, {launch.options}'
        assert resources.shared <= SHARED_LIMIT, f'{name}: {resources}, {launch.options}'
        so_far = most.setdefault(name, {'registers': 0, 'shared': 0})
        so_far.update({key: max(value, getattr(resources, key)) for key, value in so_far.items()})
    return {'kernels': len(launches) * len(ARCHITECTURES), **most}


def _in_another_process(quick: bool) -> dict[str, Any]:
    """Triton decides when it is imported whether kernels are interpreted."""
    command = [sys.executable, '-m', 'tests.campaigns.fused_kernels', *(['--quick'] if quick else [])]
    environment = {**os.environ, 'TRITON_INTERPRET': '1', 'OMP_NUM_THREADS': '1'}
    run = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, encoding='utf-8')
    return json.loads(run.stdout.splitlines()[-1])


if __name__ == '__main__':
    short = '--quick' in sys.argv[1:]
    print(json.dumps(interpreted(short) if INTERPRETED else main(short)))
