"""Whether a layer takes its plain or its fused form."""

import torch
from torch import Tensor, nn

from ...errors import InputError
from .support import MAX_JOINTS, compute_dtype, runs_on
from .trial import passes_trial

CHOICES = ('auto', 'plain', 'fused')


def takes_kernels(choice: str, x: Tensor, owner: str) -> bool:
    """Whether this input takes the fused form.

    Args:
        choice: ``'auto'``: on a GPU that runs it, and where a trial shows that it is right; ``'plain'``: never;
            ``'fused'``: always.
        x: Features ``(N*M, C, T, V)``.
        owner: The layer, named in errors.

    Raises:
        InputError: If the fused form is asked for where it cannot run.
    """
    if choice == 'plain' or (choice == 'auto' and x.device.type != 'cuda'):
        return False
    able = runs_on(x)
    if choice == 'fused' and not able:
        raise InputError(
            f'{owner}: fused kernels need Triton 3.5, a GPU of compute capability 8.0 or above, at most {MAX_JOINTS} '
            f'joints and 16 or 32 bit, and are not exported; got {x.shape[3]} joints, {compute_dtype(x)} on {x.device}'
        )
    return able and (choice == 'fused' or _passes_trial(x.device.index, compute_dtype(x)))


@torch.compiler.assume_constant_result
def _passes_trial(index: int | None, dtype: torch.dtype) -> bool:
    return passes_trial('cuda' if index is None else f'cuda:{index}', dtype)


def set_kernels(model: nn.Module, choice: str) -> nn.Module:
    """Choose the form of all layers that have a fused one, ``'auto'``, ``'plain'`` or ``'fused'``; returns the model.

    Parameters and checkpoints are the same in every form.

    Raises:
        InputError: On an unknown choice.
    """
    if choice not in CHOICES:
        raise InputError(f'set_kernels: choice must be one of {CHOICES}, got {choice!r}')
    for module in model.modules():
        if hasattr(module, 'kernels'):
            setattr(module, 'kernels', choice)  # noqa: B010 (to the type checker an attribute is a tensor or a module)
    return model
