"""Libraries that only some users need."""

import importlib
from types import ModuleType

from ..errors import InputError


def import_library(name: str, fix: str) -> ModuleType:
    """A module that may not be installed.

    Raises:
        InputError: If it is not, or cannot be loaded; says how to get it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        text = ' '.join(f'{error}'.split())[:120]
        raise InputError(f'expected {name} to be installed ({fix}), got {text}') from None
