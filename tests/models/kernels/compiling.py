"""Compile kernels for GPUs that need not be there, as the operators would launch them."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

ARCHITECTURES = (80, 89, 90)
SHARED_LIMIT = 96 * 1024
LAUNCH_OPTIONS = ('num_warps', 'num_stages', 'maxnreg')


class Launch(NamedTuple):
    """What an operator hands to a kernel."""

    kernel: Any
    arguments: tuple
    options: dict


class Resources(NamedTuple):
    """What a compiled kernel takes: registers of a thread, bytes of its stack (spilled ones), shared memory."""

    registers: int
    stack: int
    shared: int


def launches_of(module, names: tuple[str, ...], run: Callable[[], Any]) -> list[Launch]:
    """The launches of kernels of a module that a run makes; the kernels themselves do not run."""
    launches: list[Launch] = []

    class Recorder:
        def __init__(self, kernel) -> None:
            self.kernel = kernel

        def __getitem__(self, grid):
            return lambda *arguments, **options: launches.append(Launch(self.kernel, arguments, options))

    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setattr(module, name, Recorder(getattr(module, name)))
        run()
    return launches


def compile_for(launch: Launch, architecture: int) -> Resources:
    """Compile a kernel with the specialisations of Triton's own launcher."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    kernel, arguments, options = launch
    names = kernel.arg_names
    constants = {name: value for name, value in options.items() if name in names}
    signature: dict[str, str] = dict.fromkeys(constants, 'constexpr')
    attributes = {}
    for index, (name, value) in enumerate(zip(names, arguments, strict=False)):
        if isinstance(value, Tensor):
            signature[name] = '*' + triton.runtime.jit.mangle_type(value).lstrip('*')
            attributes[(index,)] = [['tt.divisibility', 16]]
        elif value == 1:
            signature[name], constants[name] = 'constexpr', 1
        else:
            signature[name] = 'i32'
            if value % 16 == 0:
                attributes[(index,)] = [['tt.divisibility', 16]]
    signature = {name: signature[name] for name in names}
    compiled = triton.compile(
        ASTSource(kernel, signature=signature, constexprs=constants, attrs=attributes),
        target=GPUTarget('cuda', architecture, 32),
        options={name: options[name] for name in LAUNCH_OPTIONS if name in options},
    )
    registers, stack = _usage(compiled.asm['cubin'])
    return Resources(registers, stack, compiled.metadata.shared)


def _usage(cubin: bytes) -> tuple[int, int]:
    """Registers and bytes of stack, which is where spilled registers go, of the one kernel of a binary."""
    import triton

    tool = Path(triton.__file__).parent / 'backends' / 'nvidia' / 'bin' / 'cuobjdump'
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'kernel.cubin')
        path.write_bytes(cubin)
        command = [str(tool), '--dump-resource-usage', str(path)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r'REG:(\d+) STACK:(\d+)', text)
    assert found, text
    return int(found[1]), int(found[2])


def graph_launches(dtype: torch.dtype, channels_in: int, width: int, joints: int = 25, groups: int = 1) -> list[Launch]:
    """The three launches of a graph convolution of these sizes, forward and backward."""
    from asea_mm.models.kernels import graph_convolution, graph_kernels

    from . import random_inputs

    subsets = 3 if groups == 1 else 1
    sizes = dict(persons=2, channels_in=channels_in, width=width, frames=20, joints=joints, subsets=subsets)
    inputs = random_inputs({**sizes, 'groups': groups, 'relations': 8})
    # parameters stay in float32, as under autocast
    typed = [tensor.to(dtype if name in ('x', 'query', 'key') else torch.float32) for name, tensor in inputs.items()]
    leaves = [tensor.requires_grad_() for tensor in typed]
    names = ('convolve', 'convolve_back_to_values', 'convolve_back_to_topologies')
    return launches_of(graph_kernels, names, lambda: graph_convolution(*leaves).sum().backward())


def selection_launch(dtype: torch.dtype, velocity: bool, everywhere: bool) -> Launch:
    """The launch of the selection of active joints."""
    from asea_mm.models.kernels import joint_kernels, select_joints

    presence = None if everywhere else torch.ones(2, 20, dtype=torch.bool)
    x, alpha = torch.zeros(2, 64, 20, 25, dtype=dtype), torch.tensor(0.5)
    return launches_of(joint_kernels, ('select',), lambda: select_joints(x, presence, alpha, 1.0, velocity, 1e-5))[0]
