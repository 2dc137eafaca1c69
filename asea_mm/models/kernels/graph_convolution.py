"""The channel-wise graph convolution as one operator of PyTorch, for GPUs."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .support import compiled_types, compute_dtype

BLOCK_FRAMES = 16
# registers of a thread: the compiler would rather spill a few to have more threads
OPTIONS = dict(num_warps=8, num_stages=1, maxnreg=255)
CACHE_SPEED = 2  # how many times as fast as memory a GPU's cache is read, about


def graph_convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    query: Tensor,
    key: Tensor,
    delta: Tensor,
    delta_bias: Tensor,
    adjacency: Tensor,
) -> Tensor:
    r"""Sum over the graph subsets of topology times projected features.

    .. math::
        y_{cti} = \sum_k \sum_j \Bigl(A^k_{ij} + b^k_c + \sum_r \delta^k_{rc} \tanh(q^k_{ri} - p^k_{rj})\Bigr)
        \Bigl(\sum_d W^k_{cd} x_{dtj} + w^k_c\Bigr)

    ASEA, Eq. 1-2, with :math:`\alpha` inside of :math:`\delta` and b. The topologies, ``(P, C, V, V)`` per
    subset, are never in memory. The projected features, K times as large as y, are neither where x has few channels;
    where it has many, they are for the time of the forward pass, and again in the backward pass, which makes them anew
    from x. Sums run in float32 (float64 for features in float64), products
    in the type of x; float32 by TF32 where ``torch.set_float32_matmul_precision`` allows it. No atomics: the same
    input gives the same bits.

    Channels may be in G groups, of which each has topologies of its own; group g has the g-th C / G channels.

    Args:
        x: Features of the persons; their type, or that of autocast, is that of the result. All others may be of any
            floating type.
        weight, bias: W, w of the projections.
        query, key: q, p of the relations, averaged over time.
        delta, delta_bias: Weights of the relations, multiplied by alpha.
        adjacency: A.

    Shapes:
        x ``(P, D, T, V)``, weight ``(K, C, D)``, bias ``(K, C)``, query, key ``(P, K, G, R, V)``, delta ``(K, R, C)``,
        delta_bias ``(K, C)``, adjacency ``(K, G, V, V)``; returns ``(P, C, T, V)`` in channels-last memory

    Raises:
        ValueError: On other shapes, as kernels would read memory of others.
    """
    persons, channels_in, _, joints = x.shape
    subsets, groups, relations = query.shape[1:4]
    channels = weight.shape[1]
    related = (persons, subsets, groups, relations, joints)
    expected = [(subsets, channels, channels_in), (subsets, channels), related, related]
    expected += [(subsets, relations, channels), (subsets, channels), (subsets, groups, joints, joints)]
    shapes = [tuple(y.shape) for y in (weight, bias, query, key, delta, delta_bias, adjacency)]
    if shapes != expected or channels % groups:
        raise ValueError(f'graph_convolution: expected shapes {expected} and groups that divide channels, got {shapes}')
    # the operator itself has channels last, so that no layout has to be guessed
    tokens = x.to(compute_dtype(x)).permute(0, 2, 3, 1)
    return _convolve(tokens, weight, bias, query, key, delta, delta_bias, adjacency).permute(0, 3, 1, 2)


def launch(
    kernel, grid: tuple[int, ...], tensors: list[Tensor], sizes: list[int], dtype: torch.dtype, **blocks
) -> None:
    """Run a kernel of :mod:`graph_kernels` over the programs of a grid."""
    if math.prod(grid):
        with torch.cuda.device_of(tensors[0]):
            kernel[grid](*tensors, *sizes, **compiled_types(dtype), **blocks, **OPTIONS)


def block_in_of(dtype: torch.dtype) -> int:
    """Channels of x that are multiplied at once."""
    return 16 if dtype.itemsize == 2 else 8


class Tiling(NamedTuple):
    """Where the projection is made, sizes of tiles, and how many are in a group's channels, the frames and the joints.

    The tiles are as large as registers and 96 KiB of shared memory allow; the tests compile them.
    """

    projected: bool
    blocks: dict[str, int]
    channels: int
    frames: int
    joints: int


def tiling_of(x: Tensor, query: Tensor, channels: int) -> Tiling:
    """The tiling for features ``(P, T, V, D)``, queries ``(P, K, G, R, V)`` and the channels of the result."""
    frames, joints, channels_in = x.shape[1:]
    subsets, groups = query.shape[1:3]
    width = channels // groups
    half = x.dtype.itemsize == 2
    # addresses of channels that are no multiple of 16 are computed one by one, and wait in registers
    large = half and channels_in % 16 == 0 and width % 16 == 0
    block_channels = 16 if large else 8
    block_joints = 32 if joints > 16 and (large or not half) else 16
    # Inside, every tile of channels of every subset reads x from the cache; outside, the values are written to memory
    # and read from there, and x is read once.
    inside = subsets * channels // block_channels * channels_in / CACHE_SPEED
    projected = inside > 2 * subsets * channels + channels_in
    blocks = dict(block_channels=block_channels, block_frames=BLOCK_FRAMES, block_joints=block_joints)
    return Tiling(
        projected, blocks, -(-width // block_channels), -(-frames // BLOCK_FRAMES), -(-joints // block_joints)
    )


def values_of(x: Tensor, weight: Tensor, bias: Tensor, projected: bool) -> Tensor:
    """What kernels read values from: x, or where they are projected before, the values ``(P, T, V, K * C)``."""
    if not projected:
        return x.contiguous()
    return F.linear(x.contiguous(), weight.flatten(0, 1).to(x.dtype), bias.flatten().to(x.dtype))


@torch.library.custom_op('asea_mm::graph_convolution', mutates_args=())
def _convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    query: Tensor,
    key: Tensor,
    delta: Tensor,
    delta_bias: Tensor,
    adjacency: Tensor,
) -> Tensor:
    from .graph_kernels import convolve

    persons, frames, joints = x.shape[:3]
    subsets, groups, relations = query.shape[1:4]
    channels = weight.shape[1]
    tiling = tiling_of(x, query, channels)
    source = values_of(x, weight, bias, tiling.projected)
    y = x.new_empty(persons, frames, joints, channels)
    inputs = [tensor.contiguous() for tensor in (weight, bias, query, key, delta, delta_bias, adjacency)]
    sizes = [frames, joints, source.shape[3], channels // groups, relations, subsets, groups]
    grid = (persons, groups * tiling.channels * tiling.joints, tiling.frames)
    options = dict(projected=tiling.projected, block_in=block_in_of(x.dtype), **tiling.blocks)
    launch(convolve, grid, [source, *inputs, y], sizes, x.dtype, **options)
    return y


@_convolve.register_fake
def _(x, weight, bias, query, key, delta, delta_bias, adjacency):
    return x.new_empty(*x.shape[:3], weight.shape[1])


@torch.library.custom_op('asea_mm::graph_convolution_backward', mutates_args=())
def _convolve_backward(
    grad: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    query: Tensor,
    key: Tensor,
    delta: Tensor,
    delta_bias: Tensor,
    adjacency: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    from .graph_kernels import convolve_back_to_topologies, convolve_back_to_values

    persons, frames, joints = x.shape[:3]
    subsets, groups, relations = query.shape[1:4]
    channels = weight.shape[1]
    tiling = tiling_of(x, query, channels)
    tiles = tiling.joints**2
    grad, weight, bias, query, key, delta, delta_bias, adjacency = (
        tensor.contiguous() for tensor in (grad, weight, bias, query, key, delta, delta_bias, adjacency)
    )
    number = torch.promote_types(x.dtype, torch.float32)

    def parts_of(tensor: Tensor, count: int) -> Tensor:
        return x.new_empty(count, *tensor.shape, dtype=number)

    # topologies first: what they need of the values is gone before those have gradients
    source = values_of(x, weight, bias, tiling.projected)
    parts = [
        parts_of(query, tiling.channels * tiling.joints),
        parts_of(key, tiling.channels * tiling.joints),
        parts_of(delta, persons * tiles),
        parts_of(delta_bias, persons * tiles),
        parts_of(adjacency, persons * tiling.channels),
    ]
    sizes = [frames, joints, source.shape[3], channels // groups, relations, subsets, groups]
    grid = (persons, groups * tiling.channels, subsets * tiles)
    options = dict(projected=tiling.projected, block_in=block_in_of(x.dtype), **tiling.blocks)
    tensors = [grad, source, weight, bias, query, key, delta, *parts]
    launch(convolve_back_to_topologies, grid, tensors, [persons, *sizes], x.dtype, **options)
    del source
    query_grad, key_grad, delta_grad, delta_bias_grad, adjacency_grad = (
        part.sum(dim=0).to(tensor.dtype)
        for part, tensor in zip(parts, (query, key, delta, delta_bias, adjacency), strict=True)
    )

    # two ordinary products take the gradient of the values to x and to the projections
    grad_values = x.new_empty(persons, frames, joints, subsets * channels)
    bias_parts = parts_of(bias, persons * tiling.frames * tiling.joints)
    grid = (persons, groups * tiling.channels * subsets * tiling.joints, tiling.frames)
    tensors = [grad, query, key, delta, delta_bias, adjacency, grad_values, bias_parts]
    del sizes[2]
    launch(convolve_back_to_values, grid, tensors, sizes, x.dtype, **tiling.blocks)
    flat = grad_values.flatten(0, 2)
    with torch.autocast(x.device.type, enabled=False):
        grad_x = (flat @ weight.flatten(0, 1).to(x.dtype)).view(x.shape)
        weight_grad = (flat.T @ x.flatten(0, 2)).view(weight.shape).to(weight.dtype)
    bias_grad = bias_parts.sum(dim=0).to(bias.dtype)
    return grad_x, weight_grad, bias_grad, query_grad, key_grad, delta_grad, delta_bias_grad, adjacency_grad


@_convolve_backward.register_fake
def _(grad, *inputs):
    return tuple(tensor.new_empty(tensor.shape) for tensor in inputs)


def _keep_inputs(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx, grad):
    return _convolve_backward(grad, *ctx.saved_tensors)


_convolve.register_autograd(_backward, setup_context=_keep_inputs)
