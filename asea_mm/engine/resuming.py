"""From which checkpoint a training goes on."""

import os
import re
import sys
from pathlib import Path

from ..errors import InputError
from .checkpoints import read_checkpoint

LAST = 'last_checkpoint'  # the file with the name of the last checkpoint
INTERRUPTED = 'interrupted.pth'  # the state of a training that was stopped within an epoch


def file_name(path: str | os.PathLike) -> str:
    """The last part of a path of any system: work folders are copied between them."""
    return re.split(r'[\\/]', str(path))[-1]


def latest_checkpoint(work_dir: str | os.PathLike) -> Path | None:
    """The checkpoint of a work folder from which its training goes on.

    It is the one that ``last_checkpoint`` names, by its name alone: the folder may have been moved or copied. If that
    is damaged or not there, it is the newest of the folder that is whole, and a line on stderr says so.

    Args:
        work_dir: The work folder.

    Returns:
        Its path; None if there is none.
    """
    folder = Path(work_dir)
    last = folder / LAST
    # what a crash of the machine leaves may be empty, or anything
    named = file_name(last.read_text(encoding='utf-8', errors='replace').strip()) if last.is_file() else ''
    damaged = []
    if last.is_file() and not named:
        damaged.append(f'{last} is empty')
    if named:
        if _steps(folder / named) is not None:
            return folder / named
        damaged.append(f'{folder / named} is {"damaged" if (folder / named).exists() else "not there"}')
    numbered = [(int(match[2]), path) for path in folder.glob('*.pth') if (match := _NUMBERED.fullmatch(path.name))]
    newest = None
    for kind in (folder / INTERRUPTED, *(path for _, path in sorted(numbered, reverse=True))):
        if kind.is_file() and kind.name != named:
            steps = _steps(kind)
            if steps is not None and (newest is None or steps > newest[0]):
                newest = steps, kind
            if steps is not None and kind.name != INTERRUPTED:
                break
    if damaged:
        instead = f'training goes on from {newest[1]}' if newest else 'there is no other, training begins anew'
        print(f'{", ".join(damaged)}: {instead}', file=sys.stderr)
    return newest[1] if newest else None


_NUMBERED = re.compile(r'(epoch|iter)_(\d+)\.pth')


def _steps(path: Path) -> int | None:
    """How many steps a checkpoint has seen; None if it is none, or damaged."""
    try:
        return int(read_checkpoint(str(path), resume=True)['meta'].get('iter', 0))
    except (InputError, OSError):
        return None
