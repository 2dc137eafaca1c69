"""Files are there whole or not at all, whoever writes them at the same time and whatever goes wrong."""

import errno
import multiprocessing
import os
import stat
import threading
import time

import pytest

from asea_mm.datasets.files.whole import LEFTOVER, remove_leftovers, write_whole, written_whole
from asea_mm.errors import InputError


def test_concurrent_writers_and_a_reader(tmp_path):
    path = tmp_path / 'file.txt'
    contents = [str(number) * 100_000 for number in range(4)]
    write_whole(path, contents[0])

    def write(content):
        for _ in range(30):
            write_whole(path, content)

    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert path.read_text() in contents
    for writer in writers:
        writer.join()
    assert path.read_text() in contents
    assert os.listdir(tmp_path) == ['file.txt']


@pytest.mark.parametrize('error', [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize('before', [None, 'old'])
def test_an_error_in_the_middle(tmp_path, before, error):
    path = tmp_path / 'file.txt'
    if before is not None:
        path.write_text(before)
    with pytest.raises(error), written_whole(path) as part:  # noqa: PT012
        part.write_text('half')
        raise error
    assert [file.read_text() for file in tmp_path.iterdir()] == ([] if before is None else [before])


def test_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / 'new', b'1')
        write_whole(tmp_path / 'own', b'1')
        (tmp_path / 'own').chmod(0o600)
        write_whole(tmp_path / 'own', b'2')
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ('new', 'own')] == [0o640, 0o600]


@pytest.mark.parametrize('existing', [False, True])
def test_what_a_link_names_is_replaced(tmp_path, existing):
    (tmp_path / 'disk').mkdir()
    (tmp_path / 'link').symlink_to(tmp_path / 'disk' / 'file')
    if existing:
        (tmp_path / 'disk' / 'file').write_text('old')
    write_whole(tmp_path / 'link', 'new')
    assert (tmp_path / 'link').is_symlink()
    assert os.listdir(tmp_path / 'disk') == ['file']
    assert (tmp_path / 'link').read_text() == 'new'


def full_disk(part):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # without a name, as of a file that was open


def library_on_a_full_disk(part):
    try:
        full_disk(part)
    finally:
        raise RuntimeError('unexpected pos 128 vs 22')


@pytest.mark.parametrize(
    'write', [full_disk, library_on_a_full_disk, lambda part: (part.unlink(), part.read_text()), lambda p: p.unlink()]
)
@pytest.mark.parametrize('before', [None, 'old'])
def test_errors_name_the_file(tmp_path, write, before):
    path = tmp_path / 'file.txt'
    if before is not None:
        path.write_text(before)
    with pytest.raises(InputError, match=f'^{path}: '), written_whole(path) as part:  # noqa: PT012
        part.write_text('half')
        write(part)
    assert [file.read_text() for file in tmp_path.iterdir()] == ([] if before is None else [before])


def test_errors_of_other_files_stay_theirs(tmp_path):
    with pytest.raises(FileNotFoundError, match='missing'), written_whole(tmp_path / 'file.txt'):
        (tmp_path / 'missing').read_text()
    assert os.listdir(tmp_path) == []


def test_where_no_file_can_be(tmp_path):
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'file').touch()
    for path in (tmp_path / 'folder', tmp_path / 'file' / 'below'):
        with pytest.raises(InputError, match=f'^{path}: '):
            write_whole(path, '')


def test_long_names(tmp_path):
    path = tmp_path / ('\u00e4' * 120 + '.txt')
    write_whole(path, 'new')
    assert path.read_text() == 'new'


def begin_and_die(path):
    with written_whole(path) as part:
        part.write_text('half')
        os._exit(1)


def test_what_killed_writers_left_goes(tmp_path):
    path = tmp_path / 'file.txt'
    killed = multiprocessing.get_context('fork').Process(target=begin_and_die, args=(path,))
    killed.start()
    killed.join()
    (left,) = tmp_path.iterdir()
    mine = left.with_name(left.name.replace(f'-{killed.pid:08x}-', f'-{os.getpid():08x}-'))
    of_another_machine, old = (left.with_name(f'.x.{digit * 8}-00000001-{"a" * 16}') for digit in 'ab')
    others = [tmp_path / '.file.txt.notes.txt', mine, of_another_machine]
    for file in (*others, old):
        file.touch()
    os.utime(old, (time.time() - LEFTOVER - 10,) * 2)
    remove_leftovers.cache_clear()
    write_whole(path, 'new')
    assert set(tmp_path.iterdir()) == {path, *others}
