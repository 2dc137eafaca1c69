"""What installed mmaction2 1.2.0 and mmengine 0.10.7 lack, and nothing else.

Each function is inert where its gap does not exist.
"""

import importlib
import importlib.metadata
import importlib.util
import pickle
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer


def provide_importlib_metadata() -> None:
    """Serve the standard library's ``importlib.metadata`` where mmaction2 imports its backport, undeclared."""
    if importlib.util.find_spec('importlib_metadata') is None:
        sys.modules['importlib_metadata'] = importlib.metadata


def provide_localizer_drn() -> None:
    """Stand in for ``mmaction.models.localizers.drn``, which the published wheel of mmaction2 1.2.0 lacks.

    Without it ``import mmaction.models`` fails. The stand-in refuses to be built.
    """
    spec = importlib.util.find_spec('mmaction')
    if spec is None or spec.origin is None:
        return  # `import mmaction` will say so, in its own words
    if (Path(spec.origin).parent / 'models' / 'localizers' / 'drn').exists():
        return

    class DRN:
        """Placeholder of a localizer that this mmaction2 was published without."""

        def __init__(self, *args, **kwargs) -> None:
            raise ImportError('DRN is missing from this mmaction2 wheel; install mmaction2 from source to use it')

    name = 'mmaction.models.localizers.drn'
    package, module = ModuleType(name), ModuleType(f'{name}.drn')
    package.__path__ = []
    module.DRN = DRN  # type: ignore[attr-defined]
    package.drn = module  # type: ignore[attr-defined]
    sys.modules.setdefault(package.__name__, package)
    sys.modules.setdefault(module.__name__, module)


# What mmaction2's video-text models import from packages that have dropped it since, transformers 5 among them.
VIDEO_TEXT_NEEDS = {
    'transformers.file_utils': ('ModelOutput', 'add_start_docstrings', 'replace_return_docstrings'),
    'transformers.modeling_utils': ('apply_chunking_to_forward', 'find_pruneable_heads_and_indices'),
    'transformers.models.beit.modeling_beit': ('BeitDropPath', 'BeitRelativePositionBias'),
    'timm.models.layers': ('DropPath',),
}


def leave_out_video_text_models() -> None:
    """Have mmaction2 do without VindLU where the installed transformers or timm has not what VindLU imports.

    Otherwise ``import mmaction.models`` fails wherever a new transformers happens to be installed.
    """
    if importlib.util.find_spec('mmaction') is None:
        return
    dependency: Any = importlib.import_module('mmaction.utils.dependency')
    try:
        for module, names in VIDEO_TEXT_NEEDS.items() if dependency.WITH_MULTIMODAL else ():
            imported = importlib.import_module(module)
            for name in names:
                getattr(imported, name)
    except Exception:  # whatever a foreign package raises, it cannot be used
        dependency.WITH_MULTIMODAL = False


POSE_TRANSFORMS = 'mmaction.datasets.transforms.pose_transforms'


class _PoseTransformsFinder(MetaPathFinder):
    """Finds mmaction2's pose transforms, and has :func:`_give_infinity` follow their import."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != POSE_TRANSFORMS or (spec := PathFinder.find_spec(fullname, path, target)) is None:
            return None
        loader: Any = spec.loader
        run_module = loader.exec_module

        def run_and_mend(module: ModuleType) -> None:
            run_module(module)
            _give_infinity(module)

        loader.exec_module = run_and_mend
        return spec


def _give_infinity(module: Any) -> None:
    """Have a module see NumPy with the name ``Inf``; everybody else sees it as it is."""
    module.np = ModuleType('numpy')
    module.np.__dict__.update(vars(np), Inf=np.inf)


def provide_numpy_infinity() -> None:
    """Give mmaction2's pose transforms ``np.Inf``, which NumPy 2 has dropped: ``PoseCompact`` of PoseC3D needs it.

    They are slow to import, so this waits until somebody does.
    """
    if hasattr(np, 'Inf'):
        return
    if POSE_TRANSFORMS in sys.modules:
        _give_infinity(sys.modules[POSE_TRANSFORMS])
    elif not any(isinstance(finder, _PoseTransformsFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _PoseTransformsFinder())


def _statistics_method(owner: type, name: str) -> Any:
    """What ``getattr`` in a checkpoint may do: look up how mmengine's log sums up its history, and no more."""
    if owner is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
        raise pickle.UnpicklingError(f'GLOBAL getattr of {owner!r} and {name!r}')
    return getattr(owner, name)


def allow_mmengine_checkpoints() -> None:
    """Let ``torch.load(weights_only=True)``, the default, read what mmengine saves.

    Besides tensors that is logged scalars: ``HistoryBuffer``, pickled with its methods, and NumPy arrays. Exactly these
    are allowed; everything else stays refused.
    """
    multiarray = importlib.import_module('numpy._core.multiarray' if hasattr(np, '_core') else 'numpy.core.multiarray')
    # checkpoints of NumPy 1 have the first name, of NumPy 2 the second
    modules = ('numpy.core.multiarray', 'numpy._core.multiarray')
    scalars = (np.float64, np.float32, np.int64, np.int32, np.bool_)
    torch.serialization.add_safe_globals(
        [
            HistoryBuffer,
            (_statistics_method, 'builtins.getattr'),  # type: ignore[list-item]
            np.ndarray,
            np.dtype,
            *{type(np.dtype(scalar)) for scalar in scalars},
            *((multiarray._reconstruct, f'{module}._reconstruct') for module in modules),
            *((multiarray.scalar, f'{module}.scalar') for module in modules),
        ]
    )


def apply() -> None:
    """Close all gaps; called once, when ``asea_mm`` is imported."""
    # mmcv-lite warns that it lacks deformable attention, which no skeleton model needs
    warnings.filterwarnings('ignore', 'Fail to import ``MultiScaleDeformableAttention``')
    provide_importlib_metadata()
    provide_localizer_drn()
    leave_out_video_text_models()
    provide_numpy_infinity()
    allow_mmengine_checkpoints()
