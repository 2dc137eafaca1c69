"""The config that a user names: a file, or one that comes with the package; and what is in a config."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..errors import InputError

PACKAGE = Path(__file__).resolve().parents[1]
# Built into an installed package, beside the package in a clone.
FOLDERS = (PACKAGE / '.mim' / 'configs', PACKAGE.parent / 'configs')


def known_configs() -> dict[str, Path]:
    """The configs that come with the package, by name; bases are no configs."""
    folder = next((folder for folder in FOLDERS if folder.is_dir()), None)
    if folder is None:
        return {}
    files = [path for path in sorted(folder.rglob('*.py')) if '_base_' not in path.relative_to(folder).parts]
    return {path.stem: path for path in files}


def find_config(name: str | os.PathLike) -> Path:
    """The path of a config.

    Args:
        name: A path, or the name of a config that comes with the package, such as ``asea_sbu``.

    Raises:
        FileNotFoundError: If a path leads nowhere.
        InputError: If no config has this name.
    """
    path = Path(name)
    if path.is_file():
        return path
    configs = known_configs()
    if path.name == str(name) and path.stem in configs and path.suffix in ('', '.py'):
        return configs[path.stem]
    guesses = get_close_matches(path.stem, configs, n=3)
    hint = f'; did you mean {" or ".join(guesses)}?' if guesses else ''
    if path.suffix == '.py':
        raise FileNotFoundError(f'config {name} does not exist{hint}')
    raise InputError(f'config {name}: neither a file nor a config of asea_mm{hint}')


def nodes(part: Any) -> Iterator[Any]:
    """A part of a config, and everything in it at any depth."""
    yield part
    children = part.values() if isinstance(part, Mapping) else part if isinstance(part, (list, tuple, set)) else ()
    for child in children:
        yield from nodes(child)


def part_names(part: Any) -> list[str]:
    """Everything under the key ``type`` in a part of a config that is a text."""
    kinds = [node.get('type') for node in nodes(part) if isinstance(node, Mapping)]
    return [kind for kind in kinds if isinstance(kind, str)]
