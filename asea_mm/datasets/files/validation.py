"""What a sample must be."""

import os
import reprlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...errors import InputError
from .limits import LARGEST, MOST_CLASSES

COMPRESSED = 'convert the file: asea prepare convert FILE OUT.pkl --layout coco17'
SHORT = reprlib.Repr()  # of values in messages
SHORT.maxlist, SHORT.maxstring, SHORT.maxother = 5, 100, 60


def described(value: Any) -> str:
    """Type and value, for messages, in one line."""
    return ' '.join(f'{type(value).__name__} {SHORT.repr(value)}'.split())


def validate_annotation(
    annotation: Mapping,
    num_joints: int | None,
    num_classes: int | None = None,
    source: str | os.PathLike = 'annotation',
    values: bool = True,
) -> None:
    """Check one sample.

    Args:
        annotation: The sample: ``frame_dir``, ``label``, ``total_frames``, ``keypoint`` and maybe ``keypoint_score``.
        num_joints, num_classes: Joints of the layout and number of classes; ``None`` if unknown.
        source: The file, for the messages.
        values: Look at the values of the arrays, too; else only at their dtypes and shapes.

    Shapes:
        - keypoint: ``(M, T, V, C)``, C = 2 or 3; an absent person is all zero
        - keypoint_score: ``(M, T, V)``

    Raises:
        InputError: The first thing that :func:`find_problems` finds; names the file and the sample.
    """
    for _, expected, got in find_problems(annotation, num_joints, num_classes, values):
        raise InputError(f'{source}: sample {annotation.get("frame_dir")!r}: expected {expected}, got {got}')


def find_problems(
    annotation: Mapping, num_joints: int | None, num_classes: int | None, values: bool = True
) -> Iterator[tuple[str, str, Any]]:
    """All that is wrong with one sample: kind (as in :mod:`asea_mm.datasets.check`), what was expected, what came."""
    keypoint, score, label = (annotation.get(name) for name in ('keypoint', 'keypoint_score', 'label'))
    if isinstance(label, bool) or not isinstance(label, (int, np.integer)) or label < 0:
        yield 'label', "'label' to be a class number from 0", described(label)
    elif label >= (MOST_CLASSES if num_classes is None else num_classes):
        most = f'{MOST_CLASSES}' if num_classes is None else f'{num_classes}, the number of classes'
        yield 'no class', f"'label' below {most}", label
    if not isinstance(keypoint, np.ndarray) or keypoint.dtype.kind not in 'fiu':
        yield 'keypoint', "'keypoint' to be an array of numbers", described(keypoint)
        return
    shape, total = keypoint.shape, annotation.get('total_frames')
    if 'frame_inds' in annotation and len(shape) == 3:
        expected = "'keypoint' of shape (persons, frames, joints, 2 or 3)"
        yield 'compressed', expected, f"PYSKL's compressed form ('frame_inds'); {COMPRESSED}"
        return
    if len(shape) != 4 or shape[3] not in (2, 3):
        yield 'shape', "'keypoint' of shape (persons, frames, joints, 2 or 3)", f'shape {shape}'
        return
    if num_joints is not None and shape[2] != num_joints:
        yield 'joints', f'{num_joints} joints as the layout has', f"{shape[2]} ('keypoint' of shape {shape})"
    if not shape[0] or not shape[1]:
        yield 'no frame', 'at least one person and one frame', f"'keypoint' of shape {shape}"
    elif not isinstance(total, (int, float, np.number)) or total != shape[1]:
        got = total if isinstance(total, int) else described(total)
        yield 'total_frames', f"'total_frames' to equal the {shape[1]} frames of 'keypoint'", got
    if score is not None and (not isinstance(score, np.ndarray) or score.dtype.kind not in 'fiu'):
        yield 'score', "'keypoint_score' to be an array of numbers", described(score)
    elif score is not None and score.shape != shape[:3]:
        yield 'score', f"'keypoint_score' of shape {shape[:3]}", f'shape {score.shape}'
    elif score is not None and values and not np.isfinite(score).all():
        yield 'score', "finite 'keypoint_score'", f'NaN or infinity ({_first(~np.isfinite(score))})'
    elif score is not None and values and (wrong := beyond(score, LARGEST[2])).any():
        yield 'score', "'keypoint_score' within 100,000", f'more ({_first(wrong)})'
    elif score is not None and values and keypoint.any() and not (score[keypoint.any(axis=-1)] > 0).any():
        got = 'no score above 0: joints with score 0 count as missing. Leave scores out that you do not have'
        yield 'zero scores', "'keypoint_score' above 0 where joints are there", got
    if values and not np.isfinite(keypoint).all():
        yield 'not finite', "finite 'keypoint'", f'NaN or infinity ({_first(~np.isfinite(keypoint))})'
    elif values and (wrong := beyond(keypoint, LARGEST[shape[3]])).any():
        yield 'absurd', "'keypoint' within 1 km or 100,000 pixels", f'more ({_first(wrong)})'
    elif values and keypoint.size and not keypoint.any():
        yield 'nobody', 'at least one person', "an all-zero 'keypoint'"


def beyond(array: np.ndarray, largest: float) -> np.ndarray:
    """Which values are larger, either way."""
    return np.asarray((array > np.float32(largest)) | (array < -np.float32(largest)))


def _first(wrong: np.ndarray) -> str:
    person, frame, joint = np.argwhere(wrong)[0][:3]
    return f'first: person {person}, frame {frame}, joint {joint}'
