"""The fused graph convolution against its equation."""

import pytest
import torch

from asea_mm.models.kernels import graph_convolution
from asea_mm.models.kernels.graph_convolution import _convolve, _convolve_backward

from .. import BOUNDS, NAMES, deviations, random_inputs

SMALL = dict(persons=1, channels_in=2, width=2, frames=2, joints=3, subsets=2, groups=2, relations=2)
SIZES = {
    'more joints than a tile': dict(SMALL, joints=33),
    'more channels than a tile': dict(SMALL, channels_in=17, width=17, groups=1),
    'aligned channels': dict(SMALL, channels_in=16, width=16),
    'projected before': dict(SMALL, channels_in=48, width=16),
    'more frames than a tile': dict(SMALL, frames=17),
    'one of each': dict.fromkeys(SMALL, 1),
}


HALF = dict.fromkeys(('aligned channels', 'more frames than a tile'), torch.bfloat16)


@pytest.mark.parametrize(
    ('name', 'dtype'),
    [*((name, torch.float32) for name in SIZES), *HALF.items(), *(('one of each', dtype) for dtype in BOUNDS)],
)
def test_output_and_gradients_are_those_of_the_equation(name, dtype):
    found = deviations(graph_convolution, SIZES[name], dtype)
    assert max(found.values()) < BOUNDS[dtype], found


def test_gradients_are_those_of_the_function_itself():
    inputs = [tensor.requires_grad_() for tensor in random_inputs(SMALL).values()]
    assert torch.autograd.gradcheck(graph_convolution, inputs, fast_mode=True)


def test_operators_keep_their_contract():
    inputs = [tensor.float().requires_grad_() for tensor in random_inputs(SMALL).values()]
    tokens = inputs[0].detach().permute(0, 2, 3, 1).contiguous().requires_grad_()
    torch.library.opcheck(_convolve, (tokens, *inputs[1:]))
    plain = [tensor.detach() for tensor in (tokens, *inputs[1:])]
    torch.library.opcheck(_convolve_backward, (torch.randn(1, 2, 3, 4), *plain))


def test_memory_of_any_order_and_nobody_at_all():
    inputs = [tensor.float() for tensor in random_inputs(SMALL).values()]
    expected = graph_convolution(*inputs)
    turned = [tensor.transpose(-1, -2).contiguous().transpose(-1, -2) for tensor in inputs]
    assert torch.equal(graph_convolution(*turned), expected)
    assert expected.is_contiguous(memory_format=torch.channels_last)
    of_nobody = [inputs[0][:0], *inputs[1:3], *(tensor[:0] for tensor in inputs[3:5]), *inputs[5:]]
    leaves = [tensor.requires_grad_() for tensor in of_nobody]
    y = graph_convolution(*leaves)
    assert y.shape == (0, *expected.shape[1:])
    y.sum().backward()
    assert all((leaf.grad == 0).all() for leaf in leaves)


@pytest.mark.parametrize('name', NAMES[1:])
def test_other_shapes_are_refused(name):
    inputs = random_inputs(SMALL)
    inputs[name] = inputs[name][..., :-1]
    with pytest.raises(ValueError, match='expected shapes'):
        graph_convolution(*inputs.values())


def test_the_same_input_gives_the_same_bits():
    inputs = random_inputs(dict(SMALL, persons=2, joints=17))
    runs = []
    for _ in range(2):
        leaves = [tensor.float().requires_grad_() for tensor in inputs.values()]
        y = graph_convolution(*leaves)
        runs.append([y, *torch.autograd.grad(y.square().sum(), leaves)])
    assert all(torch.equal(*pair) for pair in zip(*runs, strict=True))
