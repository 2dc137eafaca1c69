"""The channel-wise graph convolution as one operator of PyTorch, for GPUs."""

import math

import torch
from torch import Tensor

from .support import compiled_types, compute_dtype

BLOCK_FRAMES = 16
WARPS = 8


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

    ASEA, Eq. 1-2, with :math:`\alpha` inside of :math:`\delta` and b. Neither the topologies, ``(P, C, V, V)`` per
    subset, nor the projected features, K times as large as y, are ever in memory in the forward pass, nor kept for
    the backward pass, which makes them anew from x. Sums run in float32 (float64 for features in float64), products
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
    """
    # the operator itself has channels last, so that no layout has to be guessed
    tokens = x.to(compute_dtype(x)).permute(0, 2, 3, 1)
    return _convolve(tokens, weight, bias, query, key, delta, delta_bias, adjacency).permute(0, 3, 1, 2)


def launch(
    kernel, grid: tuple[int, ...], tensors: list[Tensor], sizes: list[int], dtype: torch.dtype, **blocks
) -> None:
    """Run a kernel of :mod:`graph_kernels` over the programs of a grid."""
    if math.prod(grid):
        with torch.cuda.device_of(tensors[0]):
            kernel[grid](*tensors, *sizes, **compiled_types(dtype), **blocks, num_warps=WARPS, num_stages=1)


def blocks_of(dtype: torch.dtype, channels_in: int, width: int, joints: int) -> dict[str, int]:
    """Sizes of tiles: as large as registers and 96 KiB of shared memory allow; see the tests that compile them."""
    # addresses of channels that are no multiple of 16 are computed one by one, and wait in registers
    large = dtype.itemsize == 2 and channels_in % 16 == 0 and width % 16 == 0
    block_joints = 16 if joints <= 16 else 32
    block_in = 16 if dtype.itemsize == 2 else 8
    return dict(
        block_channels=16 if large else 8, block_frames=BLOCK_FRAMES, block_joints=block_joints, block_in=block_in
    )


def tiles_of(x: Tensor, width: int) -> tuple[dict[str, int], int, int, int]:
    """Sizes of tiles, and how many there are in the channels of a group, in the frames and in the joints."""
    _, frames, joints, channels_in = x.shape
    blocks = blocks_of(x.dtype, channels_in, width, joints)
    sizes = ((width, 'block_channels'), (frames, 'block_frames'), (joints, 'block_joints'))
    channel_tiles, frame_tiles, joint_tiles = (-(-size // blocks[name]) for size, name in sizes)
    return blocks, channel_tiles, frame_tiles, joint_tiles


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

    persons, frames, joints, channels_in = x.shape
    subsets, groups, relations = query.shape[1:4]
    channels = weight.shape[1]
    width = channels // groups
    blocks, channel_tiles, frame_tiles, joint_tiles = tiles_of(x, width)
    y = x.new_empty(persons, frames, joints, channels)
    inputs = [tensor.contiguous() for tensor in (x, weight, bias, query, key, delta, delta_bias, adjacency)]
    sizes = [frames, joints, channels_in, width, relations, subsets, groups]
    grid = (persons, groups * channel_tiles * joint_tiles, frame_tiles)
    launch(convolve, grid, [*inputs, y], sizes, x.dtype, **blocks)
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

    persons, frames, joints, channels_in = x.shape
    subsets, groups, relations = query.shape[1:4]
    channels = weight.shape[1]
    width = channels // groups
    blocks, channel_tiles, frame_tiles, joint_tiles = tiles_of(x, width)
    number = torch.promote_types(x.dtype, torch.float32)
    values = [weight, bias]
    related = [query, key, delta, delta_bias, adjacency]
    (
        grad,
        x,
        *values,
    ) = (tensor.contiguous() for tensor in (grad, x, *values))
    related = [tensor.contiguous() for tensor in related]

    # of the values, which two ordinary products take to x and to the projections
    grad_value = x.new_empty(persons, frames, joints, subsets * channels)
    bias_parts = x.new_empty(persons * frame_tiles * joint_tiles, subsets, channels, dtype=number)
    sizes = [frames, joints, width, relations, subsets, groups]
    grid = (persons, groups * channel_tiles * subsets * joint_tiles, frame_tiles)
    value_blocks = {name: size for name, size in blocks.items() if name != 'block_in'}
    launch(convolve_back_to_values, grid, [grad, *related, grad_value, bias_parts], sizes, x.dtype, **value_blocks)
    flat = grad_value.flatten(0, 2)
    projections = values[0].view(subsets * channels, channels_in)
    grad_x = (flat @ projections.to(x.dtype)).view(x.shape)
    grad_weight = (flat.T @ x.flatten(0, 2)).view(weight.shape)

    def parts(count: int, *shape: int) -> Tensor:
        return x.new_empty(count, *shape, dtype=number)

    query_parts = parts(channel_tiles * joint_tiles, *query.shape)
    key_parts = parts(channel_tiles * joint_tiles, *key.shape)
    delta_parts = parts(persons * joint_tiles**2, *delta.shape)
    delta_bias_parts = parts(persons * joint_tiles**2, *delta_bias.shape)
    adjacency_parts = parts(persons * channel_tiles, *adjacency.shape)
    gradients = [query_parts, key_parts, delta_parts, delta_bias_parts, adjacency_parts]
    sizes = [persons, frames, joints, channels_in, width, relations, subsets, groups]
    grid = (persons, groups * channel_tiles, subsets * joint_tiles**2)
    tensors = [grad, x, *values, *related[:3], *gradients]
    launch(convolve_back_to_topologies, grid, tensors, sizes, x.dtype, **blocks)
    sums = [part.sum(dim=0) for part in (bias_parts, *gradients)]
    grad_bias, *rest = (
        total.to(tensor.dtype)
        for total, tensor in zip(sums, (bias, query, key, delta, delta_bias, adjacency), strict=True)
    )
    return grad_x, grad_weight.to(weight.dtype), grad_bias, *rest


@_convolve_backward.register_fake
def _(grad, *inputs):
    return tuple(tensor.new_empty(tensor.shape) for tensor in inputs)


def _keep_inputs(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx, grad):
    return _convolve_backward(grad, *ctx.saved_tensors)


_convolve.register_autograd(_backward, setup_context=_keep_inputs)
