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


def test_a_base_is_looked_for_beside_the_file_then_in_the_package(tmp_path):
    (tmp_path / 'mine.py').write_text("_base_ = ['asea_sbu.py']\nmodel = dict(cls_head=dict(num_classes=5))\n")
    ours = configs.read_config('asea_sbu')
    mine = configs.read_config(tmp_path / 'mine.py')
    assert mine.model.cls_head == {**ours.model.cls_head, 'num_classes': 5}
    assert mine.train_dataloader == ours.train_dataloader
    (tmp_path / 'asea_sbu.py').write_text("model = dict(cls_head=dict(num_classes=3, type='Own'))\n")
    assert configs.read_config(tmp_path / 'mine.py').model == {'cls_head': {'num_classes': 5, 'type': 'Own'}}
    (tmp_path / 'wrong.py').write_text("_base_ = ['nowhere.py']\n")
    with pytest.raises(FileNotFoundError, match='nowhere'):
        configs.read_config(tmp_path / 'wrong.py')
    (tmp_path / 'wrong.py').write_text('model = dict(\n')
    with pytest.raises(InputError, match='wrong.py'):
        configs.read_config(tmp_path / 'wrong.py')


# What stands in mine.py and in a base beside it, and what the message says.
WRONG = {
    'syntax': ('a = 1\nb = (\n', '', ['mine.py, line 2', 'never closed']),
    'syntax of a base': ("_base_ = ['./base.py']\n", 'a = 1\n\nb = (\n', ['base.py, line 3', 'never closed']),
    'name': ("_base_ = ['asea_sbu.py']\n\nmodel = dict(a=count)\n", '', ['mine.py, line 3', "'count'"]),
    'in a base': ("_base_ = ['./base.py']\n", 'a = 1\nb = a / 0\n', ['base.py, line 2', 'division']),
    'file': ("_base_ = ['asea_sbu.py']\na = open('stick.json')\n", '', ['mine.py, line 2', 'stick.json']),
    'dictionary': (
        "_base_ = ['asea_sbu.py']\nmodel = dict(backbone=dict(layout=dict(name='a', joints=['b'])))\n",
        '',
        ['mine.py', 'layout', '_delete_=True'],
    ),
    'same key': ("_base_ = ['./base.py', 'asea_sbu.py']\n", 'model = dict()\n', ['mine.py', "'model'"]),
    'import': ("custom_imports = dict(imports=['nobodys_module'])\n", '', ['mine.py', 'nobodys_module', 'PYTHONPATH']),
}


@pytest.mark.parametrize(('text', 'base', 'words'), WRONG.values(), ids=WRONG)
def test_errors_in_configs_say_where(monkeypatch, tmp_path, text, base, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'mine.py').write_text(text)
    (tmp_path / 'base.py').write_text(base)
    with pytest.raises(InputError) as error:
        configs.read_config('mine.py')
    assert all(word in str(error.value) for word in words), error.value
    assert len(str(error.value)) < 500


def test_a_base_with_a_slip_in_its_name(tmp_path):
    (tmp_path / 'mine.py').write_text("_base_ = ['asea_sbo.py']\n")
    with pytest.raises(FileNotFoundError, match=r'mine\.py.*asea_sbo.*did you mean asea_sbu'):
        configs.read_config(tmp_path / 'mine.py')
