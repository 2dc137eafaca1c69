"""Datasets, their file format, converters and transforms; importing this registers them."""

from . import transforms
from .combined_dataset import CombinedInteractionDataset
from .files.annotations import load_annotations, save_annotations, validate_annotation
from .interaction_dataset import InteractionPoseDataset
from .no_interaction import AddNoInteraction
from .synthetic_dataset import SyntheticInteractionDataset

__all__ = [
    'AddNoInteraction',
    'CombinedInteractionDataset',
    'InteractionPoseDataset',
    'SyntheticInteractionDataset',
    'load_annotations',
    'save_annotations',
    'transforms',
    'validate_annotation',
]
