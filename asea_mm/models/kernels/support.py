"""Which tensors the fused kernels can take."""

import importlib.metadata
import os

import torch
from torch import Tensor

MAX_JOINTS = 64
DTYPES = (torch.float32, torch.bfloat16, torch.float16)
OLDEST_TRITON = (3, 5)  # the oldest with which the kernels were compiled
# Triton reads it once, too. Kernels then run on tensors of the CPU, one operation after the other.
INTERPRETED = os.environ.get('TRITON_INTERPRET') == '1'


def _has_triton() -> bool:
    """Whether a Triton is installed that compiles the kernels."""
    try:
        version = importlib.metadata.version('triton')
    except importlib.metadata.PackageNotFoundError:
        return False
    return tuple(int(part) for part in version.split('.')[:2]) >= OLDEST_TRITON


HAS_TRITON = _has_triton()
_is_exporting = getattr(torch.compiler, 'is_exporting', lambda: False)  # torch 2.7


@torch.compiler.assume_constant_result
def _has_tensor_cores(index: int | None) -> bool:
    """Whether a GPU multiplies bfloat16 and TF32, which the kernels are made for."""
    return torch.version.cuda is not None and torch.cuda.get_device_capability(index) >= (8, 0)


def compute_dtype(x: Tensor) -> torch.dtype:
    """The type in which matrix products of x are taken: that of autocast, if it is on, but never for float64."""
    device = x.device.type
    cast = torch.is_autocast_enabled(device) and x.dtype != torch.float64
    return torch.get_autocast_dtype(device) if cast else x.dtype


def runs_on(x: Tensor) -> bool:
    """Whether the kernels can take features ``(N*M, C, T, V)``: where they are, in what type, and how many joints."""
    if not HAS_TRITON or x.shape[3] > MAX_JOINTS or torch.onnx.is_in_onnx_export() or _is_exporting():
        return False
    dtype = compute_dtype(x)
    if INTERPRETED:
        return x.device.type == 'cpu' and (dtype in DTYPES or dtype == torch.float64)
    return x.device.type == 'cuda' and dtype in DTYPES and _has_tensor_cores(x.device.index)


def compiled_types(dtype: torch.dtype) -> dict:
    """For features of a type, what the kernels are compiled with; see :mod:`graph_tiles`."""
    import triton.language as tl

    rounding = getattr(tl, str(dtype).removeprefix('torch.'))
    exact = dtype == torch.float32 and torch.get_float32_matmul_precision() == 'highest'
    return dict(
        number=tl.float64 if dtype == torch.float64 else tl.float32,
        rounding=rounding,
        # the interpreter would multiply the bits of bfloat16
        factor=tl.float32 if INTERPRETED and dtype == torch.bfloat16 else rounding,
        precision='tf32x3' if exact else 'tf32',
    )
