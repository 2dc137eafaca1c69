"""The command line in this process."""

from collections.abc import Iterator

import pytest
from mmengine.utils import ManagerMixin

import asea


def managers(parent: type = ManagerMixin) -> Iterator[type]:
    """mmengine's classes with named global instances: log, message hub, visualizer, ..."""
    for manager in parent.__subclasses__():
        yield manager
        yield from managers(manager)


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """Runs ``asea`` with these words in an empty folder; returns its exit code and what it wrote, both ways."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('LOCAL_RANK', '0')

    def run(*words: object) -> tuple[int, str, str]:
        for manager in managers():  # of a run in the same second, which has the same name
            manager._instance_dict.clear()
        capsys.readouterr()
        try:
            code = asea.main([str(word) for word in words])
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    return run
