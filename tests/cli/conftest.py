"""The command line in this process, and a model that it trained."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mmengine.utils import ManagerMixin

import asea
from tests.cli.tiny import SMALL


def managers(parent: type = ManagerMixin) -> Iterator[type]:
    """mmengine's classes with named global instances: log, message hub, visualizer, ..."""
    for manager in parent.__subclasses__():
        yield manager
        yield from managers(manager)


def run_asea(*words: object) -> int:
    """The exit code of ``asea`` with these words."""
    for manager in managers():  # of a run in the same second, which has the same name
        manager._instance_dict.clear()
    try:
        return asea.main([str(word) for word in words])
    except SystemExit as end:
        return end.code


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """Runs ``asea`` with these words in an empty folder; returns its exit code and what it wrote, both ways."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        return run_asea(*words), *capsys.readouterr()

    return run


@pytest.fixture(scope='session')
def trained(tmp_path_factory) -> Path:
    """The checkpoint of an epoch of three iterations, of ``asea_demo`` with :data:`SMALL` and seed 3."""
    folder = tmp_path_factory.mktemp('trained')
    assert run_asea('train', 'asea_demo', '--work-dir', folder, '--seed', 3, '--cfg-options', *SMALL) == 0
    return folder / 'epoch_1.pth'
