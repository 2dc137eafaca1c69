"""Compiled models: which parts TorchInductor gets, and with what options."""

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import Tensor, nn

from ..errors import InputError
from ..models.backbones.skeleton_backbone import SkeletonBackbone

OPTIONS = ('backend', 'mode', 'fullgraph', 'dynamic', 'options')  # of torch.compile
COMPILERS = ('c++', 'g++', 'clang++', 'cl')
# Blocks of other sizes, training and evaluation, with and without absences: all are versions of one function.
MOST_VERSIONS = 64


def compile_model(model: nn.Module, device: str | torch.device, whole: bool = False, **options: Any) -> bool:
    """Have a recognizer compiled in its first forward pass, in place; its weights and their names stay as they are.

    Of our backbones every block is compiled on its own, those of one size only once, of others the backbone as a whole.
    What is compiled is kept between runs (:func:`cache_folder`), and another batch size does not compile anew.

    Copies of the model are not compiled, and the probe (:func:`~asea_mm.visualization.probe.watch`) runs without.

    Args:
        model: The recognizer, ours or mmaction2's, also within another module, such as a wrapper for several processes.
        device: Where it runs. On a GPU the default ``mode`` is ``'reduce-overhead'``, CUDA graphs.
        whole: Compile the backbone as a whole: steps may be faster still, compilation takes twice as long.
        options: Of ``torch.compile``, such as ``mode`` and ``backend``.

    Returns:
        Whether it will be: on a CPU a model is no faster compiled than as it is, so it is left alone there, unless a
        ``backend`` is asked for.

    Raises:
        InputError: If there is nothing to compile with, or an option is unknown.
    """
    device = torch.device(device)
    if device.type == 'cpu' and 'backend' not in options:
        return False
    if unknown := sorted(set(options) - set(OPTIONS)):
        raise InputError(f'compile: expected whole, {", ".join(OPTIONS)}; got {", ".join(unknown)}')
    if options.get('backend', 'inductor') == 'inductor':
        _require_compiler(device)
        os.environ.setdefault('TORCHINDUCTOR_CACHE_DIR', str(cache_folder()))
        if device.type == 'cuda' and not options.keys() & {'mode', 'options'}:
            options['mode'] = 'reduce-overhead'
    torch._dynamo.config.cache_size_limit = max(torch._dynamo.config.cache_size_limit, MOST_VERSIONS)
    for number, region in enumerate(regions(model, whole)):
        _compile(region, device.type == 'cuda' and number == 0, **{'fullgraph': True, **options})
    return True


def regions(model: nn.Module, whole: bool = False) -> list[nn.Module]:
    """What of a model is compiled, each on its own; all of a model that has no backbone."""
    named = (module for name, module in model.named_modules() if name.rpartition('.')[2] == 'backbone')
    backbone = next(named, model)
    return list(backbone.blocks) if isinstance(backbone, SkeletonBackbone) and not whole else [backbone]


def compile_options(cfg: Config) -> dict[str, Any] | None:
    """What ``compile`` of a config asks for: True, or options of :func:`compile_model`; None for nothing."""
    asked = cfg.get('compile')
    if not asked:
        return None
    if asked is not True and not isinstance(asked, Mapping):
        raise InputError(f'compile: expected True, False or options of torch.compile by name, got {asked!r}')
    return {} if asked is True else dict(asked)


def cache_folder() -> Path:
    """Where compiled code is kept unless TORCHINDUCTOR_CACHE_DIR says otherwise: beside what torch downloads."""
    return Path(torch.hub.get_dir()).parent / 'asea_mm_compiled'


def _compile(region: nn.Module, begins: bool, **options: Any) -> None:
    """As ``Module.compile``, and the first axis of the tensors that the region takes may have any length.

    Where a pass begins, CUDA graphs may overwrite what they gave in the pass before; by themselves they would do so in
    every region.
    """
    compiled: Callable[..., Tensor] = torch.compile(region._call_impl, **options)

    def call(*args: Any, **kwargs: Any) -> Tensor:
        if begins:
            torch.compiler.cudagraph_mark_step_begin()
        for tensor in (value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)):
            torch._dynamo.maybe_mark_dynamic(tensor, 0)
        return compiled(*args, **kwargs)

    region._compiled_call_impl = call  # type: ignore[assignment]  # where Module.compile puts it; not copied or pickled


def _require_compiler(device: torch.device) -> None:
    if device.type == 'cuda':
        if find_spec('triton') is None:
            raise InputError('compile: on a GPU it needs the package triton, which is not installed')
    elif not any(map(shutil.which, filter(None, (os.environ.get('CXX'), *COMPILERS)))):
        looked = ', '.join(COMPILERS)
        raise InputError(f'compile: on a CPU it needs a C++ compiler; looked for $CXX, {looked} on {sys.platform}')
