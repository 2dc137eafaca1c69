"""The config that a user names: a file, or one that comes with the package; and what is in a config."""

import os
import re
import threading
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

from mmengine.config import Config

from ..errors import InputError, did_you_mean

_READING = threading.RLock()  # of mmengine's class
PACKAGE = Path(__file__).resolve().parents[1]
# Built into an installed package, beside the package in a clone.
FOLDER = next(filter(Path.is_dir, (PACKAGE / '.mim' / 'configs', PACKAGE.parent / 'configs')), PACKAGE / 'configs')


def known_configs() -> dict[str, Path]:
    """The configs that come with the package, by name; bases are no configs."""
    files = [path for path in sorted(FOLDER.rglob('*.py')) if '_base_' not in path.relative_to(FOLDER).parts]
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
    hint = did_you_mean(path.stem, configs)
    if path.suffix == '.py':
        raise FileNotFoundError(f'config {name} does not exist{hint}')
    raise InputError(f'config {name}: neither a file nor a config of asea_mm{hint}')


def read_config(name: str | os.PathLike) -> Config:
    """Read a config; a ``_base_`` that is not beside it is one that comes with the package.

    So ``_base_ = ['asea_sbu.py']`` inherits from our config wherever the user's own stands.

    Args:
        name: As of :func:`find_config`.

    Raises:
        FileNotFoundError: If a path leads nowhere.
        InputError: If no config has this name, or there is an error in it or in a base; names file and line.
    """
    path = find_config(name)
    with _READING:
        beside = Config._get_cfg_path  # mmengine has no other place that could be told

        def beside_or_ours(base: str, filename: str) -> tuple[str, str | None]:
            resolved, scope = beside(base, filename)
            ours = FOLDER / base
            return (str(ours), scope) if not Path(resolved).exists() and ours.is_file() else (resolved, scope)

        Config._get_cfg_path = staticmethod(beside_or_ours)
        try:
            return Config.fromfile(path)
        except Exception as error:  # a config is Python, and raises whatever it likes
            raise _fault_of_config(error, path) from error
        finally:
            Config._get_cfg_path = staticmethod(beside)


def _fault_of_config(error: Exception, path: Path) -> Exception:
    """What is wrong with a config, and in which line of which file."""
    text = ' '.join(str(error).split())
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    read = [frame.f_locals['filename'] for frame in frames if frame.f_code.co_name in ('_file2dict', '_get_base_files')]
    file = os.path.normpath(read[-1] if read else path)
    run = [entry for entry in traceback.extract_tb(error.__traceback__) if entry.name == '<module>']
    replaced = re.match(r"`?(\w+)=.* but is of type <class '(\w+)'>", text)
    if isinstance(error, InputError):
        return error
    if isinstance(error, SyntaxError):
        reason = f'{file}, line {error.lineno}: {error.msg}'
    elif run:  # a config, or a module that it imports
        reason = f'{os.path.normpath(run[-1].filename)}, line {run[-1].lineno}: {text or type(error).__name__}'
    elif isinstance(error, FileNotFoundError):
        base = Path(error.filename or text)
        hint = did_you_mean(base.stem, known_configs())
        return FileNotFoundError(f'config {path}: its base {base} does not exist{hint}')
    elif isinstance(error, TypeError) and replaced:
        key, kind = replaced.groups()
        reason = (
            f'{file}: {key}: expected {kind} as in its base, got a dictionary; write {key}=dict(_delete_=True, ...) to '
            f'replace what the base says'
        )
    elif isinstance(error, ImportError):
        reason = f'{file}: custom_imports: {error.__cause__ or text}; is its folder in PYTHONPATH?'
    else:
        reason = f'{file}: {type(error).__name__}: {text}'
    return InputError(f'config {shorten(reason, 450, placeholder=" ...")}')


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
