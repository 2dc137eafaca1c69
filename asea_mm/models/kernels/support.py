"""Which tensors the fused kernels take."""

import functools
import importlib.util
import os

import torch
from torch import Tensor

from ...errors import InputError

FORMS = ('auto', 'plain', 'fused')
MAX_JOINTS = 64
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@functools.cache
def has_triton() -> bool:
    """Whether Triton is installed."""
    return importlib.util.find_spec('triton') is not None


def interpreted() -> bool:
    """Whether kernels run on tensors of the CPU, one instruction after the other, as ``TRITON_INTERPRET=1`` asks."""
    return os.environ.get('TRITON_INTERPRET') == '1'


def runs_on(x: Tensor) -> bool:
    """Whether the kernels can take features ``(N*M, C, T, V)``: where they are, in what type, and how many joints."""
    if not has_triton() or x.shape[3] > MAX_JOINTS or torch.onnx.is_in_onnx_export() or torch.compiler.is_exporting():
        return False
    if interpreted():
        return x.device.type == 'cpu' and x.dtype in (*DTYPES, torch.float64)
    # tensor cores with bfloat16 and TF32, which the kernels are made for, are there from 8.0 on
    on_gpu = x.device.type == 'cuda' and torch.version.cuda is not None
    return on_gpu and x.dtype in DTYPES and torch.cuda.get_device_capability(x.device) >= (8, 0)


def takes_kernels(form: str, x: Tensor, owner: str) -> bool:
    """Whether this input takes the fused form; ``'auto'`` leaves interpreted kernels to those who ask for them.

    Raises:
        InputError: If ``'fused'`` is asked for where it cannot run.
    """
    if form == 'plain':
        return False
    able = runs_on(x)
    if form == 'fused' and not able:
        raise InputError(
            f"{owner}: form='fused' needs Triton, a GPU of compute capability 8.0 or above, at most {MAX_JOINTS} joints "
            f'and features of {" or ".join(str(dtype) for dtype in DTYPES)}; got {x.shape[3]} joints, {x.dtype} on {x.device}'
        )
    return able and (form == 'fused' or not interpreted())
