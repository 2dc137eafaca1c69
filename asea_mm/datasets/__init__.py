"""Datasets, their file format, converters and transforms; importing this registers them."""

from . import transforms
from .files.annotations import load_annotations, save_annotations, validate_annotation
from .interaction_dataset import InteractionPoseDataset
from .synthetic_dataset import SyntheticInteractionDataset

__all__ = [
    'InteractionPoseDataset',
    'SyntheticInteractionDataset',
    'load_annotations',
    'save_annotations',
    'transforms',
    'validate_annotation',
]
