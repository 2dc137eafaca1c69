"""Files that are there whole or not at all."""

import errno
import glob
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LEFTOVER = 24 * 3600  # seconds since the last write, after which whoever wrote a temporary file was killed
_NO_ROOM = (errno.ENOSPC, errno.EFBIG, getattr(errno, 'EDQUOT', errno.ENOSPC))


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary file beside ``path`` to be written, which takes its place when the context ends without an error.

    Nobody ever sees the file half written, several writers do not disturb one another (the last one stays), and after
    an error or an interruption what was there before is as it was. Who has the file open goes on reading the old one.
    Missing folders are made; a link is followed, so that what it names is replaced; permissions stay, and are those of
    any new file where there was none. Temporary files of writers that were killed go with the next write of the file.

    Args:
        path: The file.

    Raises:
        OSError: If it cannot be written, or the disk is full; names the file.
    """
    path = Path(path)
    if path.is_symlink():
        path = path.resolve()
    # the suffix stays: NumPy and matplotlib go by it
    part = path.with_name(f'.{path.name}.{secrets.token_hex(8)}{path.suffix}')
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        part.touch(exist_ok=False)
        try:
            yield part
            if path.exists():
                part.chmod(path.stat().st_mode)
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        if error.filename == str(part) or (error.filename is None and error.errno in _NO_ROOM):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def write_whole(path: str | os.PathLike, content: str | bytes) -> None:
    """Write a text, in UTF-8, or bytes to a file, whole or not at all; see :func:`written_whole`."""
    with written_whole(path) as part:
        part.write_bytes(content if isinstance(content, bytes) else content.encode('utf-8'))


def _remove_leftovers(path: Path) -> None:
    pattern = f'.{glob.escape(path.name)}.{"[0-9a-f]" * 16}{glob.escape(path.suffix)}'
    for leftover in path.parent.glob(pattern):
        try:
            if time.time() - leftover.stat().st_mtime > LEFTOVER:
                leftover.unlink()
        except OSError:  # another writer was faster, or it is not ours to remove
            continue
