"""Products over joints, in a form that compilation leaves as fast as it is."""

from collections.abc import Iterable

import torch
from torch import Tensor


def sum_of_products(pairs: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """The sum of batched matrix products, accumulated within the product.

    Outside of compilation the pairs are made and multiplied one after the other. Compiled, it is one operator that
    asks for its operands in the memory that they have here: left to itself, TorchInductor puts what a convolution
    makes in channels-last memory, and torch multiplies such operands matrix by matrix.

    Shapes:
        pairs of ``(B, T, V)`` and ``(B, V, W)``; returns ``(B, T, W)``
    """
    if torch.compiler.is_dynamo_compiling():
        operands = list(pairs)
        return _sum_of_products([left for left, _ in operands], [right for _, right in operands])
    total: Tensor | None = None
    for left, right in pairs:
        total = torch.bmm(left, right) if total is None else total.baddbmm_(left, right)
    assert total is not None
    return total


@torch.library.custom_op('asea_mm::sum_of_products', mutates_args=(), tags=torch.Tag.needs_fixed_stride_order)
def _sum_of_products(left: list[Tensor], right: list[Tensor]) -> Tensor:
    total = torch.bmm(left[0], right[0])
    for a, b in zip(left[1:], right[1:], strict=True):
        total.baddbmm_(a, b)
    return total


@_sum_of_products.register_fake
def _(left: list[Tensor], right: list[Tensor]) -> Tensor:
    return left[0].new_empty(left[0].shape[0], left[0].shape[1], right[0].shape[2])


def _keep_operands(ctx, inputs: tuple[list[Tensor], list[Tensor]], output: Tensor) -> None:
    left, right = inputs
    ctx.save_for_backward(*left, *right)


def _backward(ctx, grad: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    operands = ctx.saved_tensors
    left, right = operands[: len(operands) // 2], operands[len(operands) // 2 :]
    grad = grad.contiguous()
    return (
        [_sum_of_products([grad], [b.transpose(1, 2)]) for b in right],
        [_sum_of_products([a.transpose(1, 2)], [grad]) for a in left],
    )


_sum_of_products.register_autograd(_backward, setup_context=_keep_operands)
