"""What the Triton kernels of the graph convolution share. Imported only where Triton is."""

import triton
import triton.language as tl

# Triton's own types and strings, which kernels take as compile-time constants:
#   number     what sums are kept in: float32, float64 for features in float64
#   rounding   type of the features, to which the factors of products are rounded
#   factor     type in which they are multiplied: the same, unless a product of it has to be imitated
#   precision  how products of float32 are taken: 'tf32', or 'tf32x3', three of them for float32's own precision


@triton.jit
def product(a, b, total, rounding: tl.constexpr, factor: tl.constexpr, precision: tl.constexpr):
    """``total`` plus the matrix product, or a batch of them."""
    a, b = a.to(rounding).to(factor), b.to(rounding).to(factor)
    return tl.dot(a, b, total, input_precision=precision, out_dtype=total.dtype)


@triton.jit
def topology_tile(
    query,
    key,
    delta,
    delta_bias,
    adjacency,
    channel,
    within,
    row,
    column,
    joints,
    channels,
    relations,
    number: tl.constexpr,
):
    """The refined topology A + delta(tanh(query - key)), ``(C, I, J)``, zero outside of the joints."""
    mask = (row < joints)[:, None] & (column < joints)[None]
    learned = tl.load(adjacency + row[:, None] * joints + column[None], mask, 0).to(number)
    bias = tl.load(delta_bias + channel, within, 0).to(number)
    topology = bias[:, None, None] + learned[None]
    # no matrix product: relations are few, and this way no tile of them has to be kept
    for relation in range(relations):
        q = tl.load(query + relation * joints + row, row < joints, 0).to(number)
        k = tl.load(key + relation * joints + column, column < joints, 0).to(number)
        tanh = 1 - 2 / (1 + tl.exp(2 * (q[:, None] - k[None])))
        weight = tl.load(delta + relation * channels + channel, within, 0).to(number)
        topology += weight[:, None, None] * tanh[None]
    return tl.where(mask[None], topology, 0)


@triton.jit
def feature_tile(y, channel, within, frame, joint, frames, joints, channels):
    """Where features ``(T, V, C)`` of one person lie, and which of them exist: ``(C, T, J)`` each."""
    place = (frame[None, :, None] * joints + joint[None, None]) * channels + channel[:, None, None]
    return y + place, within[:, None, None] & (frame < frames)[None, :, None] & (joint < joints)[None, None]


@triton.jit
def value_tile(
    x,
    weight,
    bias,
    channel,
    within,
    frame,
    joint,
    frames,
    joints,
    channels,
    number: tl.constexpr,
    rounding: tl.constexpr,
    factor: tl.constexpr,
    precision: tl.constexpr,
    projected: tl.constexpr,
    block_in: tl.constexpr,
):
    """The values W x + b of one person, ``(C, T, J)``, of which x may be all; outside of frames and joints any."""
    size: tl.constexpr = channel.shape[0]
    rows: tl.constexpr = frame.shape[0]
    columns: tl.constexpr = joint.shape[0]
    if projected:
        place, mask = feature_tile(x, channel, within, frame, joint, frames, joints, channels)
        value = tl.load(place, mask, 0)
    else:
        token = tl.reshape(frame[:, None] * joints + joint[None], (rows * columns,))
        there = tl.reshape((frame < frames)[:, None] & (joint < joints)[None], (rows * columns,))
        tokens = tl.full((rows * columns, size), 0, number)
        for start in range(0, channels, block_in):
            source = start + tl.arange(0, block_in)
            known = source < channels
            features = tl.load(x + token[:, None] * channels + source[None], there[:, None] & known[None], 0)
            factors = tl.load(weight + channel[None] * channels + source[:, None], within[None] & known[:, None], 0)
            tokens = product(features, factors, tokens, rounding, factor, precision)
        tokens += tl.load(bias + channel, within, 0).to(number)[None]
        value = tl.permute(tl.reshape(tokens, (rows, columns, size)), (2, 0, 1))
    return value
