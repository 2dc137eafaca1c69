"""The temperature that a checkpoint carries, so that its scores say how sure it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..datasets.files.whole import written_whole
from ..errors import InputError
from ..evaluation.calibration import calibrated, expected_calibration_error, fit_temperature
from .checkpoints import read_checkpoint


def read_temperature(meta: Mapping[str, Any], source: str) -> float | None:
    """The temperature of a checkpoint's scores; None if it was not calibrated.

    Raises:
        InputError: If it is no positive number.
    """
    calibration = meta.get('calibration')
    if calibration is None:
        return None
    temperature = calibration.get('temperature') if isinstance(calibration, dict) else None
    if isinstance(temperature, bool) or not isinstance(temperature, int | float) or not 0 < temperature < 1e3:
        raise InputError(f'checkpoint {source}: expected a positive temperature in its calibration, got {calibration}')
    return float(temperature)


def calibrate_checkpoint(path: str, scores: np.ndarray, labels: np.ndarray, out: str | Path) -> dict[str, Any]:
    """Write a checkpoint with the temperature of its scores, which the inferencer then uses.

    Args:
        path: The checkpoint.
        scores, labels: Of validation samples, see :func:`~..evaluation.calibration.fit_temperature`.
        out: File to write; may be ``path``.

    Returns:
        What is noted in ``meta['calibration']``: ``temperature``, ``samples``, and the expected calibration error
        ``ece`` with and ``ece_before`` without it.

    Raises:
        InputError: If scores, labels or the checkpoint are not as expected.
    """
    content = read_checkpoint(path)
    temperature = fit_temperature(scores, labels)
    calibration = {
        'temperature': temperature,
        'samples': len(labels),
        'ece_before': expected_calibration_error(calibrated(scores, 1.0), labels),
        'ece': expected_calibration_error(calibrated(scores, temperature), labels),
    }
    content['meta'] = {**content['meta'], 'calibration': calibration}
    with written_whole(out) as part:
        torch.save(content, part)
    return calibration
