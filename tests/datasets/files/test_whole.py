"""Files are there whole or not at all, whoever writes them at the same time and whatever goes wrong."""

import errno
import os
import stat
import threading
import time

import pytest

from asea_mm.datasets.files.whole import LEFTOVER, write_whole, written_whole


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
    with open('/dev/full', 'wb', buffering=0) as file:  # an OSError without a name
        file.write(b'1')


def other_file(part):
    (part.parent / 'missing').read_text()


@pytest.mark.parametrize(
    ('write', 'number', 'name'),
    [
        (full_disk, errno.ENOSPC, 'file.txt'),
        (lambda part: (part.unlink(), part.read_text()), errno.ENOENT, 'file.txt'),
        (lambda part: part.unlink(), errno.ENOENT, 'file.txt'),
        (other_file, errno.ENOENT, 'missing'),
    ],
)
def test_errors_name_the_file(tmp_path, write, number, name):
    with pytest.raises(OSError, match=f"'{tmp_path / name}'$") as error, written_whole(tmp_path / 'file.txt') as part:
        write(part)
    assert error.value.errno == number
    assert os.listdir(tmp_path) == []


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / 'folder').mkdir()
    with pytest.raises(IsADirectoryError, match=f"'{tmp_path / 'folder'}'$"):
        write_whole(tmp_path / 'folder', '')
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match=f"'{tmp_path / 'file'}'"):
        write_whole(tmp_path / 'file' / 'below', '')


def test_what_killed_writers_left_goes(tmp_path):
    path = tmp_path / 'file.txt'
    parts = [tmp_path / f'.file.txt.{digit * 16}.txt' for digit in 'ab']
    others = [tmp_path / '.file.txt.notes.txt', tmp_path / f'.other.txt.{"a" * 16}.txt']
    for file in (*parts, *others):
        file.touch()
    long_ago = time.time() - LEFTOVER - 10
    for file in (parts[0], *others):
        os.utime(file, (long_ago, long_ago))
    write_whole(path, 'new')
    assert set(tmp_path.iterdir()) == {path, parts[1], *others}
