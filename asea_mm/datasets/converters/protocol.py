"""What all converters share: how they are called, what they return, and what becomes of recordings that are wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np

from ...errors import InputError
from ..files.annotations import save_annotations
from .parallel import ordered_map

MOST_MESSAGES = 20

Progress = Callable[[int, int], object]  # recordings that are done, and all
OnProblem = Callable[[str], object]  # the message of a recording that is left out
Item = TypeVar('Item')


def no_progress(done: int, total: int) -> None:
    """Shows nothing."""


@dataclass
class Conversion:
    """What every converter returns. Recordings are read while ``annotations`` is, which can be done once.

    Args:
        annotations: The samples, one after another: there may be more than memory holds.
        split: Split name to ids; complete after the last sample.
        meta: ``layout``, ``classes``, ``source`` and ``units``; complete after the last sample.
        problems: The message of every recording that cannot be converted; complete after the last sample.
        notes: What a user should know about the result, a line each; complete after the last sample.
    """

    annotations: Iterable[dict]
    split: dict[str, list[str]]
    meta: dict[str, Any]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def save(self, path: str | os.PathLike) -> list[dict]:
        """Write the annotation file or store, whole or not at all.

        Args:
            path: As :func:`~asea_mm.datasets.files.annotations.save_annotations` takes it.

        Returns:
            The samples without their arrays.

        Raises:
            InputError: If a recording cannot be converted and nobody was given to ``on_problem``, or none can.
        """
        headers: list[dict] = []
        save_annotations(path, self._noted(headers), self.split, self.meta)
        return headers

    def _noted(self, headers: list[dict]) -> Iterator[dict]:
        for sample in self.annotations:
            headers.append({name: value for name, value in sample.items() if not isinstance(value, np.ndarray)})
            yield sample


@dataclass(frozen=True)
class Converter:
    """A kind of source, as a command line shows and calls it.

    Args:
        title: What it is, a few words.
        source: What the path to it must name.
        out: File to write by default; ``{name}`` is the source's own name, other fields are options.
        convert: Called as ``convert(source, progress=..., on_problem=..., **options)``. ``progress`` gets the number of
            recordings that are done and of all. ``on_problem`` gets the message of every recording that cannot be
            converted, which is left out; without it they are gathered and raised together at the end, and anyway if
            no recording is left. What is wrong with the source as a whole is raised at once.
        options: Name of each further argument of ``convert`` to the keyword arguments of
            ``argparse.ArgumentParser.add_argument``; ``keep_broken`` is ``--keep-broken``.
        skip_bad: Whether recordings that cannot be converted are left out unless the user says otherwise: so in
            published data, which nobody can mend.
    """

    title: str
    source: str
    out: str
    convert: Callable[..., Conversion]
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    skip_bad: bool = False


class Problems:
    """The recordings that cannot be converted.

    Args:
        source: The source, for the messages.
        on_problem: See :class:`Converter`.
    """

    def __init__(self, source: str | os.PathLike, on_problem: OnProblem | None) -> None:
        self.source = source
        self.on_problem = on_problem
        self.messages: list[str] = []

    def add(self, message: str) -> None:
        """Note the message of one recording."""
        self.messages.append(message)
        if self.on_problem is not None:
            self.on_problem(message)

    def require_told(self, num_converted: int) -> None:
        """To be called after the last recording.

        Raises:
            InputError: If none was converted, or some cannot be and nobody else was told.
        """
        if not num_converted:
            raise InputError(self.listing(f'{self.source}: expected recordings that can be converted, got none'))
        if self.messages and self.on_problem is None:
            raise InputError(self.listing('nothing is written; --skip-bad leaves bad recordings out'))

    def listing(self, end: str) -> str:
        """The first messages, a line each, how many there are, and an end."""
        lines = self.messages[:MOST_MESSAGES]
        if len(self.messages) > len(lines):
            lines.append(f'and {len(self.messages) - len(lines)} more')
        return '\n'.join([*lines, end])


def convert_each(
    items: Sequence[Item],
    convert: Callable[[Item], dict],
    split: Mapping[str, Iterable[str]],
    meta: dict[str, Any],
    problems: Problems,
    progress: Progress,
    jobs: int = 1,
    notes: Iterable[str] = (),
) -> Conversion:
    """Convert items to samples in their order; what is wrong with one is noted, and the others go on.

    Args:
        items: What is to be converted, one recording each.
        convert: Makes a sample of an item, or raises InputError or OSError.
        split: Split name to ids; those that cannot be converted are taken out.
        meta, notes: See :class:`Conversion`.
        problems: What is known to be wrong, and takes what else is.
        progress: See :class:`Converter`.
        jobs: Number of processes. More than one need items and ``convert`` that can be pickled.
    """
    conversion = Conversion((), {name: list(ids) for name, ids in split.items()}, meta, problems.messages, [*notes])

    def samples() -> Iterator[dict]:
        converted = set()
        for done, (sample, message) in enumerate(ordered_map(partial(_attempt, convert), items, jobs), 1):
            if sample is None:
                problems.add(message)
            else:
                converted.add(sample['frame_dir'])
                yield sample
            progress(done, len(items))
        problems.require_told(len(converted))
        for name, ids in conversion.split.items():
            conversion.split[name] = [sample_id for sample_id in ids if sample_id in converted]
            if ids and not conversion.split[name]:
                conversion.notes.append(f'split {name!r}: none of its {len(ids)} recordings is left')

    conversion.annotations = samples()
    return conversion


def _attempt(convert: Callable[[Item], dict], item: Item) -> tuple[dict | None, str]:
    """A sample, or the message why there is none."""
    try:
        return convert(item), ''
    except (InputError, OSError) as error:
        return None, str(error)
