from .common import fold_batch_norm, presence_of, stride_presence
from .interaction import AEA, ATNAC, ActiveJoints, ExternalAttention
from .spatial import CTRGC
from .temporal import MultiScaleTCN

__all__ = [
    'AEA',
    'ATNAC',
    'CTRGC',
    'ActiveJoints',
    'ExternalAttention',
    'MultiScaleTCN',
    'fold_batch_norm',
    'presence_of',
    'stride_presence',
]
