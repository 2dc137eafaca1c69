"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary file beside ``path`` to be written, which takes its place when the context ends without an error.

    Nobody ever sees the file half written, several writers do not disturb one another, and after an error or an
    interruption what was there before is as it was. Missing folders are made, and a link is followed: what it names is
    replaced.

    Args:
        path: The file.
    """
    path = Path(path)
    if path.is_symlink():
        path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    # the suffix stays: NumPy and matplotlib go by it
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.', suffix=path.suffix)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o666 & ~umask())  # mkstemp makes it private to its owner
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_whole(path: str | os.PathLike, content: str | bytes) -> None:
    """Write a text, in UTF-8, or bytes to a file, whole or not at all; see :func:`written_whole`."""
    with written_whole(path) as part:
        part.write_bytes(content if isinstance(content, bytes) else content.encode('utf-8'))


def umask() -> int:
    """The permissions that new files do not get; reading them takes setting them."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
