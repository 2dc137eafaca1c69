"""The kernels on a GPU: ``ASEA_TEST_GPU=1 python -m pytest tests/models/kernels/test_on_gpu.py``."""

import copy
import random

import pytest
import torch

from asea_mm.models.kernels import graph_convolution, set_kernels
from asea_mm.models.layers import AEA, ATNAC
from asea_mm.models.layers.spatial import CTRGC
from asea_mm.skeletons import get_skeleton

from . import BOUNDS, deviation, deviations, random_sizes

DEVICE = 'cuda'
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU, or not ASEA_TEST_GPU=1')
DEFAULT = dict(persons=4, width=64, frames=64, joints=25, subsets=3, groups=1, relations=8)


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize(
    'sizes',
    [
        dict(DEFAULT, channels_in=3),
        dict(DEFAULT, channels_in=64),
        dict(DEFAULT, channels_in=256, width=256, relations=32),
        *(random_sizes(random.Random(seed)) for seed in range(4)),
    ],
    ids=str,
)
def test_output_and_gradients_are_those_of_the_equation(sizes, dtype):
    found = deviations(graph_convolution, sizes, dtype, device=DEVICE)
    assert max(found.values()) < BOUNDS[dtype], found


def test_fused_layers_are_the_plain_ones():
    torch.manual_seed(0)
    adjacency = torch.from_numpy(get_skeleton('nturgbd25').adjacency())
    x = torch.randn(8, 64, 32, 25, device=DEVICE)
    layers = [(CTRGC(64, 64, adjacency), ()), (AEA(64), (2,))]
    for layer, args in layers:
        results = []
        for choice in ('plain', 'fused'):
            twin, inputs = set_kernels(copy.deepcopy(layer).to(DEVICE), choice), x.clone().requires_grad_()
            twin(inputs, *args).square().mean().backward()
            results.append([inputs.grad, *(parameter.grad for parameter in twin.parameters())])
        for fused, plain in zip(*reversed(results), strict=True):
            assert deviation(fused, plain.double()) < 1e-3  # torch may take TF32 for the plain form


def test_selection_is_that_of_the_plain_form():
    torch.manual_seed(0)
    x = torch.randn(64, 64, 32, 25, device=DEVICE)
    plain, fused = (set_kernels(ATNAC().to(DEVICE), choice)(x) for choice in ('plain', 'fused'))
    torch.testing.assert_close(fused.score, plain.score, rtol=1e-5, atol=1e-5)
    assert (fused.mask != plain.mask).float().mean() < 1e-3
