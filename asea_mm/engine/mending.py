"""What mmengine, mmaction2 or a worker of a data loader say of the user's mistakes, as InputError."""

import inspect
import re
from collections.abc import Iterator
from contextlib import contextmanager

import mmaction.registry
from mmaction.registry import DATASETS, HOOKS, MODELS, TRANSFORMS
from mmengine.registry import Registry

from ..errors import InputError, did_you_mean

# What a part says that a config names wrongly or gives wrong arguments: KeyError and TypeError, but not others.
_UNKNOWN_PART = re.compile(r'(\S+) is not in the \S*::(.+?) registry')
_UNKNOWN_ARGUMENT = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")
_LACKING_ARGUMENT = re.compile(r'__init__\(\) (got an unexpected|missing \d+ required)')


@contextmanager
def mendable_errors() -> Iterator[None]:
    """Raise what mmengine, mmaction2 or a worker of a data loader say of the user's mistakes as InputError."""
    try:
        yield
    except InputError as error:
        raise InputError(_plain(str(error), type(error))) from error
    except (KeyError, TypeError) as error:
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        text = _plain(text, type(error))
        if part := _UNKNOWN_PART.search(text):
            name, registry = part.groups()
            raise InputError(
                f'{name} is not in the {registry} registry{did_you_mean(name, _parts(registry))}'
            ) from error
        if argument := _UNKNOWN_ARGUMENT.search(text):
            text += did_you_mean(argument[2], arguments_of(argument[1]))
        elif not _LACKING_ARGUMENT.search(text):
            raise
        raise InputError(text) from error
    except AssertionError as error:
        if '`epoch_length` must be a positive integer' not in str(error):  # how mmengine's schedulers find out
            raise
        few = 'the training set has fewer samples than a batch, and drop_last leaves none'
        raise InputError(f'{few}; lower train_dataloader.batch_size') from error


def _plain(text: str, kind: type[Exception]) -> str:
    """A message without the trace of a worker and without where mmengine built the part."""
    if 'Original Traceback' in text:
        text = text.rsplit(f'{kind.__name__}: ', 1)[-1]
    return re.sub(r'^(class `[^`]*` in \S+: )+', '', text)


def _registries(name: str | None = None) -> Iterator[Registry]:
    """mmaction2's registries and those of mmengine that they look into, all or those of a name."""
    for registry in vars(mmaction.registry).values():
        while isinstance(registry, Registry):
            if name is None or registry.name == name:
                yield registry
            registry = registry.parent


def _parts(registry: str) -> set[str]:
    """The names of all parts of a registry."""
    return {name for one in _registries(registry) for name in one.module_dict}


def arguments_of(part: str) -> list[str]:
    """What a registered class takes; nothing of what is no part."""
    for registry in (HOOKS, MODELS, DATASETS, TRANSFORMS):
        registry.import_from_location()
    kinds = [registry.module_dict[part] for registry in _registries() if part in registry.module_dict]
    return [name for kind in kinds[:1] for name in inspect.signature(kind).parameters]
