"""The Triton kernel that selects active joints. Imported only where Triton is."""

import triton
import triton.language as tl


@triton.jit
def select(
    x,
    presence,
    alpha,
    mask,
    score,
    threshold,
    slope,
    frames,
    joints,
    channels,
    gamma: tl.constexpr,
    rounding: tl.constexpr,
    lowest: tl.constexpr,
    tiny: tl.constexpr,
    number: tl.constexpr,
    velocity: tl.constexpr,
    everywhere: tl.constexpr,
    block_frames: tl.constexpr,
    block_joints: tl.constexpr,
    block_channels: tl.constexpr,
):
    """One program per person reads its features once; the softmax over time is kept up from frame to frame."""
    person = tl.program_id(0).to(tl.int64)
    x += person * frames * joints * channels
    presence += person * frames
    joint = tl.arange(0, block_joints)
    inside = joint < joints
    peak = tl.full((), lowest, number)  # of the logits so far; weights are relative to it
    norm = tl.full((), 0, number)
    scores = tl.full((block_joints,), 0, number)
    ever = tl.full((), 0, tl.int32)
    for start in range(0, frames, block_frames):
        frame = start + tl.arange(0, block_frames)
        within = frame < frames
        here = within
        following = frame + 1 < frames
        if not everywhere:
            here = tl.load(presence + frame, within, 0) != 0
            following = following & here & (tl.load(presence + frame + 1, following, 0) != 0)
        known = (within[:, None] & inside[None])[:, :, None]
        moves = (following[:, None] & inside[None])[:, :, None]
        energy = tl.full((block_frames, block_joints), 0, number)
        for first in range(0, channels, block_channels):
            channel = first + tl.arange(0, block_channels)
            there = (channel < channels)[None, None]
            place = (frame[:, None, None] * joints + joint[None, :, None]) * channels + channel[None, None]
            if velocity:
                features = tl.load(x + place, moves & there, 0).to(number)
                features = tl.load(x + place + joints * channels, moves & there, 0).to(number) - features
            else:
                features = tl.load(x + place, known & there, 0).to(number)
            energy += tl.sum(features * features, 2)
        energy = tl.sqrt(energy)
        difference = tl.where(inside[None], energy - (tl.sum(energy, 1) / joints)[:, None], 0)
        # finite where absent, so that the weights of a person who is never present are no NaN
        logits = tl.where(here, gamma * tl.sum(difference * difference, 1) / joints, lowest)
        higher = tl.maximum(peak, tl.max(logits, 0))
        weight = tl.where(within, tl.exp(logits - higher), 0)
        before = tl.exp(peak - higher)
        norm = norm * before + tl.sum(weight, 0)
        scores = scores * before + tl.sum(weight[:, None] * energy, 0)
        peak = higher
        ever = tl.maximum(ever, tl.max(here.to(tl.int32), 0))
    scores = scores / norm

    highest = tl.max(scores, 0)  # no score is negative
    span = highest - tl.min(tl.where(inside, scores, highest), 0)
    differ = tl.where(inside, span, 0) > rounding * highest
    mean = tl.sum(scores, 0) / joints
    difference = tl.where(differ, scores - mean, 0)
    sigma = tl.sqrt(tl.sum(difference * difference, 0) / joints)
    factor = tl.load(alpha).to(number)
    limit = mean + factor * sigma
    passes = (scores > limit) & differ
    first = tl.min(tl.where(inside & ((scores == highest) | (differ == 0)), joint, block_joints), 0)
    passes = passes | (joint == tl.where(tl.max(passes.to(tl.int32), 0) == 0, first, block_joints))
    active = passes.to(tl.int32) * ever
    scale = tl.maximum(sigma, tiny)
    soft = 1 / (1 + tl.exp(factor * (sigma / scale) - difference / scale))
    by_alpha = -soft * (1 - soft) * (sigma / scale) * active

    place = person * joints + joint
    tl.store(mask + place, active.to(tl.int8), inside)
    tl.store(score + place, scores, inside)
    tl.store(slope + place, by_alpha, inside)
    tl.store(threshold + person, limit)
