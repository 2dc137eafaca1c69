"""Checkpoints that need not be trusted: their weights, and the config that they carry."""

import ast
import os
import shutil
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import torch
from mmengine.config import Config
from mmengine.runner.checkpoint import CheckpointLoader

from ..datasets.files.limits import TooMuch
from ..datasets.files.plain_unpickler import ForbiddenGlobal
from ..datasets.files.whole import written_whole
from ..errors import InputError, did_you_mean
from .allowed_parts import check_names
from .tensor_files import read_tensor_file

# Where mmengine would read checkpoints from; the names of model zoos are URLs of other servers.
_SCHEMES = (
    *('', 'http://', 'https://', 'modelzoo://', 'torchvision://', 'open-mmlab://', 'openmmlab://', 'mmcls://'),
    *('jhu://', 'pavi://', 's3://', r'(\S+\:)?s3://'),
)
_LONGEST_CONFIG = 1_000_000  # characters
SHIPPED = Path(__file__).resolve().parents[1] / 'weights'


def shipped_checkpoints() -> dict[str, Path]:
    """The checkpoints that come along, by name: ``pair3d``, ``pair2d``. Beside each lies a card, ``pair3d.md``."""
    return {path.stem: path for path in sorted(SHIPPED.glob('*.pth'))}


def local_checkpoint(path: str | os.PathLike) -> Path:
    """The file of a checkpoint, wherever one is named.

    A name of :func:`shipped_checkpoints` is the one that comes along, unless there is a file of this name, as with
    configs. That of a URL is downloaded, once, to the cache of torch.hub.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If the URL is of another kind than http and https, or nothing comes from it.
    """
    url = str(path)
    if '://' not in url:
        if Path(path).is_file():
            return Path(path)
        shipped = shipped_checkpoints()
        if url not in shipped:
            raise FileNotFoundError(f'checkpoint {path} does not exist{did_you_mean(url, shipped)}')
        return shipped[url]
    parts = urlsplit(url)
    if parts.scheme not in ('http', 'https'):
        raise InputError(f'checkpoint {url}: expected a file, or a URL that begins with http:// or https://')
    name = Path(parts.path)
    file = Path(torch.hub.get_dir()) / 'checkpoints' / f'{name.stem}-{zlib.crc32(url.encode()):08x}{name.suffix}'
    if not file.is_file():
        try:
            with urlopen(url, timeout=60) as source, written_whole(file) as part, part.open('wb') as target:
                shutil.copyfileobj(source, target)
        except (OSError, ValueError) as error:
            raise InputError(f'checkpoint {url}: could not be downloaded: {error}') from error
    return file


def read_checkpoint(path: str | os.PathLike, resume: bool = False) -> dict[str, Any]:
    """The content of a checkpoint, on the CPU, without running any code that it may contain.

    Args:
        path: The file, the name of one that comes along, or the URL of one, see :func:`local_checkpoint`.
        resume: Whether training shall go on from it, which needs more than weights.

    Returns:
        ``state_dict`` and ``meta``, and whatever else it has; of a file of bare weights just these two.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it is not a checkpoint, or has no state of a training and ``resume`` is set.
    """
    file = local_checkpoint(path)
    try:
        content: Any = read_tensor_file(file)
    except ForbiddenGlobal as error:
        raise InputError(
            f'checkpoint {path}: refused, it asks for {error}; only tensors, plain containers and what mmengine logs '
            f'are read, anything else could run code'
        ) from None
    except TooMuch as error:
        raise InputError(
            f'checkpoint {path}: refused, the file of {file.stat().st_size} bytes asks for {error}'
        ) from None
    except Exception:  # a damaged file raises almost anything
        raise InputError(f'checkpoint {path}: not a checkpoint, or a damaged one') from None
    weights = content.get('state_dict', content) if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not any(isinstance(weight, torch.Tensor) for weight in weights.values()):
        got = f'the keys {str(list(content)[:5])[:200]}' if isinstance(content, dict) else type(content).__name__
        raise InputError(f"checkpoint {path}: expected weights, in 'state_dict' or on their own, got {got}")
    if weights is content:
        content = {'state_dict': content}
    meta = content.get('meta')
    meta = dict(meta) if isinstance(meta, dict) else {}
    meta.pop('config', None)  # mmengine runs it as Python when a training is resumed
    if resume and 'epoch' not in meta:
        raise InputError(f'checkpoint {path}: has weights but no state of a training to resume')
    return {**content, 'meta': meta}


def load_from_checked_file(filename: str, map_location: Any = None) -> dict[str, Any]:
    """:func:`read_checkpoint` as mmengine calls what reads checkpoints; optimizers and models take their own device."""
    return read_checkpoint(filename)


def guard_mmengine() -> None:
    """Have mmengine read all checkpoints, wherever a config names one, by :func:`read_checkpoint`."""
    CheckpointLoader.register_scheme(_SCHEMES, load_from_checked_file, force=True)


def parse_config(text: str, source: str, allowed: Collection[str] = ()) -> Config:
    """The config that mmengine writes into checkpoints, without running it as Python.

    It is a list of assignments of literals and ``dict(...)``; anything else is refused. So are names of modules and
    parts that :mod:`.allowed_parts` does not know: mmengine would import and call whatever they name.

    Args:
        text: What ``Config.pretty_text`` gave.
        source: The file, for the messages.
        allowed: Modules that the user allows.

    Raises:
        InputError: If there is anything else in it.
    """
    fields: dict[str, Any] = {}
    try:
        if len(text) > _LONGEST_CONFIG:
            raise InputError(f'{len(text)} characters')
        for statement in ast.parse(text).body:
            if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
                raise InputError(f'a statement that is no assignment in line {statement.lineno}')
            fields[statement.targets[0].id] = ast.literal_eval(_Literals().visit(statement.value))
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise InputError(
            f'{source}: refused, its config has {str(error)[:200] or type(error).__name__}; only plain values are '
            f'read, anything else could run code. Give a config file that you trust as model, and this as weights'
        ) from None
    check_names(fields, source, allowed)
    if 'model' not in fields:
        raise InputError(f"{source}: expected a config with 'model', got {str(sorted(fields)[:8])[:200]}")
    return Config(fields)


@contextmanager
def blamed_on(source: str) -> Iterator[None]:
    """Raise whatever comes of building what a file describes as an error of the file: nobody wrote code in it."""
    try:
        yield
    except Exception as error:
        is_ours = isinstance(error, InputError)
        if is_ours and source.removeprefix('checkpoint ') in str(error):
            raise
        reason = ' '.join(str(error).split()) if is_ours else ' '.join(f'{type(error).__name__}: {error}'.split())
        raise InputError(f'{source}: its config cannot be used: {reason[:300]}') from error


class _Literals(ast.NodeTransformer):
    """``dict(a=1)`` as ``{'a': 1}`` and ``inf`` as a number; other calls and names are refused."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Name) and node.func.id == 'dict':
            if not node.args and all(keyword.arg for keyword in node.keywords):
                keys: list[ast.expr | None] = [ast.Constant(keyword.arg) for keyword in node.keywords]
                return ast.Dict(keys, [self.visit(keyword.value) for keyword in node.keywords])
            if len(node.args) == 1 and isinstance(node.args[0], ast.Dict) and not node.keywords:
                return self.visit(node.args[0])  # keys that are no names
        raise InputError(f'{ast.unparse(node)[:60]!r} in line {node.lineno}')

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in ('inf', 'nan'):  # how numbers without end are printed
            return ast.Constant(float(node.id))
        raise InputError(f'{node.id!r} in line {node.lineno}')
