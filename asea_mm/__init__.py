"""asea_mm: two-person interaction recognition from skeletons, a plugin for mmaction2.

Importing this package closes the gaps of the installed host (:mod:`asea_mm.compat`) and tells mmaction2's registries
where its parts are. They are imported when a registry first looks for one, as mmaction2's own parts are, so that
``import asea_mm`` stays quick.
"""

import importlib
from types import ModuleType

from . import compat

compat.apply()

import mmaction.registry as registries  # noqa: E402

__version__ = '0.1.0'

for _registry, _module in (
    (registries.MODELS, 'asea_mm.models'),
    (registries.MODELS, 'asea_mm.engine'),  # several models as one
    (registries.DATASETS, 'asea_mm.datasets'),
    (registries.TRANSFORMS, 'asea_mm.datasets.transforms'),
    (registries.HOOKS, 'asea_mm.engine'),
    (registries.LOOPS, 'asea_mm.engine'),
    (registries.RUNNERS, 'asea_mm.engine'),
    (registries.METRICS, 'asea_mm.evaluation'),
):
    if _module not in _registry._locations:  # what mmengine takes as `locations`; it has no way to add one later
        _registry._locations.append(_module)
        _registry._imported = False  # a registry that was used before looks again


def __getattr__(name: str) -> ModuleType:
    """Subpackages are imported when they are asked for."""
    if name in ('apis', 'datasets', 'deploy', 'engine', 'evaluation', 'models', 'visualization'):
        return importlib.import_module(f'{__name__}.{name}')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
