"""Complexity: counts by hand, Table 3's convention against the paper's own figures, one run from the command line."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.registry import init_default_scope
from torch import nn

from asea_mm.engine.roofline import count_parameters, multiply_adds
from asea_mm.models import AEA

from .. import complexity
from ..complexity import PAPER, figures, masked, table3_operations

CONFIGS = Path(__file__).parents[2] / 'configs'


class Pointwise(nn.Module):
    """One 1x1 convolution with bias, batch norm and, where asked for, AEA behind it."""

    def __init__(self, interaction):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8)
        self.interaction = interaction

    def forward(self, x):
        n, m = x.shape[:2]
        y = self.norm(self.conv(x.flatten(0, 1).permute(0, 3, 1, 2)))
        return y if self.interaction is None else self.interaction(y, m)


def test_counts_by_hand():
    x = torch.randn(4, 2, 5, 7, 3)
    conv = 2 * 5 * 7 * 3 * 8  # persons, frames, joints, input and output channels
    assert multiply_adds(Pointwise(None), x) == conv
    assert table3_operations(Pointwise(None), x) == 4 * (conv + 4 * 2 * 5 * 7 * 8), 'of four samples; 4 an element'
    layer = AEA(8)  # queries and keys of 6 channels
    row = figures('other', Pointwise(layer), x)
    qkv = 2 * 5 * 7 * 8 * (6 + 6 + 8)
    maps = 2 * 5 * 7 * 7 * (6 + 8)
    assert row['gflops'] == pytest.approx((conv + qkv + maps) / 1e9)  # sums such as those of Eq. 3-6 do not count
    assert row['parameters_aea'] == (8 + 1) * (6 + 6 + 8) + 1 == count_parameters(layer)
    assert row['parameters'] == row['parameters_aea'] + 3 * 8 + 8 + 16
    assert layer.form == 'auto', 'counting must not change the model'
    assert row['paper_gflops'] is None


@pytest.mark.parametrize(
    ('name', 'change', 'frames', 'gflops', 'parameters'),
    [
        ('stgcn', {}, 16, PAPER['stgcn'][1], 3.08e6),
        ('aagcn', dict(gcn_attention=False), 16, PAPER['aagcn'][1], 3.45e6),  # 2s-AGCN
        ('asea', {}, 64, 30.11, 2.083e6),  # ours; the paper has 30.82 and 2.04
    ],
)
def test_the_convention_of_table_3_gives_its_figures(name, change, frames, gflops, parameters):
    init_default_scope('mmaction')
    cfg = complexity.Config.fromfile(next(CONFIGS.rglob(f'{name}_kinetics10.py'))).model
    cfg.backbone.get('backbone', cfg.backbone).update(change)
    model = masked(complexity.Classifier(complexity.MODELS.build(cfg)))
    operations = table3_operations(model, torch.randn(1, 2, frames, 18, 3))
    assert operations * 2560 / (2 * frames) / 1e9 == pytest.approx(gflops, rel=2e-4)
    assert count_parameters(model) == pytest.approx(parameters, rel=5e-3)


def test_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(complexity, 'RESULTS', tmp_path)
    config = next(CONFIGS.rglob('stgcn_sbu.py'))
    complexity.main([str(config), '--frames', '8', '--repeats', '1', '--device', 'cpu', '--keep', 'complexity'])
    plain, wrapped = json.loads((tmp_path / 'benchmarks.json').read_text())['complexity']['models'].values()
    assert plain['parameters_aea'] == 0
    assert wrapped['parameters'] == plain['parameters'] + wrapped['parameters_aea']
    assert wrapped['gflops'] > plain['gflops']
    assert wrapped['latency_ms'] > 0
    assert '| stgcn_aea |' in (tmp_path / 'complexity.md').read_text()
    assert 'stgcn_aea' in capsys.readouterr().out
