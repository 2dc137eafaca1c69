"""What is said to the user of a recording that was read, but not as it stands in the file."""

from collections.abc import Iterable
from typing import NamedTuple


class Note(NamedTuple):
    """What was done, the same for all recordings to which it happened; and what is this recording's own."""

    what: str
    detail: str = ''

    def __str__(self) -> str:
        return f'{self.what} ({self.detail})' if self.detail else self.what


def gather_notes(notes: Iterable[tuple[str, Note]]) -> list[str]:
    """A line for each thing that was done, which names the first recording and counts the others.

    Args:
        notes: Name of the recording, and what was done.
    """
    first: dict[str, tuple[str, Note]] = {}
    names: dict[str, set[str]] = {}
    for name, note in notes:
        first.setdefault(note.what, (name, note))
        names.setdefault(note.what, set()).add(name)
    others = {what: len(named) - 1 for what, named in names.items()}
    return [
        f'{name}{f" and {others[what]} more" if others[what] else ""}: {note}' for what, (name, note) in first.items()
    ]
