"""asea_mm: two-person interaction recognition from skeletons, a plugin for mmaction2.

Importing this package closes the gaps of the installed host (:mod:`asea_mm.compat`)
and registers all parts in mmaction2's registries.
"""

from . import compat

compat.apply()

from . import datasets, engine, evaluation, models  # noqa: E402, F401

__version__ = '0.1.0'
