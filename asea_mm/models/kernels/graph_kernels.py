"""The Triton kernels of the graph convolution. Imported only where Triton is."""

import triton
import triton.language as tl

from .graph_tiles import feature_tile, product, topology_tile, value_tile


@triton.jit
def convolve(
    x,
    weight,
    bias,
    query,
    key,
    delta,
    delta_bias,
    adjacency,
    y,
    frames,
    joints,
    channels_in,
    width,
    relations,
    subsets,
    groups,
    number: tl.constexpr,
    rounding: tl.constexpr,
    factor: tl.constexpr,
    precision: tl.constexpr,
    projected: tl.constexpr,
    block_channels: tl.constexpr,
    block_frames: tl.constexpr,
    block_joints: tl.constexpr,
    block_in: tl.constexpr,
):
    """y = sum over subsets of topology times value; one program for a tile of channels, frames and joints of y."""
    person = tl.program_id(0).to(tl.int64)
    joint_blocks = (joints + block_joints - 1) // block_joints
    channel_blocks = (width + block_channels - 1) // block_channels
    block = tl.program_id(1)
    row = block % joint_blocks * block_joints + tl.arange(0, block_joints)
    block = block // joint_blocks
    group = block // channel_blocks
    in_group = block % channel_blocks * block_channels + tl.arange(0, block_channels)
    channel, within = group * width + in_group, in_group < width
    frame = tl.program_id(2) * block_frames + tl.arange(0, block_frames)
    channels = groups * width
    x += person * frames * joints * channels_in
    total = tl.full((block_channels, block_frames, block_joints), 0, number)
    for subset in range(subsets):
        graph = subset * groups + group
        related = (person * subsets * groups + graph) * relations * joints
        for start in range(0, joints, block_joints):
            column = start + tl.arange(0, block_joints)
            topology = topology_tile(
                query + related,
                key + related,
                delta + subset * channels * relations,
                delta_bias + subset * channels,
                adjacency + graph * joints * joints,
                channel,
                within,
                row,
                column,
                joints,
                channels,
                relations,
                number,
            )
            value = value_tile(
                x,
                weight,
                bias,
                subset * channels + channel,
                within,
                frame,
                column,
                frames,
                joints,
                channels_in,
                number,
                rounding,
                factor,
                precision,
                projected,
                block_in,
            )
            total = product(value, tl.permute(topology, (0, 2, 1)), total, rounding, factor, precision)
    place, mask = feature_tile(
        y + person * frames * joints * channels, channel, within, frame, row, frames, joints, channels
    )
    tl.store(place, total, mask)


@triton.jit
def convolve_back_to_values(
    grad,
    query,
    key,
    delta,
    delta_bias,
    adjacency,
    grad_value,
    grad_bias,
    frames,
    joints,
    width,
    relations,
    subsets,
    groups,
    number: tl.constexpr,
    rounding: tl.constexpr,
    factor: tl.constexpr,
    precision: tl.constexpr,
    block_channels: tl.constexpr,
    block_frames: tl.constexpr,
    block_joints: tl.constexpr,
):
    """Gradient of the values, ``(P, T, V, K, C)``, and its sum within every tile, ``(P * tiles, K, C)``."""
    person = tl.program_id(0).to(tl.int64)
    joint_blocks = (joints + block_joints - 1) // block_joints
    channel_blocks = (width + block_channels - 1) // block_channels
    block = tl.program_id(1)
    joint_block = block % joint_blocks
    block = block // joint_blocks
    subset = block % subsets
    block = block // subsets
    group = block // channel_blocks
    in_group = block % channel_blocks * block_channels + tl.arange(0, block_channels)
    channel, within = group * width + in_group, in_group < width
    column = joint_block * block_joints + tl.arange(0, block_joints)
    frame = tl.program_id(2) * block_frames + tl.arange(0, block_frames)
    channels = groups * width
    graph = subset * groups + group
    related = (person * subsets * groups + graph) * relations * joints
    total = tl.full((block_channels, block_frames, block_joints), 0, number)
    for start in range(0, joints, block_joints):
        row = start + tl.arange(0, block_joints)
        topology = topology_tile(
            query + related,
            key + related,
            delta + subset * channels * relations,
            delta_bias + subset * channels,
            adjacency + graph * joints * joints,
            channel,
            within,
            row,
            column,
            joints,
            channels,
            relations,
            number,
        )
        place, mask = feature_tile(
            grad + person * frames * joints * channels, channel, within, frame, row, frames, joints, channels
        )
        total = product(tl.load(place, mask, 0), topology, total, rounding, factor, precision)
    place, mask = feature_tile(
        grad_value + (person * frames * joints * subsets + subset) * channels,
        channel,
        within,
        frame,
        column,
        frames,
        joints,
        subsets * channels,
    )
    tl.store(place, total, mask)
    tile = (person * tl.num_programs(2) + tl.program_id(2)) * joint_blocks + joint_block
    total = tl.sum(tl.sum(tl.where(mask, total, 0), 2), 1)
    tl.store(grad_bias + (tile * subsets + subset) * channels + channel, total, within)


@triton.jit
def convolve_back_to_topologies(
    grad,
    x,
    weight,
    bias,
    query,
    key,
    delta,
    grad_query,
    grad_key,
    grad_delta,
    grad_delta_bias,
    grad_adjacency,
    persons,
    frames,
    joints,
    channels_in,
    width,
    relations,
    subsets,
    groups,
    number: tl.constexpr,
    rounding: tl.constexpr,
    factor: tl.constexpr,
    precision: tl.constexpr,
    projected: tl.constexpr,
    block_channels: tl.constexpr,
    block_frames: tl.constexpr,
    block_joints: tl.constexpr,
    block_in: tl.constexpr,
):
    """Gradients of all that topologies are made of.

    A program holds the gradient of one tile of topologies and writes what it adds to each of them, to be summed:
    query ``(channel and column tiles, P, K, G, R, V)``, key ``(channel and row tiles, P, K, G, R, V)``, delta
    ``(P * row and column tiles, K, R, C)``, its bias the same without R, adjacency ``(P * channel tiles, K, G, V, V)``.
    """
    person = tl.program_id(0).to(tl.int64)
    joint_blocks = (joints + block_joints - 1) // block_joints
    channel_blocks = (width + block_channels - 1) // block_channels
    group, channel_block = tl.program_id(1) // channel_blocks, tl.program_id(1) % channel_blocks
    block = tl.program_id(2)
    row_block = block % joint_blocks
    column_block = block // joint_blocks % joint_blocks
    subset = block // (joint_blocks * joint_blocks)
    in_group = channel_block * block_channels + tl.arange(0, block_channels)
    channel, within = group * width + in_group, in_group < width
    row = row_block * block_joints + tl.arange(0, block_joints)
    column = column_block * block_joints + tl.arange(0, block_joints)
    channels = groups * width
    graph = subset * groups + group
    x += person * frames * joints * channels_in
    grad += person * frames * joints * channels
    total = tl.full((block_channels, block_joints, block_joints), 0, number)
    for start in range(0, frames, block_frames):
        frame = start + tl.arange(0, block_frames)
        value = value_tile(
            x,
            weight,
            bias,
            subset * channels + channel,
            within,
            frame,
            column,
            frames,
            joints,
            channels_in,
            number,
            rounding,
            factor,
            precision,
            projected,
            block_in,
        )
        place, mask = feature_tile(grad, channel, within, frame, row, frames, joints, channels)
        towards = tl.permute(tl.load(place, mask, 0), (0, 2, 1))
        total = product(towards, value, total, rounding, factor, precision)
    inside = (row < joints)[:, None] & (column < joints)[None]
    total = tl.where(inside[None], total, 0)

    place = (person * channel_blocks + channel_block) * subsets * groups + graph
    place = place * joints * joints + row[:, None] * joints + column[None]
    tl.store(grad_adjacency + place, tl.sum(total, 0), inside)
    part = (person * joint_blocks + row_block) * joint_blocks + column_block
    tl.store(grad_delta_bias + (part * subsets + subset) * channels + channel, tl.sum(tl.sum(total, 2), 1), within)

    related = (person * subsets * groups + graph) * relations * joints
    all_related = tl.cast(persons, tl.int64) * subsets * groups * relations * joints
    query_part = grad_query + (channel_block * joint_blocks + column_block) * all_related + related
    key_part = grad_key + (channel_block * joint_blocks + row_block) * all_related + related
    query += related
    key += related
    delta += subset * channels * relations + channel
    grad_delta += (part * subsets + subset) * relations * channels + channel
    for relation in range(relations):
        offset = relation * joints
        q = tl.load(query + offset + row, row < joints, 0).to(number)
        k = tl.load(key + offset + column, column < joints, 0).to(number)
        tanh = 1 - 2 / (1 + tl.exp(2 * (q[:, None] - k[None])))
        tl.store(grad_delta + relation * channels, tl.sum(tl.sum(total * tanh[None], 2), 1), within)
        scale = tl.load(delta + relation * channels, within, 0).to(number)
        relation_grad = tl.sum(total * scale[:, None, None], 0) * (1 - tanh * tanh)
        tl.store(query_part + offset + row, tl.sum(relation_grad, 1), row < joints)
        tl.store(key_part + offset + column, -tl.sum(relation_grad, 0), column < joints)
