from .backbones import ASEA, CTRGCN, MSG3D, MSSAGCN, ClipStatistics, DeGCN, InteractionBackbone
from .heads import InteractionHead, KernelRidgeHead
from .layers import AEA, ATNAC, ExternalAttention, TemporalSelfAttention
from .losses import ThresholdRegularization
from .necks import ATNACNeck
from .recognizers import InteractionRecognizer

__all__ = [
    'AEA',
    'ASEA',
    'ATNAC',
    'ATNACNeck',
    'CTRGCN',
    'ClipStatistics',
    'DeGCN',
    'ExternalAttention',
    'InteractionBackbone',
    'InteractionHead',
    'InteractionRecognizer',
    'KernelRidgeHead',
    'MSG3D',
    'MSSAGCN',
    'TemporalSelfAttention',
    'ThresholdRegularization',
]
