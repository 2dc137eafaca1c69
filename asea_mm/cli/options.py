"""Options that several subcommands share, in the same words everywhere."""

import argparse
import shutil
import sys
from collections.abc import Callable
from typing import Any

from mmengine.config import Config

from ..datasets.recordings.recording import UNITS, UP_AXES
from ..datasets.transforms import STREAMS
from ..engine import load_config
from ..engine.cfg_options import read_cfg_options
from ..errors import InputError

# Of argparse, by their names in Python; converters have some of them, too.
RECORDING_OPTIONS: dict[str, dict[str, Any]] = {
    'units': dict(choices=list(UNITS), help='default: metre for 3-D, pixel for 2-D'),
    'up': dict(choices=list(UP_AXES), help='axis that points up in 3-D (default: y)'),
    'fill_missing': dict(action='store_true', help='interpolate missing joints of 3-D in time'),
}
CONFIG_HELP = 'config: a path, or the name of one that comes with asea_mm, e.g. asea_sbu'
STREAM_HELP = f'{", ".join(STREAMS)}, or several separated by commas'


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """A config, and what is changed in it."""
    parser.add_argument('config', help=CONFIG_HELP)
    group = parser.add_argument_group('options of the config')
    add_subset_options(group)
    group.add_argument('--stream', help=STREAM_HELP)
    group.add_argument('--seed', type=int, help='random seed')
    group.add_argument('--work-dir', help='folder for results (default: work_dirs/CONFIG with the options in its name)')
    add_cfg_options(group)


def add_launcher_options(parser: argparse.ArgumentParser) -> None:
    """How the processes of one training or test find each other; used by tools/dist_*.sh and tools/slurm_*.sh."""
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')


def add_subset_options(parser: Any) -> None:
    """Which part of a data set."""
    parser.add_argument('--split', help='benchmark or split of the data set, e.g. xsub or xset')
    parser.add_argument('--fold', type=int, help='fold of cross-validation')


def add_cfg_options(parser: Any) -> None:
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override config values')


def add_compile_option(parser: Any) -> None:
    text = 'compile the model for a GPU: a minute once, then faster steps; compile=dict(...) in the config has options'
    parser.add_argument('--compile', action='store_true', help=text)


def config_of(args: argparse.Namespace) -> Config:
    """The config of :func:`add_config_options`, with what other options of this file say of it where they are."""
    options = {name: getattr(args, name) for name in ('split', 'fold', 'stream', 'seed', 'work_dir')}
    launcher = getattr(args, 'launcher', 'none')
    cfg = load_config(args.config, **options, launcher=launcher, cfg_options=read_cfg_options(args.cfg_options))
    if getattr(args, 'compile', False):
        cfg.compile = cfg.get('compile') or True
    return cfg


def add_model_options(parser: argparse.ArgumentParser, default: str) -> None:
    """A trained model; ``default`` says which one that comes along is taken otherwise."""
    group = parser.add_argument_group('model')
    text = f'checkpoint of training, or the name of a model that comes along: pair3d, pair2d (default: {default})'
    group.add_argument('--model', metavar='CHECKPOINT', help=text)
    group.add_argument('--config', help=f'{CONFIG_HELP}; default: the one in the checkpoint')
    group.add_argument(
        '--allow-import',
        action='append',
        default=[],
        metavar='MODULE',
        help='module that the config in the checkpoint may import, if you trust both (may be repeated)',
    )
    add_device_option(group)


def given_model(args: argparse.Namespace, default: Callable[[], str]) -> str:
    """What ``--model`` says, or the name of the model that comes along, of which a line tells."""
    if args.model is not None:
        return args.model
    if args.config is not None:
        raise InputError(f'--config {args.config}: expected --model with its checkpoint, too')
    name = default()
    print(f'model: {name}, which comes with asea_mm', file=sys.stderr)
    return name


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
    group.add_argument('--slurm', metavar='PARTITION', help='run on Slurm instead of this machine')
    group.add_argument('--gpus', type=int, default=1, help='GPUs of a job of Slurm (default: %(default)s)')
    group.add_argument('--cpus', type=int, default=8, help='cores of a job of Slurm (default: %(default)s)')
    group.add_argument('--hours', type=float, default=24, help='time limit of a job of Slurm (default: %(default)s)')


def job_parameters(args: argparse.Namespace) -> dict[str, Any]:
    """The options of :func:`add_job_options` as :func:`~asea_mm.engine.jobs.run_jobs` takes them."""
    if args.slurm is None:
        return {'jobs': args.jobs}
    if shutil.which('srun') is None:
        raise InputError('--slurm: there is no Slurm (srun) on this machine')
    resources = {'gpus_per_node': args.gpus, 'cpus_per_task': args.cpus, 'timeout_min': round(60 * args.hours)}
    return {'jobs': args.jobs, 'cluster': 'slurm', 'slurm_partition': args.slurm, **resources}
