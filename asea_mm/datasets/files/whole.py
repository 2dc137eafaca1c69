"""Files that are there whole or not at all."""

import errno
import os
import platform
import re
import secrets
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from ...errors import InputError

LEFTOVER = 24 * 3600  # seconds since the last write, after which a temporary file of another machine has no writer
PATIENCE = 5.0  # seconds in which a file that others have open, on Windows, may come free
PROBE = 2**20  # bytes for which a disk has room that is not full
_NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EROFS, getattr(errno, 'EDQUOT', errno.ENOSPC))
# Of a temporary file: what it will be, the machine and the process that write it, and a number of its own.
_PART = re.compile(r'\..*\.([0-9a-f]{8})-([0-9a-f]{8})-[0-9a-f]{16}(\.[^.]*)?')
_MACHINE = f'{zlib.crc32(platform.node().encode()):08x}'


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary file beside ``path`` to be written, which takes its place when the context ends without an error.

    Nobody ever sees the file half written, also after the power failed; several writers do not disturb one another (the
    last one stays), and after an error or an interruption what was there before is as it was. Who has the file open
    goes on reading the old one. Missing folders are made; a link is followed, so that what it names is replaced;
    permissions stay, and are those of any new file where there was none. What killed writers left in a folder goes with
    the first file that a process writes there.

    Args:
        path: The file.

    Raises:
        InputError: If it cannot be written, or the disk is full, whatever the library that wrote it says; names it.
    """
    path = Path(path)
    try:
        if path.is_symlink():
            path = path.resolve()
        # the suffix stays: NumPy and matplotlib go by it; of a long name not all, which would be too long
        part = path.with_name(
            f'.{path.name[:50]}.{_MACHINE}-{os.getpid():08x}-{secrets.token_hex(8)}{path.suffix[:20]}'
        )
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent)
        part.touch(exist_ok=False)
    except OSError as error:
        raise _not_written(path, error) from error
    try:
        yield part
        _finish(part, path)
    except BaseException as error:
        reason = _failed_writing(error, part)
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if reason:
            raise _not_written(path, reason) from error
        raise


def write_whole(path: str | os.PathLike, content: str | bytes) -> None:
    """Write a text, in UTF-8, or bytes to a file, whole or not at all; see :func:`written_whole`."""
    with written_whole(path) as part:
        part.write_bytes(content if isinstance(content, bytes) else content.encode('utf-8'))


def _finish(part: Path, path: Path) -> None:
    """Bring a file that was written to the disk, and to its name."""
    with part.open('rb+') as file:
        os.fsync(file.fileno())
    if path.exists():
        part.chmod(path.stat().st_mode)
    last = time.monotonic() + PATIENCE
    while True:
        try:
            os.replace(part, path)
            break
        except PermissionError:  # on Windows also while somebody has the file open
            if os.name != 'nt' or time.monotonic() > last:
                raise
            time.sleep(0.01)
    if os.name != 'nt':  # where folders can be opened, the new name is on the disk only with them
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        except OSError:  # some network disks refuse; the file itself is safe
            pass
        finally:
            os.close(folder)


def _failed_writing(error: BaseException, part: Path) -> OSError | None:
    """The error of the temporary file or of the disk behind what a library raised, if there is one."""
    behind: BaseException | None = error if isinstance(error, Exception) else None
    while behind is not None:
        if isinstance(behind, OSError):
            names = {str(name) for name in (behind.filename, behind.filename2) if name is not None}
            if str(part) in names or (not names and behind.errno in _NO_ROOM):
                return behind
        behind = behind.__cause__ or behind.__context__
    if not isinstance(error, Exception) or isinstance(error, InputError):
        return None
    try:  # libraries that are not written in Python have errors of their own for a full disk
        with part.open('ab') as file:
            file.write(bytes(PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as full:
        return full
    return None


def _not_written(path: Path, error: OSError) -> InputError:
    other = f' ({error.filename})' if error.filename and Path(error.filename) in path.parents else ''
    return InputError(
        f'{path}: could not be written: {error.strerror or error}{other}; what was there before is as it was'
    )


@lru_cache(maxsize=1000)
def remove_leftovers(folder: Path) -> None:
    """Remove what killed writers left in a folder; a process looks at each folder once."""
    for leftover in folder.glob('.*'):
        if not (match := _PART.fullmatch(leftover.name)):
            continue
        with suppress(OSError):  # another was faster, or it is not ours to remove
            age = time.time() - leftover.stat().st_mtime
            if age > LEFTOVER or (match[1] == _MACHINE and not process_is_alive(int(match[2], 16))):
                leftover.unlink()


def process_is_alive(number: int) -> bool:
    """Whether there is a process of this number on this machine; True where nobody can tell."""
    if sys.platform == 'win32':  # where a signal of 0 is Ctrl-C
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # of another user
        return True
    return True
