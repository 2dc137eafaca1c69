from .asea import ASEA
from .ctrgcn import CTRGCN
from .skeleton_backbone import SkeletonBackbone

__all__ = [
    'ASEA',
    'CTRGCN',
    'SkeletonBackbone',
]
