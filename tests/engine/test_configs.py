"""Configs by name: those that come with the package."""

import pytest

from asea_mm.engine import configs, find_config
from asea_mm.errors import InputError
from tests.cli.tiny import ROOT


def test_a_path_a_name_and_one_in_a_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert find_config('asea_sbu') == find_config('asea_sbu.py') == ROOT / 'configs' / 'asea_sbu.py'
    assert find_config('stgcn_sbu').is_relative_to(ROOT / 'configs')
    (tmp_path / 'asea_sbu.py').touch()
    assert find_config('asea_sbu.py').resolve() == tmp_path / 'asea_sbu.py', 'a file goes first'
    with pytest.raises(InputError, match='did you mean asea_sbu'):
        find_config('asea_sbo')
    with pytest.raises(FileNotFoundError, match='does not exist'):
        find_config('configs/asea_sbu.py')
    assert 'sgd_65e' not in configs.known_configs(), 'a base is no config'


def test_those_in_the_package_go_before_those_of_a_clone(monkeypatch, tmp_path):
    monkeypatch.setattr(configs, 'FOLDERS', (tmp_path / 'built', tmp_path / 'clone'))
    (tmp_path / 'clone').mkdir()
    (tmp_path / 'clone' / 'mine.py').touch()
    assert find_config('mine') == tmp_path / 'clone' / 'mine.py'
    (tmp_path / 'built').mkdir()
    (tmp_path / 'built' / 'mine.py').touch()
    assert find_config('mine') == tmp_path / 'built' / 'mine.py'
