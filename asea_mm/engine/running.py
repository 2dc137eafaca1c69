"""What the tools share: a config with their options in it, a runner, errors in one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmaction.registry import RUNNERS
from mmengine.config import Config
from mmengine.runner import Runner

from .options import apply_options


def load_config(args: argparse.Namespace) -> Config:
    """The config file with the tool's options: split, fold, stream, seed, cfg_options, launcher, work_dir.

    Without ``work_dir`` in options or config, results go to ``work_dirs/{config}`` with the options in the name, so
    that folds, streams and seeds do not overwrite each other.
    """
    if not Path(args.config).is_file():
        raise FileNotFoundError(f'config {args.config} does not exist')
    cfg = Config.fromfile(args.config)
    apply_options(cfg, args.split, args.fold, args.stream, args.seed)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        parts = [Path(args.config).stem]
        parts += [args.split] if args.split is not None else []
        parts += [f'fold{args.fold}'] if args.fold is not None else []
        parts += [args.stream.replace(',', '+')] if args.stream is not None else []
        parts += [f'seed{args.seed}'] if args.seed is not None else []
        cfg.work_dir = str(Path('work_dirs') / '_'.join(parts))
    return cfg


def build_runner(cfg: Config) -> Runner:
    """mmengine's runner, or the one the config names."""
    return Runner.from_cfg(cfg) if 'runner_type' not in cfg else RUNNERS.build(cfg)


@contextmanager
def report_errors() -> Iterator[None]:
    """Show errors that a user can mend as one line instead of a traceback, and exit with 1."""
    try:
        yield
    except (ValueError, FileNotFoundError) as error:
        print(f'error: {error}', file=sys.stderr)
        sys.exit(1)
