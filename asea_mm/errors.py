"""The error that users can mend."""

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST = 480  # characters of a line of a message


class InputError(ValueError):
    """Something that the user gave is not as expected: the message names what, what was expected and what came.

    Commands show it as one line. Our own faults are other errors and keep their traceback. Of lines that are too long,
    since they repeat what came, the middle is left out: a message begins with the file and ends with the reason.
    """

    def __init__(self, message: str = '') -> None:
        super().__init__('\n'.join(map(_shortened, str(message).split('\n'))))


def _shortened(line: str) -> str:
    return line if len(line) <= LONGEST else f'{line[: LONGEST - 180]} ... {line[-175:]}'


def one_line(error: Exception) -> str:
    """The message of an error as commands show it; what stands in several lines stays apart."""
    return '; '.join(filter(None, (' '.join(line.split()) for line in str(error).splitlines())))


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """``'; did you mean X?'`` with the known names that a mistyped one is near to, or nothing if there is none."""
    by_lower = {one.lower(): one for one in known}
    guesses = [by_lower[guess] for guess in get_close_matches(name.lower(), list(by_lower), n=3, cutoff=cutoff)]
    return f'; did you mean {" or ".join(guesses)}?' if guesses else ''
