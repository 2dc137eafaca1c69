"""What the commands of the lab share: options, the note of what was called, and errors in one line."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from asea_mm.engine import report_errors
from asea_mm.engine.running import working_tree_commit
from asea_mm.errors import InputError


class _Parser(argparse.ArgumentParser):
    def parse_args(self, *given, **named) -> Any:
        args = super().parse_args(*given, **named)
        for name in ('jobs', 'batch', 'frames', 'persons', 'samples'):
            if (number := getattr(args, name, None)) is not None and number < 1:
                raise InputError(f'--{name} must be at least 1, got {number}')
        if len(set(seeds := getattr(args, 'seeds', ()))) < len(seeds):
            raise InputError(f'--seeds: one is given twice, got {" ".join(map(str, seeds))}')
        return args


def lab_parser(
    description: str | None,
    jobs: bool = False,
    seeds: Sequence[int] = (),
    work_dir: Path | None = None,
    device: bool = False,
) -> argparse.ArgumentParser:
    """A parser with those of the shared options that a command takes."""
    parser = _Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if jobs:
        parser.add_argument('--jobs', type=int, default=1, help='runs at once; they share the cores and GPUs')
    if seeds:
        parser.add_argument('--seeds', type=int, nargs='+', default=list(seeds), help='default: %(default)s')
    if work_dir:
        parser.add_argument('--work-dir', type=Path, default=work_dir, help='folder of the runs; default: %(default)s')
    if device:
        parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
        parser.add_argument('--threads', type=int, help='CPU threads; default as torch chooses')
    return parser


def noted_command(name: str) -> str:
    """What was called, for results."""
    return ' '.join(['python', '-m', f'lab.{name}', *sys.argv[1:]])


def circumstances(name: str, device: torch.device) -> dict[str, Any]:
    """Command, commit and machine of a measurement, for results."""
    return {
        'command': noted_command(name),
        'commit': working_tree_commit(),
        'torch': torch.__version__,
        'device': torch.cuda.get_device_name() if device.type == 'cuda' else platform.processor() or platform.machine(),
        'threads': torch.get_num_threads(),
    }


def run_main(main: Callable[[], None]) -> None:
    """Run a command; what its user can mend is one line."""
    with report_errors():
        main()
