"""The fused kernels against the equations: what the tests and the campaign share."""

from __future__ import annotations

import random
from collections.abc import Mapping

import torch
from torch import Tensor

NAMES = ('x', 'weight', 'bias', 'query', 'key', 'delta', 'delta_bias', 'adjacency')
BOUNDS = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float16: 3e-3}


def plain_convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    query: Tensor,
    key: Tensor,
    delta: Tensor,
    delta_bias: Tensor,
    graph: Tensor,
) -> Tensor:
    """The equation of :func:`graph_convolution`, one product after the other."""
    groups = query.shape[2]
    value = torch.einsum('kcd,pdtj->pkctj', weight, x) + bias[None, :, :, None, None]
    relation = torch.tanh(query[..., :, None] - key[..., None, :])
    refined = torch.einsum('krgc,pkgrij->pkgcij', delta.unflatten(2, (groups, -1)), relation)
    topology = refined + delta_bias.unflatten(1, (groups, -1))[None, ..., None, None] + graph[None, :, :, None]
    return torch.einsum('pkcij,pkctj->pcti', topology.flatten(2, 3), value)


def random_sizes(chance: random.Random) -> dict[str, int]:
    """Sizes of a graph convolution, mostly odd ones: persons, channels, frames, joints, subsets, groups, relations."""
    few, many = chance.randint(1, 16), chance.randint(17, 64)
    groups = chance.choice([1, 1, 1, 2, 3])
    return dict(
        persons=chance.choice([1, 1, 1, 2]),
        channels_in=chance.choice([1, 3, chance.randint(1, 20), 16, 32, chance.randint(50, 100)]),
        width=chance.choice([chance.randint(1, 12 // groups), 16]),
        frames=chance.randint(1, 20),
        joints=chance.choice([few] * 6 + [many]),  # many are slow
        subsets=chance.randint(1, 3),
        groups=groups,
        relations=chance.randint(1, 4),
    )


def random_inputs(sizes: Mapping[str, int], seed: int = 0) -> dict[str, Tensor]:
    """Inputs of a graph convolution in float64, in the order of its arguments; some frames of x are absent."""
    generator = torch.Generator().manual_seed(seed)
    p, d, w, t, v, k, g, r = (
        sizes[n] for n in ('persons', 'channels_in', 'width', 'frames', 'joints', 'subsets', 'groups', 'relations')
    )
    c = g * w
    shapes = [(p, d, t, v), (k, c, d), (k, c), (p, k, g, r, v), (p, k, g, r, v), (k, r, c), (k, c), (k, g, v, v)]
    scales = [1, d**-0.5, 0.3, 1, 1, r**-0.5, 0.3, 0.3]
    numbers = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    inputs = {name: scale * number for name, scale, number in zip(NAMES, scales, numbers, strict=True)}
    inputs['x'] *= (torch.rand(p, 1, t, 1, generator=generator) > 0.2).double()
    return inputs


def output_and_gradients(function, inputs: Mapping[str, Tensor], towards: Tensor) -> dict[str, Tensor]:
    """What a function makes of the inputs, as y, and the gradients of all of them."""
    inputs = {name: tensor.detach().requires_grad_() for name, tensor in inputs.items()}
    y = function(*inputs.values())
    gradients = torch.autograd.grad(y, list(inputs.values()), towards.to(y.dtype), materialize_grads=True)
    return {'y': y.detach(), **dict(zip(inputs, gradients, strict=True))}


def deviation(found: Tensor, expected: Tensor) -> float:
    """The largest difference, by the largest number that was expected."""
    assert found.shape == expected.shape
    assert found.isfinite().all()
    largest = float(expected.abs().max())
    return float((found.double() - expected).abs().max()) / (largest or 1.0)


def deviations(
    function, sizes: Mapping[str, int], dtype: torch.dtype, seed: int = 0, device: str = 'cpu'
) -> dict[str, float]:
    """Deviations of a fused form of the graph convolution, in a type, from the equation in float64."""
    inputs = {name: tensor.to(device, dtype) for name, tensor in random_inputs(sizes, seed).items()}
    exact = {name: tensor.double() for name, tensor in inputs.items()}
    y = plain_convolution(*exact.values())
    towards = torch.randn(y.shape, generator=torch.Generator().manual_seed(seed), dtype=y.dtype).to(device, dtype)
    expected = output_and_gradients(plain_convolution, exact, towards.double())
    found = output_and_gradients(function, inputs, towards)
    assert all(found[name].dtype == tensor.dtype for name, tensor in inputs.items())
    return {name: deviation(found[name], tensor) for name, tensor in expected.items()}
