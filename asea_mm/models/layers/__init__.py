from .adaptive_graph import MultiScaleAGC
from .common import fold_batch_norm, presence_of, stride_presence
from .interaction import AEA, ATNAC, ActiveJoints, ExternalAttention
from .spatial import CTRGC
from .temporal import MultiScaleTCN
from .temporal_attention import MultiScaleAttentionTCN, TemporalSelfAttention

__all__ = [
    'AEA',
    'ATNAC',
    'CTRGC',
    'ActiveJoints',
    'ExternalAttention',
    'MultiScaleAGC',
    'MultiScaleAttentionTCN',
    'MultiScaleTCN',
    'TemporalSelfAttention',
    'fold_batch_norm',
    'presence_of',
    'stride_presence',
]
