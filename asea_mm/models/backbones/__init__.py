from .asea import ASEA
from .ctrgcn import CTRGCN
from .interaction_backbone import InteractionBackbone
from .mssagcn import MSSAGCN
from .skeleton_backbone import SkeletonBackbone

__all__ = ['ASEA', 'CTRGCN', 'InteractionBackbone', 'MSSAGCN', 'SkeletonBackbone']
