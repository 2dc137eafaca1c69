"""Transforms of two-person skeleton samples, registered in ``mmaction.registry.TRANSFORMS``.

All of them keep one rule: a person whose values are all exactly zero in a frame is absent there, stays
exactly zero, and is never blended into a present one.

All of them raise :class:`~asea_mm.errors.InputError`, which names the class and the sample, for an argument out of its
range, and for a sample without persons, frames or the number of joints of its layout. What else one refuses, its
docstring says.
"""

from . import member_pipelines  # noqa: F401  (registered, but of whole pipelines, as asea fuse writes them)
from .augment import MirrorPose, RandomRotation3D, RandomScale3D, SwapPersons
from .keypoints_2d import FillMissingJoints, NormalizeByBody, NormalizeByImage, ScoreChannel
from .map_layout import MapLayout
from .normalize import AddTurnedClips, AlignFacing, CentrePair
from .project import ProjectTo2D
from .sampling import RandomTimeWarp, ResampleFrameRate, SampleClip, SmoothMotion
from .streams import STREAMS, GenerateStream, stream_channels

__all__ = [
    'STREAMS',
    'AddTurnedClips',
    'AlignFacing',
    'CentrePair',
    'FillMissingJoints',
    'GenerateStream',
    'MapLayout',
    'MirrorPose',
    'NormalizeByBody',
    'NormalizeByImage',
    'ProjectTo2D',
    'RandomRotation3D',
    'RandomScale3D',
    'RandomTimeWarp',
    'ResampleFrameRate',
    'SampleClip',
    'ScoreChannel',
    'SmoothMotion',
    'SwapPersons',
    'stream_channels',
]
