"""What all converters share: how they are called, what they return, and what becomes of recordings that are wrong."""

import multiprocessing
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from ...errors import InputError
from ...skeletons import get_skeleton
from ..files.annotations import validate_annotation

MOST_MESSAGES = 20
CHUNK = 16  # items that a process takes at a time
AHEAD = 16 * CHUNK  # items of each process that are worked on before all their results are taken

Progress = Callable[[int, int], object]  # recordings that are done, and all
Item = TypeVar('Item')
Result = TypeVar('Result')


def no_progress(done: int, total: int) -> None:
    """Shows nothing."""


@dataclass
class Conversion:
    """What every converter returns. All of it is complete after the last of ``annotations``.

    Args:
        split: Split name to ids.
        meta: ``layout``, ``classes``, ``source`` and ``units``.
        notes: What a user should know about the result, a line each.
        problems: The message of every recording that cannot be converted.
        annotations: The samples, once: recordings are read on the way, so there may be more than memory holds.
    """

    split: dict[str, list[str]]
    meta: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    annotations: Iterator[dict] = iter(())


@dataclass(frozen=True)
class Converter:
    """A kind of source, as a command line shows and calls it.

    Args:
        title: What it is, a few words.
        source: What the path to it must name.
        out: File to write by default; ``{name}`` is the source's own name, other fields are options.
        convert: Called as ``convert(source, progress=..., skip_bad=..., **options)``. ``progress`` gets the number of
            recordings that are done and of all. With ``skip_bad`` recordings that cannot be converted are left out;
            else they are raised together at the end. What is wrong with the source as a whole is raised at once.
        options: Name of each further argument of ``convert`` to the keyword arguments of
            ``argparse.ArgumentParser.add_argument``; ``num_person`` is ``--num-person``.
        skip_bad: The default on the command line: so in published data, which nobody can mend.
    """

    title: str
    source: str
    out: str
    convert: Callable[..., Conversion]
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    skip_bad: bool = False


def listed(problems: Sequence[str], end: str) -> InputError:
    """The error that names the first kinds of problems, a line each, and how many there are."""
    lines = grouped(problems)
    if len(lines) > MOST_MESSAGES:
        lines[MOST_MESSAGES:] = [f'and {len(lines) - MOST_MESSAGES} more']
    return InputError('\n'.join([*lines, end]))


def grouped(problems: Sequence[str]) -> list[str]:
    """The problems, of which those that differ in the file and in numbers only become one line that counts them."""
    kinds: dict[str, list[str]] = {}
    for problem in problems:
        _, separator, fault = problem.partition(': ')
        kinds.setdefault(re.sub(r'[0-9]+', '0', fault) if separator else problem, []).append(problem)
    lines = []
    for first, *others in kinds.values():
        if not others:
            lines.append(first)
            continue
        places = [problem.partition(': ')[0] for problem in (first, *others)]
        folder = re.sub(r'[^/\\]*$', '', os.path.commonprefix(places))  # of all, which the first one names
        names = [place.removeprefix(folder) for place in places[1:3]]
        more = f' and {len(others) - 2} more' if len(others) > 2 else ''
        lines.append(f'{len(others) + 1} recordings: {first}; so {", ".join(names)}{more}')
    return lines


def convert_each(
    items: Sequence[Item],
    convert: Callable[[Item], dict],
    conversion: Conversion,
    source: str | os.PathLike,
    progress: Progress,
    skip_bad: bool,
    jobs: int = 1,
) -> Iterator[dict]:
    """Convert items to samples in their order; what is wrong with one is noted, and the others go on.

    Args:
        items: What is to be converted, one recording each.
        convert: Makes a sample of an item, or raises InputError or OSError.
        conversion: Takes the problems; samples that are not there are taken out of its splits.
        source: For the messages.
        progress, skip_bad: See :class:`Converter`.
        jobs: Number of processes. More than one need items and ``convert`` that can be pickled.
    """
    converted: set[str] = set()
    joints = get_skeleton(conversion.meta['layout']).num_joints
    attempt = partial(_attempt, convert, joints, len(conversion.meta['classes']), source)
    for done, sample in enumerate(ordered_map(attempt, items, jobs), 1):
        if isinstance(sample, str):
            conversion.problems.append(sample)
        elif sample['frame_dir'] in converted:
            conversion.problems.append(f'{source}: expected every sample once, got {sample["frame_dir"]!r} again')
        else:
            converted.add(sample['frame_dir'])
            yield sample
        progress(done, len(items))
    if not converted:
        raise listed(conversion.problems, f'{source}: expected recordings that can be converted, got none')
    if conversion.problems and not skip_bad:
        raise listed(conversion.problems, 'nothing is written; --skip-bad leaves bad recordings out')
    for name, ids in conversion.split.items():
        conversion.split[name] = [sample_id for sample_id in dict.fromkeys(ids) if sample_id in converted]
        if ids and not conversion.split[name]:
            conversion.notes.append(f'split {name!r}: none of its {len(ids)} recordings is left')


def _attempt(
    convert: Callable[[Item], dict], num_joints: int, num_classes: int, source: str | os.PathLike, item: Item
) -> dict | str:
    """A sample, or the message why there is none."""
    try:
        sample = convert(item)
        validate_annotation(sample, num_joints, num_classes, source)
        return sample
    except (InputError, OSError) as error:
        return str(error)


def ordered_map(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[Result]:
    """``map(function, items)`` in ``jobs`` processes; one means this one.

    Raises:
        OSError: If a process was killed.
    """
    jobs = min(jobs, -(-len(items) // CHUNK))
    if jobs <= 1:
        yield from map(function, items)
        return
    # Importing this package takes seconds and 300 MB a process, which forking saves where it is safe.
    context = multiprocessing.get_context('fork' if sys.platform == 'linux' else None)
    # Ctrl-C reaches every process; the workers finish their items, the parent stops.
    ignore_interrupt = signal.signal, (signal.SIGINT, signal.SIG_IGN)
    with ProcessPoolExecutor(jobs, context, *ignore_interrupt) as executor:
        try:
            for start in range(0, len(items), jobs * AHEAD):
                yield from executor.map(function, items[start : start + jobs * AHEAD], chunksize=CHUNK)
        except BrokenProcessPool:
            raise OSError('a converting process was killed (out of memory?); try again with fewer jobs') from None
