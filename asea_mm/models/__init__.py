from .backbones import ASEA, CTRGCN, InteractionBackbone
from .heads import InteractionHead
from .layers import AEA, ATNAC, ExternalAttention
from .losses import ThresholdRegularization
from .necks import ATNACNeck
from .recognizers import InteractionRecognizer

__all__ = [
    'AEA',
    'ASEA',
    'ATNAC',
    'ATNACNeck',
    'CTRGCN',
    'ExternalAttention',
    'InteractionBackbone',
    'InteractionHead',
    'InteractionRecognizer',
    'ThresholdRegularization',
]
