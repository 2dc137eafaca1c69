"""The kernels compile for GPUs, and fit into their registers and shared memory; no GPU is needed."""

import platform

import pytest
import torch

from asea_mm.models.kernels.support import HAS_TRITON, INTERPRETED

from .compiling import ARCHITECTURES, SHARED_LIMIT, compile_for, graph_launches, selection_launch

pytestmark = [
    pytest.mark.skipif(not HAS_TRITON, reason='Triton is not installed'),
    pytest.mark.skipif(INTERPRETED, reason='kernels are interpreted, not compiled'),
    pytest.mark.skipif(platform.system() != 'Linux', reason="Triton's tools are there for Linux"),
]


def assert_fits(launch, architecture):
    resources = compile_for(launch, architecture)
    assert resources.stack == 0, f'{launch.kernel.__name__} spills registers: {resources}'
    assert resources.shared <= SHARED_LIMIT, f'{launch.kernel.__name__}: {resources}'


# all types and sizes: tests/campaigns/fused_kernels.py
@pytest.mark.parametrize('architecture', ARCHITECTURES)
@pytest.mark.parametrize('kernel', [0, 1, 2], ids=['forward', 'to values', 'to topologies'])
def test_graph_convolution_spills_nothing(kernel, architecture):
    assert_fits(graph_launches(torch.bfloat16, 64, 64)[kernel], architecture)


@pytest.mark.parametrize('architecture', ARCHITECTURES)
def test_selection_spills_nothing(architecture):
    assert_fits(selection_launch(torch.bfloat16, velocity=False, everywhere=False), architecture)
