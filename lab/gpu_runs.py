"""The runs of the tables of tasks on one large GPU, many at once, in a given time: ``make gpu-runs``.

    python -m lab.gpu_runs --minutes 12 --pack gpu_runs.tar.gz
    python -m lab.gpu_runs --minutes 12 --pack gpu_runs.tar.gz --carried gpu_runs.tar.gz   # goes on elsewhere
    python -m lab.gpu_runs --minutes 1 --jobs 2 --results work_dirs/trial/results --work-dir work_dirs/trial \\
        --cfg-options train_cfg.max_epochs=1 train_cfg.val_begin=1                          # a trial, also on a CPU

Options that are not named here go to ``lab.reproduce``. Runs share the GPU by NVIDIA's Multi-Process Service, where it
is there. The queue is by seeds, then models, in the order of the list: what is stopped has whole seeds of the first
models. Half a minute of the time is left for trainings to stop, pages and the archive. That holds the results, and of
finished runs what :mod:`lab.reproduce` needs to take them as finished: unpack it at the root of a clone.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from asea_mm.datasets.files.whole import written_whole
from asea_mm.errors import InputError

from . import reproduce
from .commands import lab_parser, run_main
from .files import RESULTS

DAEMON = 'nvidia-cuda-mps-control'
LEFT = 0.5  # minutes
OF_A_RUN = ('result.json', 'test/scores.npz', 'late/*.npz')


@contextmanager
def shared_gpu() -> Iterator[None]:
    """Run NVIDIA's Multi-Process Service, unless there is no GPU, no such service, or one is running already."""
    begun = False
    if torch.cuda.is_available() and shutil.which(DAEMON):
        begun = subprocess.run([DAEMON, '-d'], check=False, capture_output=True).returncode == 0
    try:
        yield
    finally:
        if begun:
            subprocess.run([DAEMON], input='quit\n', text=True, check=False, capture_output=True)


def pack(archive: Path, results: Path, work_dir: Path) -> int:
    """Write results, and the small files of finished runs, to an archive with paths from here; returns their number.

    Raises:
        InputError: If one of the folders is not below the current one.
    """
    files = sorted(path for path in results.glob('*') if path.is_file())
    for finished in sorted(work_dir.glob('*_cv/fold*_seed*/result.json')):
        files += [path for pattern in OF_A_RUN for path in sorted(finished.parent.glob(pattern))]
    here = Path.cwd()
    if outside := [path for path in files if not path.resolve().is_relative_to(here)]:
        raise InputError(f'--pack: expected results and work folder below {here}, got {outside[0]}')
    with written_whole(archive) as part, tarfile.open(part, 'w:gz') as tar:
        for path in files:
            tar.add(path, path.resolve().relative_to(here).as_posix())
    return len(files)


def unpack(archive: Path) -> None:
    """Put back what :func:`pack` wrote, below the current folder."""
    if not archive.is_file():
        raise FileNotFoundError(f'--carried: {archive} does not exist')
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(Path.cwd(), filter='data')
    except (tarfile.TarError, EOFError) as error:
        raise InputError(f'{archive}: expected an archive of --pack, got {error}') from None


def main(arguments: Sequence[str] | None = None) -> None:
    parser: argparse.ArgumentParser = lab_parser(__doc__)
    parser.add_argument('--minutes', type=float, default=12.0, help='for all (default: %(default)s)')
    parser.add_argument('--jobs', default='16', help='runs at once (default: %(default)s)')
    parser.add_argument('--tables', nargs='+', default=['tasks'], help='default: %(default)s')
    parser.add_argument('--seeds', nargs='+', default=['0', '1', '2', '3'], help='default: %(default)s')
    parser.add_argument('--results', type=Path, default=RESULTS, help='default: %(default)s')
    parser.add_argument('--work-dir', type=Path, default=Path('work_dirs'), help='default: %(default)s')
    parser.add_argument('--pack', type=Path, help='write an archive of what is to be kept')
    parser.add_argument('--carried', type=Path, help='archive of a call before, to go on from')
    args, others = parser.parse_known_args(arguments)
    if args.minutes <= LEFT:
        raise InputError(f'--minutes: expected more than {LEFT:g}, got {args.minutes:g}')
    if args.carried:
        unpack(args.carried)
    words = ['--jobs', args.jobs, '--seeds', *args.seeds, '--minutes', str(args.minutes - LEFT)]
    words += ['--results', str(args.results), '--work-dir', str(args.work_dir)]
    try:
        with shared_gpu():
            reproduce.main([*args.tables, *words, *others])
    finally:
        if args.pack:
            print(f'{args.pack}: {pack(args.pack, args.results, args.work_dir)} files')


if __name__ == '__main__':
    run_main(main)
