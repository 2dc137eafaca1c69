"""A subcommand from its words to its exit code."""

import argparse
import importlib
import os
import re
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from ..engine import report_errors
from ..errors import did_you_mean


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the words of a command line in one line, and what was probably meant."""

    def error(self, message: str) -> NoReturn:
        unknown = re.search(r"^unrecognized arguments: (--[^ =]+)|invalid choice: '([^']+)'", message)
        hint = ''
        if unknown:
            actions = [action for parser in (self, *self._sources()) for action in parser._actions]
            options = {option for action in actions for option in action.option_strings}
            choices = {str(choice) for action in actions for choice in action.choices or ()}
            hint = did_you_mean(unknown[1] or unknown[2], options if unknown[1] else choices)
        print(f'error: {self.prog}: {message}{hint} ({self.prog} --help tells more)', file=sys.stderr)
        sys.exit(2)

    def _sources(self) -> list[argparse.ArgumentParser]:
        """The parsers of the subcommand's own subcommands, as ``prepare`` has them."""
        choices = [action.choices for action in self._actions if isinstance(action.choices, Mapping)]
        return [parser for names in choices for parser in names.values()]


def build_parser(name: str) -> argparse.ArgumentParser:
    """The parser of a subcommand: its description and examples are the docstring of its module."""
    module = importlib.import_module(f'{__package__}.{name.replace("-", "_")}')
    description, _, examples = (module.__doc__ or '').partition('Examples:')
    parser = Parser(
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
        print(f'stopped{how_to_go_on(name, words)}', file=sys.stderr)
        return 128 + signal.SIGINT


def how_to_go_on(name: str, words: Sequence[str]) -> str:
    """What to type after an interruption, where work that was done is not lost."""
    resume = {'train': ['--resume'], 'cross-validate': []}.get(name)
    if resume is None:
        return ''
    if any(word.split('=')[0] == '--resume' for word in words):
        resume = []
    at = words.index('--cfg-options') if '--cfg-options' in words else len(words)  # takes all that follows
    return f'; go on with: {shlex.join(["asea", name, *words[:at], *resume, *words[at:]])}'


def joined(words: Sequence[str]) -> list[str]:
    """The words with ``--up -y`` as ``--up=-y``: argparse would take the value for an option."""
    return '\0'.join(words).replace('--up\0-y', '--up=-y').split('\0') if words else []
