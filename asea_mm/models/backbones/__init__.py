from .asea import ASEA
from .clip_statistics import ClipStatistics
from .ctrgcn import CTRGCN
from .degcn import DeGCN
from .interaction_backbone import InteractionBackbone
from .msg3d import MSG3D
from .mssagcn import MSSAGCN
from .skeleton_backbone import SkeletonBackbone

__all__ = [
    'ASEA',
    'CTRGCN',
    'ClipStatistics',
    'DeGCN',
    'InteractionBackbone',
    'MSG3D',
    'MSSAGCN',
    'SkeletonBackbone',
]
