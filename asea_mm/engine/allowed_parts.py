"""What a config may name that came with a checkpoint: registered parts, and modules that the user allows."""

import importlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from mmaction.registry import MODELS, TRANSFORMS
from mmengine.registry import WEIGHT_INITIALIZERS

from ..errors import InputError
from .configs import nodes, part_names

# Packages whose parts may be named. None of them is imported for a checkpoint: registries find what they need.
PACKAGES = ('asea_mm', 'mmaction', 'mmengine', 'mmcv', 'torch')
# Registries that may stand in front of a part's name; anything else mmengine would import.
SCOPES = ('mmaction', 'mmengine', 'mmcv')


def check_names(fields: Mapping[str, Any], source: str, allowed: Collection[str] = ()) -> None:
    """Refuse a config that asks for other modules, before any of it is built.

    Args:
        fields: The config.
        source: The file, for the messages.
        allowed: Modules that the user allows.

    Raises:
        InputError: If it names another module to be imported, or a part of another registry.
    """
    custom_imports = fields.get('custom_imports') or {}
    for name in _imports(custom_imports):
        known = isinstance(name, str) and (name in allowed or name.partition('.')[0] in PACKAGES)
        if not known and not custom_imports.get('allow_failed_imports', False):
            raise InputError(
                f'{source}: refused, its config asks for the module {name!r}; if you trust it, allow it by '
                f'--allow-import {name}'
            )
    for node in nodes(fields):
        for key in ('_scope_', 'default_scope') if isinstance(node, Mapping) else ():
            if node.get(key) is not None and node[key] not in (*SCOPES, *allowed):
                raise InputError(
                    f'{source}: refused, its config asks for the scope {node[key]!r}, which is no registry'
                )
    for kind in part_names(fields):
        scope, _, _ = kind.rpartition('.')
        if scope and scope not in (*SCOPES, *allowed):
            raise InputError(f'{source}: refused, its config asks for {kind!r}, which is no registered part')


def import_allowed(allowed: Iterable[str]) -> None:
    """Import modules that the user allows, which register parts.

    Raises:
        InputError: If there is no such module.
    """
    for name in allowed:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise InputError(f'--allow-import {name}: {error}') from None


def import_parts(custom_imports: Mapping, source: str) -> None:
    """Import what registers the parts of a config that the user trusts, as mmengine does.

    Raises:
        InputError: If there is no such module.
    """
    for name in _imports(custom_imports):
        try:
            importlib.import_module(name)
        except ImportError as error:
            if not custom_imports.get('allow_failed_imports', False):
                raise InputError(f'{source}: custom_imports of its config: {error}') from None


def check_registered(parts: Any, source: str) -> None:
    """Of a name that is in no registry mmengine would take whatever Python has under it, and call that.

    Raises:
        InputError: If a part has such a name.
    """
    names: set[str] = set()
    for registry in (MODELS, TRANSFORMS, WEIGHT_INITIALIZERS):
        registry.import_from_location()
        while registry.parent is not None:
            names.update(registry.module_dict)
            registry = registry.parent
        names.update(registry.module_dict, *(child.module_dict for child in registry.children.values()))
    for kind in part_names(parts):
        if kind.rpartition('.')[2] not in names:
            raise InputError(f'{source}: refused, its config asks for {kind!r}, which is no registered part')


def _imports(custom_imports: Any) -> list[Any]:
    names = custom_imports.get('imports') if isinstance(custom_imports, Mapping) else custom_imports
    return [names] if isinstance(names, str) else list(names or ())
