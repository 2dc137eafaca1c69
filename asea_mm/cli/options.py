"""Options that several subcommands share, in the same words everywhere."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config
from rich.console import Console
from rich.progress import Progress

from ..datasets.recordings.recording import UNITS, UP_AXES
from ..datasets.transforms import STREAMS
from ..engine import load_config
from ..engine.options import read_cfg_options
from ..errors import InputError

# Of argparse, by their names in Python; converters have some of them, too.
RECORDING_OPTIONS: dict[str, dict[str, Any]] = {
    'units': dict(choices=list(UNITS), help='default: metre for 3-D, pixel for 2-D'),
    'up': dict(choices=list(UP_AXES), help='axis that points up in 3-D (default: y)'),
    'fill_missing': dict(action='store_true', help='interpolate missing joints of 3-D in time'),
}
CONFIG_HELP = 'config: a path, or the name of one that comes with asea_mm, e.g. asea_sbu'


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """A config, and what is changed in it."""
    parser.add_argument('config', help=CONFIG_HELP)
    group = parser.add_argument_group('options of the config')
    add_subset_options(group)
    group.add_argument('--stream', help=f'{", ".join(STREAMS)}, or several separated by commas')
    group.add_argument('--seed', type=int, help='random seed')
    group.add_argument('--work-dir', help='folder for results (default: work_dirs/CONFIG with the options in its name)')
    add_cfg_options(group)


def add_launcher_options(parser: argparse.ArgumentParser) -> None:
    """How the processes of one training or test find each other; used by tools/dist_*.sh and tools/slurm_*.sh."""
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def add_subset_options(parser: Any) -> None:
    """Which part of a data set."""
    parser.add_argument('--split', help='benchmark or split of the data set, e.g. xsub or xset')
    parser.add_argument('--fold', type=int, help='fold of cross-validation')


def add_cfg_options(parser: Any) -> None:
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override config values')


def config_of(args: argparse.Namespace) -> Config:
    """The config of :func:`add_config_options`, and of :func:`add_launcher_options` where they are."""
    os.environ.setdefault('LOCAL_RANK', str(getattr(args, 'local_rank', 0)))
    options = {name: getattr(args, name) for name in ('split', 'fold', 'stream', 'seed', 'work_dir')}
    launcher = getattr(args, 'launcher', 'none')
    return load_config(args.config, **options, launcher=launcher, cfg_options=read_cfg_options(args.cfg_options))


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """A trained model."""
    group = parser.add_argument_group('model')
    group.add_argument('--model', required=True, metavar='CHECKPOINT', help='checkpoint of training')
    group.add_argument('--config', help=f'{CONFIG_HELP}; default: the one in the checkpoint')
    add_device_option(group)


def add_device_option(parser: Any) -> None:
    parser.add_argument('--device', default='cpu', help='cpu, cuda, cuda:1, ... (default: %(default)s)')


def add_recording_options(parser: argparse.ArgumentParser) -> None:
    """What recordings do not say themselves."""
    group = parser.add_argument_group('recordings')
    for name, settings in RECORDING_OPTIONS.items():
        group.add_argument(f'--{name.replace("_", "-")}', **settings)


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """Several runs at once."""
    group = parser.add_argument_group('runs at once')
    group.add_argument('--jobs', type=int, default=1, help='how many; those of one machine share its cores and GPUs')
    group.add_argument('--cluster', choices=['local', 'slurm'], default='local', help='default: %(default)s')
    group.add_argument('--partition', help='partition of Slurm')
    group.add_argument('--gpus', type=int, default=1, help='GPUs of a job of Slurm (default: %(default)s)')
    group.add_argument('--cpus', type=int, default=8, help='cores of a job of Slurm (default: %(default)s)')
    group.add_argument('--hours', type=float, default=24, help='time limit of a job of Slurm (default: %(default)s)')


def job_parameters(args: argparse.Namespace) -> dict[str, Any]:
    """The options of :func:`add_job_options` as :func:`~asea_mm.engine.jobs.run_jobs` takes them."""
    if args.cluster == 'local':
        if args.partition is not None:
            raise InputError(f'--partition {args.partition}: expected --cluster slurm with it')
        return {'jobs': args.jobs}
    if shutil.which('srun') is None:
        raise InputError('--cluster slurm: there is no Slurm (srun) on this machine')
    resources = {'gpus_per_node': args.gpus, 'cpus_per_task': args.cpus, 'timeout_min': round(60 * args.hours)}
    return {'jobs': args.jobs, 'cluster': args.cluster, 'slurm_partition': args.partition, **resources}


def command_line() -> str:
    """What was typed; for result files."""
    return shlex.join(['asea', *sys.argv[1:]])


def console(stderr: bool = False) -> Console:
    """Where tables go; lines are not broken when they are piped."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else 200)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function that shows how many are done of how many: a bar, or a line for every tenth where it is piped."""
    messages = console(stderr=True)
    bar = Progress(console=messages, transient=True)
    task = bar.add_task(what, total=None)
    tenths = 0

    def show(done: int, total: int) -> None:
        nonlocal tenths
        if messages.is_terminal:
            bar.start()  # not before processes have been forked
            bar.update(task, completed=done, total=total)
        elif 10 * done // total > tenths:
            tenths = 10 * done // total
            print(f'{what}: {done} of {total}', file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        bar.stop()


def say_written(*paths: str | os.PathLike) -> None:
    """Tell of files that were written."""
    for path in paths:
        print(f'wrote {Path(path)}')
