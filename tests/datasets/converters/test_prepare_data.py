"""The data preparation tool: what it writes, its table and warnings, and one line per error."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from asea_mm.datasets import load_annotations

from .test_sbu import GOOD, write

TOOL = Path(__file__).parents[3] / 'tools' / 'prepare_data.py'


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('prepare_data', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def raw(tmp_path):
    root = tmp_path / 'raw'
    write(root, 'fold1/01/001', GOOD + '\n' + GOOD)
    write(root, 'fold2/05/001')
    return root


def test_default_output_is_under_data_here(tool, raw, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert tool.main(['sbu', str(raw)]) == 0
    content = load_annotations(tmp_path / 'data' / 'sbu' / 'sbu.pkl')
    assert content['split']['fold2_val'] == ['fold2_05_001']
    printed = capsys.readouterr()
    rows = {line.split()[0]: line.split()[1:] for line in printed.out.splitlines() if line.split()}
    assert rows['approaching'] == ['1', '0', '0', '0', '0', '1', '2/2/2']
    assert rows['all'] == ['1', '1', '0', '0', '0', '2', '1/2/2']
    assert 'wrote 2 samples to data/sbu/sbu.pkl' in printed.out
    assert 'warning: fold 5 has 0 sequences, expected 65' in printed.err


def test_markup_in_names_is_left_alone(tool, raw, tmp_path, capsys):
    out = tmp_path / '[bold]odd[/] name' / 'x.pkl'
    assert tool.main(['sbu', str(raw), '--out', str(out)]) == 0
    assert f'to {out}' in capsys.readouterr().out
    assert out.exists()


@pytest.mark.parametrize('wrong', ['root', 'line', 'out'])
def test_errors_are_one_line(tool, raw, tmp_path, capsys, wrong):
    out = tmp_path / 'out.pkl'
    if wrong == 'line':
        write(raw, 'fold3/01/001', GOOD + '\n1,2,3\n')
    if wrong == 'out':
        (tmp_path / 'file').touch()
        out = tmp_path / 'file' / 'out.pkl'
    assert tool.main(['sbu', str(tmp_path / 'nowhere' if wrong == 'root' else raw), '--out', str(out)]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1
    assert lines[0].startswith('error: ')
    assert {'root': 'nowhere: no such folder', 'line': 'skeleton_pos.txt, line 2', 'out': 'file'}[wrong] in lines[0]
    assert not out.exists()


def test_as_a_command(tmp_path):
    run = subprocess.run(
        [sys.executable, str(TOOL), 'sbu', str(tmp_path)], capture_output=True, text=True, cwd=tmp_path
    )
    assert run.returncode == 1
    assert run.stderr.count('error: ') == 1
    assert 'Traceback' not in run.stderr
    assert not (tmp_path / 'data').exists()


def test_a_source_is_needed(tool, capsys):
    with pytest.raises(SystemExit) as stop:
        tool.main([])
    assert stop.value.code == 2
    assert 'SOURCE' in capsys.readouterr().err
