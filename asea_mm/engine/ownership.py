"""Who writes into a work folder: one process at a time."""

import ctypes
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from mmengine.config import Config
from mmengine.logging import MMLogger

from ..errors import InputError

LOCK = '.lock'
_owned: set[Path] = set()  # by this process


@dataclass(frozen=True)
class Owner:
    """A process: its number is given to others once it is gone, but not with the same start."""

    host: str
    process: int
    started: str
    since: str

    @classmethod
    def this_process(cls) -> 'Owner':
        number = os.getpid()
        return cls(platform.node(), number, process_start(number) or '', time.strftime('%Y-%m-%d %H:%M:%S'))

    def is_gone(self) -> bool:
        """Whether the process has ended; of another machine nobody can tell."""
        return self.host == platform.node() and process_start(self.process) != self.started


@contextmanager
def owned(folder: str | os.PathLike, patience: float = 0) -> Iterator[None]:
    """Own a work folder, which is made if it is missing, until the context ends; it goes again if nothing came into it.

    The owner stands in the file ``.lock`` of the folder. That of a process that was killed holds nobody up. What a
    process owns it may own again within.

    Args:
        folder: The folder.
        patience: Seconds to wait for another owner to end.

    Raises:
        InputError: If another process owns it.
    """
    folder = Path(folder).resolve()
    if folder in _owned:
        yield
        return
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'{folder}: expected a folder for results, got {error.strerror}') from error
    lock, last = folder / LOCK, time.monotonic() + patience
    while (owner := _take(lock)) is not None:
        if time.monotonic() >= last:
            elsewhere = f', or remove {lock} if that has ended' if owner.host != platform.node() else ''
            raise InputError(
                f'{folder} is in use by process {owner.process} on {owner.host} since {owner.since}: '
                f'wait for it{elsewhere}, or choose another --work-dir'
            )
        time.sleep(0.2)
    _owned.add(folder)
    try:
        yield
    finally:
        _owned.discard(folder)
        _release(lock)
        for path in made:
            with suppress(OSError):  # there is something in it
                path.rmdir()


@contextmanager
def begun_in(folder: str | os.PathLike) -> Iterator[None]:
    """Leave nothing of a beginning in a work folder, such as its log, if the user has to mend something first."""
    folder = Path(folder)
    before = set(folder.glob('*'))
    try:
        yield
    except (InputError, OSError):
        for handler in MMLogger.get_current_instance().handlers:
            handler.close()  # Windows removes no file that is open
        for path in set(folder.glob('*')) - before:
            with suppress(OSError):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        raise


def is_first(cfg: Config) -> bool:
    """Whether this is the first process of a launcher, which owns the work folder of a config for all."""
    variables = {'pytorch': 'RANK', 'slurm': 'SLURM_PROCID', 'mpi': 'OMPI_COMM_WORLD_RANK'}
    return os.environ.get(variables.get(cfg.get('launcher', 'none'), ''), '0') == '0'


def _take(lock: Path) -> Owner | None:
    """Write this process into the lock; the owner if there is another, that has not ended."""
    with _opened_alone(lock) as file:
        owner = _read(file)
        if owner is not None and not owner.is_gone():
            return owner
        file.seek(0)
        file.truncate()
        json.dump(asdict(Owner.this_process()), file)
        file.flush()
    return None


def _release(lock: Path) -> None:
    with suppress(OSError), _opened_alone(lock) as file:
        file.truncate(0)  # free, also where a file that is open cannot be removed
        if os.name != 'nt':
            lock.unlink()
    if os.name == 'nt':
        with suppress(OSError):
            lock.unlink()


def _read(file: IO[str]) -> Owner | None:
    file.seek(0)
    try:
        return Owner(**json.load(file))
    except (ValueError, TypeError):  # new, given free, or cut off by a full disk
        return None


@contextmanager
def _opened_alone(lock: Path) -> Iterator[IO[str]]:
    """The file, which only one process at a time has open in this way, for the moment in which it reads and writes."""
    while True:
        with lock.open('a+', encoding='utf-8') as file:
            _hold(file)
            # another may have removed it while this one waited
            if _is_at(file, lock):
                yield file
                return


def _is_at(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == 'win32':
    import msvcrt

    def _hold(file: IO[str]) -> None:
        file.seek(0)
        while True:
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # given back when the file is closed
                return
            except OSError:  # after ten seconds
                continue

    def process_start(number: int) -> str | None:
        """When a process began, in words that no other process of this number has; None if there is none."""
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(0x1000, False, number)  # PROCESS_QUERY_LIMITED_INFORMATION
        if not handle:
            return None
        try:
            code, times = ctypes.c_ulong(), [ctypes.c_ulonglong() for _ in range(4)]
            kernel.GetExitCodeProcess(handle, ctypes.byref(code))
            known = kernel.GetProcessTimes(handle, *map(ctypes.byref, times))
            return str(times[0].value) if known and code.value == 259 else None  # STILL_ACTIVE
        finally:
            kernel.CloseHandle(handle)

else:
    import fcntl

    def _hold(file: IO[str]) -> None:
        with suppress(OSError):  # a disk of the network that has no locks
            fcntl.lockf(file, fcntl.LOCK_EX)  # given back when the file is closed

    def process_start(number: int) -> str | None:
        """When a process began, in words that no other process of this number has; None if there is none."""
        status = Path('/proc', str(number), 'stat')
        if Path('/proc/self/stat').exists():
            try:
                fields = status.read_text(encoding='utf-8', errors='replace').rpartition(')')[2].split()
                boot = Path('/proc/sys/kernel/random/boot_id').read_text(encoding='utf-8').strip()
            except (FileNotFoundError, ProcessLookupError):
                return None
            return None if fields[0] in 'ZX' else f'{fields[19]} {boot}'
        said = subprocess.run(['ps', '-o', 'lstart=', '-p', str(number)], capture_output=True, text=True, check=False)
        return said.stdout.strip() or None
