"""A subcommand from its words to its exit code."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence

from ..engine import report_errors


def build_parser(name: str) -> argparse.ArgumentParser:
    """The parser of a subcommand: its description and examples are the docstring of its module."""
    module = importlib.import_module(f'{__package__}.{name.replace("-", "_")}')
    description, _, examples = (module.__doc__ or '').partition('Examples:')
    parser = argparse.ArgumentParser(
        prog=f'asea {name}',
        description=description,
        epilog=f'examples:{examples}'.rstrip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--debug', action='store_true', help='show the traceback of every error')
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)
    return parser


def run_subcommand(name: str, words: Sequence[str]) -> int:
    """Run a subcommand; what a user can mend becomes one line and exit code 1, our own faults keep their traceback."""
    debug = '--debug' in words  # in any place, also behind a subcommand's subcommand
    args = build_parser(name).parse_args(joined([word for word in words if word != '--debug']))
    try:
        with report_errors(debug):
            try:
                return args.run(args) or 0
            except BrokenPipeError:  # who reads, e.g. `head`, has seen enough; what is left to print goes nowhere
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        if debug:
            raise
        print('stopped', file=sys.stderr)
        return 128 + signal.SIGINT


def joined(words: Sequence[str]) -> list[str]:
    """The words with ``--up -y`` as ``--up=-y``: argparse would take the value for an option."""
    return '\0'.join(words).replace('--up\0-y', '--up=-y').split('\0') if words else []
