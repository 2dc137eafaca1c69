"""One process at a time owns a work folder, and a dead one does not."""

import json
import os
import platform
import subprocess
import sys

import pytest

from asea_mm.engine import ownership
from asea_mm.engine.ownership import LOCK, begun_in, owned, process_start
from asea_mm.errors import InputError


def write(folder, **changes):
    """The lock of another process that lives: the one that has begun this one."""
    parent = os.getppid()
    owner = dict(host=platform.node(), process=parent, started=process_start(parent), since='today') | changes
    (folder / LOCK).write_text(json.dumps(owner))
    return owner


def test_an_owner_that_lives_is_respected(tmp_path):
    owner = write(tmp_path)
    with pytest.raises(InputError, match=f'in use by process {owner["process"]} on .* since today'), owned(tmp_path):
        pass
    assert json.loads((tmp_path / LOCK).read_text()) == owner
    write(tmp_path, host='elsewhere')
    with pytest.raises(InputError, match=f'elsewhere .*remove .*{LOCK}'), owned(tmp_path):
        pass


def test_what_is_left_of_dead_ones_is_taken_over_and_the_folder_is_free_after(tmp_path):
    with subprocess.Popen([sys.executable, '-c', '']) as ended:
        ended.wait()
    for changes in (dict(process=ended.pid), dict(started='another one had this number'), None):
        if changes is None:
            (tmp_path / LOCK).write_text('{"host": ')
        else:
            write(tmp_path, **changes)
        with owned(tmp_path), owned(tmp_path / '.' / ''):
            assert json.loads((tmp_path / LOCK).read_text())['process'] == os.getpid()
        assert not (tmp_path / LOCK).exists()
    with pytest.raises(ZeroDivisionError), owned(tmp_path / 'new'):
        raise ZeroDivisionError
    assert not (tmp_path / 'new').exists()


@pytest.mark.parametrize('is_new', [True, False])
def test_nothing_is_left_of_what_a_user_has_to_mend_first(tmp_path, is_new):
    folder = tmp_path / 'runs' / 'one'
    if not is_new:
        folder.mkdir(parents=True)
        (folder / 'epoch_1.pth').touch()

    def begin(error):
        with owned(folder), begun_in(folder):
            (folder / 'log' / 'vis_data').mkdir(parents=True)
            raise error('wrong')

    for error, left in ((InputError, []), (ZeroDivisionError, ['log'])):
        with pytest.raises(error):
            begin(error)
        there = [path.name for path in folder.iterdir()] if folder.exists() else []
        assert sorted(there) == sorted(left + ([] if is_new else ['epoch_1.pth']))
        assert (tmp_path / 'runs').exists() == bool(there)


def test_waits_for_an_owner_that_ends(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.setattr(ownership.time, 'sleep', lambda _: (tmp_path / LOCK).unlink(missing_ok=True))
    with owned(tmp_path, patience=60):
        pass


def test_a_process_that_runs_has_a_start():
    assert process_start(os.getpid()) == process_start(os.getpid()) is not None
    assert process_start(2**22 + 1) is None


def test_a_file_is_no_work_folder(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='expected a folder'), owned(tmp_path / 'file'):
        pass
