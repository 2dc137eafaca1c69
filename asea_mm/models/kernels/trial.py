"""Whether the kernels compute on a machine what their equations say."""

import functools
import logging
from typing import cast

import torch
from torch import Tensor

from .active_joints import select_joints
from .graph_convolution import graph_convolution

# of the largest number, by how much a result may differ; wrong kernels differ by about as much as it is large
BOUNDS = {torch.float64: 1e-9, torch.float32: 1e-2, torch.bfloat16: 5e-2, torch.float16: 2e-2}
PERSONS, CHANNELS, FRAMES, JOINTS, SUBSETS, RELATIONS = 2, 32, 20, 25, 3, 8


@functools.cache
def passes_trial(device: str, dtype: torch.dtype) -> bool:
    """Run the kernels once on a small input, forward and backward, beside the plain equations in float64.

    Where they cannot be compiled or give something else, the log says so, and layers stay with their plain form. The
    random numbers of the training are not touched.

    Args:
        device: Where, such as ``'cuda:0'``.
        dtype: Type of the features.
    """
    try:
        difference = largest_difference(device, dtype)
        reason = '' if difference <= BOUNDS[dtype] else f'they differ by {difference:.1e} of the largest number'
    except Exception as error:  # whatever a compiler or a driver raises
        reason = f'{type(error).__name__}: {" ".join(str(error).split())[:200]}'
    if reason:
        logging.getLogger(__name__).warning('fused kernels are not used on %s in %s: %s', device, dtype, reason)
    return not reason


def largest_difference(device: str, dtype: torch.dtype) -> float:
    """Largest difference of results and gradients from the plain equations, as a share of the largest number."""
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast(torch.device(device).type, enabled=False):
        exact = [y.requires_grad_() for y in _inputs()]
        expected = _plain(*exact)
        gradient = torch.linspace(-1, 1, expected.numel(), dtype=expected.dtype).view(expected.shape)
        expected.backward(gradient)
        # a tensor that is used must be there in float64 and in the type, so that both see the same numbers
        inputs = [y.detach().to(device, dtype).requires_grad_() for y in exact]
        found = graph_convolution(*inputs)
        found.backward(gradient.to(device, dtype))
        x = inputs[0].detach()
        alpha = torch.tensor(0.5, device=device)
        score = select_joints(x, None, alpha, 1.0, False, 1e-6)[1]
        pairs = [(found, expected), (score, _node_score(x.double().cpu()))]
        pairs += [(cast(Tensor, y.grad), cast(Tensor, z.grad)) for y, z in zip(inputs, exact, strict=True)]
        return max(_difference(y, z) for y, z in pairs)


def _difference(found: Tensor, expected: Tensor) -> float:
    expected = expected.detach()
    difference = float((found.detach().double().cpu() - expected).abs().max() / expected.abs().max())
    return difference if difference == difference else float('inf')  # NaN is no number to compare


def _inputs() -> list[Tensor]:
    """Arguments of :func:`graph_convolution`, in numbers that all types hold exactly."""
    generator = torch.Generator().manual_seed(0)
    related = (PERSONS, SUBSETS, 1, RELATIONS, JOINTS)
    shapes = [(PERSONS, CHANNELS, FRAMES, JOINTS), (SUBSETS, CHANNELS, CHANNELS), (SUBSETS, CHANNELS), related, related]
    shapes += [(SUBSETS, RELATIONS, CHANNELS), (SUBSETS, CHANNELS), (SUBSETS, 1, JOINTS, JOINTS)]
    return [torch.randint(-8, 9, shape, generator=generator).double() / 16 for shape in shapes]


def _plain(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    query: Tensor,
    key: Tensor,
    delta: Tensor,
    delta_bias: Tensor,
    graph: Tensor,
) -> Tensor:
    """The equation of :func:`graph_convolution` for one group."""
    relation = torch.tanh(query[:, :, 0, :, :, None] - key[:, :, 0, :, None, :])
    topology = torch.einsum('krc,pkrij->pkcij', delta, relation) + delta_bias[:, :, None, None] + graph
    values = torch.einsum('kcd,pdtj->pkctj', weight, x) + bias[:, :, None, None]
    return torch.einsum('pkcij,pkctj->pcti', topology, values)


def _node_score(x: Tensor) -> Tensor:
    """S of ASEA, Eq. 3-6, with gamma 1."""
    energy = x.norm(dim=1)
    return (torch.softmax(energy.var(dim=2, correction=0), dim=1)[:, :, None] * energy).sum(dim=1)
