"""The benchmarks of development on tiny input."""

import pytest

from .. import benchmark, benchmark_loading
from ..files import read_json


def test_fast_layers_beside_the_textbook(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, 'RESULTS', tmp_path)
    options = ['--batch', '1', '--frames', '8', '--repeats', '1', '--device', 'cpu', '--threads', '1', '--keep', 'tiny']
    benchmark.main(['--textbook', '--aea', *options])
    figures = read_json(tmp_path / 'benchmarks.json')['tiny']
    textbook, asea, apart = figures['models'].values()
    assert textbook['parameters'] == pytest.approx(1.44e6, rel=0.01)
    assert asea['parameters'] == pytest.approx(2.04e6, rel=0.05)
    assert apart['gflops'] < asea['gflops'] <= 1.1 * textbook['gflops']
    assert all(row['active_share'] == pytest.approx(0.36) for row in figures['aea'].values())
    with pytest.raises(ValueError, match='give --textbook, --aea or both'):
        benchmark.main([])


def test_loading_of_every_form(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark_loading, 'RESULTS', tmp_path)
    benchmark_loading.main(['--samples', '6', '--batch', '2', '--workers', '0', '--keep', 'tiny'])
    rows = read_json(tmp_path / 'benchmarks.json')['tiny']['loading']
    assert len(rows) == 3
    assert all(row['samples'] == 6 and row['file_gib'] > 0 for row in rows.values())
