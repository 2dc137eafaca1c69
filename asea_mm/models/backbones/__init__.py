from .asea import ASEA
from .skeleton_backbone import SkeletonBackbone

__all__ = ['ASEA', 'SkeletonBackbone']
