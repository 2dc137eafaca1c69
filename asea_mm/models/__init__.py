from .backbones import ASEA, CTRGCN, MSG3D, MSSAGCN, DeGCN, InteractionBackbone
from .heads import InteractionHead
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
    'DeGCN',
    'ExternalAttention',
    'InteractionBackbone',
    'InteractionHead',
    'InteractionRecognizer',
    'MSG3D',
    'MSSAGCN',
    'TemporalSelfAttention',
    'ThresholdRegularization',
]
