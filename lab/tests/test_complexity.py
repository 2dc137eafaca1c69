"""The complexity tool: hand-computed counts, the paper's table, one run from the command line."""

import json
import runpy
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from asea_mm.engine.measuring import count_parameters, multiply_adds
from asea_mm.models import AEA

TOOL = Path(__file__).parents[2] / 'tools' / 'complexity.py'


@pytest.fixture(scope='module')
def tool():
    return runpy.run_path(str(TOOL))


class Pointwise(nn.Module):
    """One 1x1 convolution with bias and, where asked for, AEA behind it."""

    def __init__(self, interaction):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 1)
        self.interaction = interaction

    def forward(self, x):
        n, m = x.shape[:2]
        y = self.conv(x.flatten(0, 1).permute(0, 3, 1, 2))
        return y if self.interaction is None else self.interaction(y, m)


def test_counts_by_hand(tool):
    x = torch.randn(4, 2, 5, 7, 3)
    conv = 2 * 5 * 7 * 3 * 8  # persons, frames, joints, input and output channels
    assert multiply_adds(Pointwise(None), x) == conv
    assert tool['count'](Pointwise(None), x) == {
        'parameters': 3 * 8 + 8,
        'parameters_aea': 0,
        'gflops': pytest.approx(conv / 1e9),
    }
    layer = AEA(8)  # queries and keys of 6 channels
    row = tool['count'](Pointwise(layer), x)
    qkv = 2 * 5 * 7 * 8 * (6 + 6 + 8)
    maps = 2 * 5 * 7 * 7 * (6 + 8)
    assert row['gflops'] == pytest.approx((conv + qkv + maps) / 1e9)  # sums such as those of Eq. 3-6 do not count
    assert row['parameters_aea'] == (8 + 1) * (6 + 6 + 8) + 1
    assert layer.form == 'auto', 'counting must not change the model'
    assert count_parameters(layer) == row['parameters_aea']


def test_paper_and_setting(tool):
    assert tool['paper_name']('ctrgcn_aea_kinetics10') == 'ctrgcn_aea'
    row = tool['beside_the_paper']('asea_kinetics10', {'gflops': 3.082})
    assert row == {'paper_parameters': 2_040_000, 'paper_gflops': 30.82, 'paper_ratio': pytest.approx(10)}
    unknown = {'paper_parameters': None, 'paper_gflops': None, 'paper_ratio': None}
    assert tool['beside_the_paper']('stgcnpp_sbu', {'gflops': 1.0}) == unknown

    def rows(*ratios):
        found = {f'plain{k}': {'paper_ratio': ratio, 'parameters_aea': 0} for k, ratio in enumerate(ratios)}
        return {
            **found,
            'other': {'paper_ratio': 77.0, 'parameters_aea': 1},
            'new': {**row, **unknown, 'parameters_aea': 0},
        }

    # counted at 100 frames and 2 persons: 12 times as much is 300 frames, 4 skeletons, twice
    nearest = tool['nearest_setting'](rows(11.9, 12.1, 90.0), 100, 2)
    assert (nearest['frames'], nearest['skeletons'], nearest['counts_per_multiply_add']) == (300, 4, 2)
    assert (nearest['near'], nearest['far']) == (['plain0', 'plain1'], ['plain2'])
    assert nearest['off_by_factor'] == pytest.approx(12 / 11.9)
    assert tool['nearest_setting'](rows(), 100, 2) is None


def run(monkeypatch, *options):
    monkeypatch.setattr(sys, 'argv', ['complexity.py', *map(str, options)])
    runpy.run_path(str(TOOL))['main']()


def test_from_the_command_line(tmp_path, monkeypatch, capsys):
    configs = [TOOL.parents[1] / 'configs' / f'{name}.py' for name in ('stgcn_sbu', 'stgcn_aea_sbu', 'asea_sbu')]
    run(monkeypatch, *configs, '--frames', 8, '--repeats', 1, '--device', 'cpu', '--out', tmp_path / 'out')
    result = json.loads((tmp_path / 'out.json').read_text())
    plain, wrapped, asea = result['models'].values()
    assert wrapped['parameters'] == plain['parameters'] + wrapped['parameters_aea']
    assert wrapped['gflops'] > plain['gflops']
    assert asea['latency_ms'] > 0
    text = (tmp_path / 'out.md').read_text()
    assert all(f'| {path.stem} |' in text for path in configs)
    assert 'GFLOPs of Table 3' in text
    assert 'stgcn_aea_sbu' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('options', 'message'),
    [(['nowhere.py'], 'config nowhere.py does not exist'), (['--frames', '0'], '--frames: expected at least 1, got 0')],
)
def test_errors(monkeypatch, options, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        run(monkeypatch, *options)
