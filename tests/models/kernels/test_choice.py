"""Which layers take fused kernels, where."""

import pytest
import torch

from asea_mm.errors import InputError
from asea_mm.models.kernels import set_kernels
from asea_mm.models.kernels.support import INTERPRETED

from .. import backbone_config, keypoints, recognizer


@pytest.mark.skipif(INTERPRETED, reason='kernels run on the CPU when they are interpreted')
def test_fused_is_refused_where_it_cannot_run_and_auto_is_plain_there():
    model = recognizer(backbone_config('ASEA')).eval()
    x = keypoints(samples=1)[:, None]
    plain = set_kernels(model, 'plain')(x, stage='head')
    assert torch.equal(set_kernels(model, 'auto')(x, stage='head'), plain)
    with pytest.raises(InputError, match='CTRGC: fused kernels need Triton.* got 15 joints, torch.float64 on cpu'):
        set_kernels(model, 'fused')(x, stage='head')


def test_all_layers_of_a_model_are_set():
    model = recognizer(backbone_config('ASEA', aea=True))
    layers = [module for module in set_kernels(model, 'plain').modules() if hasattr(module, 'kernels')]
    assert {type(layer).__name__ for layer in layers} == {'CTRGC', 'ATNAC', 'ExternalAttention'}
    assert {layer.kernels for layer in layers} == {'plain'}
    with pytest.raises(InputError, match="choice must be one of .* got 'fast'"):
        set_kernels(model, 'fast')
